# SPDX-License-Identifier: Apache-2.0
"""Replacing a zone's contents by others, as a transfer of the whole zone does.

Where the two differ in little, the difference is applied and kept in the journal as a changeset. Else the contents are
written as a whole under a new zone id, and the journal's chain ends.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.catalog.read import read_catalog
from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import JournalFull, StoreError, ZoneError, ZoneTooLarge
from control.sign.validate import validated
from control.store.contents import iterate_pairs
from control.store.environment import Store, Transaction
from control.store.keys import RRsetChange, type_of_key
from control.store.zones import StoredZone, get_zone, put_zone
from control.update.compare import RECORDED_MAX
from control.update.difference import count_records, find_changes
from control.update.early import Early
from control.update.keep import forget_changes, keep_changes, note_zone
from control.update.publish import Publisher, build, build_flat, incremental_limit
from control.update.results import ChangeResult, Outcome
from control.update.serial import compare_serials, serial_of_soa
from control.update.together import Part, Together
from control.update.transition import advance
from control.update.whole import CHUNK_RRSETS, adopt, check_current, store_while
from control.zonefile.checks import check_scanned
from control.zonefile.zonemd import verify_scanned

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone
    from pyxdp_dns.table import Transaction as Publication

SOA = 6
SMALL_RRSETS = 4096
"""Zones of no more RRsets are written together with others."""

Also = Callable[[Transaction], None]
"""What else is written in the transaction that changes a zone."""


@dataclass(slots=True)
class Replacement:
    """What is about to be written. `changes` None: the contents as a whole, under the id of `target`."""

    stored: StoredZone | None
    target: StoredZone
    contents: "ScannedZone"
    settings: ZoneSettings
    also: Also
    changes: Sequence[RRsetChange] | None = None
    warnings: tuple[str, ...] = ()
    stored_pairs: int = 0
    """So many pairs, from the first on, are in the store already."""
    valid_until: int | None = None
    """When the contents no longer validate; None: they were not validated."""

    @property
    def is_small(self) -> bool:
        """Whether the zone is new and so small that it is written together with others."""
        return self.stored is None and self.contents.count <= SMALL_RRSETS

    @property
    def served(self) -> StoredZone | None:
        """The zone as it is answered from now."""
        return None if self.stored is None or self.stored.expired else self.stored


class NewZone(Part):
    """A zone that the store does not have."""

    __slots__ = ("found", "result")

    def __init__(self, found: Replacement) -> None:
        super().__init__()
        self.found = found
        self.result: ChangeResult

    @property
    def end(self) -> ChangeResult | Exception:
        """What became of it."""
        if self.error is None:
            return self.result
        if not isinstance(self.error, Exception):
            raise self.error
        return self.error


class NewZones(Together[NewZone]):
    """Small zones that come from their primaries at the same time."""

    def write_parts(self, txn: Transaction, publication: "Publication", parts: Sequence[NewZone]) -> None:
        """Write each, behind others, whose ids may be greater. ZoneError is that of one, before anything is written."""
        for zone in parts:
            zone.error = None
            found = zone.found
            try:
                check_current(txn, found.target.apex, None)
                build_flat(publication, found.target, found.contents)
                zone.result = write_whole(txn, found)
            except ZoneError as exc:
                zone.error = exc


class Replacer:
    """Replaces contents in one store and one response table. `sweep` removes what is left behind."""

    def __init__(self, store: Store, publisher: Publisher, clock: Clock, sweep: Callable[[], None]) -> None:
        self._store, self._publisher, self._clock, self._sweep = store, publisher, clock, sweep
        self._new_zones = NewZones(store, publisher)

    def replace(
        self, zone: bytes, contents: "ScannedZone", settings: ZoneSettings, *, is_recorded: bool, also: Also
    ) -> ChangeResult:
        """Give a zone the contents, whose keys are changed; a difference that is not small is kept if `is_recorded`.

        Raises ZoneCheckError, ZoneError, StoreError or EngineError; store and table are then as before.
        """
        found = self.prepare(zone, contents, settings, is_recorded=is_recorded, also=also)
        if not found.is_small:
            return self.carry_out(found)
        (end,) = self.write_new([found])
        if isinstance(end, Exception):
            raise end
        return end

    def write_new(self, zones: Sequence[Replacement]) -> list[ChangeResult | Exception]:
        """Write new zones that are small; return what became of each."""
        parts = [NewZone(found) for found in zones]
        if parts:
            self._new_zones.complete(parts)
        return [part.end for part in parts]

    def carry_out(self, found: Replacement) -> ChangeResult:
        """Write any other zone. Raises what `replace` does."""
        try:
            with self._publisher.publishing() as publication:
                if found.changes is None:
                    self._build(publication, found)
                return self._publisher.write(self._store, publication, lambda txn: self._write(txn, publication, found))
        finally:
            if found.changes is None:
                with suppress(StoreError):  # What cannot be removed from a full disk now is removed later.
                    self._sweep()

    def prepare(
        self,
        zone: bytes,
        contents: "ScannedZone",
        settings: ZoneSettings,
        *,
        is_recorded: bool,
        also: Also,
        early: Early | None = None,
    ) -> Replacement:
        """Check the contents and find out how they differ from those there are. Raises what `replace` does."""
        problems = check_scanned(contents, zone, settings)
        with self._store.read() as txn:
            stored = get_zone(txn, zone)
        found = Replacement(stored, self._describe(zone, contents, stored), contents, settings, also)
        found.warnings = tuple(map(str, problems))
        _check_size(found)
        if settings.zonemd_verify:
            verify_scanned(contents, zone)
        found.valid_until = validated(contents, zone, settings, self._clock.now_ns() // 10**9)
        if settings.interprets:
            read_catalog(zone, contents)
        if stored is not None:
            contents.move(stored.zone_id)
            with self._store.read() as txn:
                found.changes = _compare(txn, stored, contents, is_recorded=is_recorded)
            if found.changes is None:
                found.target = found.target._replace(zone_id=self._store.reserve_zone_id())
        elif early is not None and (written := early.finish()):
            found.stored_pairs = written
            found.target = found.target._replace(zone_id=early.zone_id)
        contents.move(found.target.zone_id)
        return found

    def _describe(self, zone: bytes, contents: "ScannedZone", stored: StoredZone | None) -> StoredZone:
        base = stored
        if base is None:
            base = StoredZone(zone, self._store.reserve_zone_id(), 0, 0, 0, 0, 0, ())
        records, octets = contents.measure()
        # Pairs begin with the apex, where fewer types than SOA has as a number sort before it.
        serial = next(serial_of_soa(value) for key, value in contents.take(0, SOA) if type_of_key(key) == SOA)
        return base._replace(
            version=self._store.reserve_version(),
            serial=serial,
            rrsets=contents.count,
            records=records,
            size=octets,
            is_file=False,
            is_source=False,
            expired=False,
        )

    def _build(self, publication: "Publication", found: Replacement) -> None:
        """Build the table, and meanwhile store what is too large for one transaction."""
        if found.contents.count <= CHUNK_RRSETS:
            build_flat(publication, found.target, found.contents)
            return
        with store_while(self._store, found.target.zone_id, found.contents.iterate(found.stored_pairs)):
            build_flat(publication, found.target, found.contents)
        found.stored_pairs = found.contents.count

    def _write(self, txn: Transaction, publication: "Publication", found: Replacement) -> ChangeResult:
        if found.changes is None:
            return write_whole(txn, found)
        stored = found.stored
        assert stored is not None
        check_current(txn, stored.apex, stored)
        target, needs_flush = self._write_changes(txn, publication, found, stored, found.changes)
        found.also(txn)
        return _result(found, target, needs_flush)

    def _write_changes(
        self,
        txn: Transaction,
        publication: "Publication",
        found: Replacement,
        stored: StoredZone,
        changes: Sequence[RRsetChange],
    ) -> tuple[StoredZone, bool]:
        if not changes:
            current = stored._replace(expired=False)
            put_zone(txn, current)
            if self._publisher.version_of(stored.apex) != stored.version:
                build(publication, current, iterate_pairs(txn, current))
            return current, False
        current = advance(
            txn, stored._replace(is_file=False, is_source=False, expired=False), changes, found.target.version
        )
        needs_flush = self._keep(txn, stored, current, changes, found.settings)
        put_zone(txn, current)
        self._publisher.publish_changes(publication, txn, found.served, current, changes)
        return current, needs_flush

    def _keep(
        self,
        txn: Transaction,
        stored: StoredZone,
        current: StoredZone,
        changes: Sequence[RRsetChange],
        settings: ZoneSettings,
    ) -> bool:
        """Keep the difference in the journal where it has a place there; else the chain ends."""
        needs_flush = False
        if compare_serials(stored.serial, current.serial) == -1:
            try:
                needs_flush = keep_changes(txn, stored, current, changes, settings, self._clock.now_ns() // 10**9)
            except JournalFull:
                forget_changes(txn, current.apex)
        else:
            forget_changes(txn, current.apex)
        note_zone(txn, current.apex, held=settings.journal_content == "all")
        return needs_flush


def write_whole(txn: Transaction, found: Replacement) -> ChangeResult:
    """Give a zone contents that are no changes of those it has. Raises ZoneBusy."""
    target = found.target
    adopt(txn, found.stored, target, found.contents.iterate(found.stored_pairs))
    forget_changes(txn, target.apex)
    note_zone(txn, target.apex, held=found.settings.journal_content == "all")
    found.also(txn)
    return _result(found, target, needs_flush=False)


def _compare(
    txn: Transaction, stored: StoredZone, contents: "ScannedZone", *, is_recorded: bool
) -> list[RRsetChange] | None:
    """Return the difference, or None where it is too large."""
    limit = RECORDED_MAX if is_recorded else min(RECORDED_MAX, incremental_limit(stored))
    if abs(stored.rrsets - contents.count) > limit:
        return None
    return find_changes(iterate_pairs(txn, stored), contents, limit)


def _check_size(found: Replacement) -> None:
    limit = found.settings.zone_max_size_bytes or sys.maxsize
    if found.target.size > limit:
        message = f"{found.target.size} octets, {limit} are allowed; remove records or raise zone.zone-max-size"
        raise ZoneTooLarge(found.target.apex, message)


def _result(found: Replacement, current: StoredZone, needs_flush: bool) -> ChangeResult:
    served, changes = found.served, found.changes
    if changes is None:
        removed, added = 0 if served is None else served.records, current.records
    else:
        removed, added = count_records(changes)
    outcome = Outcome.LOADED if served is None else Outcome.UNCHANGED if changes == [] else Outcome.UPDATED
    return ChangeResult(
        zone=current.apex,
        outcome=outcome,
        old_serial=None if served is None else served.serial,
        new_serial=current.serial,
        removed=removed,
        added=added,
        version=current.version,
        size=current.size,
        needs_flush=needs_flush,
        warnings=found.warnings,
        valid_until=found.valid_until,
    )
