# SPDX-License-Identifier: Apache-2.0
"""The chain of NSEC records where a zone changes (RFC 4034, section 4; RFC 4035, section 2.3; RFC 9077).

Only what the change touches is looked at: its names, and the names before them in the chain.
"""

from collections.abc import Iterator, Mapping

from control.sign.bitmap import type_bitmap
from control.sign.view import DS, NS, NSEC, RRSIG, Node, ZoneView
from control.store.keys import pack_rrset, parse_owner_key

NSEC_AND_RRSIG = frozenset((NSEC, RRSIG))
AT_CUT_MAPPED = frozenset((NS, DS))


class NsecChain:
    """The chain of one zone in which `touched` are all names that changed, as they are now."""

    def __init__(self, view: ZoneView, ttl: int, touched: Mapping[bytes, Node]) -> None:
        self._view, self._ttl, self._touched = view, ttl, touched

    def settle(self) -> dict[bytes, bytes | None]:
        """Return the value (None: none) of the NSEC RRset of each name that may need another one."""
        settled: dict[bytes, bytes | None] = {}
        for name, node in self._touched.items():
            if node.is_authoritative:
                settled[name] = self._value(name, node)
            elif NSEC in node.rrsets:
                settled[name] = None
            if node.is_authoritative != (NSEC in node.rrsets) and name != self._view.apex:
                before = self._first(self._view.before(name))
                settled[before] = self._value(before, self._touched.get(before) or self._view.node(before))
        return settled

    def _value(self, name: bytes, node: Node) -> bytes:
        types = node.types & AT_CUT_MAPPED if node.is_cut else node.types
        following = self._first(self._view.after(name))
        return pack_rrset(self._ttl, (parse_owner_key(following) + type_bitmap(types | NSEC_AND_RRSIG),))

    def _first(self, names: Iterator[bytes]) -> bytes:
        """Return the first of these names that is in the chain; the apex begins and ends it."""
        return next(filter(self._is_member, names), self._view.apex)

    def _is_member(self, name: bytes) -> bool:
        node = self._touched.get(name)
        return self._view.has(name, NSEC) if node is None else node.is_authoritative
