# SPDX-License-Identifier: Apache-2.0
"""Completion of command lines."""

from pathlib import Path

import pytest

from control.ctl.completion import Completer
from control.ctl.unit import Unit

ANSWERS = {
    ("z", None): [Unit(section="zone", id="a.test."), Unit(section="zone", id="b.test.")],
    ("s", None): [Unit(section="server"), Unit(section="zone")],
    ("s", "zone"): [Unit(section="zone", item="file"), Unit(section="zone", item="domain")],
    ("", "zone"): [Unit(section="zone", id="a.test."), Unit(section="zone")],
    ("ts", "zone"): [Unit(section="zone", data="on"), Unit(section="zone", data="off")],
}


def ask(unit: Unit) -> list[Unit]:
    """A server that knows two zones."""
    assert unit.command == "conf-list"
    return ANSWERS.get((unit.filters or "", unit.section), [])


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        ("", "zone-f", ["zone-flush", "zone-freeze"]),
        ("", "ex", ["exit"]),
        ("", "zone-backu", []),
        ("nope", "", []),
        ("status", "w", ["workers"]),
        ("zone-status", "", ["a.test.", "b.test."]),
        ("zone-status b.test.", "a", ["a.test."]),
        ("zone-status -- ", "+s", ["+serial"]),
        ("zone-read", "b", ["b.test."]),
        ("zone-read a.test.", "b", []),
        ("conf-read", "", ["server", "zone"]),
        ("conf-read", "zone.", ["zone.domain", "zone.file"]),
        ("conf-read", "zone[", ["zone[a.test.]"]),
        ("conf-set", "zone[a.test.].d", ["zone[a.test.].domain"]),
        ("conf-set zone[a.test.].semantic-checks", "o", ["off", "on"]),
        ("conf-set zone[", "o", []),
    ],
)
def test_candidates(before: str, text: str, expected: list[str]) -> None:
    """Commands, filters, details, zones, items and values are completed from the table and the server."""
    assert Completer(ask).candidates(before.split(), text) == expected


@pytest.mark.parametrize("before", ["conf-import", "zone-flush +outdir"])
def test_paths(before: str, tmp_path: Path) -> None:
    """Paths are completed where a file or directory is due."""
    (tmp_path / "one").touch()
    assert Completer(ask).candidates(before.split(), f"{tmp_path}/o") == [f"{tmp_path}/one"]


def test_server_that_does_not_answer() -> None:
    """Without a server there are no candidates of it, and no error."""
    assert Completer(lambda _: []).candidates(["zone-status"], "") == []
