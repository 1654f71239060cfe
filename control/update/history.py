# SPDX-License-Identifier: Apache-2.0
"""A zone's journal as text, for `zone-journal` and xdpdns-journalprint, and its check."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from control.store.changeset import Entry
from control.store.environment import Transaction
from control.store.journal import (
    ChangesetHead,
    JournalState,
    iterate_additions,
    iterate_heads,
    iterate_removals,
)
from control.store.keys import TYPE_BYTES, ZONE_ID_BYTES, Pair
from control.update.serial import serial_of_soa
from control.zonefile.rows import iterate_rows

SOA = 6
OWNER_COLUMNS = 20


def select_heads(
    txn: Transaction, state: JournalState, serial: int | None = None, limit: int | None = None
) -> list[ChangesetHead]:
    """Return the heads of the changesets from a serial on, of those the newest `limit`."""
    heads = list(iterate_heads(txn, state, serial))
    return heads if limit is None else heads[max(0, len(heads) - limit) :]


def changeset_lines(txn: Transaction, state: JournalState, head: ChangesetHead, number: int) -> Iterator[str]:
    """Yield a changeset as text: what it removes and what it adds, the SOA first."""
    span = f"{head.serial_from} -> {head.serial_to}"
    kind = "Merged changes" if head.merged else "Changes"
    yield f";; {kind} between zone versions: {span}, changeset: {number}, timestamp: {head.timestamp_s}"
    yield ";; Removed"
    yield from record_lines(iterate_removals(txn, state, head))
    yield ";; Added"
    yield from record_lines(iterate_additions(txn, state, head))


def record_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Yield the records of changeset entries, one a line."""
    for rows in iterate_rows(map(_pair, entries)):
        for row in rows:
            yield f"{row.owner:<{OWNER_COLUMNS}}\t{row.ttl}\t{row.type}\t{row.data}"


def summary_line(txn: Transaction, state: JournalState, head: ChangesetHead, now_s: int) -> str:
    """Return one changeset in numbers, and the types of records in it."""
    types: dict[str, None] = {}
    for part in (iterate_removals(txn, state, head), iterate_additions(txn, state, head)):
        for rows in iterate_rows(map(_pair, part)):
            types.update(dict.fromkeys(row.type for row in rows if row.type != "SOA"))
    numbers = f"---: {head.removed}\t  +++: {head.added}\t size: {head.octets}\t timestamp: {head.timestamp_s - now_s}s"
    merged = " merged" if head.merged else ""
    return f"{head.serial_from} -> {head.serial_to}  {numbers}\t {' '.join(types)}{merged}"


def find_faults(txn: Transaction, state: JournalState) -> Iterator[str]:
    """Yield what is wrong with a journal: a broken chain, wrong sums, changesets with the wrong SOA."""
    heads = list(iterate_heads(txn, state))
    if len(heads) != state.depth:
        yield f"{len(heads)} changesets, {state.depth} expected"
    for before, after in pairwise(heads):
        if before.serial_to != after.serial_from:
            yield f"changeset {before.serial_from} -> {before.serial_to} is not followed by one from there"
    if heads and heads[-1].serial_to != state.last:
        yield f"the newest changeset leads to {heads[-1].serial_to}, {state.last} expected"
    if sum(head.octets for head in heads) != state.octets:
        yield f"{sum(head.octets for head in heads)} octets, {state.octets} expected"
    for head in heads:
        yield from _find_soa_faults(txn, state, head)


def _find_soa_faults(txn: Transaction, state: JournalState, head: ChangesetHead) -> Iterator[str]:
    parts = (
        (iterate_removals(txn, state, head), head.serial_from),
        (iterate_additions(txn, state, head), head.serial_to),
    )
    for entries, serial in parts:
        first = next(entries, None)
        if first is None or first[1] != SOA or serial_of_soa(first[2]) != serial:
            yield f"changeset {head.serial_from} -> {head.serial_to} lacks the SOA of serial {serial}"


def _pair(entry: Entry) -> Pair:
    owner, rtype, value = entry
    return bytes(ZONE_ID_BYTES) + owner + b"\0" + rtype.to_bytes(TYPE_BYTES, "big"), value
