# SPDX-License-Identifier: Apache-2.0
"""Zone contents: reading a snapshot in canonical order; writing whole zones and changes."""

from array import array
from collections.abc import Collection, Container, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from control.store.environment import Transaction
from control.store.keys import ZONE_ID_BYTES, Pair, RRset, RRsetChange, owner_key, rrset_key, unpack_rrsets, zone_prefix
from control.store.zones import StoredZone, list_condemned

if TYPE_CHECKING:
    from pyxdp_dns.btree import StoreRange

CHUNK_LEAST, CHUNK_MOST = 32, 4096
CHUNK_SAMPLE = 16
"""Of so many pairs of a chunk one is measured."""
CHUNK_BYTES = 256 << 10
"""Chunks of more octets are followed by smaller ones."""

FLAT_LEAST = 64
FLAT_PAIR_BYTES = 16
"""Octets of a pair beside those of its records in wire form; names with octets that are escaped have more."""

Octets = bytes
"""`bytes` by a name that the field of `FlatZone` does not hide."""


@dataclass(frozen=True, slots=True)
class FlatZone:
    """A whole zone in the flat form of csrc/pairs.h."""

    bytes: bytearray
    offsets: "array[int]"
    count: int

    def __iter__(self) -> Iterator[Pair]:
        """Yield the pairs."""
        marks = self.offsets
        for at in range(0, 2 * self.count, 2):
            key, value, end = marks[at], marks[at + 1], marks[at + 2]
            yield Octets(self.bytes[key:value]), Octets(self.bytes[value:end])

    def take(self, start: int, most: int) -> list[Pair]:
        """Return up to `most` pairs, from the one numbered `start` on."""
        return list(islice(self, start, start + most))

    def measure(self) -> tuple[int, int]:
        """Return the number of records and their octets in wire form, names not compressed."""
        from pyxdp_dns.scan import measure_pairs

        return measure_pairs(self.bytes, self.offsets, self.count)

    def largest_ttl(self) -> int:
        """Return the largest TTL, 0 without RRsets."""
        from pyxdp_dns.scan import largest_ttl

        return largest_ttl(self.bytes, self.offsets, self.count)

    def has_types(self, types: Collection[int]) -> bool:
        """Tell whether some RRset is of one of these types."""
        from pyxdp_dns.scan import have_types

        return have_types(self.bytes, self.offsets, self.count, types)


def iterate_pairs(txn: Transaction, zone: StoredZone) -> Iterator[Pair]:
    """Yield the pairs of a whole zone in canonical order."""
    prefix = zone_prefix(zone.zone_id)
    return _iterate_range(txn, prefix, zone_prefix(zone.zone_id + 1))


def iterate_chunks(txn: Transaction, zone: StoredZone) -> Iterator[list[Pair]]:
    """Yield the pairs of a whole zone in canonical order, some thousand at a time, fewer where they are large.

    By LMDB's cursor. The first chunk has at least the first `CHUNK_LEAST` pairs that there are.
    """
    end, most = zone_prefix(zone.zone_id + 1), CHUNK_LEAST
    with txn.cursor(txn.contents) as cursor:
        if not cursor.set_range(zone_prefix(zone.zone_id)):
            return
        pairs = cursor.iternext()
        while chunk := list(islice(pairs, most)):
            if chunk[-1][0] >= end:
                if chunk := [pair for pair in chunk if pair[0] < end]:
                    yield chunk
                return
            yield chunk
            octets = sum([len(value) for _, value in chunk[::CHUNK_SAMPLE]]) * CHUNK_SAMPLE
            most = min(CHUNK_MOST, 2 * most) if octets < CHUNK_BYTES else max(CHUNK_LEAST, most // 2)


def zone_range(txn: Transaction, zone: StoredZone, first: bytes = b"", end: bytes = b"") -> "StoreRange | None":
    """Return the pairs of a zone, or of its keys from `first` on and before `end`, as they lie in the store's file.

    The quickest way through a large zone; the snapshot has to last as long as the range is used. None where there is no
    such way: then there is `iterate_chunks`.
    """
    if txn.pages is None:
        return None
    first, end = first or zone_prefix(zone.zone_id), end or zone_prefix(zone.zone_id + 1)
    return txn.pages.range(txn.lmdb, b"contents", first, end)


def flat_zone(txn: Transaction, zone: StoredZone) -> FlatZone:
    """Return a whole zone at once."""
    most, room = max(zone.rrsets, FLAT_LEAST), zone.size + FLAT_PAIR_BYTES * max(zone.rrsets, FLAT_LEAST)
    while (found := zone_range(txn, zone)) is not None:
        flat = found.take(room, most)
        if found.ended:
            return FlatZone(*flat)
        most, room = 2 * most, 2 * room
    return flatten(iterate_pairs(txn, zone))


def iterate_rrsets(txn: Transaction, zone: StoredZone) -> Iterator[RRset]:
    """Yield the RRsets of a whole zone in canonical order, each owner's types in ascending order."""
    return unpack_rrsets(iterate_pairs(txn, zone))


def owner_pairs(txn: Transaction, zone: StoredZone, owner: bytes) -> list[Pair]:
    """Return the pairs of one owner; empty when there is no such owner."""
    prefix = zone_prefix(zone.zone_id) + owner_key(owner) + b"\0"
    pairs: list[Pair] = []
    cursor = txn.lmdb.cursor(txn.contents)
    if cursor.set_range(prefix):
        for pair in cursor:
            if not pair[0].startswith(prefix):
                break
            pairs.append(pair)
    cursor.close()
    return pairs


def owner_rrsets(txn: Transaction, zone: StoredZone, owner: bytes) -> list[RRset]:
    """Return the RRsets of one owner in ascending order of type."""
    return list(unpack_rrsets(owner_pairs(txn, zone, owner)))


def iterate_beneath(txn: Transaction, zone: StoredZone, owner: bytes) -> Iterator[Pair]:
    """Yield the pairs of all owners beneath a name, itself not included, in canonical order."""
    prefix = zone_prefix(zone.zone_id) + owner_key(owner)
    end = zone_prefix(zone.zone_id + 1) if owner == b"\0" else prefix[:-1] + b"\1"
    return _iterate_range(txn, prefix + b"\1", end)


def get_rrset(txn: Transaction, zone: StoredZone, owner: bytes, rtype: int) -> bytes | None:
    """Return the value of one RRset, or None."""
    return txn.get(txn.contents, rrset_key(zone.zone_id, owner, rtype))


def flatten(pairs: Iterable[Pair]) -> FlatZone:
    """Return pairs in flat form."""
    flat, offsets, count = bytearray(), array("Q", [0]), 0
    for key, value in pairs:
        flat += key
        offsets.append(len(flat))
        flat += value
        offsets.append(len(flat))
        count += 1
    return FlatZone(flat, offsets, count)


def add_pairs(txn: Transaction, zone_id: int, pairs: Iterable[Pair]) -> int:
    """Write pairs of one zone id, in key order and behind what is stored under that id; return how many they were.

    Raises ValueError when they are not in order.
    """
    with txn.cursor(txn.contents) as cursor:
        behind_all = not cursor.last() or cursor.key()[:ZONE_ID_BYTES] <= zone_prefix(zone_id)
        read, added = cursor.putmulti(pairs, append=behind_all, overwrite=False)
    if added != read:
        raise ValueError("store keys out of order")
    return int(read)


def apply_changes(txn: Transaction, changes: Iterable[RRsetChange]) -> None:
    """Write the new value of each changed RRset."""
    for change in changes:
        if change.new is None:
            txn.delete(txn.contents, change.key)
        else:
            txn.put(txn.contents, change.key, change.new)


def remove_condemned(txn: Transaction, limit: int, growing: Container[int] = ()) -> bool:
    """Remove up to `limit` RRsets that belong to no zone, but those of ids in `growing`; true when none is left."""
    for zone_id in list_condemned(txn):
        if zone_id in growing:
            continue
        prefix = zone_prefix(zone_id)
        with txn.cursor(txn.contents) as cursor:
            found = cursor.set_range(prefix)
            while found and limit > 0 and cursor.key().startswith(prefix):
                found = cursor.delete()
                limit -= 1
        if limit == 0:
            return False
        txn.delete(txn.condemned, prefix)
    return True


def _iterate_range(txn: Transaction, start: bytes, end: bytes) -> Iterator[Pair]:
    """Yield the pairs whose key is at least `start` and before `end`."""
    with txn.cursor(txn.contents) as cursor:
        if not cursor.set_range(start):
            return
        for pair in cursor.iternext():
            if pair[0] >= end:
                return
            yield pair
