# SPDX-License-Identifier: Apache-2.0
"""Many zones at once: those transferred together share a commit, each has its own error, and no snapshot is left."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from control.clock import Clock
from control.conf.peers import NO_REPLICATION
from control.conf.zone import ZoneSettings
from control.errors import StoreFull, ZoneBusy, ZoneMissing
from control.store.environment import READERS, Store, Transaction
from control.update.door import Door, Transfer, nothing_else
from control.update.follow import Step
from control.update.prepared import LoadRequest
from control.update.replace import Also
from control.update.results import ChangeResult, Outcome
from pyxdp_dns.errors import ZoneCheckError
from pyxdp_dns.scan import ScannedZone, scan_zone_text
from pyxdp_dns.table import Table

T = TypeVar("T")

SETTINGS = ZoneSettings(zonefile_sync_s=-1)
TEXT = "@ 60 SOA . . 7 0 0 0 0\n@ 60 NS ns\nns 60 A 192.0.2.1\n"


class Brought:
    """A transfer of a whole zone."""

    steps: Sequence[Step] = ()

    def __init__(self, zone: bytes) -> None:
        self.zone = zone

    def take_contents(self) -> ScannedZone:
        return scan_zone_text(TEXT.encode(), self.zone, 0)


class World:
    """A door, and how often the store was written to."""

    def __init__(self, store: Store, table: Table) -> None:
        self.store, self.table, self.writes = store, table, 0
        self.door = Door(store, table, Clock())
        write = store.write

        def counting(job: Callable[[Transaction], T]) -> T:
            self.writes += 1
            return write(job)

        store.write = counting  # type: ignore[method-assign]

    def transfer(self, zone: bytes, also: Also = nothing_else) -> ChangeResult:
        return self.door.transfer(Brought(zone), SETTINGS, NO_REPLICATION, also=also)

    def together(self, works: Sequence[Callable[[], ChangeResult]]) -> list[ChangeResult | BaseException]:
        """Run transfers that all wait before the first is written; return results and errors."""
        with ThreadPoolExecutor(len(works)) as pool:
            futures: list[Future[ChangeResult]] = []
            with self.door.publisher.lock:
                for work in works:
                    futures.append(pool.submit(work))
                    while len(self.door._replacer._new_zones._waiting) < len(futures):
                        threading.Event().wait(0.001)
        return [future.exception() or future.result() for future in futures]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Store(tmp_path / "store", 64 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        yield World(store, table)


def name(number: int) -> bytes:
    """Return a zone."""
    text = f"zone{number}".encode()
    return bytes((len(text),)) + text + b"\0"


def test_new_zones_share_a_commit(world: World) -> None:
    """Ten transfers that wait are one transaction; each is stored and answered."""
    results = world.together([lambda number=number: world.transfer(name(number)) for number in range(10)])
    assert [result.new_serial for result in results if isinstance(result, ChangeResult)] == [7] * 10
    assert world.writes == 1
    for number in range(10):
        stored = world.door.find_zone(name(number))
        assert stored is not None
        assert world.door.publisher.version_of(name(number)) == stored.version


def test_transfers_of_one_caller_share_a_commit(world: World) -> None:
    """One that is refused has its error; one of a zone that is there already is done, though not with the others."""
    world.transfer(name(3))

    class Empty(Brought):
        def take_contents(self) -> ScannedZone:
            return scan_zone_text(b"@ 60 NS ns\n", self.zone, 0)

    before = world.writes
    brought = [Brought(name(1)), Empty(name(2)), Brought(name(3)), Brought(name(4))]
    results = world.door.transfer_many([Transfer(item, SETTINGS, NO_REPLICATION, nothing_else) for item in brought])
    assert [type(result) for result in results] == [ChangeResult, ZoneCheckError, ChangeResult, ChangeResult]
    assert [result.outcome for result in results if isinstance(result, ChangeResult)] == [
        Outcome.LOADED,
        Outcome.UNCHANGED,
        Outcome.LOADED,
    ]
    assert world.writes == before + 2
    assert world.door.find_zone(name(2)) is None


def test_a_zone_that_came_meanwhile_is_refused_alone(world: World) -> None:
    """Of two transfers of one zone the second is refused, and the zone beside them is not touched by that."""
    results = world.together([lambda number=number: world.transfer(name(number)) for number in (1, 1, 2)])  # type: ignore[misc]
    assert [type(result) for result in results] == [ChangeResult, ZoneBusy, ChangeResult]
    assert world.writes == 1
    stored = world.door.find_zone(name(1))
    assert stored is not None
    assert world.door.publisher.version_of(name(1)) == stored.version


def test_what_the_store_refuses_is_written_one_by_one(world: World) -> None:
    """The one at fault gets the error, the others are stored."""

    def refuse(_txn: Transaction) -> None:
        raise StoreFull(Path("store"), "full")

    works = [lambda: world.transfer(name(1)), lambda: world.transfer(name(2), refuse), lambda: world.transfer(name(3))]
    assert [type(result) for result in world.together(works)] == [ChangeResult, StoreFull, ChangeResult]
    assert world.door.find_zone(name(2)) is None
    assert world.door.publisher.version_of(name(2)) is None
    assert world.door.find_zone(name(3)) is not None


def test_zones_that_cannot_be_loaded_occupy_no_readers(world: World, tmp_path: Path) -> None:
    """The errors of more zones than the store has readers can be kept, and it is read on."""
    requests = [
        LoadRequest(name(number), str(tmp_path / "none"), SETTINGS, True, False) for number in range(READERS + 90)
    ]
    results = list(world.door.load_many(requests))
    assert {type(result) for _, result in results} == {ZoneMissing}
    with world.store.read() as txn:
        assert txn.used_pages() >= 0
