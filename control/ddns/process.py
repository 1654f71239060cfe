# SPDX-License-Identifier: Apache-2.0
"""What an UPDATE message makes of a zone (RFC 2136, section 3). Pure: over a view of the zone, nothing is written.

Where the RFC leaves a choice or is silent:
- an added CNAME beside other data, or other data beside a CNAME, is left out silently (3.4.2.2); KEY, RRSIG and NSEC
  may stand beside a CNAME (RFC 4035, section 2.5);
- an added record gives its TTL to its RRset, also when the record is there already (RFC 2181, section 5.2);
- an added CNAME, DNAME or SOA takes the place of the one there;
- NSEC3PARAM is of the apex only, and the first one stays.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from control.ddns.message import (
    ANY,
    ANY_TYPE,
    IN,
    SOA,
    Rcode,
    Update,
    UpdateRecord,
    UpdateRefused,
    check_change,
    check_prerequisite,
)
from control.store.keys import (
    COUNT_MAX,
    RRsetChange,
    name_text,
    pack_typed,
    rrset_key,
    type_of_key,
    unpack_rdatas,
    unpack_ttl,
)
from control.update.checks import BESIDE_CNAME, CNAME, DNAME, NS
from control.update.serial import SOA_NUMBERS_BYTES, compare_serials

NSEC3PARAM = 51
SINGLE = frozenset((CNAME, DNAME))
ESSENTIAL = frozenset((SOA, NS))
"""Types of the apex that no deletion takes away (sections 3.4.2.3 and 3.4.2.4)."""
TTL_MAX = 0x7FFFFFFF


class RRsetData(NamedTuple):
    """What an owner has of a type."""

    ttl: int
    rdatas: tuple[bytes, ...]


Node = Mapping[int, RRsetData]
"""The RRsets of an owner by type; never changed, only replaced. Empty: the name is not in use (section 2.4.4)."""


def node_of(pairs: Iterable[tuple[bytes, bytes]]) -> Node:
    """Return a node from the pairs the store has of an owner."""
    return {type_of_key(key): RRsetData(unpack_ttl(value), unpack_rdatas(value)) for key, value in pairs}


class Overlay:
    """A zone as it would be after the messages so far. `read` gives the node of an owner in the zone as it is."""

    def __init__(self, apex: bytes, read: Callable[[bytes], Node]) -> None:
        self.apex = apex
        self._read = read
        self._base: dict[bytes, Node] = {}
        self._nodes: dict[bytes, Node] = {}

    def node(self, owner: bytes) -> Node:
        """Return what an owner has now."""
        node = self._nodes.get(owner)
        if node is None:
            node = self._nodes[owner] = self._base[owner] = self._read(owner)
        return node

    def take(self, nodes: Mapping[bytes, Node]) -> None:
        """Replace nodes that were looked at before."""
        self._nodes.update(nodes)

    def changes(self, zone_id: int) -> list[RRsetChange]:
        """Return how the zone differs from what it was."""
        return [
            RRsetChange(rrset_key(zone_id, owner, rtype), None, _packed(rtype, node.get(rtype)))
            for owner, node in self._nodes.items()
            if node is not (base := self._base[owner])
            for rtype in base.keys() | node.keys()
            if base.get(rtype) != node.get(rtype)
        ]


def apply_update(overlay: Overlay, update: Update) -> None:
    """Do what a message asks for, as a whole or, with UpdateRefused, not at all."""
    check_prerequisites(overlay, update)
    for record in update.changes:
        check_change(record, update.zone)
    draft = _Draft(overlay)
    for record in update.changes:
        draft.change(record)
    overlay.take(draft.nodes)


def check_prerequisites(overlay: Overlay, update: Update) -> None:
    """Test the prerequisites in their order (section 3.2.5). Raises UpdateRefused."""
    wanted: dict[tuple[bytes, int], set[bytes]] = {}
    for record in update.prerequisites:
        check_prerequisite(record, update.zone)
        if record.rclass == IN:
            wanted.setdefault((record.owner, record.rtype), set()).add(record.rdata)
        else:
            _check_existence(overlay.node(record.owner), record)
    for (owner, rtype), rdatas in wanted.items():
        found = overlay.node(owner).get(rtype)
        if found is None or set(found.rdatas) != rdatas:
            raise unmet(Rcode.NXRRSET, owner, rtype)


def _check_existence(node: Node, record: UpdateRecord) -> None:
    """Sections 3.2.1 to 3.2.4, those without a value."""
    is_there = bool(node) if record.rtype == ANY_TYPE else record.rtype in node
    if is_there == (record.rclass == ANY):
        return
    if record.rtype == ANY_TYPE:
        raise unmet(Rcode.YXDOMAIN if is_there else Rcode.NXDOMAIN, record.owner)
    raise unmet(Rcode.YXRRSET if is_there else Rcode.NXRRSET, record.owner, record.rtype)


class PrerequisiteUnmet(UpdateRefused):
    """The zone is not as the client wants it: `what` names a name, and a type where one is meant."""

    def __init__(self, rcode: Rcode, what: str) -> None:
        super().__init__(rcode, f"{what} ({rcode.name})")


def unmet(rcode: Rcode, owner: bytes, rtype: int | None = None) -> PrerequisiteUnmet:
    """Return the refusal over a prerequisite."""
    name = name_text(owner)
    if rtype is None:
        return PrerequisiteUnmet(rcode, f"name {name}")
    from pyxdp_dns.text import type_text

    return PrerequisiteUnmet(rcode, f"RRset {name} {type_text(rtype)}")


class _Draft:
    """The nodes a message changes."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay
        self.nodes: dict[bytes, Node] = {}

    def change(self, record: UpdateRecord) -> None:
        """Carry out one record of the update section (section 3.4.2)."""
        owner = record.owner
        node = self.nodes.get(owner)
        if node is None:
            node = self._overlay.node(owner)
        is_apex = owner == self._overlay.apex
        if record.rclass == IN:
            changed = _add(node, record, is_apex)
        elif record.rclass == ANY:
            changed = _delete(node, record.rtype, is_apex)
        else:
            changed = _delete_record(node, record, is_apex)
        if changed is not node:
            self.nodes[owner] = changed


def _add(node: Node, record: UpdateRecord, is_apex: bool) -> Node:
    """Section 3.4.2.2."""
    rtype, found = record.rtype, node.get(record.rtype)
    if not _may_add(node, record, is_apex):
        return node
    ttl = record.ttl if record.ttl <= TTL_MAX else 0  # RFC 2181, section 8
    if found is None or rtype in SINGLE or rtype == SOA:
        return {**node, rtype: RRsetData(ttl, (record.rdata,))}
    if record.rdata in found.rdatas:
        return node if found.ttl == ttl else {**node, rtype: RRsetData(ttl, found.rdatas)}
    if len(found.rdatas) == COUNT_MAX:
        raise UpdateRefused(Rcode.REFUSED, f"an RRset of more than {COUNT_MAX} records")
    return {**node, rtype: RRsetData(ttl, (*found.rdatas, record.rdata))}


def _may_add(node: Node, record: UpdateRecord, is_apex: bool) -> bool:
    """Tell whether a record is added, not left out. Raises UpdateRefused."""
    rtype = record.rtype
    if rtype == SOA:
        return is_apex and (SOA not in node or _is_greater(record.rdata, node[SOA].rdatas[0]))
    if rtype == CNAME:
        return node.keys() <= BESIDE_CNAME
    if rtype == NSEC3PARAM:
        if not is_apex:
            raise UpdateRefused(Rcode.REFUSED, "NSEC3PARAM outside the zone apex")
        return NSEC3PARAM not in node or node[NSEC3PARAM].rdatas == (record.rdata,)
    return CNAME not in node or rtype in BESIDE_CNAME


def _is_greater(rdata: bytes, current: bytes) -> bool:
    numbers = [int.from_bytes(soa[-SOA_NUMBERS_BYTES:][:4], "big") for soa in (current, rdata)]
    return compare_serials(*numbers) == -1


def _delete(node: Node, rtype: int, is_apex: bool) -> Node:
    """Section 3.4.2.3."""
    if rtype == ANY_TYPE:
        return {kept: node[kept] for kept in node if is_apex and kept in ESSENTIAL}
    if rtype not in node or (is_apex and rtype in ESSENTIAL):
        return node
    return {kept: node[kept] for kept in node if kept != rtype}


def _delete_record(node: Node, record: UpdateRecord, is_apex: bool) -> Node:
    """Section 3.4.2.4."""
    rtype = record.rtype
    found = node.get(rtype)
    if found is None or record.rdata not in found.rdatas or (is_apex and rtype == SOA):
        return node
    left = tuple(rdata for rdata in found.rdatas if rdata != record.rdata)
    if left:
        return {**node, rtype: RRsetData(found.ttl, left)}
    return node if is_apex and rtype == NS else {kept: node[kept] for kept in node if kept != rtype}


def _packed(rtype: int, data: RRsetData | None) -> bytes | None:
    return None if data is None else pack_typed(rtype, data.ttl, data.rdatas)
