# SPDX-License-Identifier: Apache-2.0
"""The one door for change: whatever changes a zone ends here, in the same steps.

    begin -> collect removals and additions -> check -> one store transaction -> publish to the response table

The table's new contents are built before the store commits and published after it, so a refusal by either leaves both
as they were. Only a crash can come in between: then the versions differ, and `ensure_table` builds the zone anew from
the store.

Everything here blocks and is meant for worker threads. Zones are named by wire names in lower case.
"""

import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from control.clock import Clock
from control.errors import StoreError, ZoneUnknown
from control.store.contents import flatten, iterate_pairs, remove_condemned
from control.store.environment import Store, Transaction
from control.store.keys import Pair, Record, RRsetChange, parse_owner_key, type_of_key
from control.store.sources import are_unchanged, identify
from control.store.zones import StoredZone, get_zone, remove_zone
from control.update.checks import check_owners
from control.update.difference import count_records, find_changes, owners_touched
from control.update.results import ChangeResult, LoadResult, Outcome
from control.update.serial import serial_of_soa, serial_warnings
from control.update.transition import OwnerContents, advance, collect_owners, plan_changes
from control.update.whole import CHUNK_RRSETS, adopt, check_current, move_pairs, store_chunks

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone
    from pyxdp_dns.table import Table
    from pyxdp_dns.table import Transaction as Publication

SOA = 6
NO_WARNINGS: tuple[str, ...] = ()

SWEEP_RRSETS = 10_000
"""RRsets removed in one transaction: some milliseconds in which no other write can run."""

MIN_INCREMENTAL = 64
INCREMENTAL_SHARE = 16
"""A change of more RRsets than this share of the zone is slower than writing and building the zone anew."""


class Door:
    """Changes zones in one store and one response table."""

    def __init__(self, store: Store, table: "Table", clock: Clock) -> None:
        self._store = store
        self._table = table
        self._clock = clock
        self._lock = threading.Lock()
        """Held while the table is used: it belongs to one thread at a time. The store commits inside."""

    def load_file(self, zone: bytes, path: str, default_ttl: int) -> LoadResult:
        """Load a zone file if it is not what the zone was loaded from already.

        Raises ZoneFileError of the scanner, StoreError, EngineError or ZoneBusy; store and table are then as before.
        """
        started_ns = self._clock.monotonic_ns()
        known = self.find_zone(zone)
        if known is not None and known.default_ttl == default_ttl and are_unchanged(known.sources, path):
            self.ensure_table(zone)
            current, warnings = known, NO_WARNINGS
        else:
            current, warnings = self._read_file(zone, path, default_ttl, known)
        outcome = Outcome.LOADED if known is None else Outcome.UPDATED
        return LoadResult(
            zone=zone,
            outcome=Outcome.UNCHANGED if known is not None and known.version == current.version else outcome,
            old_serial=None if known is None else known.serial,
            new_serial=current.serial,
            records=current.records,
            warnings=warnings,
            seconds=(self._clock.monotonic_ns() - started_ns) / 1e9,
        )

    def change(self, zone: bytes, removals: Iterable[Record], additions: Iterable[Record]) -> ChangeResult:
        """Remove records and then add others, as `plan_changes` has it.

        Raises ZoneUnknown, ZoneInvalid, StoreError or EngineError; store and table are then as before.
        """
        version = self._store.reserve_version()
        with self._publishing() as publication:

            def job(txn: Transaction) -> ChangeResult:
                known = get_zone(txn, zone)
                if known is None:
                    raise ZoneUnknown(zone, "no contents to change; load the zone first")
                changes = plan_changes(txn, known, removals, additions)
                current = known
                if changes:
                    current = advance(txn, known, changes, version)
                    check_owners(txn, current, map(parse_owner_key, owners_touched(changes)))
                    self._publish_changes(publication, txn, known, current, changes)
                removed, added = count_records(changes)
                outcome = Outcome.UPDATED if changes else Outcome.UNCHANGED
                return ChangeResult(zone, outcome, known.serial, current.serial, removed, added, current.version)

            return self._store.write(job)

    def find_zone(self, zone: bytes) -> StoredZone | None:
        """Return what the store has of a zone, or None."""
        with self._store.read() as txn:
            return get_zone(txn, zone)

    def ensure_table(self, zone: bytes) -> bool:
        """Build the zone in the table from the store unless the table has that version. False: the store has none."""
        with self._lock, self._store.read() as txn:
            known = get_zone(txn, zone)
            if known is not None and self._table_version(zone) != known.version:
                with self._table.transaction() as publication:
                    _build(publication, known, iterate_pairs(txn, known))
        return known is not None

    def publish_empty(self, zone: bytes) -> None:
        """Let the zone be answered SERVFAIL; what the store has of it stays."""
        with self._publishing() as publication:
            publication.empty_zone(zone)

    def drop(self, zone: bytes) -> None:
        """Remove a zone from store and table; no error when it is not there."""
        with self._publishing() as publication:
            if self._table.zone_info(zone) is not None:
                publication.remove_zone(zone)
            self._store.write(lambda txn: remove_zone(txn, zone))
        self.sweep()

    def sweep(self) -> None:
        """Remove contents that belong to no zone, in small steps between which others can write; also at start."""
        swept = False
        while not swept:
            with self._lock:
                swept = self._store.write(lambda txn: remove_condemned(txn, SWEEP_RRSETS))

    def _read_file(
        self, zone: bytes, path: str, default_ttl: int, known: StoredZone | None
    ) -> tuple[StoredZone, tuple[str, ...]]:
        """Scan the file and store what differs; return the zone as it is then, and warnings."""
        from pyxdp_dns.scan import scan_zone_file

        now_ns = self._clock.now_ns()
        zone_id = self._store.reserve_zone_id() if known is None else known.zone_id
        with scan_zone_file(path, zone, zone_id, default_ttl) as scanned:
            scanned.check(zone)
            warnings = tuple(f"file '{note.file}', line {note.line} ({note.text})" for note in scanned.warnings)
            fresh = StoredZone(
                apex=zone,
                zone_id=zone_id,
                version=self._store.reserve_version(),
                serial=_serial_of(scanned),
                rrsets=scanned.count,
                records=scanned.records,
                default_ttl=default_ttl,
                sources=identify(scanned.files, now_ns),
            )
            if known is None:
                self._store_whole(None, fresh, scanned)
                return fresh, warnings
            current = self._store_difference(known, fresh, scanned)
            if current.version == known.version:
                return current, warnings
            return current, (*warnings, *serial_warnings(known.serial, current.serial))

    def _store_difference(self, known: StoredZone, fresh: StoredZone, scanned: "ScannedZone") -> StoredZone:
        """Bring the zone from `known` to what was scanned; return it as it is then."""
        with self._store.read() as txn:
            changes = find_changes(iterate_pairs(txn, known), scanned, _incremental_limit(known))
        if changes is None:
            moved = replace(fresh, zone_id=self._store.reserve_zone_id())
            self._store_whole(known, moved, scanned)
            return moved
        if not changes:
            same = replace(known, default_ttl=fresh.default_ttl, sources=fresh.sources)
            self._store.write(lambda txn: adopt(txn, known, same))
            self.ensure_table(known.apex)
            return same
        base = replace(known, default_ttl=fresh.default_ttl, sources=fresh.sources)
        with self._publishing() as publication:

            def job(txn: Transaction) -> StoredZone:
                check_current(txn, known.apex, known)
                current = advance(txn, base, changes, fresh.version)
                self._publish_changes(publication, txn, known, current, changes)
                return current

            return self._store.write(job)

    def _store_whole(self, known: StoredZone | None, fresh: StoredZone, scanned: "ScannedZone") -> None:
        """Make what was scanned the zone's contents, under the id of `fresh`."""
        pairs = iter(scanned) if known is None else move_pairs(scanned, fresh.zone_id)
        try:
            with self._publishing() as publication:
                if fresh.rrsets <= CHUNK_RRSETS:
                    _build_scanned(publication, fresh, scanned)
                    rest = pairs
                else:
                    self._store_while_building(publication, fresh, scanned, pairs)
                    rest = iter(())
                self._store.write(lambda txn: adopt(txn, known, fresh, rest))
        finally:
            with suppress(StoreError):  # What cannot be removed from a full disk now is removed at the next occasion.
                self.sweep()

    def _store_while_building(
        self, publication: "Publication", fresh: StoredZone, scanned: "ScannedZone", pairs: Iterator[Pair]
    ) -> None:
        """Store a large zone in the store's thread and build its table in this one; both have ended on return."""
        stop = threading.Event()
        storing = self._store.submit(lambda: store_chunks(self._store, fresh.zone_id, pairs, stop))
        try:
            _build_scanned(publication, fresh, scanned)
        except BaseException:
            stop.set()
            raise
        finally:
            wait([storing])
        storing.result()

    def _publish_changes(
        self,
        publication: "Publication",
        txn: Transaction,
        known: StoredZone,
        current: StoredZone,
        changes: list[RRsetChange],
    ) -> None:
        """Update the owners concerned, or all when they are many or the table has not the version that was changed."""
        owners: list[OwnerContents] | None = None
        if self._table_version(known.apex) == known.version:
            owners = collect_owners(txn, current, changes, _incremental_limit(known))
        if owners is None:
            _build(publication, current, iterate_pairs(txn, current))
            return
        for contents in owners:
            publication.update_owner(current.apex, current.version, contents.owner, contents.pairs)

    def _table_version(self, zone: bytes) -> int | None:
        """The store's version of the zone that the table answers from; None when it answers nothing."""
        info = self._table.zone_info(zone)
        return info.version if info is not None and info.has_contents else None

    @contextmanager
    def _publishing(self) -> "Iterator[Publication]":
        """Give the table's only transaction: published at the end of the block, undone when it raises."""
        with self._lock, self._table.transaction() as publication:
            yield publication


def _incremental_limit(zone: StoredZone) -> int:
    return max(MIN_INCREMENTAL, zone.rrsets // INCREMENTAL_SHARE)


def _build(publication: "Publication", zone: StoredZone, pairs: Iterable[Pair]) -> None:
    flat = flatten(pairs)
    publication.build_zone(zone.apex, zone.version, flat.bytes, flat.offsets, flat.count)


def _build_scanned(publication: "Publication", zone: StoredZone, scanned: "ScannedZone") -> None:
    publication.build_zone(zone.apex, zone.version, scanned.bytes_pointer, scanned.offsets_pointer, scanned.count)


def _serial_of(scanned: "ScannedZone") -> int:
    """The apex is the first owner and a checked zone has an SOA there."""
    return next(serial_of_soa(value) for key, value in scanned if type_of_key(key) == SOA)
