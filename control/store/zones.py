# SPDX-License-Identifier: Apache-2.0
"""The table of zones: which contents belong to a zone, their version and serial, and the files they came from.

Contents are stored under a zone id. A change writes under the id the zone has. A zone that is loaded as a whole is
written under a new id, in several transactions, and the last one gives the zone that id. Until then, and once a zone
has another id or is gone, the id is condemned: what is stored under it is removed afterwards or at the next start.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from control.store.environment import Transaction, note_version
from control.store.keys import owner_key, parse_owner_key, zone_prefix
from control.store.sources import FileIdentity

ENTRY = struct.Struct(">IQIQQIH")
SOURCE = struct.Struct(">QQQQQBH")


@dataclass(frozen=True, slots=True)
class StoredZone:
    """What the store knows of a zone with contents. `apex` is a wire name in lower case."""

    apex: bytes
    zone_id: int
    version: int
    """Of the contents: never used twice in the life of a store, each change has a greater one."""
    serial: int
    rrsets: int
    records: int
    default_ttl: int
    """What records of the zone file without a TTL got; it is a part of what the file means."""
    sources: tuple[FileIdentity, ...]
    """The zone file first, then what it includes; empty when the contents did not come from a file."""


def get_zone(txn: Transaction, apex: bytes) -> StoredZone | None:
    """Return what is known of a zone, or None when it has no contents."""
    entry = txn.get(txn.zones, _zone_key(apex))
    return None if entry is None else _unpack(apex, entry)


def put_zone(txn: Transaction, zone: StoredZone) -> None:
    """Record the zone; contents under the id it had before are condemned if it has another one now."""
    key = _zone_key(zone.apex)
    note_version(txn, zone.version)
    old = txn.get(txn.zones, key)
    if old is not None and (old_id := _unpack(zone.apex, old).zone_id) != zone.zone_id:
        condemn(txn, old_id)
    txn.delete(txn.condemned, zone_prefix(zone.zone_id))
    txn.put(txn.zones, key, _pack(zone))


def remove_zone(txn: Transaction, apex: bytes) -> bool:
    """Forget a zone and condemn its contents; false when it was not known."""
    zone = get_zone(txn, apex)
    if zone is None:
        return False
    condemn(txn, zone.zone_id)
    return txn.delete(txn.zones, _zone_key(apex))


def list_zones(txn: Transaction) -> Iterator[StoredZone]:
    """Yield every zone with contents in canonical order."""
    for key, entry in txn.cursor(txn.zones):
        yield _unpack(parse_owner_key(key.lstrip(b"\0")), entry)


def condemn(txn: Transaction, zone_id: int) -> None:
    """Note that contents under an id belong to no zone."""
    txn.put(txn.condemned, zone_prefix(zone_id), b"")


def list_condemned(txn: Transaction) -> list[int]:
    """Return the ids whose contents are to be removed."""
    return [int.from_bytes(key, "big") for key, _ in txn.cursor(txn.condemned)]


def _zone_key(apex: bytes) -> bytes:
    """The key of a zone: LMDB has no empty keys, so the root zone's is a zero octet, which begins no other."""
    return owner_key(apex) or b"\0"


def _pack(zone: StoredZone) -> bytes:
    parts = [
        ENTRY.pack(
            zone.zone_id,
            zone.version,
            zone.serial,
            zone.rrsets,
            zone.records,
            zone.default_ttl,
            len(zone.sources),
        )
    ]
    for source in zone.sources:
        path = os.fsencode(source.path)
        times = (source.mtime_ns, source.ctime_ns)
        parts += SOURCE.pack(source.device, source.inode, source.size, *times, source.settled, len(path)), path
    return b"".join(parts)


def _unpack(apex: bytes, entry: bytes) -> StoredZone:
    zone_id, version, serial, rrsets, records, default_ttl, count = ENTRY.unpack_from(entry)
    sources = []
    at = ENTRY.size
    for _ in range(count):
        device, inode, size, mtime_ns, ctime_ns, settled, path_bytes = SOURCE.unpack_from(entry, at)
        at += SOURCE.size
        path = os.fsdecode(entry[at : at + path_bytes])
        sources.append(FileIdentity(path, device, inode, size, mtime_ns, ctime_ns, bool(settled)))
        at += path_bytes
    return StoredZone(apex, zone_id, version, serial, rrsets, records, default_ttl, tuple(sources))
