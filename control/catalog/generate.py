# SPDX-License-Identifier: Apache-2.0
"""The contents of a catalog zone that is made of configured zones (RFC 9432). Pure."""

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from control.catalog.read import GROUP, PTR, TXT, VERSION, VERSION_LABEL, ZONES_LABEL
from control.store.keys import ZONE_ID_BYTES, Pair, RRsetChange, pack_rrset, rrset_key, type_of_key

SOA, NS = 6, 2
INVALID = b"\7invalid\0"
REFRESH_S, RETRY_S, EXPIRE_S, MINIMUM_S = 3600, 600, 2147483646, 0
TTL_S = 0
NO_ZONE = 0
"""The zone id in keys that are still under none."""
STRING_OCTETS = 255
KEY_OCTETS = 64
MADE_HERE = frozenset((SOA, NS, PTR, TXT))
"""Other types that are there are left alone."""


class GeneratedMember(NamedTuple):
    """A member of a generated catalog: its zone (wire name) and its group."""

    zone: bytes
    group: bytes = b""


def member_id(catalog: bytes, zone: bytes) -> bytes:
    """Return the label of a member: 16 hexadecimal digits that are always the same for a zone in a catalog."""
    return blake2b(zone, key=catalog[:KEY_OCTETS], digest_size=8).hexdigest().encode()


def catalog_pairs(catalog: bytes, members: Iterable[GeneratedMember], serial: int) -> dict[bytes, bytes]:
    """Return the contents of a catalog by key, under zone id 0; `catalog` is its apex in lower case."""
    timers = (serial, REFRESH_S, RETRY_S, EXPIRE_S, MINIMUM_S)
    soa = INVALID + INVALID + b"".join(number.to_bytes(4, "big") for number in timers)
    pairs = dict([_pair(catalog, SOA, soa), _pair(catalog, NS, INVALID), _pair(VERSION_LABEL + catalog, TXT, VERSION)])
    above = ZONES_LABEL + catalog
    for member in members:
        unique = member_id(catalog, member.zone)
        node = bytes((len(unique),)) + unique + above
        pairs.update([_pair(node, PTR, member.zone)])
        if member.group:
            text = member.group[:STRING_OCTETS]
            pairs.update([_pair(bytes((len(GROUP),)) + GROUP + node, TXT, bytes((len(text),)) + text)])
    return pairs


def catalog_changes(wanted: dict[bytes, bytes], there: Iterable[Pair]) -> list[RRsetChange]:
    """Return what makes contents `wanted` of what is there; an SOA that is there stays, its serial is the policy's."""
    left = dict(wanted)
    changes = []
    for key, value in there:
        if type_of_key(key) not in MADE_HERE:
            continue
        plain = bytes(ZONE_ID_BYTES) + key[ZONE_ID_BYTES:]
        new = left.pop(plain, None)
        if new != value and not (new is not None and type_of_key(key) == SOA):
            changes.append(RRsetChange(plain, value, new))
    return changes + [RRsetChange(key, None, value) for key, value in left.items()]


def _pair(owner: bytes, rtype: int, rdata: bytes) -> Pair:
    return rrset_key(NO_ZONE, owner, rtype), pack_rrset(TTL_S, [rdata])
