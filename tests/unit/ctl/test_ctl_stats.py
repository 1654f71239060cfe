# SPDX-License-Identifier: Apache-2.0
"""Counters as units: families, zeros, selection."""

import pytest

from control.ctl.errors import CommandError
from control.ctl.stats import Counter, counter_units, selected
from control.ctl.unit import Kind

COUNTERS = [
    Counter("server", "zone-count", None, None, 2),
    Counter("server", "tcp-io-timeout", None, None, 0),
    Counter("xdp", "rx_full", "eth0", None, 1),
    Counter("xdp", "rx_full", "eth1", None, 2),
    Counter("mod-stats", "request-protocol", "udp4", None, 0),
    Counter("mod-stats", "request-protocol", "tcp4", None, 5),
    Counter("mod-stats", "response-code", "NOERROR", None, 7),
]


def shown(zeros: bool) -> list[tuple[Kind, str | None, str | None]]:
    """Kind, id and value of every unit."""
    return [(kind, unit.id, unit.data) for kind, unit in counter_units(COUNTERS, zeros)]


def test_families() -> None:
    """The first of a family is DATA, the others EXTRA, also when the first is zero and left out."""
    assert shown(False) == [
        (Kind.DATA, None, "2"),
        (Kind.DATA, "eth0", "1"),
        (Kind.DATA, "eth1", "2"),
        (Kind.EXTRA, "tcp4", "5"),
        (Kind.DATA, "NOERROR", "7"),
    ]


def test_zeros_when_forced() -> None:
    """Zeros are there when asked for."""
    assert [value for _, _, value in shown(True)].count("0") == 2


def test_selection() -> None:
    """Section and item choose, whatever their case; zero counters are chosen too."""
    assert selected(COUNTERS, None, None) == COUNTERS
    assert [one.item for one in selected(COUNTERS, "SERVER", None)] == ["zone-count", "tcp-io-timeout"]
    assert [one.value for one in selected(COUNTERS, "server", "TCP-io-timeout")] == [0]


@pytest.mark.parametrize(("section", "item"), [("nope", None), ("server", "nope"), ("mod-", None)])
def test_unknown_name(section: str, item: str | None) -> None:
    """A name that no counter has is an invalid parameter."""
    with pytest.raises(CommandError, match="invalid parameter"):
        selected(COUNTERS, section, item)
