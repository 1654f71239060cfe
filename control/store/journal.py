# SPDX-License-Identifier: Apache-2.0
"""The journal in the store: for each zone a chain of changesets, each beginning at the serial the one before led to.

    journals     apex, as in zones            -> state: journal id, first and last serial, depth, octets, flags
    changesets   journal id (4), serial (4), part (1), chunk (4)  -> octets of that part (changeset.py)

Part 0 has one chunk, the changeset's head; 1 are removals, 2 additions. The serial is the one the changeset begins at,
so one step finds the changeset that follows a version, and the head says which serial comes next. The journal belongs
to the zone's name: contents that are written anew under another zone id leave it as it is.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from control.errors import JournalDamaged
from control.store.changeset import Changeset, Entry, count_entries, pack_entries, unpack_entries
from control.store.environment import Transaction
from control.store.zones import apex_of_key, zone_key

STATE = struct.Struct(">IIIIQB")
HEAD = struct.Struct(">IQIIIIQB")
PREFIX = struct.Struct(">II")
KEY = struct.Struct(">IIBI")
HOLDS_ZONE = 1
HEAD_PART, REMOVALS, ADDITIONS = 0, 1, 2

CHUNK_BYTES = 60 << 10
"""Octets of a changeset in one value of the store."""


class JournalState(NamedTuple):
    """What is known of a zone's journal. Without changesets `depth` and `octets` are 0 and the serials meaningless."""

    journal_id: int
    first: int = 0
    """Serial the oldest changeset begins at."""
    last: int = 0
    """Serial the newest changeset leads to."""
    depth: int = 0
    octets: int = 0
    holds_zone: bool = False
    """The zone itself counts as kept in the journal: it can be loaded without a zone file."""


class ChangesetHead(NamedTuple):
    """What a changeset says before its records."""

    serial_from: int
    serial_to: int
    timestamp_s: int
    removed: int
    added: int
    octets: int
    merged: bool
    removal_chunks: int
    addition_chunks: int


def get_journal(txn: Transaction, apex: bytes) -> JournalState | None:
    """Return the state of a zone's journal, or None when it has none."""
    value = txn.get(txn.journals, zone_key(apex))
    return None if value is None else _unpack_state(value)


def open_journal(txn: Transaction, apex: bytes) -> JournalState:
    """Return the state of a zone's journal, a new one where it has none; nothing is written yet."""
    known = get_journal(txn, apex)
    return JournalState(_next_id(txn)) if known is None else known


def put_journal(txn: Transaction, apex: bytes, state: JournalState) -> None:
    """Record the state."""
    flags = HOLDS_ZONE * state.holds_zone
    fields = (state.journal_id, state.first, state.last, state.depth, state.octets, flags)
    txn.put(txn.journals, zone_key(apex), STATE.pack(*fields))
    if state.journal_id >= _next_id(txn):
        txn.put(txn.meta, b"journal", state.journal_id.to_bytes(4, "big"))


def list_journals(txn: Transaction) -> Iterator[tuple[bytes, JournalState]]:
    """Yield apex and state of every journal in canonical order of the zones."""
    for key, value in txn.cursor(txn.journals):
        yield apex_of_key(key), _unpack_state(value)


def remove_journal(txn: Transaction, apex: bytes) -> bool:
    """Remove all changesets of a zone and its state; false when there was none."""
    state = get_journal(txn, apex)
    if state is None:
        return False
    _delete_prefix(txn, state.journal_id.to_bytes(4, "big"))
    return txn.delete(txn.journals, zone_key(apex))


def append_changeset(txn: Transaction, state: JournalState, changeset: Changeset) -> JournalState:
    """Write a changeset behind the newest and return the new state, which the caller records.

    Where it does not follow the newest one, what is there belongs to another history and is removed.
    """
    if state.depth and state.last != changeset.serial_from:
        state = drop_all(txn, state)
    while state.depth and find_head(txn, state, changeset.serial_to) is not None:  # The serials went once round.
        state = drop_oldest(txn, state)
    head = _write(txn, state, changeset)
    return state._replace(
        first=state.first if state.depth else changeset.serial_from,
        last=changeset.serial_to,
        depth=state.depth + 1,
        octets=state.octets + head.octets,
    )


def replace_run(txn: Transaction, state: JournalState, run: Sequence[ChangesetHead], merged: Changeset) -> JournalState:
    """Put one changeset in the place of several that follow each other, which it was merged from.

    Returns the new state, which the caller records.
    """
    for head in run:
        _delete_prefix(txn, PREFIX.pack(state.journal_id, head.serial_from))
    octets = state.octets - sum(head.octets for head in run) + _write(txn, state, merged).octets
    return state._replace(depth=state.depth - len(run) + 1, octets=max(0, octets))


def drop_oldest(txn: Transaction, state: JournalState) -> JournalState:
    """Remove the oldest changeset and return the new state."""
    head = find_head(txn, state, state.first)
    if head is None:
        return drop_all(txn, state)
    _delete_prefix(txn, PREFIX.pack(state.journal_id, state.first))
    octets = max(0, state.octets - head.octets)
    return state._replace(first=head.serial_to, depth=state.depth - 1, octets=octets)


def drop_all(txn: Transaction, state: JournalState) -> JournalState:
    """Remove all changesets and return the new state."""
    _delete_prefix(txn, state.journal_id.to_bytes(4, "big"))
    return state._replace(first=0, last=0, depth=0, octets=0)


def find_head(txn: Transaction, state: JournalState, serial: int) -> ChangesetHead | None:
    """Return the head of the changeset that begins at `serial`, or None."""
    value = txn.get(txn.changesets, KEY.pack(state.journal_id, serial, HEAD_PART, 0))
    return None if value is None else _unpack_head(serial, value)


def iterate_heads(txn: Transaction, state: JournalState, serial: int | None = None) -> Iterator[ChangesetHead]:
    """Yield the heads of the chain from `serial` (default: the oldest) to the newest; none when none begins there."""
    at = state.first if serial is None else serial
    for _ in range(state.depth):
        head = find_head(txn, state, at)
        if head is None:
            return
        yield head
        at = head.serial_to


def has_history(txn: Transaction, state: JournalState, serial: int) -> bool:
    """Tell whether changesets lead from `serial` to the newest one's end."""
    return state.depth > 0 and find_head(txn, state, serial) is not None


def iterate_removals(txn: Transaction, state: JournalState, head: ChangesetHead) -> Iterator[Entry]:
    """Yield what a changeset removes, the SOA first."""
    return unpack_entries(_chunks(txn, state, head.serial_from, REMOVALS, head.removal_chunks))


def iterate_additions(txn: Transaction, state: JournalState, head: ChangesetHead) -> Iterator[Entry]:
    """Yield what a changeset adds, the SOA first."""
    return unpack_entries(_chunks(txn, state, head.serial_from, ADDITIONS, head.addition_chunks))


def read_changeset(txn: Transaction, state: JournalState, head: ChangesetHead) -> Changeset:
    """Return a whole changeset."""
    removals, additions = iterate_removals(txn, state, head), iterate_additions(txn, state, head)
    serials = (head.serial_from, head.serial_to)
    return Changeset(*serials, head.timestamp_s, tuple(removals), tuple(additions), head.merged)


@contextmanager
def damage_named(apex: bytes) -> Iterator[None]:
    """Turn what reading a damaged journal of a zone raises into JournalDamaged."""
    try:
        yield
    except (ValueError, struct.error) as exc:
        raise JournalDamaged(apex, exc) from exc


def _write(txn: Transaction, state: JournalState, changeset: Changeset) -> ChangesetHead:
    parts = pack_entries(changeset.removals), pack_entries(changeset.additions)
    chunks = []
    for part, content in zip((REMOVALS, ADDITIONS), parts, strict=True):
        starts = range(0, len(content), CHUNK_BYTES)
        chunks.append(len(starts))
        for number, start in enumerate(starts):
            key = KEY.pack(state.journal_id, changeset.serial_from, part, number)
            txn.put(txn.changesets, key, content[start : start + CHUNK_BYTES])
    octets = HEAD.size + sum(map(len, parts)) + KEY.size * (1 + sum(chunks))
    head = ChangesetHead(
        changeset.serial_from,
        changeset.serial_to,
        changeset.timestamp_s,
        count_entries(changeset.removals),
        count_entries(changeset.additions),
        octets,
        changeset.merged,
        *chunks,
    )
    txn.put(txn.changesets, KEY.pack(state.journal_id, changeset.serial_from, HEAD_PART, 0), _pack_head(head))
    return head


def _chunks(txn: Transaction, state: JournalState, serial: int, part: int, count: int) -> Iterator[bytes]:
    for number in range(count):
        chunk = txn.get(txn.changesets, KEY.pack(state.journal_id, serial, part, number))
        if chunk is None:
            raise ValueError(f"the changeset of serial {serial} lacks chunk {number} of part {part}")
        yield chunk


def _delete_prefix(txn: Transaction, prefix: bytes) -> None:
    with txn.cursor(txn.changesets) as cursor:
        found = cursor.set_range(prefix)
        while found and cursor.key().startswith(prefix):
            found = cursor.delete()


def _next_id(txn: Transaction) -> int:
    return 1 + int.from_bytes(txn.get(txn.meta, b"journal") or b"", "big")


def _pack_head(head: ChangesetHead) -> bytes:
    counts = (head.removed, head.added, head.removal_chunks, head.addition_chunks)
    return HEAD.pack(head.serial_to, head.timestamp_s, *counts, head.octets, head.merged)


def _unpack_head(serial: int, value: bytes) -> ChangesetHead:
    serial_to, timestamp_s, removed, added, removal_chunks, addition_chunks, octets, merged = HEAD.unpack(value)
    fields = (timestamp_s, removed, added, octets, bool(merged), removal_chunks, addition_chunks)
    return ChangesetHead(serial, serial_to, *fields)


def _unpack_state(value: bytes) -> JournalState:
    journal_id, first, last, depth, octets, flags = STATE.unpack(value)
    return JournalState(journal_id, first, last, depth, octets, bool(flags & HOLDS_ZONE))
