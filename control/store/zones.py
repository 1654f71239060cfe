# SPDX-License-Identifier: Apache-2.0
"""The table of zones: which contents belong to a zone, their version and serial, and the files they came from.

Contents are stored under a zone id. A change writes under the id the zone has. A zone that is loaded as a whole is
written under a new id, in several transactions, and the last one gives the zone that id. Until then, and once a zone
has another id or is gone, the id is condemned: what is stored under it is removed afterwards or at the next start.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from control.store.environment import Transaction, note_version
from control.store.keys import ZONE_ID_BYTES, owner_key, parse_owner_key, zone_prefix
from control.store.sources import FileIdentity

ENTRY = struct.Struct(">IQIQQQIIBH")
IS_FILE, HAS_FILE, EXPIRED, IS_SOURCE = 1, 2, 4, 8
SOURCE = struct.Struct(">QQQQQBH")
UNPACKED = 512
"""Entries kept unpacked: a zone that is worked on is looked up again and again."""


class StoredZone(NamedTuple):
    """What the store knows of a zone with contents. `apex` is a wire name in lower case."""

    apex: bytes
    zone_id: int
    version: int
    """Of the contents: never used twice in the life of a store, each change has a greater one."""
    serial: int
    rrsets: int
    records: int
    reading: int
    """What the meaning of the zone file depends on beside its text: default TTL, types that are skipped."""
    sources: tuple[FileIdentity, ...]
    """The zone file first, then what it includes; empty when the contents did not come from a file."""
    size: int = 0
    """Octets of all records in wire form, names not compressed."""
    file_serial: int | None = None
    """The serial in the zone file that was read or written last."""
    is_file: bool = False
    """The contents are those of that file (with another serial, where the server makes the serials)."""
    is_source: bool = False
    """Of a zone that is signed here: without what signing makes of them, the contents are those of that file."""
    expired: bool = False
    """The contents are not answered from until the zone is loaded or transferred again."""


def get_zone(txn: Transaction, apex: bytes) -> StoredZone | None:
    """Return what is known of a zone, or None when it has no contents."""
    entry = txn.get(txn.zones, zone_key(apex))
    return None if entry is None else _unpack(apex, entry)


def put_zone(txn: Transaction, zone: StoredZone) -> None:
    """Record the zone; contents under the id it had before are condemned if it has another one now."""
    key = zone_key(zone.apex)
    note_version(txn, zone.version)
    old = txn.get(txn.zones, key)
    id_octets = zone_prefix(zone.zone_id)
    if old is None or not old.startswith(id_octets):
        txn.delete(txn.condemned, id_octets)
        if old is not None:
            txn.put(txn.condemned, old[:ZONE_ID_BYTES], b"")
    txn.put(txn.zones, key, _pack(zone))


def add_zones(txn: Transaction, zones: Sequence[StoredZone]) -> bool:
    """Record zones that are new, under ids that were never used; false when one of them is known already.

    Then some of them may have been recorded: the transaction is to be given up.
    """
    note_version(txn, max(zone.version for zone in zones))
    with txn.cursor(txn.zones) as cursor:
        entries = [(zone_key(zone.apex), _pack(zone)) for zone in zones]
        _, added = cursor.putmulti(entries, overwrite=False)
    return bool(added == len(zones))


def is_unknown(txn: Transaction, apex: bytes) -> bool:
    """Tell whether the store has neither contents nor a journal of a zone."""
    key = zone_key(apex)
    return txn.get(txn.zones, key) is None and txn.get(txn.journals, key) is None


def remove_zone(txn: Transaction, apex: bytes) -> bool:
    """Forget a zone and condemn its contents; false when it was not known."""
    zone = get_zone(txn, apex)
    if zone is None:
        return False
    condemn(txn, zone.zone_id)
    return txn.delete(txn.zones, zone_key(apex))


def list_zones(txn: Transaction) -> Iterator[StoredZone]:
    """Yield every zone with contents in canonical order."""
    for key, entry in txn.cursor(txn.zones):
        yield _unpack(apex_of_key(key), entry)


def condemn(txn: Transaction, zone_id: int) -> None:
    """Note that contents under an id belong to no zone."""
    txn.put(txn.condemned, zone_prefix(zone_id), b"")


def list_condemned(txn: Transaction) -> list[int]:
    """Return the ids whose contents are to be removed."""
    return [int.from_bytes(key, "big") for key, _ in txn.cursor(txn.condemned)]


def zone_key(apex: bytes) -> bytes:
    """Return the key of a zone: LMDB has no empty keys, so the root zone's is a zero octet, which begins no other."""
    return owner_key(apex) or b"\0"


def apex_of_key(key: bytes) -> bytes:
    """Return the wire name of the zone a key is of."""
    return parse_owner_key(key.lstrip(b"\0"))


def _pack(zone: StoredZone) -> bytes:
    flags = IS_FILE * zone.is_file | HAS_FILE * (zone.file_serial is not None) | EXPIRED * zone.expired
    flags |= IS_SOURCE * zone.is_source
    counts = (zone.rrsets, zone.records, zone.size, zone.reading)
    file = (zone.file_serial or 0, flags, len(zone.sources))
    parts = [ENTRY.pack(zone.zone_id, zone.version, zone.serial, *counts, *file)]
    for source in zone.sources:
        path = os.fsencode(source.path)
        times = (source.mtime_ns, source.ctime_ns)
        parts += SOURCE.pack(source.device, source.inode, source.size, *times, source.settled, len(path)), path
    return b"".join(parts)


@lru_cache(UNPACKED)
def _unpack(apex: bytes, entry: bytes) -> StoredZone:
    fields = ENTRY.unpack_from(entry)
    zone_id, version, serial, rrsets, records, size, reading, file_serial, flags, count = fields
    sources = _unpack_sources(count, entry[ENTRY.size :])
    known_serial = file_serial if flags & HAS_FILE else None
    counts = (rrsets, records, reading, sources, size)
    states = (bool(flags & flag) for flag in (IS_FILE, IS_SOURCE, EXPIRED))
    return StoredZone(apex, zone_id, version, serial, *counts, known_serial, *states)


@lru_cache(UNPACKED)
def _unpack_sources(count: int, entry: bytes) -> tuple[FileIdentity, ...]:
    """Return the files; a change of the zone leaves them as they are."""
    sources = []
    at = 0
    for _ in range(count):
        device, inode, octets, mtime_ns, ctime_ns, settled, path_bytes = SOURCE.unpack_from(entry, at)
        at += SOURCE.size
        path = os.fsdecode(entry[at : at + path_bytes])
        sources.append(FileIdentity(path, device, inode, octets, mtime_ns, ctime_ns, bool(settled)))
        at += path_bytes
    return tuple(sources)
