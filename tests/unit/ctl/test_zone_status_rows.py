# SPDX-License-Identifier: Apache-2.0
"""zone-status: rows, their order, their words."""

import pytest

from control.ctl.unit import Unit
from control.ctl.zone_status import EVENT_ROWS, EventState, Freeze, Phase, ZoneState, relative_time, rows

NOW = 1_000_000.7


def values(state: ZoneState, letters: str = "") -> dict[str | None, str | None]:
    """Rows by name."""
    return {row.type: row.data for row in rows(state, NOW, letters)}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "+0s"),
        (86400 + 2 * 3600 + 5, "+1D2h5s"),
        (-180, "-3m"),
        (863, "+14m23s"),
        (366 * 86400, "+1Y1D"),
        (61 * 86400, "+2M1D"),
        (3600, "+1h"),
    ],
)
def test_relative_time(seconds: int, text: str) -> None:
    """Sign, units from years to seconds, those that are zero left out."""
    assert relative_time(seconds) == text


def test_all_rows_in_order() -> None:
    """Without letters every row is there, in the reference's order; `-` where there is nothing."""
    got = rows(ZoneState("a.test."), NOW)
    names = ["role", "serial", "transaction", "freeze", "XFR-freeze", "catalog", *EVENT_ROWS]
    assert [row.type for row in got] == names
    assert [row.data for row in got] == ["master"] + ["-"] * (len(names) - 1)
    assert got[0] == Unit(zone="a.test.", type="role", data="master", flags="e", filters="e")


@pytest.mark.parametrize(
    ("letters", "names"),
    [
        ("r", ["role"]),
        ("s", ["serial"]),
        ("t", ["transaction"]),
        ("f", ["freeze", "XFR-freeze"]),
        ("c", ["catalog"]),
        ("e", list(EVENT_ROWS)),
        ("sr", ["role", "serial"]),
        ("ru", ["role"]),
    ],
)
def test_filters(letters: str, names: list[str]) -> None:
    """Letters choose groups; their order does not matter."""
    assert list(values(ZoneState("a.test."), letters)) == names


def test_letters_that_choose_nothing() -> None:
    """`u` alone and letters of every command leave all rows there; with only unknown ones there is none."""
    assert values(ZoneState("a.test."), "uFB") == values(ZoneState("a.test."))
    assert not values(ZoneState("a.test."), "x")


def test_state_words() -> None:
    """Role, serial, transaction, freeze and catalog have the reference's words."""
    state = ZoneState(
        "a.test.",
        secondary=True,
        serial=5,
        transaction="open",
        freeze=Freeze.FREEZING,
        xfr_frozen=True,
        catalog="@c.#g",
    )
    got = values(state)
    assert [got[name] for name in ("role", "serial", "transaction", "freeze", "XFR-freeze", "catalog")] == [
        "slave",
        "5",
        "open",
        "freezing",
        "yes",
        "@c.#g",
    ]


def test_events() -> None:
    """A planned event shows when, others their phase and since when; whole seconds count."""
    events = {
        "load": EventState(Phase.RUNNING, NOW - 3),
        "flush": EventState(Phase.PENDING, NOW),
        "notify": EventState(Phase.DUE, NOW + 863),
        "update": EventState(Phase.FROZEN, NOW - 60),
        "refresh": EventState(Phase.NONE, 0),
    }
    got = values(ZoneState("a.test.", events=events))
    assert [got[name] for name in ("load", "flush", "notify", "update", "refresh", "purge")] == [
        "running(-3s)",
        "pending(+0s)",
        "+14m23s",
        "frozen(-1m)",
        "-",
        "-",
    ]
    unix = values(ZoneState("a.test.", events=events), "u")
    assert (unix["notify"], unix["load"]) == ("1000863", "running(999997)")


def test_letters_of_rows() -> None:
    """Every row says in both items whether the zone is secondary, empty, a catalog's member."""
    state = ZoneState("a.test.", secondary=True, member=True)
    assert {(row.flags, row.filters) for row in rows(state, NOW)} == {("sem", "sem")}
