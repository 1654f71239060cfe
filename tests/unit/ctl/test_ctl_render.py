# SPDX-License-Identifier: Apache-2.0
"""Answers as text."""

import json

import pytest

from control.ctl.render import Renderer, Style, json_lines
from control.ctl.table import BY_NAME
from control.ctl.unit import Kind, Unit

D, E = Kind.DATA, Kind.EXTRA


def text(command: str, *units: tuple[Kind, Unit], **style: bool) -> str:
    """What is printed for an answer."""
    renderer = Renderer(BY_NAME[command], Style(**style))
    return "".join(renderer.unit(kind, unit) for kind, unit in units) + renderer.end()


@pytest.mark.parametrize(
    ("command", "expected"),
    [("zone-flush", "OK\n"), ("reload", "Reloaded\n"), ("stop", "Stopped\n"), ("zone-read", ""), ("conf-read", "")],
)
def test_empty_answer(command: str, expected: str) -> None:
    """An action without units succeeded; a question without units has an empty answer."""
    assert text(command) == expected


def test_status() -> None:
    """The bare status is one word, a detail its text; older servers answer the bare one with nothing."""
    assert text("status") == "Running\n"
    assert text("status", (D, Unit(command="status"))) == "Running\n"
    assert text("status", (D, Unit(command="status", filters="l"))) == "Loading\n"
    assert text("status", (D, Unit(command="status", type="version", data="1"))) == "1\n"
    assert text("status", (D, Unit(type="x", error="invalid parameter"))) == "error: (invalid parameter)\n"


def test_zone_status() -> None:
    """One line a zone; `-` is hidden, but for the serial, unless extended output is asked for."""
    units = [
        (kind, Unit(zone="a.", type=name, data=data))
        for kind, name, data in ((D, "serial", "-"), (E, "load", "-"), (E, "notify", "+3s"), (D, "freeze", "-"))
    ]
    assert text("zone-status", *units) == "[a.] serial: - | notify: +3s\n[a.]\n"
    assert text("zone-status", *units, extended=True) == "[a.] serial: - | load: - | notify: +3s\n[a.] freeze: -\n"


@pytest.mark.parametrize(
    ("letters", "codes"), [("", "\x1b[32m\x1b[1m"), ("se", "\x1b[31m"), ("m", "\x1b[32m\x1b[1m\x1b[4m")]
)
def test_colours(letters: str, codes: str) -> None:
    """Green for a primary, red for a secondary, bold with contents, underlined for a member; values bold."""
    unit = Unit(zone="a.", type="role", data="x", filters=letters)
    assert text("zone-status", (D, unit), colour=True) == f"{codes}[a.]\x1b[0m role: \x1b[1mx\x1b[0m\n"


def test_records() -> None:
    """A record is one line; the zone is named when the command was for all; the sign stands before the owner."""
    unit = Unit(zone="a.", owner="w.a.", ttl="5", type="A", data="1")
    assert text("zone-read", (D, unit)) == "w.a. 5 A 1\n"
    assert (
        text("zone-diff", (D, unit._replace(flags="-")), (D, unit._replace(filters="+")))
        == "-w.a. 5 A 1\n+w.a. 5 A 1\n"
    )
    assert text("zone-diff", (D, unit._replace(filters="+")), all_zones=True) == "[a.] +w.a. 5 A 1\n"
    assert text("zone-serial-set", (D, Unit(zone="a.", data="7"))) == "7\n"


def test_configuration() -> None:
    """Further values of an item stand alone on their lines."""
    value = Unit(section="zone", id="a.", item="notify", data="x")
    assert text("conf-read", (D, value), (E, value._replace(data="y"))) == "zone[a.].notify x\ny\n"
    assert text("conf-diff", (D, value._replace(filters="-", flags="-"))) == "-zone[a.].notify x\n"
    assert text("conf-list", (D, Unit(section="zone")), (D, Unit(section="zone", item="file"))) == "zone\nzone.file\n"


def test_counters() -> None:
    """A counter is one line, whatever its place in its family."""
    units = [(D, Unit(section="m", item="i", zone="a.", data="1")), (E, Unit(section="m", item="i", id="x", data="2"))]
    assert text("zone-stats", *units) == "m.i: 1\nm.i[x]: 2\n"
    assert text("zone-stats", units[0], all_zones=True) == "[a.] m.i: 1\n"


@pytest.mark.parametrize(
    ("command", "unit", "expected"),
    [
        ("zone-read", Unit(zone="a", owner="x", type="A", error="e"), "error: (e) [a] x A"),
        ("zone-flush", Unit(error="e"), "error: (e)"),
        ("conf-set", Unit(section="zone", id="a.", item="f", data="v w", error="e"), "error: (e) zone[a.].f v w"),
        ("zone-stats", Unit(zone="a", section="m", error="e"), "error: (e) [a] m"),
        ("zone-serial-set", Unit(zone="a", type="=", data="5", error="SOA mismatch"), "error: (SOA mismatch) [a] = 5"),
    ],
)
def test_errors(command: str, unit: Unit, expected: str) -> None:
    """The reason comes first, then what it is about; what comes behind it is hidden."""
    assert text(command, (D, unit), (D, unit), (D, Unit(zone="b.", owner="w"))) == expected + "\n"


def test_error_behind_an_open_line() -> None:
    """An error does not run into the row before it."""
    got = text("zone-status", (D, Unit(zone="a.", type="serial", data="1")), (D, Unit(zone="b", error="e")))
    assert got == "[a.] serial: 1\nerror: (e) [b]\n"


def test_json() -> None:
    """An answer is one JSON list, with an object for each unit; an empty one too."""
    units = [(D, Unit(zone="a.", data="x\ny")), (E, Unit(zone="a.", data=""))]
    assert json.loads("".join(json_lines(units))) == [
        {"kind": "data", "zone": "a.", "data": "x\ny"},
        {"kind": "extra", "zone": "a.", "data": ""},
    ]
    assert json.loads("".join(json_lines([]))) == []
