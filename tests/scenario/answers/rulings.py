# SPDX-License-Identifier: Apache-2.0
"""The cases in which the reference servers do not agree, ruled one by one from the RFC text."""

from collections.abc import Callable
from dataclasses import dataclass

import dns.name
import dns.rdatatype
import dns.zone

from tests.scenario.answers.dataset import Answer, Case
from tests.support import ask

FOLLOWED = 21
"""Synthesised CNAME records in one answer: XD_CHAIN_MAX aliases are followed, the next one is only told."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """What is right for some cases, why, and the answer that follows."""

    reason: str
    cases: frozenset[int]
    expected: Callable[[Case], Answer]


def _as(server: str) -> Callable[[Case], Answer]:
    def expected(case: Case) -> Answer:
        return case.answers[server].without_apex_servers(ask.name_wire(case.apex))

    return expected


def _grown(case: Case) -> Answer:
    """Follow the DNAME of the apex, by text: each name synthesised is below the DNAME again, and longer."""
    zone = dns.zone.from_text(case.zone, origin=case.apex, relativize=False, check_origin=False)
    apex = dns.name.from_text(case.apex)
    rdataset = zone.find_rdataset(apex, dns.rdatatype.DNAME)
    target = rdataset[0].target
    records = {ask.Record(ask.name_wire(apex), ask.DNAME, ask.IN, rdataset.ttl, ask.name_wire(target))}
    name, rcode = dns.name.from_text(case.qname), "NOERROR"
    for _ in range(FOLLOWED):
        prefix = name.relativize(apex)
        try:
            grown = prefix.derelativize(target)
        except dns.name.NameTooLong:
            rcode = "YXDOMAIN"
            break
        records.add(ask.Record(ask.name_wire(name), ask.CNAME, ask.IN, rdataset.ttl, ask.name_wire(grown)))
        name = grown
    return Answer(rcode, True, frozenset(records), frozenset(), frozenset())


RULINGS = (
    Ruling(
        "A DNAME whose target is below it: RFC 6672, section 3.2, step 3c, starts again with each name synthesised, "
        "and each is below the DNAME again. A server has to stop somewhere: BIND where the message is full, Knot after "
        "five, NSD after the first; PowerDNS fails. This server follows XD_CHAIN_MAX aliases; each record told is "
        "right. Where the name outgrows 255 octets before, RFC 6672, section 2.2, wants YXDOMAIN, as BIND has it.",
        frozenset({51, 63, 181, 186, 198, 506, 526, 563, 1303, 1311, 2471, 2473, 2478, 2673, 4176, 4383, 4788, 6568}),
        _grown,
    ),
    Ruling(
        "A DNAME that leads to itself: the name synthesised is the one asked for. The data is as configured and "
        "RFC 1034, section 3.6.2, leaves it to the resolver to notice the loop: no reason for PowerDNS's SERVFAIL.",
        frozenset({548, 561, 1346}),
        _as("nsd"),
    ),
    Ruling(
        "CNAME asked for at a name that a wildcard CNAME covers: the CNAME matches QTYPE and nothing is followed "
        "(RFC 1034, section 4.3.2, step 3a). PowerDNS fails for the loop at another name of the zone.",
        frozenset({343}),
        _as("nsd"),
    ),
    Ruling(
        "An ordinary referral, QNAME at the cut (RFC 1034, section 4.3.2, step 3b): Knot had not loaded the zone.",
        frozenset({8641}),
        _as("nsd"),
    ),
)


def ruling(case: Case) -> Ruling | None:
    """Return the ruling for a case; None where none is needed."""
    return next((each for each in RULINGS if case.id in each.cases), None)
