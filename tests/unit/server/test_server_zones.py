# SPDX-License-Identifier: Apache-2.0
"""Store, table and door of a daemon: what it does about contents that were left behind."""

from pathlib import Path

from control.conf.model import build_config
from control.conf.parse import parse_text
from control.errors import StoreFull
from control.log import Log
from control.server.zones import Zones
from tests.support.log_lines import LogLines


class FullDoor:
    """A door whose store has no room for removals."""

    def sweep_some(self) -> bool:
        raise StoreFull(Path("store"), "no space left on its disk; free some")


def test_a_sweep_that_finds_the_disk_full_is_given_up() -> None:
    """The daemon runs on, and the log says that contents stay and what to do."""
    target = LogLines()
    zones = Zones(build_config(parse_text("", "knot.conf"), "knot.conf"), Log([target]))
    zones.door = FullDoor()
    assert zones.sweep_some()
    assert len(target.lines) == 1
    assert "until the next start" in target.lines[0]
    assert "free some" in target.lines[0]
