# SPDX-License-Identifier: Apache-2.0
"""Command lines as requests."""

import pytest

from control.ctl.arguments import Options, UsageError, item_of, operands, parse
from control.ctl.table import BY_NAME, SPECS, Where
from control.ctl.unit import Unit


def units(line: str, **options: bool) -> list[Unit]:
    """The operands of a line, their command left out."""
    name, *words = line.split()
    got = operands(BY_NAME[name], words, Options(**options))
    assert {unit.command for unit in got} == {name}
    return [unit._replace(command=None) for unit in got]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("status", [Unit()]),
        ("status version", [Unit(type="version")]),
        ("stats mod-stats", [Unit(section="mod-stats")]),
        ("stats server.zone-count", [Unit(section="server", item="zone-count")]),
        ("zone-status", [Unit()]),
        ("zone-status --", [Unit()]),
        ("zone-status a b. +serial +role", [Unit(zone="a", filters="sr"), Unit(zone="b.", filters="sr")]),
        ("zone-flush +outdir /x a", [Unit(zone="a", data="/x", filters="d")]),
        ("zone-begin a +benevolent", [Unit(zone="a", filters="b")]),
        ("zone-read a", [Unit(zone="a")]),
        ("zone-read -- @ SOA", [Unit(owner="@", type="SOA")]),
        ("zone-set a www 60 A 192.0.2.1", [Unit(zone="a", owner="www", ttl="60", type="A", data="192.0.2.1")]),
        ("zone-set a @ TXT +x y", [Unit(zone="a", owner="@", type="TXT", data="+x y")]),
        ("zone-unset a www", [Unit(zone="a", owner="www")]),
        ("zone-unset a www A 192.0.2.1", [Unit(zone="a", owner="www", type="A", data="192.0.2.1")]),
        ("zone-serial-set a", [Unit(zone="a")]),
        ("zone-serial-set a 5", [Unit(zone="a", type="=", data="5")]),
        ("zone-serial-set a +5", [Unit(zone="a", type="+", data="5")]),
        ("zone-serial-set a +MAX", [Unit(zone="a", type="+", data="2147483647")]),
        ("zone-stats a mod-stats.flag", [Unit(zone="a", section="mod-stats", item="flag")]),
        ("zone-stats --", [Unit()]),
        ("conf-list", [Unit(filters="s")]),
        ("conf-read zone[a.].file log", [Unit(section="zone", id="a.", item="file"), Unit(section="log")]),
        ("conf-set zone.domain a b", [Unit(section="zone", item="domain", data=data) for data in "ab"]),
        ("conf-set zone[a]", [Unit(section="zone", id="a")]),
        ("conf-unset", [Unit()]),
    ],
)
def test_operands(line: str, expected: list[Unit]) -> None:
    """Words become the items that Knot's program sends."""
    assert units(line) == expected


def test_flags() -> None:
    """Force is always sent, blocking where the command knows it; every operand repeats them."""
    assert units("zone-flush a b", blocking=True, force=True) == [Unit(zone=zone, flags="BF") for zone in "ab"]
    assert units("stats", blocking=True, force=True) == [Unit(flags="F")]
    assert units("zone-purge -- +journal +expire", force=True) == [Unit(flags="F", filters="je")]


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("status a b", "command takes at most 1 arguments"),
        ("stop x", "command doesn't take arguments"),
        ("zone-status +nope", "unknown filter: +nope"),
        ("zone-read a +x", "unknown filter: +x"),
        ("zone-flush +outdir", "filter +outdir needs <dir>"),
        ("zone-stats", "command requires at least 1 arguments"),
        ("zone-set a @", "command requires at least 3 arguments"),
        ("zone-diff a b", "command requires 1 arguments"),
        ("zone-begin", "zone must be specified (or -- for all zones)"),
        ("zone-purge a", "force option required!"),
        ("conf-set", "command requires at least 1 arguments"),
        ("conf-read zone.", "(missing item specification)"),
        ("conf-read zone[a", "(missing bracket after identifier) a"),
        ("conf-read zone[a]x", "(unexpected token) x"),
        ("conf-read .x", "(invalid item) .x"),
    ],
)
def test_usage(line: str, text: str) -> None:
    """What is wrong on the command line is said in Knot's words."""
    with pytest.raises(UsageError) as caught:
        units(line)
    assert str(caught.value) == text


def test_bracket_in_identifier() -> None:
    """A closing bracket inside an identifier is escaped; dots in it are plain."""
    assert item_of(r"zone[a.\]b].file") == {"section": "zone", "id": "a.]b", "item": "file"}


def test_local_filters() -> None:
    """Filters of local commands are told apart from words."""
    parsed = parse(BY_NAME["conf-import"], ["+nopurge", "file"])
    assert (parsed.words, [one.name for one, _ in parsed.filters]) == (("file",), ["nopurge"])


def test_table() -> None:
    """Names are unique, letters of a command too, and every command has a help text."""
    assert len(BY_NAME) == len(SPECS)
    for spec in SPECS:
        letters = [one.letter for one in spec.filters if one.letter]
        assert len(set(letters)) == len(letters), spec.name
        assert spec.help.endswith("."), spec.name
        assert not spec.success or spec.where is Where.SERVER
