# SPDX-License-Identifier: Apache-2.0
"""The chain of NSEC3 records where a zone changes (RFC 5155, section 7.1; RFC 9276).

Only what the change touches is looked at: its names, those above them that are there for their sake (empty
non-terminals), and the hashes before theirs in the chain.
"""

from base64 import b32hexdecode, b32hexencode
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

from control.sign.bitmap import type_bitmap
from control.sign.view import DS, NS, NSEC3, RRSIG, Node, ZoneView
from control.store.keys import pack_rrset, parse_owner_key, unpack_rdatas

HASH_OCTETS = 20
LABEL_OCTETS = 32
"""Of a hash in base32hex."""
SHA1, OPT_OUT = 1, 1
"""Hash algorithm and flag (RFC 5155, sections 3.1.1 and 3.1.2)."""
BEFORE_BITMAP = 6 + HASH_OCTETS
"""Octets of the record data before the bit map, without the salt (RFC 5155, section 3.2)."""
BEHIND_HASHES = b"w"
"""A label behind all hashes, in base32hex."""


class Hashing(NamedTuple):
    """How names are hashed, and whether insecure delegations are left out."""

    iterations: int
    salt: bytes
    opt_out: bool
    hash_name: Callable[[bytes], bytes]
    """From a wire name to the 20 octets of its hash."""


class Nsec3Chain:
    """The chain of one zone in which `touched` are all names that changed, as they are now."""

    def __init__(self, view: ZoneView, ttl: int, touched: Mapping[bytes, Node], hashing: Hashing) -> None:
        self._view, self._ttl, self._hashing = view, ttl, hashing
        self._nodes = dict(touched)
        for name in touched:
            for above in view.ancestors(name):
                if above not in self._nodes:
                    self._nodes[above] = view.node(above)
        self._hashed = {name: self._hashed_name(name) for name in self._nodes}
        self._members = {self._hashed[name]: self._has_record(name, node) for name, node in self._nodes.items()}
        """Of the hashes of these names, whether they are in the chain."""
        self._added = sorted(hashed for hashed, is_member in self._members.items() if is_member)

    def settle(self) -> dict[bytes, bytes | None]:
        """Return the value (None: none) of the NSEC3 RRset of each hashed name that may need another one."""
        settled: dict[bytes, bytes | None] = {}
        stale: set[bytes] = set()
        for name, node in self._nodes.items():
            hashed = self._hashed[name]
            is_member, was_member = self._members[hashed], self._view.has(hashed, NSEC3)
            if is_member:
                settled[hashed] = self._value(hashed, type_bitmap(mapped_types(node)))
            elif was_member:
                settled[hashed] = None
            if is_member != was_member:
                stale.add(self._member_before(hashed))
        for hashed in stale - settled.keys():
            settled[hashed] = self._relinked(hashed)
        return settled

    def _hashed_name(self, name: bytes) -> bytes:
        digest = self._hashing.hash_name(parse_owner_key(name))
        return self._view.apex + b32hexencode(digest).lower() + b"\0"

    def _has_record(self, name: bytes, node: Node) -> bool:
        """Tell whether a name has an NSEC3 record: an empty one when one beneath it has (RFC 5155, section 7.1)."""
        if node.is_occluded:
            return False
        if node.types:
            return not (self._hashing.opt_out and node.is_insecure_cut)
        return any(self._has_record(other, self._node(other)) for other in self._view.beneath(name))

    def _node(self, name: bytes) -> Node:
        node = self._nodes.get(name)
        return self._view.node(name) if node is None else node

    def _value(self, hashed: bytes, bitmap: bytes) -> bytes:
        iterations, salt, opt_out, _ = self._hashing
        following = b32hexdecode(self._member_after(hashed)[len(self._view.apex) : -1].upper())
        head = bytes((SHA1, OPT_OUT * opt_out)) + iterations.to_bytes(2, "big") + bytes((len(salt),)) + salt
        return pack_rrset(self._ttl, (head + bytes((HASH_OCTETS,)) + following + bitmap,))

    def _relinked(self, hashed: bytes) -> bytes:
        """Return the NSEC3 of a hash whose successor is another one now; its bit map stays."""
        value = self._view.value(hashed, NSEC3)
        assert value is not None
        (rdata,) = unpack_rdatas(value)
        return self._value(hashed, rdata[len(self._hashing.salt) + BEFORE_BITMAP :])

    def _is_member(self, name: bytes) -> bool:
        if len(name) != len(self._view.apex) + LABEL_OCTETS + 1:
            return False
        known = self._members.get(name)
        return self._view.has(name, NSEC3) if known is None else known

    def _stored(self, names: Iterator[bytes]) -> list[bytes]:
        """Return the first of these names that has its record already and keeps it, if there is one."""
        return list(islice(filter(self._is_member, names), 1))

    def _member_before(self, hashed: bytes) -> bytes:
        """Return the hash before one in the chain; the last one is before the first one."""
        before = self._stored(self._view.before(hashed)) + [other for other in self._added if other < hashed]
        return max(before or self._stored(self._view.before(self._view.apex + BEHIND_HASHES)) + self._added)

    def _member_after(self, hashed: bytes) -> bytes:
        """Return the hash behind one in the chain; the first one is behind the last one."""
        apex = self._view.apex
        behind = self._stored(self._view.after(hashed, apex)) + [other for other in self._added if other > hashed]
        return min(behind or self._stored(self._view.beneath(apex)) + self._added)


def mapped_types(node: Node) -> frozenset[int]:
    """Return the types in the bit map of a name (RFC 5155, section 7.1)."""
    if not node.types:
        return frozenset()
    if not node.is_cut:
        return node.types | {RRSIG}
    return frozenset((NS, DS, RRSIG)) if DS in node.rrsets else frozenset((NS,))
