# SPDX-License-Identifier: Apache-2.0
"""The XDP filter of one interface: put on where there is none, taken off again. Blocks, and needs root."""

from pyxdp_dns.errors import EngineError
from pyxdp_dns.filter.layout import PIN_LINK
from pyxdp_dns.filter.status import ATTACHED, directory, find_filter

THERE, DONE, FAILED = "there", "done", "failed"
Outcome = tuple[str, str]
"""THERE (nothing was to be done), DONE or FAILED, and a remark or reason."""


def load(interface: str, ports: list[int]) -> Outcome:
    """Load the filter, unless one that can be used is on the interface."""
    if is_loaded(interface):
        return THERE, ""
    from pyxdp_dns.filter import load_in_child

    try:
        loaded = load_in_child(interface, ports)
    except EngineError as error:
        return FAILED, str(error)
    return DONE, f"{loaded.mode} mode{f', {loaded.note}' if loaded.note else ''}"


def unload(interface: str) -> Outcome:
    """Unload the filter, if there is one."""
    try:
        if not (directory(interface) / PIN_LINK).exists():
            return THERE, ""
        from pyxdp_dns.filter import unload as take_off

        take_off(interface)
    except (EngineError, OSError) as error:
        return FAILED, str(error)
    return DONE, ""


def is_loaded(interface: str) -> bool:
    """Return whether a filter that can be used is on the interface."""
    try:
        return find_filter(interface).state == ATTACHED
    except EngineError:
        return False
