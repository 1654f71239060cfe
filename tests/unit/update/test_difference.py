# SPDX-License-Identifier: Apache-2.0
"""Differences of two zone versions."""

from itertools import starmap

from hypothesis import given
from hypothesis import strategies as st

from control.store.keys import RRsetChange, owner_key, pack_rrset, pair_octets, rrset_key
from control.update.difference import count_records, find_changes, owners_touched, rrset_balance, shifted_owners

A, NS, DNAME, DS = 1, 2, 39, 43
APEX = b"\7example\0"

keys = st.binary(min_size=1, max_size=3)
rdatas = st.sets(st.binary(max_size=2), min_size=1, max_size=3)
zones = st.dictionaries(keys, st.builds(pack_rrset, st.integers(0, 2), rdatas), max_size=30)


def apply(old: dict[bytes, bytes], changes: list[RRsetChange]) -> dict[bytes, bytes]:
    new = dict(old)
    for change in changes:
        assert new.pop(change.key, None) == change.old
        if change.new is not None:
            new[change.key] = change.new
    return new


@given(zones, zones)
def test_applying_the_difference_gives_the_new_version(old: dict[bytes, bytes], new: dict[bytes, bytes]) -> None:
    """Nothing more and nothing less than what differs is in a difference, in key order."""
    changes = find_changes(sorted(old.items()), sorted(new.items()), 60)
    assert changes is not None
    assert apply(old, changes) == new
    assert all(change.old != change.new for change in changes)
    assert [change.key for change in changes] == sorted({change.key for change in changes})


@given(zones, zones, st.integers(0, 20))
def test_more_changes_than_the_limit_are_none(old: dict[bytes, bytes], new: dict[bytes, bytes], limit: int) -> None:
    """The limit itself is still allowed."""
    all_changes = find_changes(sorted(old.items()), sorted(new.items()), 60)
    assert all_changes is not None
    changes = find_changes(sorted(old.items()), sorted(new.items()), limit)
    assert changes == (all_changes if len(all_changes) <= limit else None)


@given(zones, zones)
def test_balances_add_up(old: dict[bytes, bytes], new: dict[bytes, bytes]) -> None:
    """What changes say of numbers of RRsets and records is what the versions differ by."""
    changes = find_changes(sorted(old.items()), sorted(new.items()), 60)
    assert changes is not None

    def records(zone: dict[bytes, bytes]) -> int:
        return sum(int.from_bytes(value[4:6], "big") for value in zone.values())

    octets = sum(starmap(pair_octets, new.items())) - sum(starmap(pair_octets, old.items()))
    assert rrset_balance(changes) == (len(new) - len(old), records(new) - records(old), octets)
    removed, added = count_records(changes)
    assert added - removed == records(new) - records(old)


def change(name: bytes, rtype: int, old: bytes | None, new: bytes | None) -> RRsetChange:
    return RRsetChange(rrset_key(1, name, rtype), old, new)


def test_an_owner_is_touched_once() -> None:
    """Several RRsets of one owner are one owner to update."""
    name = b"\1a" + APEX
    assert owners_touched([change(name, A, None, b"x"), change(name, NS, b"x", b"y")]) == [owner_key(name)]


def test_a_cut_that_comes_or_goes_shifts_what_is_beneath() -> None:
    """NS below the apex and DNAME anywhere, appearing or ending; not their change, and no other type."""
    cut, alias, other = b"\3cut" + APEX, b"\5alias" + APEX, b"\5other" + APEX
    assert shifted_owners([change(cut, NS, None, b"x")], APEX) == [owner_key(cut)]
    assert shifted_owners([change(cut, NS, b"x", None)], APEX) == [owner_key(cut)]
    assert shifted_owners([change(alias, DNAME, b"x", None)], APEX) == [owner_key(alias)]
    assert shifted_owners([change(APEX, DNAME, None, b"x")], APEX) == [owner_key(APEX)]
    assert shifted_owners([change(APEX, NS, None, b"x")], APEX) == []
    assert shifted_owners([change(cut, NS, b"x", b"y"), change(other, DS, None, b"x")], APEX) == []


def test_a_new_ttl_replaces_all_records_of_the_rrset() -> None:
    """A record is its TTL as well, as in IXFR."""
    changed = change(b"\1a" + APEX, A, pack_rrset(60, [b"1", b"2"]), pack_rrset(61, [b"1", b"2"]))
    assert count_records([changed]) == (2, 2)
