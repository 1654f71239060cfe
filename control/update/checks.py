# SPDX-License-Identifier: Apache-2.0
"""Mandatory semantic checks of the names a change touches; whole zones pass the scanner's checks, which are the same.

RFC 1034 section 3.6.2 and RFC 2181 section 10.1 (CNAME), RFC 4034 sections 3 and 4 (what may stand beside it), RFC 6672
sections 2.3 and 2.4 (DNAME), RFC 4035 section 2.4 (DS), RFC 2181 section 6.1 (SOA at the apex).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from control.conf.zone import DEFAULT_SETTINGS, ZoneSettings
from control.errors import ZoneInvalid
from control.store.contents import get_rrset, iterate_beneath, owner_pairs
from control.store.environment import Transaction
from control.store.keys import Pair, name_text, type_of_key
from control.store.zones import StoredZone

NS, CNAME, SOA, KEY, DNAME, DS, RRSIG, NSEC, NSEC3 = 2, 5, 6, 25, 39, 43, 46, 47, 50
BESIDE_CNAME = {CNAME, KEY, RRSIG, NSEC}
"""RFC 4035, section 2.5."""
NO_SOA = "missing SOA at the zone apex"
SOA_ELSEWHERE = "SOA record exists outside the zone apex"
OUTSIDE = "record exists outside the zone"
SINGLE = {SOA: "multiple SOA records", CNAME: "multiple CNAME records", DNAME: "multiple DNAME records"}
ESSENTIAL = {NO_SOA, SOA_ELSEWHERE, OUTSIDE, SINGLE[SOA]}
"""Rules without which there is no zone, whatever `semantic-checks` says."""
BELOW_APEX_DNAME = {NSEC3, RRSIG}
"""Hashed names of a signed zone stand below the apex whatever the apex has (RFC 5155, section 3)."""


class Problem(NamedTuple):
    """A rule that an owner (wire name) breaks."""

    owner: bytes
    rule: str


def check_owners(
    txn: Transaction, zone: StoredZone, owners: Iterable[bytes], settings: ZoneSettings = DEFAULT_SETTINGS
) -> tuple[str, ...]:
    """Check what stands at, above and below `owners` (wire names) as the transaction sees it.

    Raises ZoneInvalid naming the owner and the rule. With `semantic-checks: soft` only what leaves no zone to answer
    from is refused; the rest is returned as warnings.
    """
    problems = _find_problems(txn, zone, owners)
    if settings.semantic_checks == "soft":
        return _tolerate(zone.apex, problems)
    for problem in problems:
        raise _refusal(zone.apex, problem)
    return ()


def _find_problems(txn: Transaction, zone: StoredZone, owners: Iterable[bytes]) -> Iterator[Problem]:
    at_apex = owner_pairs(txn, zone, zone.apex)
    yield from find_apex_problems(zone.apex, at_apex)
    for owner in owners:
        pairs = at_apex if owner == zone.apex else owner_pairs(txn, zone, owner)
        yield from find_owner_problems(zone.apex, owner, pairs)
        if pairs:
            yield from _find_dname_problems(txn, zone, owner, {type_of_key(key) for key, _ in pairs})


def _tolerate(apex: bytes, problems: Iterable[Problem]) -> tuple[str, ...]:
    warnings = []
    for problem in problems:
        if problem.rule in ESSENTIAL:
            raise _refusal(apex, problem)
        warnings.append(f"check, node {name_text(problem.owner)}, {problem.rule}")
    return tuple(dict.fromkeys(warnings))


def find_apex_problems(apex: bytes, pairs: Iterable[Pair]) -> Iterator[Problem]:
    """Find what the apex lacks that makes a zone."""
    counts = _count_records(pairs)
    if SOA not in counts:
        yield Problem(apex, NO_SOA)
    if DS in counts:
        yield Problem(apex, "DS record exists at the zone apex")


def find_owner_problems(apex: bytes, owner: bytes, pairs: Iterable[Pair]) -> Iterator[Problem]:
    """Find what is wrong with the place of an owner and with its RRsets beside each other."""
    counts = _count_records(pairs)
    if not _is_within(owner, apex):
        yield Problem(owner, OUTSIDE)
    for rtype, rule in SINGLE.items():
        if counts.get(rtype, 0) > 1:
            yield Problem(owner, rule)
    if CNAME in counts and not counts.keys() <= BESIDE_CNAME:
        yield Problem(owner, "another record exists beside CNAME")
    if owner != apex and DNAME in counts and NS in counts:
        yield Problem(owner, "NS record exists beside DNAME")
    if owner != apex and SOA in counts:
        yield Problem(owner, SOA_ELSEWHERE)


def _find_dname_problems(txn: Transaction, zone: StoredZone, owner: bytes, types: set[int]) -> Iterator[Problem]:
    """Nothing stands below a DNAME: neither this owner below another, nor another below this one."""
    for ancestor in _ancestors(owner, zone.apex):
        beyond = types - BELOW_APEX_DNAME if ancestor == zone.apex else types
        if beyond and get_rrset(txn, zone, ancestor, DNAME) is not None:
            yield Problem(owner, f"record exists under DNAME {name_text(ancestor)}")
    if DNAME in types:
        allowed = BELOW_APEX_DNAME if owner == zone.apex else set()
        if any(type_of_key(key) not in allowed for key, _ in iterate_beneath(txn, zone, owner)):
            yield Problem(owner, "child record exists under DNAME")


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


def _refusal(apex: bytes, problem: Problem) -> ZoneInvalid:
    message = f"{problem.rule} ({name_text(problem.owner)}); correct the records there and try again"
    return ZoneInvalid(apex, message)
