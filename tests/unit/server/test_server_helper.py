# SPDX-License-Identifier: Apache-2.0
"""What the helper takes from the daemon, and what becomes of it."""

import pytest

from control.server.helper import ENGINE, LOAD, TEXT_CHARS, UNLOAD, Helper, Work, carry_out
from control.server.loader import FAILED
from pyxdp_dns.engine_client import EngineSpec
from pyxdp_dns.errors import ResourceError

WORK = Work(EngineSpec(rundir="/nowhere/at/all", table=None), {"eth0": [53], "eth1": [54, 55]})


class FakeLoader:
    """Remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str, list[int]]] = []

    def run(self, operation: int, interface: str, ports: list[int]) -> tuple[str, str]:
        self.asked.append((operation, interface, ports))
        return "done", "x" * 10_000


def test_loader_requests() -> None:
    """A number means an interface that was fixed at the start, with its ports; remarks are cut."""
    loader = FakeLoader()
    answer, fd = carry_out(WORK, LOAD, 1, loader.run)
    assert (answer["outcome"], len(answer["text"]), fd) == ("done", TEXT_CHARS, None)
    carry_out(WORK, UNLOAD, 0, loader.run)
    assert loader.asked == [(LOAD, "eth1", [54, 55]), (UNLOAD, "eth0", [53])]


@pytest.mark.parametrize(("operation", "number"), [(LOAD, 2), (UNLOAD, 255), (3, 0), (255, 255)])
def test_other_requests(operation: int, number: int) -> None:
    """Anything else is refused and does nothing."""
    loader = FakeLoader()
    assert carry_out(WORK, operation, number, loader.run) == ({"error": "unknown request", "errno": None}, None)
    assert loader.asked == []


def test_engine_that_cannot_be_started() -> None:
    """The reason why an engine does not start is passed on."""
    answer, fd = carry_out(WORK, ENGINE, 0)
    assert "engine not started" in answer["error"]
    assert fd is None


def test_requests_to_a_helper_process() -> None:
    """A forked helper answers, refuses interfaces it does not know, and its end is an error that says what to do."""
    helper = Helper.start(WORK)
    with pytest.raises(ResourceError, match="engine not started"):
        helper.spawn()
    assert helper.run_loader(UNLOAD, "eth9", [])[0] == FAILED
    helper.close()
    with pytest.raises(ResourceError, match="restart the daemon"):
        helper.spawn()
