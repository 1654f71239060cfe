# SPDX-License-Identifier: Apache-2.0
"""The names of a zone as a transaction sees it: what stands at them, and for which of them the zone has authority.

A name is the owner part of a store key (control/store/keys.py) here: names above it begin it, and octet order is
canonical order.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from control.store.environment import Transaction
from control.store.keys import TYPE_BYTES, owner_key, owner_of_key, type_of_key, zone_prefix
from control.store.zones import StoredZone

NS, DNAME, DS, RRSIG, NSEC, NSEC3 = 2, 39, 43, 46, 47, 50
OF_SIGNING = frozenset((RRSIG, NSEC, NSEC3))
"""Types that say nothing of their own: they follow from the others."""
AT_CUT = frozenset((DS, NSEC))
"""What is signed at a zone cut (RFC 4035, section 2.2)."""


class Node(NamedTuple):
    """A name: its RRsets by type, and its place."""

    rrsets: Mapping[int, bytes]
    is_cut: bool
    """It is delegated to another zone; the apex is not."""
    is_occluded: bool
    """It is beneath a zone cut or a DNAME."""

    @property
    def types(self) -> frozenset[int]:
        """The types that are there for their own sake."""
        return frozenset(self.rrsets.keys() - OF_SIGNING)

    @property
    def is_authoritative(self) -> bool:
        """Whether the zone says something of the name, if only that it is delegated."""
        return not self.is_occluded and bool(self.types)

    @property
    def is_insecure_cut(self) -> bool:
        """Whether it is delegated to a zone without DS."""
        return self.is_cut and DS not in self.rrsets

    def signed_types(self) -> list[int]:
        """Return the types whose RRsets are signed, in ascending order; a hashed name is never beneath anything."""
        if self.is_occluded:
            return []
        return sorted(rtype for rtype in self.rrsets if rtype != RRSIG and (rtype in AT_CUT or not self.is_cut))


class ZoneView:
    """The names of one zone in one transaction, which may write meanwhile."""

    def __init__(self, txn: Transaction, zone: StoredZone) -> None:
        self.txn, self.zone = txn, zone
        self.apex = owner_key(zone.apex)
        self._prefix = zone_prefix(zone.zone_id)

    def key(self, name: bytes, rtype: int) -> bytes:
        """Return the key of an RRset."""
        return self._prefix + name + b"\0" + rtype.to_bytes(TYPE_BYTES, "big")

    def value(self, name: bytes, rtype: int) -> bytes | None:
        """Return the value of an RRset, or None."""
        return self.txn.get(self.txn.contents, self.key(name, rtype))

    def has(self, name: bytes, rtype: int) -> bool:
        """Tell whether there is an RRset."""
        return self.value(name, rtype) is not None

    def node(self, name: bytes) -> Node:
        """Return what stands at a name."""
        prefix = self._prefix + name + b"\0"
        rrsets: dict[int, bytes] = {}
        with self.txn.cursor(self.txn.contents) as cursor:
            found = cursor.set_range(prefix)
            while found and (key := cursor.key()).startswith(prefix):
                rrsets[type_of_key(key)] = cursor.value()
                found = cursor.next()
        return Node(rrsets, name != self.apex and NS in rrsets, self.is_occluded(name))

    def ancestors(self, name: bytes) -> Iterator[bytes]:
        """Yield the names above a name, the nearest first, the apex last."""
        while name != self.apex:
            name = name[: name.rfind(b"\0", 0, -1) + 1]
            yield name

    def is_occluded(self, name: bytes) -> bool:
        """Tell whether a name is beneath a zone cut or a DNAME (RFC 4035, section 2.2; RFC 6672, section 5.3.4)."""
        return any(
            self.has(above, DNAME) or (above != self.apex and self.has(above, NS)) for above in self.ancestors(name)
        )

    def beneath(self, name: bytes) -> Iterator[bytes]:
        """Yield the names beneath a name that have RRsets, in canonical order."""
        return self.after(name, within=name)

    def after(self, name: bytes, within: bytes | None = None) -> Iterator[bytes]:
        """Yield the names with RRsets behind a name, in canonical order; only those beneath `within` when it is given.

        What is written meanwhile may or may not be seen.
        """
        begin = self._prefix if within is None else self._prefix + within
        with self.txn.cursor(self.txn.contents) as cursor:
            found = cursor.set_range(self._prefix + name + b"\1")
            while found and (key := cursor.key()).startswith(begin):
                other = owner_of_key(key)
                yield other
                found = cursor.set_range(self._prefix + other + b"\0\xff\xff\xff")

    def before(self, name: bytes) -> Iterator[bytes]:
        """Yield the names with RRsets before a name, the nearest first."""
        with self.txn.cursor(self.txn.contents) as cursor:
            while cursor.prev() if cursor.set_range(self._prefix + name + b"\0") else cursor.last():
                key = cursor.key()
                if not key.startswith(self._prefix):
                    return
                name = owner_of_key(key)
                yield name
