# SPDX-License-Identifier: Apache-2.0
"""Changesets: what leads from one version of a zone to the next, and its form in the store.

A changeset has two parts, removals and additions. Each is a sequence of RRsets in key order, the SOA first: exactly
the records that go and that come, so that it can be read as a difference sequence of IXFR (RFC 1995, section 4). It
knows nothing of zone ids: an owner is the owner part of a key (keys.py).

    part    owner part length (2, big endian), value length (4), type (2), owner part, RRset value; and so on
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

from control.store.keys import RRsetChange, owner_of_key, pack_rrset, type_of_key, unpack_rdatas, unpack_ttl

SOA = 6
ENTRY = struct.Struct(">HIH")
ONE_RECORD = (1).to_bytes(2, "big")
"""Where the value of an RRset has the number of its records."""

Entry: TypeAlias = tuple[bytes, int, bytes]
"""Owner part of a key, type, RRset value."""


class Changeset(NamedTuple):
    """A whole changeset in memory. `timestamp_s` is the time of day when it was made."""

    serial_from: int
    serial_to: int
    timestamp_s: int
    removals: tuple[Entry, ...]
    additions: tuple[Entry, ...]
    merged: bool = False
    """Made of several: the serials between are gone."""


def make_changeset(changes: Iterable[RRsetChange], serials: tuple[int, int], timestamp_s: int) -> Changeset:
    """Return the changeset of RRset changes in key order that lead from the first serial to the second."""
    removals: list[Entry] = []
    additions: list[Entry] = []
    for key, old, new in changes:
        owner, rtype = owner_of_key(key), type_of_key(key)
        removed, added = split_change(old, new)
        if removed is not None:
            removals.append((owner, rtype, removed))
        if added is not None:
            additions.append((owner, rtype, added))
    return Changeset(*serials, timestamp_s, soa_first(removals), soa_first(additions))


def split_change(old: bytes | None, new: bytes | None) -> tuple[bytes | None, bytes | None]:
    """Return the records that go and those that come, each as an RRset's value; a new TTL replaces all records."""
    if old is None or new is None or old[:4] != new[:4] or (old != new and old[4:6] == new[4:6] == ONE_RECORD):
        return old, new
    was, now = unpack_rdatas(old), unpack_rdatas(new)
    old_set, new_set = set(was), set(now)
    ttl = unpack_ttl(old)
    if old_set.isdisjoint(new_set):
        return old, new
    gone, come = old_set - new_set, new_set - old_set
    return pack_rrset(ttl, gone) if gone else None, pack_rrset(ttl, come) if come else None


def soa_first(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return entries in the same order but for SOAs, which come first."""
    return tuple(sorted(entries, key=lambda entry: entry[1] != SOA))


def count_entries(entries: Iterable[Entry]) -> int:
    """Return the number of records in a part."""
    return sum([value[4] << 8 | value[5] for _, _, value in entries])


def octets_of(changeset: Changeset) -> int:
    """Return the octets of its parts in their stored form."""
    parts = (changeset.removals, changeset.additions)
    return sum(ENTRY.size + len(owner) + len(value) for part in parts for owner, _, value in part)


def pack_entries(entries: Iterable[Entry]) -> bytes:
    """Return a part in its stored form."""
    parts: list[bytes] = []
    for owner, rtype, value in entries:
        parts += (ENTRY.pack(len(owner), len(value), rtype), owner, value)
    return b"".join(parts)


def unpack_entries(chunks: Iterable[bytes]) -> Iterator[Entry]:
    """Yield the RRsets of a part from its chunks, of which no more than needed is held.

    Raises ValueError when it ends in the middle of one.
    """
    buffer, at = b"", 0
    for chunk in chunks:
        buffer, at = buffer[at:] + chunk if at < len(buffer) else chunk, 0
        size, last = len(buffer), len(buffer) - ENTRY.size
        while at <= last:
            owner_bytes, value_bytes, rtype = ENTRY.unpack_from(buffer, at)
            value = at + ENTRY.size + owner_bytes
            end = value + value_bytes
            if end > size:
                break
            yield buffer[value - owner_bytes : value], rtype, buffer[value:end]
            at = end
    if at != len(buffer):
        raise ValueError(f"a changeset ends within an RRset, {len(buffer) - at} octets are left over")
