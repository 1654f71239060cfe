# SPDX-License-Identifier: Apache-2.0
"""zone-dnssec: how a zone is signed, as a value, as rows of the control protocol, and back from these.

Rows are `section[id].item data`: `zone` for what there is one of, `key[ID]`, `parent[REMOTE]`, and in their order
`step[N]` and `anchor[N]`. Items that are not set have no row. Knot DNS has no such command.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Any, NamedTuple, TypeVar

from control.ctl.command import Command, Reply, Request, ZoneDirectory, ZoneHandle, zone_command
from control.ctl.unit import Unit

NAME = "zone-dnssec"
ZONE, KEY, PARENT, STEP, ANCHOR = "zone", "key", "parent", "step", "anchor"

Z = TypeVar("Z", bound=ZoneHandle)


class ReportKey(NamedTuple):
    """One key. Times are Unix seconds everywhere here."""

    id: str = ""
    """Empty: a key that is still to be made."""
    tag: int = 0
    role: str = ""
    """KSK, ZSK or CSK."""
    algorithm: str = ""
    bits: int = 0
    state: str = ""
    since: int = 0
    """When it entered its state."""
    use: str = ""
    """What it is used for, in the words of the log: `public, active`."""


class ReportStep(NamedTuple):
    """A key enters a state, or will."""

    time: int = 0
    key: str = ""
    """Its id, or another name for one that is still to be made."""
    tag: int = 0
    role: str = ""
    state: str = ""
    expected: int = 0
    """1: it depends on when the parent has a DS record, which is assumed to be soon."""


class ReportParent(NamedTuple):
    """What one server of the parent zone said last."""

    remote: str = ""
    verdict: str = ""
    """positive, negative or failed."""
    reason: str = ""


class ReportAnchor(NamedTuple):
    """What the registrar gets of a key-signing key."""

    key: str = ""
    tag: int = 0
    state: str = ""
    ds: str = ""
    dnskey: str = ""


class DnssecReport(NamedTuple):
    """All of it. Numbers that are 0 and texts that are empty are not known or do not apply."""

    zone: str = ""
    now: int = 0
    policy: str = ""
    mode: str = ""
    """automatic or manual."""
    algorithm: str = ""
    scheme: str = ""
    """`KSK and ZSK` or `CSK`."""
    denial: str = ""
    """NSEC, or NSEC3 and its parameters."""
    serial: int = 0
    refresh: int = 0
    """When signatures are renewed next."""
    expires: int = 0
    """When the first of them expires."""
    action: str = ""
    """What is done next with the keys, as in the log."""
    action_time: int = 0
    waiting: int = 0
    """Tag of the key that waits for its DS record."""
    waiting_since: int = 0
    waiting_until: int = 0
    """When it counts as published whatever the parent says."""
    asked: int = 0
    """When the parent's servers were asked last."""
    ask_next: int = 0
    push_due: int = 0
    """When they are to be told of the DS records."""
    keys: tuple[ReportKey, ...] = ()
    steps: tuple[ReportStep, ...] = ()
    """In the order of their times."""
    parents: tuple[ReportParent, ...] = ()
    anchors: tuple[ReportAnchor, ...] = ()

    @property
    def is_signed(self) -> bool:
        """Whether the zone is signed here."""
        return bool(self.mode)


LISTS: tuple[tuple[str, str, type[Any], str], ...] = (
    (KEY, "keys", ReportKey, "id"),
    (PARENT, "parents", ReportParent, "remote"),
    (STEP, "steps", ReportStep, ""),
    (ANCHOR, "anchors", ReportAnchor, ""),
)
"""Sections with several entries: field of the report, what they are, and the field that is their identifier."""
SINGLE = tuple(name for name in DnssecReport._fields[1:] if not isinstance(DnssecReport._field_defaults[name], tuple))

R = TypeVar("R")


class ReportUnreadable(ValueError):
    """The rows do not come to a report: another program answers."""


def rows(report: DnssecReport) -> Iterator[Unit]:
    """Yield the rows of a report."""
    for name in SINGLE:
        yield from _row(report.zone, ZONE, None, name, getattr(report, name))
    for section, field, _, identifier in LISTS:
        for number, entry in enumerate(getattr(report, field)):
            entry_id = getattr(entry, identifier) if identifier else str(number)
            for name in entry._fields:
                if name != identifier:
                    yield from _row(report.zone, section, entry_id, name, getattr(entry, name))


def _row(zone: str, section: str, entry_id: str | None, name: str, value: int | str) -> Iterator[Unit]:
    if value:
        yield Unit(zone=zone, section=section, id=entry_id, item=name.replace("_", "-"), data=str(value))


def read_report(units: Iterable[Unit]) -> DnssecReport:
    """Return the report that rows come to; items that are not known are left out. Raises ReportUnreadable."""
    zone, found = "", dict[tuple[str, str | None], dict[str, str]]()
    for unit in units:
        zone = unit.zone or zone
        values = found.setdefault((unit.section or "", unit.id), {})
        values[(unit.item or "").replace("-", "_")] = unit.data or ""
    lists: dict[str, Any] = {field: _entries(found, section, kind, name) for section, field, kind, name in LISTS}
    single: DnssecReport = _read(DnssecReport, found.get((ZONE, None), {}))
    return single._replace(zone=zone, **lists)


def _entries(
    found: dict[tuple[str, str | None], dict[str, str]], section: str, kind: type[Any], identifier: str
) -> tuple[Any, ...]:
    """Return the entries of a section in the order in which they came."""
    entries = ((entry_id or "", values) for (name, entry_id), values in found.items() if name == section)
    return tuple(
        _read(kind, {**values, identifier: entry_id} if identifier else values) for entry_id, values in entries
    )


def _read(kind: type[R], values: dict[str, str]) -> R:
    """Return a value of the kind; each field is text or a number, as its default is."""
    defaults: dict[str, Any] = kind._field_defaults  # type: ignore[attr-defined]
    try:
        return kind(**{name: type(defaults[name])(text) for name, text in values.items() if name in defaults})
    except ValueError as exc:
        raise ReportUnreadable(f"{exc} in the answer; use the xdpdnsctl that belongs to the daemon") from exc


def command(zones: ZoneDirectory[Z], report_of: Callable[[Z], Awaitable[DnssecReport]]) -> Command:
    """Return the command zone-dnssec."""

    async def zone_dnssec(zone: Z, _operand: Unit, _request: Request, reply: Reply) -> None:
        for unit in rows(await report_of(zone)):
            await reply.data(unit)

    return zone_command(NAME, zones, zone_dnssec)
