# SPDX-License-Identifier: Apache-2.0
"""Contents of catalogs that are made here."""

import re

from control.catalog.generate import GeneratedMember, catalog_changes, catalog_pairs, member_id
from control.catalog.read import read_catalog
from control.store.keys import rrset_key, unpack_rdatas, unpack_ttl
from control.store.members import Member
from tests.support.ask import name_wire

CATALOG, A, B = name_wire("cat.example."), name_wire("a.test."), name_wire("b.test.")
SOA_KEY = rrset_key(0, CATALOG, 6)


def test_contents_are_a_catalog() -> None:
    """What is made is read again as the members it was made of."""
    pairs = catalog_pairs(CATALOG, [GeneratedMember(A), GeneratedMember(B, b"gold")], 5)
    found = read_catalog(CATALOG, sorted(pairs.items()))
    assert found.members == {
        A: Member(A, CATALOG, member_id(CATALOG, A)),
        B: Member(B, CATALOG, member_id(CATALOG, B), b"gold"),
    }
    assert {unpack_ttl(value) for value in pairs.values()} == {0}


def test_the_soa_is_the_usual_one() -> None:
    """Serial, refresh, retry, expire, minimum."""
    (soa,) = unpack_rdatas(catalog_pairs(CATALOG, (), 5)[SOA_KEY])
    assert soa.startswith(b"\7invalid\0\7invalid\0")
    numbers = [int.from_bytes(soa[at : at + 4], "big") for at in range(18, 38, 4)]
    assert numbers == [5, 3600, 600, 2147483646, 0]


def test_labels_differ_and_stay() -> None:
    """16 hexadecimal digits that depend on zone and catalog alone."""
    assert re.fullmatch(rb"[0-9a-f]{16}", member_id(CATALOG, A))
    assert member_id(CATALOG, A) == member_id(CATALOG, A)
    assert len({member_id(CATALOG, A), member_id(CATALOG, B), member_id(A, A)}) == 3


def test_only_differences_are_changes() -> None:
    """Nothing for the same members; the SOA that is there stays; other types are left alone."""
    one = catalog_pairs(CATALOG, [GeneratedMember(A)], 5)
    there = [(b"\0\0\0\7" + key[4:], value) for key, value in sorted(one.items())]
    assert not catalog_changes(catalog_pairs(CATALOG, [GeneratedMember(A)], 9), there)
    assert not catalog_changes(one, [*there, (rrset_key(7, CATALOG, 48), b"x")])
    other = catalog_pairs(CATALOG, [GeneratedMember(B)], 9)
    removed = [change for change in catalog_changes(other, there) if change.new is None]
    added = [change for change in catalog_changes(other, there) if change.old is None]
    assert (len(removed), len(added)) == (1, 1)
    assert len(catalog_changes(one, ())) == len(one)
