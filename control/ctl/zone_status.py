# SPDX-License-Identifier: Apache-2.0
"""zone-status: the state of a zone as a value, and its rows in the reference's order and words."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple, TypeVar

from control.ctl.command import Command, Reply, Request, ZoneDirectory, ZoneHandle, letters_of, signed, zone_command
from control.ctl.unit import Unit
from control.events.kinds import LABELS

EVENT_ROWS = LABELS
"""Keys of `ZoneState.events`, in the order of rows."""

GROUPS = frozenset("rstfce")
UNIX_TIME = "u"
NOT_FOR_ROWS = frozenset((UNIX_TIME, "F", "B"))
"""Letters that choose nothing."""
NONE = "-"
TIME_UNITS = (("Y", 365 * 86400), ("M", 30 * 86400), ("D", 86400), ("h", 3600), ("m", 60), ("s", 1))

Z = TypeVar("Z", bound=ZoneHandle)


class Phase(StrEnum):
    """Where an event stands."""

    NONE = "none"
    DUE = "due"
    PENDING = "pending"
    RUNNING = "running"
    FROZEN = "frozen"


class EventState(NamedTuple):
    """An event of a zone: `time` is when it is due, or since when it is pending, running or frozen (Unix seconds)."""

    phase: Phase
    time: float


class Freeze(StrEnum):
    """Texts of the row freeze."""

    NO = NONE
    FREEZING = "freezing"
    YES = "yes"
    THAWING = "thawing"


class ZoneState(NamedTuple):
    """What zone-status says of one zone. Events that are not planned are absent."""

    zone: str
    secondary: bool = False
    serial: int | None = None
    """None: no contents."""
    transaction: str = NONE
    """`-`, open or open-external."""
    freeze: Freeze = Freeze.NO
    xfr_frozen: bool = False
    catalog: str = NONE
    """`-`, interpret, generate, `@catz.[#group]` (generated member) or `catz.[#group]` (interpreted member)."""
    member: bool = False
    """Is it the member of an interpreted catalog?"""
    events: Mapping[str, EventState] = {}


def relative_time(seconds: int) -> str:
    """Return a time from now: `+1D2h5s`, `-3m`, `+0s`."""
    left, parts = abs(seconds), []
    for unit, length in TIME_UNITS:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if seconds < 0 else "+") + ("".join(parts) or "0s")


def event_text(event: EventState | None, now: float, unix: bool) -> str:
    """Return the value of an event's row."""
    if event is None or event.phase is Phase.NONE:
        return NONE
    time = str(int(event.time)) if unix else relative_time(int(event.time) - int(now))
    return time if event.phase is Phase.DUE else f"{event.phase}({time})"


def _groups(state: ZoneState, now: float, unix: bool) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    yield "r", [("role", "slave" if state.secondary else "master")]
    yield "s", [("serial", NONE if state.serial is None else str(state.serial))]
    yield "t", [("transaction", state.transaction)]
    yield "f", [("freeze", str(state.freeze)), ("XFR-freeze", "yes" if state.xfr_frozen else NONE)]
    yield "c", [("catalog", state.catalog)]
    yield "e", [(name, event_text(state.events.get(name), now, unix)) for name in EVENT_ROWS]


def state_letters(state: ZoneState) -> str:
    """Return how a terminal shows the zone: secondary, empty, member."""
    letters = (("s", state.secondary), ("e", state.serial is None), ("m", state.member))
    return "".join(letter for letter, applies in letters if applies)


def rows(state: ZoneState, now: float, letters: Iterable[str] = ()) -> list[Unit]:
    """Return the rows of a zone; `letters` choose groups of rows (none: all), `u` asks for Unix times.

    Letters that choose no group choose no row.
    """
    chosen = frozenset(letters)
    wanted = chosen - NOT_FOR_ROWS or GROUPS
    shown = state_letters(state)
    return [
        signed(Unit(zone=state.zone, type=name, data=value), shown)
        for group, values in _groups(state, now, UNIX_TIME in chosen)
        if group in wanted
        for name, value in values
    ]


def command(zones: ZoneDirectory[Z], state_of: Callable[[Z], ZoneState], clock: Callable[[], float]) -> Command:
    """Return the command zone-status."""

    async def zone_status(zone: Z, operand: Unit, _request: Request, reply: Reply) -> None:
        for at, unit in enumerate(rows(state_of(zone), clock(), letters_of(operand))):
            await (reply.extra(unit) if at else reply.data(unit))

    return zone_command("zone-status", zones, zone_status)
