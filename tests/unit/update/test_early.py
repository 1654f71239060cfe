# SPDX-License-Identifier: Apache-2.0
"""Zones whose beginning is stored while the rest is on its way: what becomes of it, whatever becomes of the zone."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.peers import NO_REPLICATION
from control.conf.zone import ZoneSettings
from control.errors import StoreFull
from control.store.contents import iterate_pairs
from control.store.environment import Store, Transaction
from control.store.zones import list_condemned
from control.update import replace
from control.update.door import Door, Transfer, nothing_else
from control.update.early import Early
from control.update.follow import Step
from control.update.results import ChangeResult
from pyxdp_dns.scan import ScannedZone, scan_zone_text
from pyxdp_dns.table import Table

ZONE = b"\7example\0"
SETTINGS = ZoneSettings(zonefile_sync_s=-1)
LINES = ["@ 60 SOA . . 7 0 0 0 0", "@ 60 NS ns", "a 60 A 192.0.2.1", "b 60 A 192.0.2.2", "c 60 A 192.0.2.3"]


def scanned(lines: Sequence[str]) -> ScannedZone:
    return scan_zone_text("".join(f"{line}\n" for line in lines).encode(), ZONE, 0)


class Brought:
    """A transfer of the whole zone."""

    zone = ZONE
    steps: Sequence[Step] = ()

    def take_contents(self) -> ScannedZone:
        return scanned(LINES)


class World:
    """A door to a store and a table."""

    def __init__(self, store: Store, table: Table) -> None:
        self.store = store
        self.door = Door(store, table, Clock())

    def accept(self, early: Early) -> ChangeResult | Exception:
        (result,) = self.door.transfer_many([Transfer(Brought(), SETTINGS, NO_REPLICATION, nothing_else, early)])
        return result

    def contents(self) -> list[tuple[bytes, bytes]]:
        """Return what is stored of the zone, without its id."""
        with self.store.read() as txn:
            stored = self.door.find_zone(ZONE)
            assert stored is not None
            return [(key[4:], value) for key, value in iterate_pairs(txn, stored)]

    def leavings(self) -> tuple[int, int]:
        """Return how many ids are condemned, and how many pairs are stored."""
        with self.store.read() as txn:
            return len(list_condemned(txn)), txn.lmdb.stat(txn.contents)["entries"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(replace, "SMALL_RRSETS", 0)
    monkeypatch.setattr(replace, "CHUNK_RRSETS", 1)
    with Store(tmp_path / "store", 64 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        yield World(store, table)


def wanted() -> list[tuple[bytes, bytes]]:
    with scanned(LINES) as contents:
        return [(key[4:], value) for key, value in contents]


def test_the_zone_takes_what_is_written(world: World) -> None:
    """The rest is added under the id of the beginning, and nothing is left over."""
    with closing(world.door.begin_early(ZONE)) as early:
        early.add(scanned(LINES[:2]))
        early.finish()
        assert world.leavings() == (1, 2)
        assert isinstance(world.accept(early), ChangeResult)
        stored = world.door.find_zone(ZONE)
        assert stored is not None
        assert stored.zone_id == early.zone_id
    assert world.contents() == wanted()
    assert world.leavings() == (0, len(wanted()))


def test_what_is_refused_is_written_anew(world: World) -> None:
    """A beginning that is none costs the zone nothing."""
    with closing(world.door.begin_early(ZONE)) as early:
        early.add(scanned([*LINES[:2], "a 60 A 203.0.113.9"]))
        early.refuse()
        assert not early.is_ready
        assert isinstance(world.accept(early), ChangeResult)
    assert world.contents() == wanted()
    assert world.leavings() == (0, len(wanted()))


def test_a_transfer_that_fails_leaves_nothing(world: World) -> None:
    """The beginning goes with it."""
    with closing(world.door.begin_early(ZONE)) as early:
        early.add(scanned(LINES[:2]))
    assert world.leavings() == (0, 0)
    assert world.door.find_zone(ZONE) is None


def test_a_sweep_passes_over_what_is_on_its_way(world: World) -> None:
    """What another zone leaves behind is removed meanwhile, the beginning of this one is not."""
    with closing(world.door.begin_early(ZONE)) as early:
        early.add(scanned(LINES[:2]))
        early.finish()
        world.door.sweep()
        assert world.leavings() == (1, 2)
        assert isinstance(world.accept(early), ChangeResult)
    assert world.contents() == wanted()


def test_nothing_is_written_of_a_zone_that_is_there(world: World) -> None:
    """Its new contents may differ in little."""
    with closing(world.door.begin_early(ZONE)) as early:
        world.accept(early)
    with closing(world.door.begin_early(ZONE)) as early:
        early.add(scanned(LINES[:2]))
        assert (early.zone_id, early.is_ready) == (0, False)


def test_a_zone_that_came_meanwhile_is_compared_with(world: World) -> None:
    """Then the beginning is of no use, and removed."""
    with closing(world.door.begin_early(ZONE)) as early, closing(world.door.begin_early(ZONE)) as other:
        early.add(scanned(LINES[:2]))
        early.finish()
        world.accept(other)
        result = world.accept(early)
        assert isinstance(result, ChangeResult)
        assert (result.added, result.removed) == (0, 0)
    assert world.leavings() == (0, len(wanted()))


def test_a_full_store_ends_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was written before counts; the rest is for whoever writes it to fail with."""
    with closing(world.door.begin_early(ZONE)) as early:
        early.add(scanned(LINES[:2]))
        early._wait()

        def refuse(_job: object) -> Transaction:
            raise StoreFull(Path("store"), "full")

        with monkeypatch.context() as patch:
            patch.setattr(world.store, "write", refuse)
            early.add(scanned(LINES[2:3]))
            assert early.finish() == 2
        assert isinstance(world.accept(early), ChangeResult)
    assert world.contents() == wanted()
