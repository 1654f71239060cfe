# SPDX-License-Identifier: Apache-2.0
"""Semantic checks of a zone file that was read, with the severity that `zone.semantic-checks` gives them.

`off`: the mandatory rules. `on`: the extra ones too, which never keep a zone from being served. `soft`: the mandatory
ones, of which only those about the SOA refuse the zone.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from control.conf.zone import ZoneSettings
from control.log import ERROR, NOTICE, WARNING
from control.store.keys import Pair, name_text, type_of_key, unpack_rdatas
from control.zonefile.rows import leading_owner

if TYPE_CHECKING:
    from pyxdp_dns.scan import Finding, Findings, ScannedZone

DNSKEY, NSEC3PARAM, CDS, CDNSKEY = 48, 51, 59, 60
DIGESTS = {1: "sha1", 2: "sha256", 4: "sha384"}
NSEC3_HASH_SHA1 = 1
NSEC3_FLAGS = 1
DELETE_CDS = b"\0\0\0\0\0"
DELETE_CDNSKEY = b"\0\0\3\0\0"
"""RFC 8078, section 4."""


class Problem(NamedTuple):
    """A finding about an owner (presentation form) and how grave it is: a severity of `control.log`."""

    level: int
    owner: str
    text: str

    def __str__(self) -> str:
        return f"check, node {self.owner}, {self.text}"


def check_scanned(scanned: "ScannedZone", apex: bytes, settings: ZoneSettings) -> tuple[Problem, ...]:
    """Check a zone that was read, and return what is to be logged of it, none of it an error.

    Raises ZoneCheckError with all that refuses the zone; `find_problems` has what else there is to say then.
    """
    from pyxdp_dns.scan import Severity

    found = scanned.find_problems(apex, extra=settings.semantic_checks == "on")
    if found.items:
        least = Severity.ESSENTIAL if settings.semantic_checks == "soft" else Severity.MANDATORY
        found.refuse(name_text(apex), least)
    return _problems(found, scanned, apex, settings)


def find_problems(scanned: "ScannedZone", apex: bytes, settings: ZoneSettings) -> tuple[Problem, ...]:
    """Return all findings of a zone that was read."""
    return _problems(scanned.find_problems(apex, extra=settings.semantic_checks == "on"), scanned, apex, settings)


def _problems(found: "Findings", scanned: "ScannedZone", apex: bytes, settings: ZoneSettings) -> tuple[Problem, ...]:
    problems = [Problem(_level(item, settings), item.owner, item.text) for item in found.items]
    if settings.semantic_checks == "on":
        problems += (
            Problem(WARNING, name_text(apex), text) for text in find_apex_problems(apex, leading_owner(scanned))
        )
    return tuple(problems)


def find_apex_problems(apex: bytes, pairs: Iterable[Pair]) -> Iterator[str]:
    """Yield what is wrong with NSEC3PARAM, CDS and CDNSKEY among the pairs of the apex."""
    rdatas = {type_of_key(key): unpack_rdatas(value) for key, value in pairs}
    for rdata in rdatas.get(NSEC3PARAM, ()):
        if rdata[0] != NSEC3_HASH_SHA1:
            yield "invalid algorithm in NSEC3PARAM"
        if rdata[1] & ~NSEC3_FLAGS:
            yield "invalid flags in NSEC3PARAM"
    yield from _check_child_keys(apex, rdatas.get(DNSKEY, ()), rdatas.get(CDNSKEY, ()), rdatas.get(CDS, ()))


def _check_child_keys(
    apex: bytes, dnskeys: tuple[bytes, ...], cdnskeys: tuple[bytes, ...], cdses: tuple[bytes, ...]
) -> Iterator[str]:
    """CDNSKEY are keys of the zone, and CDS are made of CDNSKEY, one of each (RFC 7344, section 4; RFC 8078)."""
    if cdses and not cdnskeys:
        yield "missing CDNSKEY"
    if cdnskeys and not cdses:
        yield "missing CDS"
    keys = [key for key in cdnskeys if key != DELETE_CDNSKEY]
    if keys and not dnskeys:
        yield "missing DNSKEY"
    elif not set(keys) <= set(dnskeys):
        yield "CDNSKEY not match DNSKEY"
    made = [cds for cds in cdses if cds != DELETE_CDS]
    if cdnskeys and not all(any(_is_made_of(cds, apex, key) for key in keys) for cds in made):
        yield "CDS not match CDNSKEY"
    has_both = (len(keys) < len(cdnskeys) and len(cdnskeys) > 1) or (len(made) < len(cdses) and len(cdses) > 1)
    if has_both or (cdses and cdnskeys and (not keys) != (not made)):
        yield "invalid CDNSKEY/CDS for DNSSEC delete algorithm"


def _is_made_of(cds: bytes, apex: bytes, key: bytes) -> bool:
    """Tell whether a CDS is the digest of a key; of an algorithm that is not known it may be."""
    name = DIGESTS.get(cds[3])
    if name is None:
        return True
    return cds[2] == key[3] and cds[4:] == hashlib.new(name, apex + key, usedforsecurity=False).digest()


def _level(finding: "Finding", settings: ZoneSettings) -> int:
    from pyxdp_dns.scan import Severity

    if finding.severity is Severity.ESSENTIAL:
        return ERROR
    if settings.semantic_checks == "soft":
        return NOTICE
    return ERROR if finding.severity is Severity.MANDATORY else WARNING
