# SPDX-License-Identifier: Apache-2.0
"""The journal's tables: the chain of changesets, what is in them, and what is dropped."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.store import journal as journal_module
from control.store.changeset import Changeset, make_changeset, pack_entries, unpack_entries
from control.store.environment import Store, Transaction
from control.store.journal import (
    JournalState,
    append_changeset,
    drop_oldest,
    find_head,
    get_journal,
    has_history,
    iterate_heads,
    list_journals,
    open_journal,
    put_journal,
    read_changeset,
    remove_journal,
    replace_run,
)
from control.store.keys import RRsetChange, pack_rrset, rrset_key

APEX = b"\7example\0"
A, SOA = 1, 6


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 1 << 24, 1) as store:
        yield store


def changeset(serial_from: int, serial_to: int, text: bytes = b"x") -> Changeset:
    entry = (b"example\0a\0", A, pack_rrset(60, [text]))
    return Changeset(serial_from, serial_to, 1717329600, (entry,), (entry, entry))


def append(store: Store, *changesets: Changeset, apex: bytes = APEX) -> JournalState:
    def job(txn: Transaction) -> JournalState:
        state = open_journal(txn, apex)
        for item in changesets:
            state = append_changeset(txn, state, item)
        put_journal(txn, apex, state)
        return state

    return store.write(job)


def serials(store: Store, start: int | None = None) -> list[tuple[int, int]]:
    with store.read() as txn:
        state = get_journal(txn, APEX)
        assert state is not None
        return [(head.serial_from, head.serial_to) for head in iterate_heads(txn, state, start)]


def test_a_chain_is_read_from_any_of_its_serials(store: Store) -> None:
    """From the oldest, from one in between; nothing from a serial that is not in it."""
    state = append(store, changeset(1, 2), changeset(2, 5), changeset(5, 6))
    assert (state.first, state.last, state.depth) == (1, 6, 3)
    assert serials(store) == [(1, 2), (2, 5), (5, 6)]
    assert serials(store, 2) == [(2, 5), (5, 6)]
    assert serials(store, 3) == []
    with store.read() as txn:
        assert has_history(txn, state, 5)
        assert not has_history(txn, state, 6)


@pytest.mark.parametrize("chunk", [7, 60 << 10])
def test_a_changeset_reads_back(store: Store, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    """In however many chunks it is stored; its head says how much there is."""
    monkeypatch.setattr(journal_module, "CHUNK_BYTES", chunk)
    written = changeset(0xFFFFFFFF, 0, b"long" * 50)
    state = append(store, written)
    with store.read() as txn:
        head = find_head(txn, state, 0xFFFFFFFF)
        assert head is not None
        assert read_changeset(txn, state, head) == written
        assert (head.removed, head.added, head.timestamp_s) == (1, 2, 1717329600)
        assert state.octets == head.octets
        assert all(len(value) <= max(chunk, 64) for _, value in txn.cursor(txn.changesets))


def test_another_history_replaces_the_one_there(store: Store) -> None:
    """A changeset that does not follow the newest begins a new chain."""
    append(store, changeset(1, 2), changeset(2, 3))
    state = append(store, changeset(9, 10))
    assert serials(store) == [(9, 10)]
    with store.read() as txn:
        assert (state.first, state.last, state.depth) == (9, 10, 1)
        assert txn.lmdb.stat(db=txn.changesets)["entries"] == 3


def test_serials_that_went_once_round_leave_no_loop(store: Store) -> None:
    """What began at the serial that is reached again is dropped."""
    half = 1 << 31
    state = append(store, changeset(0, half - 1), changeset(half - 1, half + 5), changeset(half + 5, 0))
    assert serials(store) == [(half - 1, half + 5), (half + 5, 0)]
    assert (state.first, state.depth) == (half - 1, 2)


@pytest.mark.parametrize(
    ("first", "left"), [(1, [(1, 3), (3, 4), (4, 5)]), (2, [(1, 2), (2, 4), (4, 5)]), (3, [(1, 2), (2, 3), (3, 5)])]
)
def test_the_oldest_are_dropped_and_others_replaced(store: Store, first: int, left: list[tuple[int, int]]) -> None:
    """The chain goes on behind them, and the octets are those of what is left."""
    append(store, *(changeset(serial, serial + 1) for serial in range(5)))

    def job(txn: Transaction) -> JournalState:
        state = open_journal(txn, APEX)
        state = drop_oldest(txn, state)
        run = list(iterate_heads(txn, state, first))[:2]
        state = replace_run(txn, state, run, changeset(first, first + 2, b"merged"))
        put_journal(txn, APEX, state)
        return state

    state = store.write(job)
    assert serials(store) == left
    assert (state.first, state.last, state.depth) == (1, 5, 3)
    with store.read() as txn:
        assert state.octets == sum(head.octets for head in iterate_heads(txn, state))
        assert get_journal(txn, APEX) == state


def test_journals_of_zones_are_apart(store: Store) -> None:
    """One is removed, the other stays; the id of the removed one is not used again."""
    other = b"\5other\0"
    first, second = append(store, changeset(1, 2)), append(store, changeset(1, 2), apex=other)
    assert first.journal_id != second.journal_id
    assert store.write(lambda txn: remove_journal(txn, other))
    assert not store.write(lambda txn: remove_journal(txn, other))
    with store.read() as txn:
        assert [apex for apex, _ in list_journals(txn)] == [APEX]
    assert serials(store) == [(1, 2)]
    assert append(store, changeset(1, 2), apex=other).journal_id > second.journal_id


def test_a_changeset_has_only_the_records_that_differ() -> None:
    """Of an RRset that keeps its TTL; a new TTL replaces all. The SOA comes first."""
    name = b"\1a" + APEX
    changes = [
        RRsetChange(rrset_key(1, APEX, A), pack_rrset(60, [b"1", b"2"]), pack_rrset(60, [b"2", b"3"])),
        RRsetChange(rrset_key(1, APEX, SOA), b"old soa", b"new soa"),
        RRsetChange(rrset_key(1, name, A), pack_rrset(60, [b"1"]), pack_rrset(61, [b"1"])),
        RRsetChange(rrset_key(1, name, SOA + 1), None, pack_rrset(61, [b"1"])),
    ]
    made = make_changeset(changes, (1, 2), 3)
    assert [(rtype, value) for _, rtype, value in made.removals] == [
        (SOA, b"old soa"),
        (A, pack_rrset(60, [b"1"])),
        (A, pack_rrset(60, [b"1"])),
    ]
    assert [rtype for _, rtype, _ in made.additions] == [SOA, A, A, SOA + 1]
    assert made.additions[1][2] == pack_rrset(60, [b"3"])


def test_a_part_that_ends_too_early_is_refused() -> None:
    """It is not taken as one with fewer records."""
    packed = pack_entries(changeset(1, 2).additions)
    assert tuple(unpack_entries([packed[:9], packed[9:]])) == changeset(1, 2).additions
    with pytest.raises(ValueError, match="ends within an RRset"):
        list(unpack_entries([packed[:-1]]))
