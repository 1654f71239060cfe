# SPDX-License-Identifier: Apache-2.0
"""Store keys and values in the form of csrc/pairs.h.

Octet order of keys is DNSSEC canonical order (RFC 4034, section 6.1). Names are wire form in lower case.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, TypeAlias

ZONE_ID_BYTES = 4
TYPE_BYTES = 2
COUNT_MAX = 0xFFFF
RRSIG = 46
ORIGINAL_TTL = slice(4, 8)
"""In the data of an RRSIG (RFC 4034, section 3.1)."""
PLAIN_OCTETS = b"-0123456789_abcdefghijklmnopqrstuvwxyz"
"""Octets that text has as they are, of which most names are made."""
CACHED_NAMES = 4096
"""Names whose keys are remembered: a change asks for that of its zone and its owner again and again."""
FIXED_OCTETS = 10
"""Type, class, TTL and length of rdata in a record (RFC 1035, section 3.2.1)."""

Pair: TypeAlias = tuple[bytes, bytes]
"""Key and value of one RRset."""


@dataclass(frozen=True, slots=True)
class RRset:
    """One RRset: `rdatas` in canonical form, sorted, without duplicates."""

    owner: bytes
    type: int
    ttl: int
    rdatas: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Record:
    """One record: `rdata` in canonical form."""

    owner: bytes
    type: int
    ttl: int
    rdata: bytes


class RRsetChange(NamedTuple):
    """The value of one RRset before and after: None where there is no such RRset."""

    key: bytes
    old: bytes | None
    new: bytes | None


def split_labels(name: bytes) -> list[bytes]:
    """Return the labels of a wire name from the left, without the root label.

    Raises ValueError when the name is not well formed.
    """
    labels = []
    at = 0
    while (length := name[at] if at < len(name) else 64) != 0:
        if length > 63:
            raise ValueError(f"malformed wire name {name.hex()}")
        labels.append(name[at + 1 : at + 1 + length])
        at += 1 + length
    if at + 1 != len(name) or len(name) > 255:
        raise ValueError(f"malformed wire name {name.hex()}")
    return labels


def name_text(name: bytes) -> str:
    """Return a wire name in presentation form (RFC 1035, section 5.1; RFC 4343, section 2.1)."""
    return ".".join(map(_label_text, split_labels(name))) + "."


@lru_cache(CACHED_NAMES)
def owner_key(name: bytes) -> bytes:
    """Return the owner part of a key: escaped labels from the root down, each closed by a zero octet."""
    labels = split_labels(name)
    labels.reverse()
    return b"".join([label.replace(b"\1", b"\1\2").replace(b"\0", b"\1\1") + b"\0" for label in labels])


@lru_cache(CACHED_NAMES)
def parse_owner_key(owner: bytes) -> bytes:
    """Return the wire name of an owner part; the inverse of `owner_key`. Raises ValueError for any other octets."""
    labels = owner.split(b"\0")
    if labels.pop():
        raise ValueError(f"malformed owner in key {owner.hex()}")
    labels = [label.replace(b"\1\1", b"\0").replace(b"\1\2", b"\1") for label in reversed(labels)]
    if not all(0 < len(label) < 64 for label in labels):
        raise ValueError(f"malformed owner in key {owner.hex()}")
    return b"".join([bytes((len(label),)) + label for label in labels]) + b"\0"


def zone_prefix(zone_id: int) -> bytes:
    """Return what every key of the zone begins with."""
    return zone_id.to_bytes(ZONE_ID_BYTES, "big")


def rrset_key(zone_id: int, name: bytes, rtype: int) -> bytes:
    """Return the key of an RRset."""
    return zone_prefix(zone_id) + owner_key(name) + b"\0" + rtype.to_bytes(TYPE_BYTES, "big")


def owner_of_key(key: bytes) -> bytes:
    """Return the owner part of an RRset's key."""
    return key[ZONE_ID_BYTES : -TYPE_BYTES - 1]


def type_of_key(key: bytes) -> int:
    """Return the type in an RRset's key."""
    return (key[-2] << 8) | key[-1]


def pack_rrset(ttl: int, rdatas: Iterable[bytes]) -> bytes:
    """Return the value of an RRset; `rdatas` canonical, in any order, duplicates are dropped.

    Raises ValueError when there are more than a value can count.
    """
    ordered = sorted(set(rdatas))
    if len(ordered) > COUNT_MAX:
        raise ValueError(f"an RRset of {len(ordered)} records; {COUNT_MAX} is the most")
    parts = [ttl.to_bytes(4, "big"), len(ordered).to_bytes(2, "big")]
    for rdata in ordered:
        parts += (len(rdata).to_bytes(2, "big"), rdata)
    return b"".join(parts)


def pack_typed(rtype: int, ttl: int, rdatas: Iterable[bytes]) -> bytes:
    """Return the value of an RRset of a type: signatures have the original TTL that is in the first of them.

    Otherwise as `pack_rrset`.
    """
    rdatas = tuple(rdatas)
    if rtype == RRSIG and rdatas:
        ttl = int.from_bytes(min(rdatas)[ORIGINAL_TTL], "big")
    return pack_rrset(ttl, rdatas)


def unpack_ttl(value: bytes) -> int:
    """Return the TTL of an RRset's value."""
    return int.from_bytes(value[:4], "big")


def unpack_rdatas(value: bytes) -> tuple[bytes, ...]:
    """Return the rdatas of an RRset's value. Raises ValueError when lengths contradict each other."""
    rdatas = []
    at = 6
    for _ in range(int.from_bytes(value[4:6], "big")):
        end = at + 2 + int.from_bytes(value[at : at + 2], "big")
        rdatas.append(value[at + 2 : end])
        at = end
    if at != len(value):
        raise ValueError(f"malformed RRset value of {len(value)} octets")
    return tuple(rdatas)


def pair_octets(key: bytes, value: bytes) -> int:
    """Return the octets of an RRset's records in wire form, names not compressed."""
    owner = owner_of_key(key)
    if b"\1" in owner:
        owner = owner.replace(b"\1\1", b"x").replace(b"\1\2", b"x")
    count = (value[4] << 8) | value[5]
    return count * (len(owner) + 1 + FIXED_OCTETS) + len(value) - 6 - 2 * count


def unpack_rrsets(pairs: Iterable[Pair]) -> Iterator[RRset]:
    """Yield the RRsets of pairs; the owner is parsed once for all its types."""
    owner_part, owner = None, b""
    for key, value in pairs:
        if (part := owner_of_key(key)) != owner_part:
            owner_part, owner = part, parse_owner_key(part)
        yield RRset(owner, type_of_key(key), unpack_ttl(value), unpack_rdatas(value))


def _label_text(label: bytes) -> str:
    if not label.translate(None, PLAIN_OCTETS):
        return label.decode("ascii")
    return "".join(map(_octet_text, label))


def _octet_text(octet: int) -> str:
    if chr(octet) in '.\\"();@$':
        return f"\\{chr(octet)}"
    return chr(octet) if 0x21 <= octet <= 0x7E else f"\\{octet:03d}"
