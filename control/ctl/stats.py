# SPDX-License-Identifier: Apache-2.0
"""stats and zone-stats: counters as units."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from control.ctl.command import Command, Reply, Request, ZoneDirectory, ZoneHandle, zone_command
from control.ctl.errors import CommandError, Reason
from control.ctl.unit import Kind, Unit

SEPARATE = frozenset({"xdp"})
"""Sections whose families are no families: the id is an interface, and every counter stands alone."""


class Counter(NamedTuple):
    """One counter. Counters of a family share section and item, have an id each, and follow one another."""

    section: str
    item: str
    id: str | None
    zone: str | None
    value: int


H = TypeVar("H", bound=ZoneHandle, contravariant=True)
Z = TypeVar("Z", bound=ZoneHandle)


class CounterSource(Protocol[H]):
    """Where counters come from; all of them, also those that are zero, so that a name can be told from a wrong one."""

    def server_counters(self) -> Iterable[Counter]:
        """Counters of the server and of its global modules."""

    def zone_counters(self, zone: H) -> Iterable[Counter]:
        """Counters of one zone and its modules."""


def selected(counters: Iterable[Counter], section: str | None, item: str | None) -> list[Counter]:
    """Return the counters of a section and item, whatever their case; raises `CommandError` when there are none.

    None stands for all; an empty name is that of none.
    """
    chosen = [
        one
        for one in counters
        if (section is None or one.section.lower() == section.lower())
        and (item is None or one.item.lower() == item.lower())
    ]
    if not chosen and section is not None:
        raise CommandError(Reason.INVALID_PARAMETER)
    return chosen


def counter_units(counters: Iterable[Counter], zeros: bool) -> Iterator[tuple[Kind, Unit]]:
    """Yield the units: the first of a family is DATA, the others EXTRA; zeros only when asked for."""
    family: tuple[str, str] | None = None
    for one in counters:
        follows = one.id is not None and (one.section, one.item) == family and one.section not in SEPARATE
        family = None if one.id is None else (one.section, one.item)
        if one.value or zeros:
            unit = Unit(section=one.section, item=one.item, id=one.id, zone=one.zone, data=str(one.value))
            yield Kind.EXTRA if follows else Kind.DATA, unit


async def send_counters(counters: Iterable[Counter], operand: Unit, zeros: bool, reply: Reply) -> None:
    """Answer with the counters an operand asks for."""
    for kind, unit in counter_units(selected(counters, operand.section, operand.item), zeros):
        await (reply.data(unit) if kind is Kind.DATA else reply.extra(unit))


def commands(source: CounterSource[Z], zones: ZoneDirectory[Z]) -> Iterable[Command]:
    """Return the commands."""

    async def stats(request: Request, reply: Reply) -> None:
        await send_counters(source.server_counters(), request.first, request.force, reply)

    async def zone_stats(zone: Z, operand: Unit, request: Request, reply: Reply) -> None:
        await send_counters(source.zone_counters(zone), operand, request.force, reply)

    return (Command("stats", stats), zone_command("zone-stats", zones, zone_stats))
