# SPDX-License-Identifier: Apache-2.0
"""Ranges of a snapshot read from the pages of its file: what LMDB's cursor gives, whatever is written meanwhile."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.store.contents import FlatZone, add_pairs, apply_changes, flat_zone, iterate_pairs, zone_range
from control.store.environment import RESERVE_BYTES, Store, Transaction
from control.store.keys import Pair, RRsetChange, pack_rrset, zone_prefix
from control.store.pages import Pages
from control.store.zones import StoredZone
from pyxdp_dns.btree import StoreMap, StoreRange
from pyxdp_dns.errors import EngineError

MOST_BYTES = 1 << 26
SIZES = (0, 1, 20, 20, 20, 300, 1500, 2100, 4070, 9000, 40000)
"""Of record data; the larger ones lie on pages of their own."""


def random_pairs(source: random.Random, zone_id: int, count: int) -> list[Pair]:
    """Return pairs in key order."""
    pairs = {}
    for _ in range(count):
        labels = [bytes(source.choices(b"abcxyz", k=source.choice((1, 3, 40)))) for _ in range(source.randrange(4))]
        owner = b"".join(label + b"\0" for label in labels)
        key = zone_prefix(zone_id) + owner + b"\0" + source.randrange(1, 300).to_bytes(2, "big")
        datas = [source.randbytes(source.choice(SIZES)) for _ in range(source.choice((1, 1, 1, 3)))]
        pairs[key] = pack_rrset(60, datas)
    return sorted(pairs.items())


def zone_of(zone_id: int) -> StoredZone:
    return StoredZone(b"\7example\0", zone_id, 5, 1, 1, 1, 3600, ())


def all_of(found: StoreRange | None) -> list[Pair]:
    """Return the pairs of a range."""
    assert found is not None
    pairs: list[Pair] = []
    for flat in found.chunks():
        pairs += FlatZone(*flat)
    return pairs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", MOST_BYTES, 1) as store:
        yield store


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("count", [1, 10, 1000])
def test_pages_hold_what_the_cursor_gives(store: Store, seed: int, count: int) -> None:
    """Zones of all sizes, their values on leaves and on pages of their own, between other zones and alone."""
    source = random.Random(seed)
    for zone_id in (1, 2, 3, 5):
        store.write(lambda txn, i=zone_id: add_pairs(txn, i, random_pairs(source, i, count)))
    with store.read() as txn:
        for zone_id in range(7):
            zone = zone_of(zone_id)
            assert all_of(zone_range(txn, zone)) == list(iterate_pairs(txn, zone))


def test_a_whole_zone_at_once(store: Store) -> None:
    """However wrong what is known of its size; also where there are no pages to read."""
    pairs = random_pairs(random.Random(3), 1, 300)
    store.write(lambda txn: add_pairs(txn, 1, pairs))
    with store.read() as txn:
        assert list(flat_zone(txn, zone_of(1))) == pairs
        assert list(flat_zone(txn._replace(pages=None), zone_of(1))) == pairs


def test_any_range_is_read(store: Store) -> None:
    """From and up to any key, there or not, the bound before included and the one behind not."""
    source = random.Random(1)
    pairs = random_pairs(source, 2, 2000)
    store.write(lambda txn: add_pairs(txn, 2, pairs))
    with store.read() as txn:
        for _ in range(200):
            first, end = (source.choice(pairs)[0] + source.choice((b"", b"\0")) for _ in range(2))
            expected = [pair for pair in pairs if first <= pair[0] < end]
            assert all_of(zone_range(txn, zone_of(2), first, end)) == expected


def test_a_snapshot_stays_as_it_is_while_writes_go_on(store: Store) -> None:
    """Pages that a snapshot sees are not written again, however the tree changes."""
    source = random.Random(2)
    pairs = random_pairs(source, 1, 2000)
    store.write(lambda txn: add_pairs(txn, 1, pairs))
    with store.read() as old:
        chunks = zone_range(old, zone_of(1))
        for _ in range(20):
            changed = source.sample(pairs, 300)
            news = [None if source.random() < 0.5 else pack_rrset(1, [source.randbytes(3000)]) for _ in changed]
            changes = [RRsetChange(key, value, new) for (key, value), new in zip(changed, news, strict=True)]
            store.write(lambda txn, changes=changes: apply_changes(txn, changes))
            assert all_of(zone_range(old, zone_of(1))) == pairs
        assert all_of(chunks) == pairs
    with store.read() as new:
        assert all_of(zone_range(new, zone_of(1))) == list(iterate_pairs(new, zone_of(1))) != pairs


def test_an_empty_table_has_no_pairs(store: Store) -> None:
    """A table without pages is read as one."""
    with store.read() as txn:
        assert all_of(zone_range(txn, zone_of(1))) == []


def test_write_transactions_have_no_range(store: Store) -> None:
    """What they have changed is not in the file."""

    def job(txn: Transaction) -> object:
        add_pairs(txn, 1, random_pairs(random.Random(1), 1, 5))
        return zone_range(txn, zone_of(1))

    assert store.write(job) is None


@pytest.mark.parametrize("octets", [b"", b"\0" * 4096, b"no store " * 5000])
def test_another_file_is_refused(octets: bytes, tmp_path: Path) -> None:
    """A file that is not of LMDB's format is not read."""
    (tmp_path / "file").write_bytes(octets)
    with pytest.raises(EngineError):
        StoreMap(tmp_path / "file", 1 << 20, 4096)


def test_without_its_file_the_cursor_is_used(store: Store, tmp_path: Path) -> None:
    """There is no range, and no error."""
    pages = Pages(store._env, tmp_path / "none", MOST_BYTES + RESERVE_BYTES)
    with store.read() as txn:
        assert zone_range(txn._replace(pages=pages), zone_of(1)) is None
    pages.close()


@pytest.mark.parametrize("seed", range(3))
def test_damaged_pages_are_an_error(seed: int, tmp_path: Path) -> None:
    """Whatever a page has, reading ends, with pairs or with an error."""
    source = random.Random(seed)
    with Store(tmp_path / "store", MOST_BYTES, 1) as store:
        store.write(lambda txn: add_pairs(txn, 1, random_pairs(source, 1, 120)))
        with store.read() as txn:
            table = txn.lmdb.get(b"contents")
    sound = (tmp_path / "store/data.mdb").read_bytes()
    refused = 0
    for _ in range(60):
        octets = bytearray(sound)
        for _ in range(source.choice((1, 10, 500))):
            octets[source.randrange(8192, len(octets))] = source.randrange(256)
        (tmp_path / "damaged").write_bytes(octets)
        mapped = StoreMap(tmp_path / "damaged", len(octets), 4096)
        try:
            all_of(mapped.range(table, b"", b"\xff"))
        except EngineError:
            refused += 1
        mapped.close()
    assert refused
