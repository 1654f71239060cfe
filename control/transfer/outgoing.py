# SPDX-License-Identifier: Apache-2.0
"""The messages of outgoing zone transfers (AXFR: RFC 5936; IXFR: RFC 1995), made from one snapshot of the store.

Pure but for the snapshot: the transaction given to a function has to stay open as long as its messages are taken.
"""

from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import chain
from typing import NamedTuple

from control.errors import JournalDamaged
from control.store.changeset import Entry
from control.store.contents import get_rrset, iterate_chunks, zone_range
from control.store.environment import Transaction
from control.store.journal import (
    ChangesetHead,
    JournalState,
    damage_named,
    get_journal,
    iterate_additions,
    iterate_heads,
    iterate_removals,
)
from control.store.keys import TYPE_BYTES, Pair, rrset_key, zone_prefix
from control.store.zones import StoredZone
from control.update.serial import compare_serials, serial_of_soa
from pyxdp_dns.btree import StoreRange
from pyxdp_dns.pack import Messages, Packer, PackLimits

SOA = 6
QR, AA, TC, RD = 0x8000, 0x0400, 0x0200, 0x0100
CHUNK_PAIRS, CHUNK_BYTES = 1024, 256 << 10
"""Pairs of a journal packed at a time, and the octets from which fewer are."""
ALWAYS_INCREMENTAL_BYTES = 64 << 10
"""A history of fewer octets is sent however small the zone is."""


class ReplyForm(NamedTuple):
    """What the messages of a reply have in common."""

    id: bytes
    request_flags: int
    question: bytes
    """Wire form, as it was asked: the zone's name in any case."""
    opt: bytes = b""
    """The OPT record, if the request had one."""
    limits: PackLimits = PackLimits()


class Course(Enum):
    """How an IXFR request is answered."""

    CURRENT = "current"
    """The client has the version served, or a newer one: it gets the SOA."""
    INCREMENTAL = "incremental"
    FULL = "full"


class Plan(NamedTuple):
    """How an IXFR request is answered, and why in full."""

    course: Course
    reason: str = ""
    """In the words of the log."""
    journal: JournalState | None = None
    heads: tuple[ChangesetHead, ...] = ()
    """The changesets that lead to the zone's version, for an incremental reply."""


def plan_ixfr(txn: Transaction, zone: StoredZone, serial: int, *, provide: bool) -> Plan:
    """Decide about an IXFR request of a client that has `serial`; `provide` is `zone.provide-ixfr`.

    A history that is larger than the zone is not worth sending (RFC 1995, section 4).
    """
    if compare_serials(serial, zone.serial) in (0, 1):
        return Plan(Course.CURRENT)
    if not provide:
        return Plan(Course.FULL, "cannot provide")
    try:
        with damage_named(zone.apex):
            journal = get_journal(txn, zone.apex)
            heads = () if journal is None else tuple(iterate_heads(txn, journal, serial))
    except JournalDamaged:
        return damaged_plan(serial)
    if not heads or heads[-1].serial_to != zone.serial:
        return Plan(Course.FULL, f"incomplete history, serial {serial}")
    if sum(head.octets for head in heads) > max(zone.size, ALWAYS_INCREMENTAL_BYTES):
        return Plan(Course.FULL, f"history larger than the zone, serial {serial}")
    return Plan(Course.INCREMENTAL, "", journal, heads)


def damaged_plan(serial: int) -> Plan:
    """Return what is done for a client that has `serial` when the journal turns out to be damaged."""
    return Plan(Course.FULL, f"damaged journal, serial {serial}")


def axfr_messages(txn: Transaction, zone: StoredZone, form: ReplyForm) -> Iterator[Messages]:
    """Yield the messages of a whole zone, some at a time: the SOA first and last (RFC 5936, section 2.2).

    Raises ZoneRefused for a record that no message holds.
    """
    soa = _soa_pair(txn, zone)
    return _pack(form, chain([[soa]], _all_but(soa, txn, zone), [[soa]]))


def ixfr_messages(txn: Transaction, zone: StoredZone, plan: Plan, form: ReplyForm) -> Iterator[Messages]:
    """Yield the messages of an incremental reply, one difference sequence for each changeset (RFC 1995, section 4).

    Raises JournalDamaged, and ZoneRefused for a record that no message holds.
    """
    soa = _soa_pair(txn, zone)
    return _pack(form, chain([[soa]], _chunks(_history(txn, zone, plan)), [[soa]]))


def soa_message(txn: Transaction, zone: StoredZone, form: ReplyForm, most: int) -> bytes:
    """Return the reply with the zone's SOA alone, truncated when it has more than `most` octets."""
    (message,) = next(_pack(form, [[_soa_pair(txn, zone)]]))
    if len(message) <= most:
        return message
    return _head(form, TC, additional=bool(form.opt)) + form.opt


def soa_expire(txn: Transaction, zone: StoredZone) -> int:
    """Return the expire number of the zone's SOA, the last but one."""
    return int.from_bytes(_soa_pair(txn, zone)[1][-8:-4], "big")


def _head(form: ReplyForm, flags: int, *, additional: bool = False) -> bytes:
    flags |= QR | AA | form.request_flags & RD
    return form.id + flags.to_bytes(2, "big") + bytes((0, 1, 0, 0, 0, 0, 0, additional)) + form.question


def _pack(form: ReplyForm, parts: Iterable[list[Pair] | StoreRange]) -> Iterator[Messages]:
    packer = Packer(_head(form, 0), form.opt, form.limits)
    for part in parts:
        yield from packer.add(part) if isinstance(part, list) else packer.add_range(part)
    yield packer.finish()


def _all_but(pair: Pair, txn: Transaction, zone: StoredZone) -> Iterator[list[Pair] | StoreRange]:
    """Yield the contents of a zone without one of its first pairs."""
    ranges = zone_range(txn, zone, end=pair[0]), zone_range(txn, zone, pair[0] + b"\0")
    if None not in ranges:
        yield from filter(None, ranges)
        return
    chunks = iterate_chunks(txn, zone)
    yield [other for other in next(chunks) if other != pair]
    yield from chunks


def _soa_pair(txn: Transaction, zone: StoredZone) -> Pair:
    value = get_rrset(txn, zone, zone.apex, SOA)
    assert value is not None, "a stored zone has an SOA"
    return rrset_key(zone.zone_id, zone.apex, SOA), value


def _history(txn: Transaction, zone: StoredZone, plan: Plan) -> Iterator[Pair]:
    """Yield the difference sequences; a changeset that does not begin with the SOAs of its serials is damaged."""
    assert plan.journal is not None, "only an incremental plan has a history"
    with damage_named(zone.apex):
        for head in plan.heads:
            yield from _part(zone, iterate_removals(txn, plan.journal, head), head.serial_from)
            yield from _part(zone, iterate_additions(txn, plan.journal, head), head.serial_to)


def _part(zone: StoredZone, entries: Iterable[Entry], serial: int) -> Iterator[Pair]:
    prefix = zone_prefix(zone.zone_id)
    begins = True
    for owner, rtype, value in entries:
        if begins and (rtype != SOA or serial_of_soa(value) != serial):
            break
        begins = False
        yield prefix + owner + b"\0" + rtype.to_bytes(TYPE_BYTES, "big"), value
    if begins:
        raise ValueError(f"the changeset of serial {serial} lacks its SOA")


def _chunks(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    """Yield pairs some at a time, so that memory does not grow with the history."""
    chunk: list[Pair] = []
    octets = 0
    for pair in pairs:
        chunk.append(pair)
        octets += len(pair[1])
        if len(chunk) >= CHUNK_PAIRS or octets >= CHUNK_BYTES:
            yield chunk
            chunk, octets = [], 0
    if chunk:
        yield chunk
