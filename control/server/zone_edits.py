# SPDX-License-Identifier: Apache-2.0
"""Commands that read and edit zone contents: zone-read, and the transaction from zone-begin to zone-commit."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from control.ctl.command import (
    Command,
    Reply,
    Request,
    letters_of,
    normalise_zone,
    signed,
    stream,
    stream_rows,
    zone_command,
)
from control.ctl.errors import CommandError, Reason, reason_of
from control.ctl.rows import encode_records
from control.ctl.unit import Unit
from control.errors import CatalogRefused, ControlError, ZoneError
from control.events.kinds import Kind
from control.events.zone import ZoneHandle
from control.log import ERROR
from control.server.dnssec.texts import log_signed
from control.server.keeper import Keeper
from control.server.runners import note_change
from control.server.transactions import Transactions, ZoneTransaction
from control.server.waiting import make_waiter
from control.server.zone_log import log_catalog_refused
from control.store.keys import Pair, Record, unpack_ttl
from control.update.edit import ZoneEdit
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult
from control.zonefile.parse import parse_owner, parse_rdata, parse_record, parse_wanted_type
from control.zonefile.refusal import Refusal
from control.zonefile.rows import iterate_lines, iterate_rows
from pyxdp_dns.errors import EngineError

BENEVOLENT = "b"
INCREMENT, SET = "+", "="
SILENT = frozenset({Reason.NO_TRANSACTION})
"""What zones without a transaction fail with when a command is for all zones: that is no failure."""

T = TypeVar("T")

Committed = tuple[ZoneHandle, ChangeResult]


class Target(NamedTuple):
    """A zone to commit and the operand that named it; None: all zones are meant."""

    zone: ZoneHandle
    operand: Unit | None


class ZoneEdits:
    """What the commands do; one instance per daemon."""

    def __init__(self, keeper: Keeper, transactions: Transactions) -> None:
        self.keeper, self.transactions = keeper, transactions

    async def read(self, zone: ZoneHandle, operand: Unit, _request: Request, reply: Reply) -> None:
        """Answer with the records served."""
        if zone.serial is not None:
            await self._send(zone, operand, self._new_edit(zone), reply)
        elif operand.owner is not None:
            wanted_records(operand, zone.wire)
            raise CommandError(Reason.NO_NODE)

    async def begin(self, zone: ZoneHandle, operand: Unit, _request: Request, _reply: Reply) -> None:
        """Open a transaction; an update event that runs comes to its end first, and the next one waits."""
        self.transactions.check_begin(zone)
        benevolent = BENEVOLENT in letters_of(operand)
        self.transactions.begin(zone, self._new_edit(zone, benevolent))
        if zone.running is None or zone.running.kind is not Kind.UPDATE:
            return
        transaction = self.transactions.get(zone)
        async with transaction.lock:
            waiter, idle = make_waiter()
            self.keeper.scheduler.when_idle(zone, waiter)
            await idle
            transaction.edit = self._new_edit(zone, benevolent)

    async def get(self, zone: ZoneHandle, operand: Unit, _request: Request, reply: Reply) -> None:
        """Answer with the records as a commit would make them."""
        transaction = self.transactions.get(zone)
        async with transaction.lock:
            await self._send(zone, operand, transaction.edit, reply)

    async def set(self, zone: ZoneHandle, operand: Unit, _request: Request, _reply: Reply) -> None:
        """Add a record."""
        await self._edit(zone, lambda edit: edit.set(record_of(edit, operand)))

    async def unset(self, zone: ZoneHandle, operand: Unit, _request: Request, _reply: Reply) -> None:
        """Remove an owner's records, one RRset, or one record."""
        await self._edit(zone, lambda edit: unset_records(edit, operand))

    async def diff(self, zone: ZoneHandle, _operand: Unit, _request: Request, reply: Reply) -> None:
        """Answer with what a commit would remove, then with what it would add."""
        transaction = self.transactions.get(zone)
        async with transaction.lock:
            removed, added = await asyncio.to_thread(transaction.edit.diff)
        await stream(reply, (signed(unit, "-") for unit in record_units(zone, removed)))
        await stream(reply, (signed(unit, "+") for unit in record_units(zone, added)))

    async def abort(self, zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
        """Forget a transaction."""
        async with self.transactions.get(zone).lock:
            self.transactions.end(zone)

    async def commit(self, request: Request, reply: Reply) -> None:
        """Commit the transactions of the zones named, or of all that have one: all of them or none.

        A transaction that is refused stays open.
        """
        targets = [target async for target in self._targets(request, reply)]
        if not targets:
            return
        try:
            await self._commit(sorted(targets, key=lambda target: target.zone.wire))
        except (ControlError, EngineError, OSError, CommandError) as error:
            self._log_refusal(error, targets)
            for target in targets:
                if target.operand is not None:
                    await reply.error(target.operand, reason_in_zone(error, target.zone))
            if targets[0].operand is None:
                raise CommandError(Reason.SOME_ZONES) from error

    async def serial(self, zone: ZoneHandle, operand: Unit, request: Request, reply: Reply) -> None:
        """Answer with the serial, or set it: in the open transaction, or at once."""
        if operand.type is None:
            serial = await self._edit(zone, lambda edit: edit.serial(), or_new=True)
            await reply.data(Unit(zone=zone.name, data=str(serial)))
            return
        number = parse_serial(operand)
        increment, force = operand.type == INCREMENT, request.force
        if zone.transaction is not None:
            await self._edit(zone, lambda edit: edit.set_serial(number, increment=increment, force=force))
            return
        self.transactions.check_begin(zone)

        def work() -> ChangeResult:
            edit = self._new_edit(zone)
            edit.set_serial(number, increment=increment, force=force)
            return self._door_commit([edit.update()._replace(keeps_serial=True)])[0]

        self._committed(zone, await asyncio.to_thread(work))

    async def _targets(self, request: Request, reply: Reply) -> AsyncIterator[Target]:
        if request.first.zone is None:
            for zone in self.keeper.directory.all():
                if zone.transaction is not None:
                    yield Target(zone, None)
            return
        seen: set[str] = set()
        for operand in request.operands:
            try:
                zone = self._find(operand)
                self.transactions.get(zone)
            except CommandError as error:
                await reply.error(operand, str(error))
                continue
            if zone.name not in seen:
                seen.add(zone.name)
                yield Target(zone, operand)

    def _find(self, operand: Unit) -> ZoneHandle:
        if operand.zone is None:
            raise CommandError(Reason.INVALID_PARAMETER)
        zone = self.keeper.directory.find(normalise_zone(operand.zone))
        if zone is None:
            raise CommandError(Reason.NO_ZONE)
        return zone

    async def _commit(self, targets: list[Target]) -> None:
        zones = [target.zone for target in targets]
        held: list[ZoneTransaction] = []
        try:
            for zone in zones:
                transaction = self.transactions.get(zone)
                await transaction.lock.acquire()
                held.append(transaction)
                if zone.transaction is not transaction:
                    raise CommandError(Reason.NO_TRANSACTION)
            edits = [transaction.edit for transaction in held]
            if all(edit.is_small for edit in edits):
                results = await self._commit_small(zones, edits)
            else:
                results = await asyncio.to_thread(self._commit_edits, zones, edits)
            for zone in zones:
                self.transactions.end(zone)
        finally:
            for transaction in held:
                transaction.lock.release()
        for zone, result in results:
            self._committed(zone, result)

    async def _commit_small(self, zones: list[ZoneHandle], edits: list[ZoneEdit]) -> list[Committed]:
        changing, updates = changing_updates(zones, edits)
        results = await self.keeper.committer.commit(updates) if updates else []
        return list(zip(changing, results, strict=True))

    def _commit_edits(self, zones: list[ZoneHandle], edits: list[ZoneEdit]) -> list[Committed]:
        """Blocks."""
        changing, updates = changing_updates(zones, edits)
        return list(zip(changing, self._door_commit(updates) if updates else [], strict=True))

    def _door_commit(self, updates: list[ZoneUpdate]) -> list[ChangeResult]:
        results: list[ChangeResult] = self.keeper.zones.door.commit(updates)
        return results

    def _committed(self, zone: ZoneHandle, result: ChangeResult) -> None:
        log_signed(self.keeper.log, zone.name, [result])
        note_change(self.keeper.scheduler, zone, result)
        self.keeper.changed()

    def _log_refusal(self, error: Exception, targets: list[Target]) -> None:
        """Log what the client is told in a word."""
        at_fault = getattr(error, "zone", None)
        for target in targets:
            if at_fault in (None, target.zone.wire):
                if isinstance(error, CatalogRefused):
                    log_catalog_refused(self.keeper.log, target.zone.name, error)
                    continue
                self.keeper.log.zone(ERROR, target.zone.name, f"zone transaction refused ({error})")

    def _new_edit(self, zone: ZoneHandle, benevolent: bool = False) -> ZoneEdit:
        return ZoneEdit(self.keeper.zones.store, zone.wire, zone.conf.settings, benevolent=benevolent)

    async def _edit(self, zone: ZoneHandle, work: Callable[[ZoneEdit], T], *, or_new: bool = False) -> T:
        """Do something with the open transaction's edit, alone; `or_new`: without one, with an edit that is dropped.

        It looks at one owner: as long as little else was changed that takes less time than waking up a thread.
        """
        if or_new and zone.transaction is None:
            return work(self._new_edit(zone))
        transaction = self.transactions.get(zone)
        async with transaction.lock:
            if transaction.edit.is_small:
                return work(transaction.edit)
            return await asyncio.to_thread(work, transaction.edit)

    async def _send(self, zone: ZoneHandle, operand: Unit, edit: ZoneEdit, reply: Reply) -> None:
        owner, rtype = wanted_records(operand, zone.wire)
        rows = record_rows(zone, edit.read(owner, rtype))
        if not edit.is_short:
            await stream_rows(reply, rows)
            return
        for octets in list(rows):
            await reply.rows(octets)

    def commands(self) -> Iterable[Command]:
        """Return the commands."""
        zones = self.keeper.directory
        return (
            zone_command("zone-read", zones, self.read),
            zone_command("zone-begin", zones, self.begin),
            zone_command("zone-get", zones, self.get, suppressed=SILENT),
            zone_command("zone-set", zones, self.set, suppressed=SILENT),
            zone_command("zone-unset", zones, self.unset, suppressed=SILENT),
            zone_command("zone-diff", zones, self.diff, suppressed=SILENT),
            zone_command("zone-abort", zones, self.abort, suppressed=SILENT),
            zone_command("zone-serial-set", zones, self.serial),
            Command("zone-commit", self.commit),
        )


def changing_updates(
    zones: Iterable[ZoneHandle], edits: Iterable[ZoneEdit]
) -> tuple[list[ZoneHandle], list[ZoneUpdate]]:
    """Return the zones that edits change, and how.

    Transactions without effect are left out, but not where a zone would get its first contents.
    """
    updates = [(zone, edit.update()) for zone, edit in zip(zones, edits, strict=True)]
    updates = [(zone, update) for zone, update in updates if update.changes or not update.base_version]
    return [zone for zone, _ in updates], [update for _, update in updates]


def reason_in_zone(error: Exception, zone: ZoneHandle) -> str:
    """Return what is said of a zone when a commit of several failed: why, or that another zone was at fault."""
    if isinstance(error, ZoneError) and error.zone != zone.wire:
        return Reason.SOME_ZONES
    return reason_of(error) or Reason.FAILED


def wanted_records(operand: Unit, apex: bytes) -> tuple[bytes | None, int | None]:
    """Return the owner and the type an operand asks for; None: all. No zone has what is not within it."""
    owner = None if operand.owner is None else parse_owner(operand.owner, apex, outside=Refusal.NO_NODE)
    return owner, None if not operand.type else parse_wanted_type(operand.type)


def record_of(edit: ZoneEdit, operand: Unit) -> Record:
    """Return the record an operand describes; without a TTL it gets that of its RRset, or the zone's default."""
    if operand.type is None:
        raise CommandError(Reason.INVALID_PARAMETER)
    parts = (operand.owner or "", operand.ttl, operand.type, operand.data or "")
    owner, rtype, ttl, rdata = parse_record(*parts, edit.apex)
    return Record(owner, rtype, default_ttl(edit, owner, rtype) if ttl is None else ttl, rdata)


def default_ttl(edit: ZoneEdit, owner: bytes, rtype: int) -> int:
    """Return the TTL of an RRset as it would be, or the zone's default."""
    value = edit.value_of(owner, rtype)
    return edit.settings.default_ttl if value is None else unpack_ttl(value)


def unset_records(edit: ZoneEdit, operand: Unit) -> None:
    """Remove what an operand names."""
    owner, rtype = wanted_records(operand._replace(owner=operand.owner or ""), edit.apex)
    assert owner is not None
    rdata = None if rtype is None or not operand.data else parse_rdata(rtype, operand.data, edit.apex)
    edit.unset(owner, rtype, rdata)


def parse_serial(operand: Unit) -> int:
    """Return the number of a zone-serial-set; raises `CommandError`."""
    text = operand.data or ""
    if operand.type not in (INCREMENT, SET) or not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise CommandError(Reason.INVALID_PARAMETER)
    return int(text)


def record_rows(zone: ZoneHandle, pairs: Iterable[Pair]) -> Iterator[bytes]:
    """Yield the rows of pairs as they are sent, some thousand at a time."""
    for lines in iterate_lines(pairs):
        yield from encode_records(zone.name, lines)


def record_units(zone: ZoneHandle, pairs: Iterable[Pair]) -> Iterator[Unit]:
    """Yield a unit for each record of pairs."""
    for rows in iterate_rows(pairs):
        for row in rows:
            yield Unit(zone=zone.name, owner=row.owner, ttl=row.ttl, type=row.type, data=row.data)
