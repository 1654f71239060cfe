# SPDX-License-Identifier: Apache-2.0
"""Mandatory semantic checks of the names a change touches; whole zones pass the scanner's checks, which are the same.

RFC 1034 section 3.6.2 and RFC 2181 section 10.1 (CNAME), RFC 4034 sections 3 and 4 (what may stand beside it), RFC 6672
sections 2.3 and 2.4 (DNAME), RFC 4035 section 2.4 (DS), RFC 2181 section 6.1 (NS and SOA at the apex).
"""

from collections.abc import Iterable, Iterator, Mapping

from control.errors import ZoneInvalid
from control.store.contents import get_rrset, iterate_beneath, owner_pairs
from control.store.environment import Transaction
from control.store.keys import Pair, name_text, type_of_key
from control.store.zones import StoredZone

NS, CNAME, SOA, KEY, DNAME, DS, RRSIG, NSEC, NSEC3 = 2, 5, 6, 25, 39, 43, 46, 47, 50
BESIDE_CNAME = {CNAME, KEY, RRSIG, NSEC}
"""RFC 4035, section 2.5."""
BELOW_APEX_DNAME = {NSEC3, RRSIG}
"""Hashed names of a signed zone stand below the apex whatever the apex has (RFC 5155, section 3)."""


def check_owners(txn: Transaction, zone: StoredZone, owners: Iterable[bytes]) -> None:
    """Check what stands at, above and below `owners` (wire names) as the transaction sees it.

    Raises ZoneInvalid naming the owner and the rule.
    """
    check_apex(zone.apex, owner_pairs(txn, zone, zone.apex))
    for owner in owners:
        pairs = owner_pairs(txn, zone, owner)
        check_owner(zone.apex, owner, pairs)
        if pairs:
            _check_dnames(txn, zone, owner, {type_of_key(key) for key, _ in pairs})


def check_apex(apex: bytes, pairs: Iterable[Pair]) -> None:
    """Check that the apex has what makes a zone."""
    counts = _count_records(pairs)
    if SOA not in counts:
        raise _refusal(apex, apex, "missing SOA at the zone apex")
    if NS not in counts:
        raise _refusal(apex, apex, "missing NS at the zone apex")
    if DS in counts:
        raise _refusal(apex, apex, "DS record exists at the zone apex")


def check_owner(apex: bytes, owner: bytes, pairs: Iterable[Pair]) -> None:
    """Check where an owner is and its RRsets against each other."""
    counts = _count_records(pairs)
    if not _is_within(owner, apex):
        raise _refusal(apex, owner, "record exists outside the zone")
    for rtype, name in ((SOA, "SOA"), (CNAME, "CNAME"), (DNAME, "DNAME")):
        if counts.get(rtype, 0) > 1:
            raise _refusal(apex, owner, f"multiple {name} records")
    if CNAME in counts and not counts.keys() <= BESIDE_CNAME:
        raise _refusal(apex, owner, "another record exists beside CNAME")
    if owner != apex and DNAME in counts and NS in counts:
        raise _refusal(apex, owner, "NS record exists beside DNAME")
    if owner != apex and SOA in counts:
        raise _refusal(apex, owner, "SOA record exists outside the zone apex")


def _check_dnames(txn: Transaction, zone: StoredZone, owner: bytes, types: set[int]) -> None:
    """Nothing stands below a DNAME: neither this owner below another, nor another below this one."""
    for ancestor in _ancestors(owner, zone.apex):
        beyond = types - BELOW_APEX_DNAME if ancestor == zone.apex else types
        if beyond and get_rrset(txn, zone, ancestor, DNAME) is not None:
            raise _refusal(zone.apex, owner, f"record exists under DNAME {name_text(ancestor)}")
    if DNAME in types:
        allowed = BELOW_APEX_DNAME if owner == zone.apex else set()
        if any(type_of_key(key) not in allowed for key, _ in iterate_beneath(txn, zone, owner)):
            raise _refusal(zone.apex, owner, "child record exists under DNAME")


def _ancestors(name: bytes, apex: bytes) -> Iterator[bytes]:
    """Yield the names above `name` up to the apex, the apex included; none for the apex itself."""
    while name != apex:
        name = name[1 + name[0] :]
        yield name


def _is_within(name: bytes, apex: bytes) -> bool:
    """Tell whether a well-formed wire name is `apex` or beneath it."""
    while len(name) > len(apex):
        name = name[1 + name[0] :]
    return name == apex


def _count_records(pairs: Iterable[Pair]) -> Mapping[int, int]:
    """Return the number of records of each type."""
    return {type_of_key(key): int.from_bytes(value[4:6], "big") for key, value in pairs}


def _refusal(apex: bytes, owner: bytes, rule: str) -> ZoneInvalid:
    return ZoneInvalid(apex, f"{rule} ({name_text(owner)}); correct the records there and try again")
