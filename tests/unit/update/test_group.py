# SPDX-License-Identifier: Apache-2.0
"""Group commit when something fails: each caller gets an answer that is true, and nobody waits for ever."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import StoreFull
from control.store.environment import Store
from control.store.journal import get_journal
from control.store.keys import Record
from control.update import apply
from control.update.door import Door
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult
from pyxdp_dns.errors import EngineError
from pyxdp_dns.table import Table, Transaction
from tests.support.matrix import ZONE

ZONES = [b"\7example\0", b"\5other\0", b"\5third\0"]
A = 1
SETTINGS = ZoneSettings()
WAIT_S = 20


class World:
    """A door with three zones of serial 10."""

    def __init__(self, directory: Path, store: Store, table: Table) -> None:
        self.store, self.table = store, table
        self.door = Door(store, table, Clock())
        for zone in ZONES:
            path = directory / zone[1:-1].decode()
            path.write_text(ZONE.format(serial=10, mark="a").replace("example.", f"{zone[1:-1].decode()}."))
            self.door.load(zone, str(path), SETTINGS, cold=True)

    def commit_together(self, updates: Sequence[ZoneUpdate]) -> list[BaseException | ChangeResult]:
        """Commit updates by callers that all wait before the first begins; return results and errors."""
        with ThreadPoolExecutor(len(updates)) as pool:
            futures: list[Future[list[ChangeResult]]] = []
            with self.door.publisher.lock:
                for update in updates:
                    futures.append(pool.submit(self.door.commit, [update]))
                    while len(self.door._queue._waiting) < len(futures):
                        threading.Event().wait(0.001)
            errors = [future.exception(WAIT_S) for future in futures]
            return [error or future.result()[0] for error, future in zip(errors, futures, strict=True)]

    def serials(self) -> list[tuple[int, int]]:
        """Serials in store and table."""
        found = []
        for zone in ZONES:
            stored, info = self.door.find_zone(zone), self.table.zone_info(zone)
            assert stored is not None
            assert info is not None
            found.append((stored.serial, info.serial))
        return found


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with Store(tmp_path / "store", 64 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        yield World(tmp_path, store, table)


def adding(zone: bytes, label: bytes = b"new") -> ZoneUpdate:
    owner = bytes((len(label),)) + label + zone
    return ZoneUpdate(zone, SETTINGS, additions=(Record(owner, A, 60, b"\1\2\3\4"),))


MALFORMED = ZoneUpdate(ZONES[1], SETTINGS, additions=(Record(b"\77no name", A, 60, b"\1\2\3\4"),))


def test_an_error_of_the_program_concerns_its_caller_alone(world: World) -> None:
    """An update that is no update at all is refused by the exception it caused, the others of the group go on."""
    results = world.commit_together([adding(ZONES[0]), MALFORMED, adding(ZONES[2])])
    assert [type(result) for result in results] == [ChangeResult, ValueError, ChangeResult]
    assert world.serials() == [(11, 11), (10, 10), (11, 11)]


def test_an_error_of_the_program_while_a_group_is_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong one after the other, nobody waits for ever."""
    update_owner = Transaction.update_owner

    def refuse(self: Transaction, apex: bytes, *args: object) -> None:
        if apex == ZONES[0]:
            raise EngineError("no room")
        if apex == ZONES[1]:
            raise ZeroDivisionError
        update_owner(self, apex, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Transaction, "update_owner", refuse)
    results = world.commit_together([adding(zone) for zone in ZONES])
    assert [type(result) for result in results] == [EngineError, ZeroDivisionError, ChangeResult]
    assert world.serials() == [(10, 10), (10, 10), (11, 11)]


def test_a_full_store_in_the_middle_of_a_group(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What has room alone is committed, what has none is refused; nothing is done twice."""
    record_update = apply.record_update

    def refuse(txn: object, update: ZoneUpdate, *args: object, **options: object) -> ChangeResult:
        if update.zone == ZONES[1]:
            raise StoreFull(world.store.path, "full")
        return record_update(txn, update, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("control.update.group.record_update", refuse)
    results = world.commit_together([adding(ZONES[0], b"a"), adding(ZONES[1]), adding(ZONES[0], b"b")])
    assert [type(result) for result in results] == [ChangeResult, StoreFull, ChangeResult]
    assert world.serials() == [(12, 12), (10, 10), (10, 10)]


def test_a_table_without_room_at_the_end_leaves_the_store(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What only the end of the table's transaction finds out is found out before the store commits."""

    def refuse(self: Transaction) -> None:
        raise EngineError("no room")

    monkeypatch.setattr(Transaction, "prepare", refuse)
    results = world.commit_together([adding(zone) for zone in ZONES])
    assert [type(result) for result in results] == [EngineError] * 3
    assert world.serials() == [(10, 10)] * 3
    with pytest.raises(EngineError):
        world.door.expire(ZONES[0])
    with pytest.raises(EngineError):
        world.door.drop(ZONES[0])
    stored = world.door.find_zone(ZONES[0])
    assert stored is not None
    assert not stored.expired


def test_what_is_stored_is_not_done_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that fails after the store committed is an error for all; the next change of a zone publishes both."""
    with monkeypatch.context() as patch:
        publishing = world.door.publisher._table.transaction

        def fail() -> object:
            from contextlib import contextmanager

            @contextmanager
            def context() -> Iterator[Transaction]:
                failure = EngineError("cannot be published")
                try:
                    with publishing() as publication:
                        yield publication
                        raise failure
                except EngineError:
                    raise failure from None

            return context()

        patch.setattr(world.door.publisher._table, "transaction", fail)
        results = world.commit_together([adding(ZONES[0], b"a"), adding(ZONES[0], b"b"), adding(ZONES[2])])
    assert [type(result) for result in results] == [EngineError] * 3
    assert world.serials() == [(12, 10), (10, 10), (11, 10)]
    with world.store.read() as txn:
        journal = get_journal(txn, ZONES[0])
        assert journal is not None
        assert journal.depth == 2
    world.door.commit([adding(ZONES[0], b"c")])
    assert world.serials()[0] == (13, 13)
    assert world.door.ensure_table(ZONES[2])
    assert world.serials()[2] == (11, 11)
