# SPDX-License-Identifier: Apache-2.0
"""A zone transaction of the control socket: an overlay of RRsets on the version of the zone it began with.

It may be open for hours, so it holds no snapshot: every operation reads the store anew and is refused when the zone has
another version by then. What it changes, and what that was, is held by value.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from heapq import merge
from itertools import filterfalse
from typing import TypeAlias

from control.conf.zone import ZoneSettings
from control.errors import ZoneBusy
from control.store.contents import get_rrset, iterate_beneath, iterate_pairs, owner_pairs
from control.store.environment import Store, Transaction
from control.store.keys import (
    Pair,
    Record,
    RRsetChange,
    owner_key,
    owner_of_key,
    pack_rrset,
    rrset_key,
    type_of_key,
    unpack_rdatas,
    unpack_ttl,
)
from control.store.zones import StoredZone, get_zone
from control.update.request import ZoneUpdate
from control.update.serial import compare_serials, serial_of_soa
from control.zonefile.refusal import RecordRefused, Refusal
from control.zonefile.rows import is_of_nsec3

SOA, NSEC3PARAM = 6, 51
SOA_NUMBERS_BYTES = 20
SERIAL_BITS = 32
SMALL_CHANGES = 256
SHORT_RECORDS, SHORT_BYTES = 1000, 1 << 16
NEW_ZONE_ID = 0
"""Keys of a zone without contents are made with it; the door gives the zone its own."""


View: TypeAlias = tuple[Transaction, StoredZone | None]
"""A snapshot and the zone in it."""


class ZoneEdit:
    """One transaction of one zone; not for two threads at once.

    Keys carry the zone id of the base version. Every method raises ZoneBusy when the zone has changed since.
    """

    def __init__(self, store: Store, apex: bytes, settings: ZoneSettings, *, benevolent: bool = False) -> None:
        """Begin with what the zone is now, contents or none.

        `benevolent`: adding what is there and removing what is not is no error.
        """
        self._store = store
        self.apex = apex
        self.settings = settings
        self.benevolent = benevolent
        self._view: nullcontext[View] | None = None
        """That of the operation that runs."""
        self._old: dict[bytes, bytes | None] = {}
        self._new: dict[bytes, bytes | None] = {}
        with store.read() as txn:
            zone = _zone_with_contents(txn, apex)
        self.base_version = 0 if zone is None else zone.version
        """0: the zone had no contents."""
        self._zone_id = NEW_ZONE_ID if zone is None else zone.zone_id
        self._is_base_short = zone is None or (zone.records <= SHORT_RECORDS and zone.size <= SHORT_BYTES)

    @property
    def has_contents(self) -> bool:
        """Whether the zone would have contents after a commit."""
        return self.value_of(self.apex, SOA) is not None

    @property
    def is_small(self) -> bool:
        """Whether it has so few changes that one more is a matter of microseconds."""
        return len(self._new) <= SMALL_CHANGES

    @property
    def is_short(self) -> bool:
        """Whether it has so few records that reading all of them is a matter of a millisecond."""
        return self._is_base_short and self.is_small

    def read(self, owner: bytes | None = None, rtype: int | None = None) -> Iterator[Pair]:
        """Yield the pairs of the zone as it would be, in canonical order: all, of one owner, or one RRset.

        A zone with NSEC3PARAM has its NSEC3 records and their signatures last. A snapshot is open until the iterator is
        exhausted or closed. Raises RecordRefused (NO_NODE) when the owner is not in the zone; one without that type
        yields nothing.
        """
        if owner is None:
            yield from self._read_all(rtype)
            return
        pairs = self._owner_pairs(owner)
        if not pairs and owner != self.apex and not self._has_beneath(owner):
            raise RecordRefused(Refusal.NO_NODE)
        yield from (pair for pair in pairs if rtype is None or type_of_key(pair[0]) == rtype)

    def set(self, record: Record) -> None:
        """Add a record; its TTL becomes that of its RRset. A SOA replaces the one there.

        Raises RecordRefused (RECORD_EXISTS) for an exact duplicate.
        """
        with self._viewing():
            self._set(record)

    def _set(self, record: Record) -> None:
        value = self.value_of(record.owner, record.type)
        rdatas = () if value is None else unpack_rdatas(value)
        is_there = value is not None and record.rdata in rdatas and unpack_ttl(value) == record.ttl
        if is_there and not self.benevolent:
            raise RecordRefused(Refusal.RECORD_EXISTS)
        kept = () if record.type == SOA else rdatas
        self._put(record.owner, record.type, self._pack(record.ttl, (*kept, record.rdata)))

    def unset(self, owner: bytes, rtype: int | None = None, rdata: bytes | None = None) -> None:
        """Remove all RRsets of an owner, one RRset, or one record. The SOA stays whatever is asked.

        Raises RecordRefused: NO_NODE when the owner is not in the zone, NOT_EXISTS when it has not that type, NO_RECORD
        when that has not this record.
        """
        with self._viewing():
            self._unset(owner, rtype, rdata)

    def _unset(self, owner: bytes, rtype: int | None, rdata: bytes | None) -> None:
        pairs = self._owner_pairs(owner)
        if not pairs and not self._has_beneath(owner):
            raise RecordRefused(Refusal.NO_NODE)
        if rtype == SOA and owner == self.apex:
            return
        if rtype is None:
            for key, _ in pairs:
                self._remove(owner, type_of_key(key))
            return
        value = self.value_of(owner, rtype)
        rdatas = () if value is None else unpack_rdatas(value)
        if value is None or (rdata is not None and rdata not in rdatas):
            if self.benevolent:
                return
            raise RecordRefused(Refusal.NOT_EXISTS if value is None else Refusal.NO_RECORD)
        left = tuple(other for other in rdatas if rdata is not None and other != rdata)
        if left:
            self._put(owner, rtype, self._pack(unpack_ttl(value), left))
        else:
            self._remove(owner, rtype)

    def serial(self) -> int:
        """Return the serial as it would be. Raises RecordRefused (ZONE_EMPTY) without SOA."""
        return serial_of_soa(self._soa())

    def set_serial(self, number: int, *, increment: bool = False, force: bool = False) -> None:
        """Set the serial to `number`, or raise it by that.

        Raises RecordRefused: ZONE_EMPTY without SOA, SOA_MISMATCH unless the new one is greater or `force` is given.
        """
        value = self._soa()
        old = serial_of_soa(value)
        serial = (old + number) % (1 << SERIAL_BITS) if increment else number
        if not 0 <= serial < 1 << SERIAL_BITS:
            raise RecordRefused(Refusal.INVALID_PARAMETER, f"{number} is no serial")
        if not force and compare_serials(old, serial) != -1:
            raise RecordRefused(Refusal.SOA_MISMATCH)
        rdata = unpack_rdatas(value)[0]
        numbers = len(rdata) - SOA_NUMBERS_BYTES
        rdata = rdata[:numbers] + serial.to_bytes(4, "big") + rdata[numbers + 4 :]
        self._put(self.apex, SOA, pack_rrset(unpack_ttl(value), (rdata,)))

    def changes(self) -> list[RRsetChange]:
        """Return what the transaction changes, in key order."""
        changed = (key for key in self._new if self._new[key] != self._old[key])
        return [RRsetChange(key, self._old[key], self._new[key]) for key in sorted(changed)]

    def diff(self) -> tuple[list[Pair], list[Pair]]:
        """Return the records removed and those added, as pairs in canonical order, those of the NSEC3 chain last.

        A new TTL removes and adds.
        """
        removed: list[Pair] = []
        added: list[Pair] = []
        for change in self.changes():
            removed += _records_beyond(change.key, change.old, change.new)
            added += _records_beyond(change.key, change.new, change.old)
        return sorted(removed, key=is_of_nsec3), sorted(added, key=is_of_nsec3)

    def update(self) -> ZoneUpdate:
        """Return what the door is to commit. A zone without contents gets its first ones; they need an SOA."""
        return ZoneUpdate(
            self.apex,
            settings=self.settings,
            changes=self.changes(),
            base_version=self.base_version,
            may_create=self.base_version == 0,
        )

    def is_empty(self) -> bool:
        """Tell whether there is nothing to commit."""
        return not self.changes()

    def value_of(self, owner: bytes, rtype: int) -> bytes | None:
        """Return the value of an RRset as it would be, or None."""
        key = rrset_key(self._zone_id, owner, rtype)
        if key in self._new:
            with self._viewing():
                return self._new[key]
        return self._base_value(owner, rtype)

    def _viewing(self) -> AbstractContextManager[View]:
        """Give a snapshot and the base version in it, one for everything in the block. Raises ZoneBusy."""
        return self._view or self._open_view()

    @contextmanager
    def _open_view(self) -> Iterator[View]:
        with self._store.read() as txn:
            view = txn, self._snapshot(txn)
            self._view = nullcontext(view)
            try:
                yield view
            finally:
                self._view = None

    def _snapshot(self, txn: Transaction) -> StoredZone | None:
        """Return the base version. Raises ZoneBusy when the zone has another one."""
        zone = _zone_with_contents(txn, self.apex)
        if (0 if zone is None else zone.version) != self.base_version:
            raise ZoneBusy(self.apex, "changed by another operation in the meantime; abort and begin again")
        return zone

    def _read_all(self, rtype: int | None) -> Iterator[Pair]:
        with self._store.read() as txn:
            zone = self._snapshot(txn)
            if rtype is not None:
                yield from (pair for pair in self._pairs(txn, zone) if type_of_key(pair[0]) == rtype)
            elif self.value_of(self.apex, NSEC3PARAM) is None:
                yield from self._pairs(txn, zone)
            else:
                yield from filterfalse(is_of_nsec3, self._pairs(txn, zone))
                yield from filter(is_of_nsec3, self._pairs(txn, zone))

    def _pairs(self, txn: Transaction, zone: StoredZone | None) -> Iterable[Pair]:
        base: Iterable[Pair] = () if zone is None else iterate_pairs(txn, zone)
        return self._overlay(base) if self._new else base

    def _overlay(self, base: Iterable[Pair]) -> Iterator[Pair]:
        added = sorted((key, value) for key, value in self._new.items() if value is not None)
        return merge((pair for pair in base if pair[0] not in self._new), added)

    def _owner_pairs(self, owner: bytes) -> list[Pair]:
        with self._viewing() as (txn, zone):
            pairs = dict[bytes, bytes | None](() if zone is None else owner_pairs(txn, zone, owner))
        part = owner_key(owner)
        pairs.update((key, value) for key, value in self._new.items() if owner_of_key(key) == part)
        return [(key, value) for key, value in sorted(pairs.items()) if value is not None]

    def _has_beneath(self, owner: bytes) -> bool:
        """Tell whether the name exists without records of its own: an empty non-terminal."""
        part = owner_key(owner)
        if any(value is not None and owner_of_key(key).startswith(part) for key, value in self._new.items()):
            return True
        with self._viewing() as (txn, zone):
            beneath = () if zone is None else iterate_beneath(txn, zone, owner)
            return any(self._new.get(key, key) is not None for key, _ in beneath)

    def _base_value(self, owner: bytes, rtype: int) -> bytes | None:
        with self._viewing() as (txn, zone):
            return None if zone is None else get_rrset(txn, zone, owner, rtype)

    def _soa(self) -> bytes:
        value = self.value_of(self.apex, SOA)
        if value is None:
            raise RecordRefused(Refusal.ZONE_EMPTY)
        return value

    def _remove(self, owner: bytes, rtype: int) -> None:
        if rtype != SOA or owner != self.apex:
            self._put(owner, rtype, None)

    def _put(self, owner: bytes, rtype: int, value: bytes | None) -> None:
        key = rrset_key(self._zone_id, owner, rtype)
        if key not in self._old:
            self._old[key] = self._base_value(owner, rtype)
        self._new[key] = value

    def _pack(self, ttl: int, rdatas: Iterable[bytes]) -> bytes:
        try:
            return pack_rrset(ttl, rdatas)
        except ValueError as exc:
            raise RecordRefused(Refusal.PARSER_FAILED, str(exc)) from exc


def _zone_with_contents(txn: Transaction, apex: bytes) -> StoredZone | None:
    """Return what is known of a zone; None without contents to answer from, as after it expired."""
    zone = get_zone(txn, apex)
    return None if zone is None or zone.expired else zone


def _records_beyond(key: bytes, value: bytes | None, other: bytes | None) -> list[Pair]:
    """Return the records of a value that the other has not, or not with that TTL, as a pair; none without any."""
    if value is None:
        return []
    rdatas = unpack_rdatas(value)
    if other is not None and unpack_ttl(other) == unpack_ttl(value):
        known = set(unpack_rdatas(other))
        rdatas = tuple(rdata for rdata in rdatas if rdata not in known)
    return [(key, pack_rrset(unpack_ttl(value), rdatas))] if rdatas else []
