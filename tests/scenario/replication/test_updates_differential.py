# SPDX-License-Identifier: Apache-2.0
"""The same updates to knotd, to named and to our processing: RCODE and resulting zone, differences ruled one by one."""

from collections.abc import Iterator

import pytest

from tests.support import update_peers
from tests.support.update_cases import by_hand, generated
from tests.support.update_peers import Seen, observe, zone_name
from tests.support.updated import updated_zones
from tests.support.updates import Case, build

RANDOM = 300
CASES = [*by_hand(), *generated(RANDOM)]

FORMAT = "RFC 2136, section 3.4.1.3: format errors are found before anything is changed"
TYPES = "RFC 2136, section 3.4.1.3: no record has a type of questions (RFC 6895, section 3.1: 128 to 255, and 0)"
CRASH = "knotd 3.2.6 dies of it"
GLUE = "named refuses NS of the apex without addresses; nothing in RFC 2136 asks for them"
SIGNED = "named manages records of DNSSEC itself; to a zone that is not signed here they are data, as with knotd"
ANY_CLASS = "RFC 2136, section 2.4.2, has no value of such a type: FORMERR as with knotd"

OF_KNOT = {
    "add-same-other-ttl": "RFC 2136, section 3.4.2.2: a record that is there is replaced, with its TTL",
    "cname-beside-rrsig": "RFC 4035, section 2.5: KEY may stand beside CNAME",
    "dname-replaces": CRASH,
    "two-dnames": CRASH,
    "sec-nsec3": CRASH,
    "ns-beside-dname": "RFC 6672, section 2.3: no NS beside DNAME beneath the apex",
    "soa-twice-down": "RFC 2136, section 3.4.2.2: the serial is compared with what the records before it have made",
    "form-any-ttl": FORMAT,
    "form-any-any-ttl": FORMAT,
    "form-after-change": FORMAT,
    "form-add-maila": TYPES,
    "form-add-mailb": TYPES,
    "form-add-type-0": TYPES,
    "form-add-type-meta": TYPES,
    "sec-ds-apex": "RFC 4035, section 2.4: no DS at the apex",
}

OF_NAMED = {
    "pre-value-twice": "RFC 2136, section 3.2.5, compares sets: a record twice in it is one",
    "pre-value-any": ANY_CLASS,
    "pre-value-axfr": ANY_CLASS,
    "dname-beside-cut": OF_KNOT["ns-beside-dname"],
    "ns-beside-dname": OF_KNOT["ns-beside-dname"],
    "dname-above-data": "RFC 6672, section 2.4: nothing stands beneath a DNAME",
    "dname-above-data-and-more": "RFC 6672, section 2.4: nothing stands beneath a DNAME",
    "data-beneath-dname": "RFC 6672, section 2.4: nothing stands beneath a DNAME",
    "data-beneath-dname-and-more": "RFC 6672, section 2.4: nothing stands beneath a DNAME",
    "data-deep-beneath-dname": "RFC 6672, section 2.4: nothing stands beneath a DNAME",
    "dname-then-data-beneath": "RFC 6672, section 2.4: nothing stands beneath a DNAME",
    "delete-record-empty": "RFC 2136, section 3.4.1.3, does not look at the data: nothing is like it, as with knotd",
    "soa-undefined": "RFC 1982: not greater, so the SOA is left out as every other that is not",
    "ns-add": GLUE,
    "ns-exchange": GLUE,
    "ns-exchange-first-delete": GLUE,
    "ns-delete-rrset-then-add": GLUE,
    "ns-add-then-delete-all": GLUE,
    "ns-ttl": GLUE,
    "sec-rrsig": SIGNED,
    "sec-nsec": SIGNED,
    "sec-nsec3": SIGNED,
    "sec-nsec3param": SIGNED,
    "sec-nsec3param-elsewhere": "RFC 5155, section 4: NSEC3PARAM is of the apex",
    "sec-two-nsec3params": SIGNED,
    "sec-dnskey": SIGNED,
    "sec-dnskey-elsewhere": SIGNED,
    "sec-cds": SIGNED,
    "sec-cdnskey": SIGNED,
    "sec-delete-rrsig": SIGNED,
    "sec-delete-nsec": SIGNED,
    "sec-rrsig-and-more": SIGNED,
    "sec-ds-no-cut": "named leaves DS without NS out; as knotd we take it, the NS may follow",
    "sec-ds-apex": "named leaves DS of the apex out silently; as a whole the message is refused here",
}


@pytest.fixture(scope="module")
def ours() -> list[Seen]:
    """What our processing makes of the cases."""
    found = []
    with updated_zones() as zones:
        for number, case in enumerate(CASES):
            name = zone_name(number)
            apex = zones.load(name)
            (rcode,) = zones.send(apex, build(name, case.prerequisites, case.changes))
            found.append(Seen(rcode, zones.records(apex)))
    return found


@pytest.fixture(scope="module")
def knot(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """What knotd makes of them."""
    return list(observe(update_peers.knot, CASES, tmp_path_factory.mktemp("knot")))


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> list[Seen]:
    """What named makes of them."""
    return list(observe(update_peers.named, CASES, tmp_path_factory.mktemp("named")))


def _hand_written(ours: list[Seen], theirs: list[Seen]) -> Iterator[str]:
    for case, own, other in zip(CASES, ours, theirs, strict=True):
        if own != other and not case.name.startswith("random-"):
            yield case.name


@pytest.mark.peer("knotd")
def test_updates_as_with_knotd(ours: list[Seen], knot: list[Seen]) -> None:
    """Every case by hand ends as with knotd but for those ruled otherwise, and each of these rulings is needed."""
    assert set(_hand_written(ours, knot)) == set(OF_KNOT)


@pytest.mark.peer("named")
def test_updates_as_with_named(ours: list[Seen], named: list[Seen]) -> None:
    """Every case by hand ends as with named but for those ruled otherwise, and each of these rulings is needed."""
    assert set(_hand_written(ours, named)) == set(OF_NAMED)


@pytest.mark.peer("knotd", "named")
def test_random_updates_as_with_one_of_them(ours: list[Seen], knot: list[Seen], named: list[Seen]) -> None:
    """Where knotd and named differ one of the rulings above applies, and ours is one of both.

    NS beside the DNAME is what both take and we do not.
    """
    strange = [
        (case, own)
        for case, own, *theirs in zip(CASES, ours, knot, named, strict=True)
        if case.name.startswith("random-") and own not in theirs and not _adds_ns_beside_dname(case)
    ]
    assert not strange


def _adds_ns_beside_dname(case: Case) -> bool:
    return any(change.startswith("tree") and " IN NS " in change for change in case.changes)
