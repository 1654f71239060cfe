# SPDX-License-Identifier: Apache-2.0
"""Reading and writing zone contents and the table of zones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.store.contents import (
    add_pairs,
    flatten,
    get_rrset,
    iterate_beneath,
    iterate_pairs,
    iterate_rrsets,
    owner_rrsets,
    remove_condemned,
)
from control.store.environment import Store, Transaction
from control.store.keys import Pair, owner_of_key, pack_rrset, parse_owner_key, rrset_key
from control.store.sources import FileIdentity
from control.store.zones import StoredZone, condemn, get_zone, list_condemned, list_zones, put_zone, remove_zone

A, TXT = 1, 16
NAMES = [
    "example",
    "a.example",
    "b.a.example",
    "c.b.a.example",
    "ab.example",
    "\0.a.example",
    "\1.example",
    "z.example",
]


def name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label) + b"\0"


def pairs_of(zone_id: int, names: list[str]) -> list[Pair]:
    types = (A, TXT)
    return sorted((rrset_key(zone_id, name(text), rtype), pack_rrset(60, [b"x"])) for text in names for rtype in types)


def zone_of(apex: str, zone_id: int) -> StoredZone:
    return StoredZone(name(apex), zone_id, 5, 2024010101, 1, 1, 3600, ())


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Three zones; the one in the middle is `example`."""
    with Store(tmp_path / "store", 1 << 24, 1) as store:
        for zone_id in (1, 2, 3):
            store.write(lambda txn, i=zone_id: add_pairs(txn, i, pairs_of(i, NAMES)))
        yield store


def names_of(pairs: Iterator[Pair]) -> set[bytes]:
    return {parse_owner_key(owner_of_key(key)) for key, _ in pairs}


def test_a_zone_is_read_in_canonical_order(store: Store) -> None:
    """All of its RRsets and none of its neighbours'."""
    with store.read() as txn:
        zone = zone_of("example", 2)
        assert list(iterate_pairs(txn, zone)) == pairs_of(2, NAMES)
        assert [(rrset.owner, rrset.type) for rrset in iterate_rrsets(txn, zone)][:4] == [
            (name("example"), A),
            (name("example"), TXT),
            (name("\1.example"), A),
            (name("\1.example"), TXT),
        ]


def test_an_owner_is_read_without_its_children(store: Store) -> None:
    """Also when a child's label begins with a zero octet."""
    with store.read() as txn:
        zone = zone_of("example", 2)
        assert [rrset.type for rrset in owner_rrsets(txn, zone, name("a.example"))] == [A, TXT]
        assert owner_rrsets(txn, zone, name("nothing.example")) == []
        assert get_rrset(txn, zone, name("a.example"), TXT) == pack_rrset(60, [b"x"])
        assert get_rrset(txn, zone, name("a.example"), 99) is None


def test_what_is_beneath_a_name_is_read_without_the_name(store: Store) -> None:
    """At all depths; names that only begin alike are not beneath."""
    with store.read() as txn:
        zone = zone_of("example", 2)
        beneath = names_of(iterate_beneath(txn, zone, name("a.example")))
        assert beneath == {name("b.a.example"), name("c.b.a.example"), name("\0.a.example")}
        assert names_of(iterate_beneath(txn, zone, name("z.example"))) == set()
        assert names_of(iterate_beneath(txn, zone, b"\0")) == set(map(name, NAMES))


def test_pairs_in_flat_form(store: Store) -> None:
    """Offsets mark where keys and values begin and end."""
    pairs = pairs_of(1, NAMES)
    flat = flatten(pairs)
    parts = [bytes(flat.bytes[a:b]) for a, b in zip(flat.offsets, flat.offsets[1:], strict=False)]
    assert list(zip(parts[0::2], parts[1::2], strict=True)) == pairs
    assert flat.count == len(pairs)


def test_what_pairs_in_flat_form_have(store: Store) -> None:
    """The largest TTL of all RRsets, and whether there is one of some types."""
    ttls = {A: 1 << 31, TXT: 60}
    pairs = [(rrset_key(1, name("a.example"), rtype), pack_rrset(ttl, (b"\1x",))) for rtype, ttl in ttls.items()]
    flat = flatten(pairs)
    assert [flat.largest_ttl(), flatten(pairs[1:]).largest_ttl(), flatten(()).largest_ttl()] == [1 << 31, 60, 0]
    assert flat.has_types({6, TXT})
    assert not flat.has_types({6, 17})
    assert not flat.has_types(())
    assert not flatten(()).has_types({A})


def test_pairs_out_of_order_are_refused(store: Store) -> None:
    """They would be in the store without being found."""
    with pytest.raises(ValueError, match="out of order"):
        store.write(lambda txn: add_pairs(txn, 9, reversed(pairs_of(9, NAMES))))
    with store.read() as txn:
        assert list(iterate_pairs(txn, zone_of("x", 9))) == []


def test_a_zone_with_a_smaller_id_than_the_last_is_added(store: Store) -> None:
    """Loads that overtake each other do not disturb each other."""
    store.write(lambda txn: add_pairs(txn, 8, pairs_of(8, NAMES)))
    store.write(lambda txn: add_pairs(txn, 7, pairs_of(7, NAMES)))
    with store.read() as txn:
        for zone_id in (7, 8):
            assert list(iterate_pairs(txn, zone_of("x", zone_id))) == pairs_of(zone_id, NAMES)


def test_condemned_contents_are_removed_in_steps(store: Store) -> None:
    """No step removes more than its limit; other zones stay."""
    store.write(lambda txn: condemn(txn, 2))
    steps = 0
    while not store.write(lambda txn: remove_condemned(txn, 3)):
        steps += 1
        with store.read() as txn:
            assert len(list(iterate_pairs(txn, zone_of("example", 2)))) == max(0, 2 * len(NAMES) - 3 * steps)
    with store.read() as txn:
        assert list_condemned(txn) == []
        assert list(iterate_pairs(txn, zone_of("x", 1))) == pairs_of(1, NAMES)
        assert list(iterate_pairs(txn, zone_of("x", 3))) == pairs_of(3, NAMES)


def test_what_is_known_of_a_zone_reads_back(store: Store) -> None:
    """All fields, several files with any path, the root zone as well; listed in canonical order."""
    sources = (
        FileIdentity("/zones/a", 1, 2, 3, 4, 2**62, True),
        FileIdentity("/zones/\udcff b", 2**63, 2**63, 2**40, 0, 1, False),
    )
    zones = [
        zone_of("", 4)._replace(
            size=2**50,
            file_serial=0,
            is_file=True,
            expired=True,
            version=2**63,
            serial=0xFFFFFFFF,
            rrsets=2**40,
            records=2**40,
            sources=sources,
        ),
        zone_of("example", 5),
        zone_of("a.example", 6),
    ]

    def job(txn: Transaction) -> None:
        for zone in reversed(zones):
            put_zone(txn, zone)

    store.write(job)
    with store.read() as txn:
        assert list(list_zones(txn)) == zones
        assert [get_zone(txn, zone.apex) for zone in zones] == zones
        assert get_zone(txn, name("b.example")) is None


def test_contents_a_zone_gives_up_are_condemned(store: Store) -> None:
    """By another id, or by the end of the zone; the id it has never is."""
    store.write(lambda txn: condemn(txn, 1))
    store.write(lambda txn: put_zone(txn, zone_of("example", 1)))
    with store.read() as txn:
        assert list_condemned(txn) == []
    store.write(lambda txn: put_zone(txn, zone_of("example", 2)))
    with store.read() as txn:
        assert list_condemned(txn) == [1]
    assert store.write(lambda txn: remove_zone(txn, name("example")))
    assert not store.write(lambda txn: remove_zone(txn, name("example")))
    with store.read() as txn:
        assert list_condemned(txn) == [1, 2]


def test_a_new_zone_id_is_above_everything_stored(tmp_path: Path) -> None:
    """Also above contents that are condemned, which a sweep may be about to remove."""
    with Store(tmp_path / "other", 1 << 24, 1) as store:
        store.write(lambda txn: add_pairs(txn, 41, pairs_of(41, NAMES)))
        store.write(lambda txn: condemn(txn, 50))
    with Store(tmp_path / "other", 1 << 24, 1) as store:
        assert store.reserve_zone_id() == 51
