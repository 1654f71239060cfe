# SPDX-License-Identifier: Apache-2.0
"""Where this server answers otherwise than a peer, and is right to: docs/differences.md gives the reason for each.

A rule takes the peer's reply one step towards ours if its precondition holds and returns None otherwise. A reply is
explained when rules make it equal; whatever no rule explains fails the test.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace

import dns.rcode

from tests.scenario.differential.questions import Question
from tests.scenario.differential.world import World, suffixes
from tests.support import ask

AFSDB, RT, KX, SVCB, HTTPS = 18, 21, 36, 64, 65
ADDRESSES = frozenset({1, 28})
COMPARED = ("rcode", "opcode", "flags", "question", "answer", "authority", "additional")

KNOT_ALIASES = 5
"""CNAME records that knotd follows."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two replies to one question."""

    question: Question
    world: World
    ours: ask.Reply
    theirs: ask.Reply


Rule = Callable[[Pair], ask.Reply | None]


def covered(record: ask.Record) -> int:
    """Return the type of a record, of a signature the type that it covers."""
    return int.from_bytes(record.data[:2], "big") if record.type == ask.RRSIG else record.type


def last_target(reply: ask.Reply, name: bytes) -> bytes | None:
    """Follow the aliases of a reply from a name; return the last target, None when there is no alias."""
    aliases = {record.owner: record.data for record in reply.answer if record.type == ask.CNAME}
    name, steps = name.lower(), 0
    while name in aliases and steps <= len(aliases):
        name, steps = aliases[name].lower(), steps + 1
    return name if steps else None


def is_part(theirs: ask.Reply, ours: ask.Reply) -> bool:
    """Return whether a reply says nothing that ours does not say."""
    return theirs.answer <= ours.answer and theirs.authority <= ours.authority and theirs.additional <= ours.additional


def takes_over(pair: Pair, *, even_flags: bool = False) -> ask.Reply:
    """Return the peer's reply with the contents of ours."""
    ours = pair.ours
    flags = ours.flags if even_flags else pair.theirs.flags
    return replace(
        pair.theirs,
        flags=flags, rcode=ours.rcode, answer=ours.answer, authority=ours.authority, additional=ours.additional,
    )  # fmt: skip


def has_zero(name: bytes) -> bool:
    """Return whether a label of a name has a zero octet."""
    return any(b"\0" in suffix[1 : 1 + suffix[0]] for suffix in suffixes(name))


def other_proofs(pair: Pair) -> frozenset[ask.Record] | None:
    """Return what differs in AUTHORITY when nothing else does and it is NSEC or NSEC3 records with their signatures."""
    if differs(pair.ours, pair.theirs) != ["authority"]:
        return None
    found = pair.theirs.authority ^ pair.ours.authority
    return found if all(covered(record) in (ask.NSEC, ask.NSEC3) for record in found) else None


def servers_in_authority(pair: Pair) -> ask.Reply | None:
    """The peer adds the zone's NS set to a positive answer, and the addresses of these servers."""
    theirs = pair.theirs
    extra = {record for record in theirs.authority - pair.ours.authority if covered(record) == ask.NS}
    owners = {record.owner for record in extra}
    if not extra or not theirs.answer or len(owners) != 1 or not owners <= pair.world.apexes:
        return None
    targets = {record.data.lower() for record in extra if record.type == ask.NS}
    added = {record for record in theirs.additional - pair.ours.additional if record.owner in targets}
    return replace(theirs, authority=theirs.authority - extra, additional=theirs.additional - added)


def wildcard_additional(pair: Pair) -> ask.Reply | None:
    """The peer puts addresses into ADDITIONAL that only a wildcard gives, with the proofs that this takes."""
    theirs = pair.theirs
    extra = {
        record
        for record in theirs.additional - pair.ours.additional
        if covered(record) in ADDRESSES and pair.world.is_synthesized(record.owner)
    }
    return replace(theirs, additional=theirs.additional - extra) if extra else None


def leaves_zone(pair: Pair) -> ask.Reply | None:
    """knotd does not follow an alias into another zone that it serves."""
    target = last_target(pair.theirs, pair.question.name)
    if target is None or pair.theirs.rcode or not is_part(pair.theirs, pair.ours):
        return None
    zone = pair.world.apex_of(target)
    before = {pair.world.apex_of(record.owner) for record in pair.theirs.answer}
    return takes_over(pair) if zone is not None and zone not in before else None


def follows_few(pair: Pair) -> ask.Reply | None:
    """knotd follows five aliases, nsd one that a growing DNAME makes; the resolver asks on."""
    aliases = sum(record.type == ask.CNAME for record in pair.theirs.answer)
    more = sum(record.type == ask.CNAME for record in pair.ours.answer) >= aliases
    is_cut_off = aliases >= KNOT_ALIASES or (aliases and pair.world.dname_above(pair.question.name))
    if not is_cut_off or not more or pair.theirs.rcode or not is_part(pair.theirs, pair.ours):
        return None
    target = last_target(pair.theirs, pair.question.name)
    return takes_over(pair) if target and target != last_target(pair.ours, pair.question.name) else None


def zero_octets(pair: Pair) -> ask.Reply | None:
    """The peer takes a zero octet in a label for the end of a label when it sorts names."""
    proofs = {record.owner for record in pair.ours.authority if record.type == ask.NSEC}
    is_near = any(map(has_zero, (pair.question.name, *proofs)))
    return takes_over(pair, even_flags=True) if is_near else None


def other_for_any(pair: Pair) -> ask.Reply | None:
    """Of the RRsets that could stand for ANY the peer takes another."""
    if pair.question.type != ask.ANY or pair.theirs.rcode or not pair.theirs.answer or not pair.ours.answer:
        return None
    owners = [{record.owner for record in reply.answer} for reply in (pair.ours, pair.theirs)]
    types = {covered(record) for record in pair.theirs.answer}
    return takes_over(pair) if owners[0] == owners[1] and len(types) == 1 else None


def stays_at_alias(pair: Pair) -> ask.Reply | None:
    """The peer does not follow an alias for a type of DNSSEC that is not there."""
    is_alias = any(record.type == ask.CNAME for record in pair.ours.answer)
    if pair.question.type not in (ask.RRSIG, ask.NSEC, ask.NSEC3) or not is_alias or pair.theirs.rcode:
        return None
    return takes_over(pair) if not any(covered(record) == ask.CNAME for record in pair.theirs.answer) else None


def some_signatures(pair: Pair) -> ask.Reply | None:
    """knotd answers RRSIG with the signatures of one RRset."""
    theirs = pair.theirs
    if pair.question.type != ask.RRSIG or not theirs.answer or theirs.rcode or not is_part(theirs, pair.ours):
        return None
    return takes_over(pair)


def wildcard_dname(pair: Pair) -> ask.Reply | None:
    """knotd gives a DNAME at a wildcard the owner that was asked for even below the wildcard itself."""
    owner = pair.world.dname_above(pair.question.name)
    return takes_over(pair, even_flags=True) if owner is not None and owner[:2] == b"\x01*" else None


def overflow_behind_alias(pair: Pair) -> ask.Reply | None:
    """knotd loses YXDOMAIN behind a CNAME."""
    is_lost = pair.ours.rcode == dns.rcode.YXDOMAIN and pair.theirs.rcode == dns.rcode.NXDOMAIN
    return takes_over(pair) if is_lost and pair.ours.answer == pair.theirs.answer else None


def glue_for_others(pair: Pair) -> ask.Reply | None:
    """knotd puts addresses below a cut into ADDITIONAL of an answer that is no referral."""
    theirs = pair.theirs
    extra = {record for record in theirs.additional - pair.ours.additional if pair.world.is_glue(record.owner)}
    is_answer = theirs.answer and not any(covered(record) == ask.NS for record in theirs.answer | theirs.authority)
    return replace(theirs, additional=theirs.additional - extra) if extra and is_answer else None


def more_additional(pair: Pair) -> ask.Reply | None:
    """nsd has additional data for the servers of AFSDB, RT and KX."""
    theirs = pair.theirs
    targets = {record.data[2:].lower() for record in theirs.answer if record.type in (AFSDB, RT, KX)}
    extra = {record for record in theirs.additional - pair.ours.additional if record.owner in targets}
    return replace(theirs, additional=theirs.additional - extra) if extra else None


def signatures_for_any(pair: Pair) -> ask.Reply | None:
    """knotd answers ANY with the signatures alone where a name has only types above RRSIG."""
    is_any = pair.question.type == ask.ANY and pair.ours.answer and pair.theirs.answer
    return takes_over(pair) if is_any and {record.type for record in pair.theirs.answer} == {ask.RRSIG} else None


def proof_behind_dname(pair: Pair) -> ask.Reply | None:
    """nsd proves the wrong name missing, or not enough, behind a DNAME."""
    proofs, owner = other_proofs(pair), pair.world.dname_above(pair.question.name)
    return takes_over(pair) if proofs and owner is not None else None


def asterisk_asked(pair: Pair) -> ask.Reply | None:
    """nsd proves the closest encloser as well when the name asked for is the wildcard itself."""
    proofs = other_proofs(pair)
    is_asterisk = pair.question.name.startswith(b"\x01*") and pair.question.name.lower() in pair.world.names
    return takes_over(pair) if proofs and is_asterisk and proofs <= pair.theirs.authority else None


def wildcard_proof(pair: Pair) -> ask.Reply | None:
    """The peer leaves out a part of the proof for a type that a wildcard does not have.

    knotd: the NSEC that shows a wildcard that is an empty non-terminal. nsd: the NSEC3 of the closest encloser.
    """
    proofs = other_proofs(pair)
    name = last_target(pair.ours, pair.question.name) or pair.question.name
    is_matched = pair.world.is_synthesized(name) and not pair.ours.rcode
    return takes_over(pair) if proofs and is_matched and proofs <= pair.ours.authority else None


def service_addresses(pair: Pair) -> ask.Reply | None:
    """nsd does not look for the addresses of the targets of SVCB and HTTPS."""
    missing = {record for record in pair.ours.additional - pair.theirs.additional if covered(record) in ADDRESSES}
    is_service = any(record.type in (SVCB, HTTPS) for record in pair.ours.answer)
    return replace(pair.theirs, additional=pair.theirs.additional | missing) if missing and is_service else None


def optout_encloser(pair: Pair) -> ask.Reply | None:
    """nsd does not look for the closest provable encloser above names that an opt-out span leaves out; we prove it."""
    proofs, name = other_proofs(pair), pair.question.name
    enclosers = pair.world.optout_encloser(name)
    if not proofs or enclosers is None:
        return None
    chain = pair.world.chains[pair.world.apex_of(name) or b""]
    provable, next_closer = map(chain.hash, enclosers)
    ours = [record for record in pair.ours.authority if record.type == ask.NSEC3]
    matches = any(record.owner[1:33] == provable for record in ours)
    spans = any(is_in_optout_span(record, next_closer) for record in ours)
    return takes_over(pair) if matches and spans else None


def is_in_optout_span(record: ask.Record, hashed: bytes) -> bool:
    """Return whether an NSEC3 record with opt-out covers a hash."""
    after = record.data[6 + record.data[4] :]
    start, end = record.owner[1:33], base64.b32hexencode(after).lower()[:32]
    inside = start < hashed < end if start < end else hashed > start or hashed < end
    return bool(record.data[1] & 1) and inside


def service_proof(pair: Pair) -> ask.Reply | None:
    """knotd proves in ADDITIONAL that the target of an SVCB or HTTPS alias has no such record of its own."""
    theirs = pair.theirs
    extra = theirs.additional - pair.ours.additional
    is_service = any(record.type in (SVCB, HTTPS) for record in pair.ours.answer)
    is_proof = all(covered(record) in (ask.NSEC, ask.NSEC3) for record in extra)
    return replace(theirs, additional=theirs.additional - extra) if extra and is_service and is_proof else None


RULES: dict[str, dict[str, Rule]] = {
    "knot": {
        "leaves-zone": leaves_zone,
        "follows-few": follows_few,
        "wildcard-additional": wildcard_additional,
        "stays-at-alias": stays_at_alias,
        "some-signatures": some_signatures,
        "wildcard-dname": wildcard_dname,
        "overflow-behind-alias": overflow_behind_alias,
        "glue-for-others": glue_for_others,
        "signatures-for-any": signatures_for_any,
        "wildcard-proof": wildcard_proof,
        "service-proof": service_proof,
        "zero-octets": zero_octets,
    },
    "nsd": {
        "servers-in-authority": servers_in_authority,
        "wildcard-additional": wildcard_additional,
        "follows-few": follows_few,
        "other-for-any": other_for_any,
        "more-additional": more_additional,
        "stays-at-alias": stays_at_alias,
        "proof-behind-dname": proof_behind_dname,
        "asterisk-asked": asterisk_asked,
        "wildcard-proof": wildcard_proof,
        "service-addresses": service_addresses,
        "optout-encloser": optout_encloser,
        "zero-octets": zero_octets,
    },
}


def differs(ours: ask.Reply, theirs: ask.Reply) -> list[str]:
    """Return the parts in which two replies differ; of EDNS its presence, version and flags are compared."""
    found = [part for part in COMPARED if getattr(ours, part) != getattr(theirs, part)]
    if _edns(ours) != _edns(theirs):
        found.append("edns")
    return found


def _edns(reply: ask.Reply) -> tuple[int, int] | None:
    return (reply.edns.version, reply.edns.flags) if reply.edns else None


def explain(peer: str, pair: Pair) -> tuple[str, ...] | None:
    """Return the rules that make the replies equal, none for equal ones; None when they do not."""
    used = []
    for name, rule in RULES[peer].items():
        if not differs(pair.ours, pair.theirs):
            break
        closer = rule(pair)
        if closer is not None:
            used.append(name)
            pair = replace(pair, theirs=closer)
    return None if differs(pair.ours, pair.theirs) else tuple(used)
