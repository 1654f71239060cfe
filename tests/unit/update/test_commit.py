# SPDX-License-Identifier: Apache-2.0
"""Commits: several zones at once or none, several callers in one transaction, and what a commit is refused for."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import StoreFull, ZoneBusy, ZoneInvalid, ZoneTooLarge, ZoneUnknown
from control.store.contents import get_rrset, iterate_pairs
from control.store.environment import Store
from control.store.journal import get_journal
from control.store.keys import Record, RRsetChange, pack_rrset, rrset_key
from control.store.zones import get_zone
from control.update.door import Door
from control.update.prepared import LoadRequest
from control.update.request import ZoneUpdate
from control.update.results import LoadResult, Outcome
from control.zonefile.zonemd import verify
from pyxdp_dns.errors import EngineError
from pyxdp_dns.table import Table
from tests.support.matrix import ZONE

A, NS, CNAME, SOA = 1, 2, 5, 6
HOUR_NS = 3600 * 10**9
ZONES = [b"\7example\0", b"\5other\0", b"\5third\0"]
SETTINGS = ZoneSettings()


def soa(apex: bytes, serial: int) -> Record:
    return Record(apex, SOA, 60, b"\2ns\0\1h\0" + b"".join(n.to_bytes(4, "big") for n in (serial, 1, 1, 1, 1)))


def address(zone: bytes, label: bytes, last: int = 1) -> Record:
    return Record(bytes((len(label),)) + label + zone, A, 60, bytes((192, 0, 2, last)))


def adding(zone: bytes, label: bytes, settings: ZoneSettings = SETTINGS) -> ZoneUpdate:
    return ZoneUpdate(zone, settings, additions=(address(zone, label),))


BAD = ZoneUpdate(ZONES[1], SETTINGS, additions=(Record(b"\3www" + ZONES[2], A, 60, b"\1\2\3\4"),))


class Fixture:
    def __init__(self, directory: Path, store: Store, table: Table) -> None:
        clock = Clock()
        self.store, self.table = store, table
        self.door = Door(store, table, replace(clock, now_ns=lambda: clock.now_ns() + HOUR_NS))
        requests = []
        for zone in ZONES:
            path = directory / zone[1:-1].decode()
            path.write_text(ZONE.format(serial=10, mark="a").replace("example.", f"{zone[1:-1].decode()}."))
            requests.append(LoadRequest(zone, str(path), SETTINGS, cold=True))
        self.loaded = list(self.door.load_many(requests))

    def serials(self) -> list[int]:
        found = [self.table.zone_info(zone) for zone in ZONES]
        stored = [self.door.find_zone(zone) for zone in ZONES]
        serials = [info.serial for info in found if info is not None]
        assert serials == [zone.serial for zone in stored if zone is not None]
        return serials

    def has(self, zone: bytes, label: bytes) -> bool:
        with self.store.read() as txn:
            stored = get_zone(txn, zone)
            return stored is not None and get_rrset(txn, stored, address(zone, label).owner, A) is not None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Fixture]:
    with Store(tmp_path / "store", 64 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        yield Fixture(tmp_path, store, table)


def test_zones_are_loaded_together(world: Fixture) -> None:
    """Each has its result, in order; sizes are octets in wire form."""
    results = [result for _, result in world.loaded if isinstance(result, LoadResult)]
    assert [(result.zone, result.outcome, result.new_serial) for result in results] == [
        (zone, Outcome.LOADED, 10) for zone in ZONES
    ]
    assert results[0].size == 148


def test_several_zones_change_together(world: Fixture) -> None:
    """One call, one result for each, each with the serial that follows."""
    results = world.door.commit([adding(zone, b"new") for zone in ZONES])
    assert [(result.old_serial, result.new_serial, result.added) for result in results] == [(10, 11, 2)] * 3
    assert world.serials() == [11, 11, 11]
    assert all(world.has(zone, b"new") for zone in ZONES)


def test_all_zones_change_or_none(world: Fixture) -> None:
    """A rule broken in one zone leaves the others as they were, journal and counts as well."""
    before = [world.door.find_zone(zone) for zone in ZONES]
    with pytest.raises(ZoneInvalid):
        world.door.commit([adding(ZONES[0], b"new"), BAD, adding(ZONES[2], b"new")])
    assert [world.door.find_zone(zone) for zone in ZONES] == before
    assert world.serials() == [10, 10, 10]
    assert not any(world.has(zone, b"new") for zone in ZONES)
    with world.store.read() as txn:
        assert [get_journal(txn, zone) for zone in ZONES] == [None] * 3


def test_callers_share_a_transaction_and_not_their_errors(world: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the lock is written together; who asked for what breaks a rule is told, the others go on."""
    writes: list[None] = []
    write = world.store.write
    monkeypatch.setattr(world.store, "write", lambda job: (writes.append(None), write(job))[1])
    updates = [adding(ZONES[0], b"a"), BAD, adding(ZONES[0], b"b"), adding(ZONES[2], b"c")]
    publisher = world.door.publisher
    with ThreadPoolExecutor(len(updates)) as pool:
        with publisher.lock:
            futures = [pool.submit(world.door.commit, [update]) for update in updates]
            queue = world.door._queue
            while len(queue._waiting) < len(updates):
                threading.Event().wait(0.001)
        errors = [future.exception() for future in futures]
    assert [type(error) for error in errors] == [type(None), ZoneInvalid, type(None), type(None)]
    assert len(writes) == 1
    assert world.serials() == [12, 10, 11]
    assert world.has(ZONES[0], b"a")
    assert world.has(ZONES[0], b"b")
    with world.store.read() as txn:
        state = get_journal(txn, ZONES[0])
        assert state is not None
        assert (state.first, state.last, state.depth) == (10, 12, 2)


def test_what_the_table_refuses_is_refused_alone(world: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others of the group are committed all the same."""
    from pyxdp_dns.table import Transaction

    update_owner = Transaction.update_owner

    def refuse(self: Transaction, apex: bytes, *args: object) -> None:
        if apex == ZONES[1]:
            raise EngineError("no room")
        update_owner(self, apex, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Transaction, "update_owner", refuse)
    with ThreadPoolExecutor(3) as pool:
        with world.door.publisher.lock:
            futures = [pool.submit(world.door.commit, [adding(zone, b"new")]) for zone in ZONES]
            while len(world.door._queue._waiting) < 3:
                threading.Event().wait(0.001)
        errors = [type(future.exception()) for future in futures]
    assert errors == [type(None), EngineError, type(None)]
    assert world.serials() == [11, 10, 11]


def test_a_change_made_for_another_version_is_refused(world: Fixture) -> None:
    """Only the version it was made for will do."""
    zone = world.door.find_zone(ZONES[0])
    assert zone is not None
    update = adding(ZONES[0], b"a")._replace(base_version=zone.version)
    world.door.commit([update])
    with pytest.raises(ZoneBusy):
        world.door.commit([update])
    with pytest.raises(ZoneBusy):
        world.door.commit([update._replace(base_version=0)])


def test_a_zone_is_made_from_nothing(world: Fixture, tmp_path: Path) -> None:
    """With an SOA it is a zone; its serial is the one it was given; a journal begins with the next change."""
    apex = b"\4made\0"
    with pytest.raises(ZoneUnknown):
        world.door.commit([ZoneUpdate(apex, additions=(soa(apex, 7),))])
    with pytest.raises(ZoneInvalid, match="missing SOA"):
        world.door.commit([ZoneUpdate(apex, additions=(address(apex, b"a"),), may_create=True)])
    (result,) = world.door.commit([ZoneUpdate(apex, additions=(soa(apex, 7),), may_create=True)])
    assert (result.outcome, result.old_serial, result.new_serial) == (Outcome.LOADED, None, 7)
    info = world.table.zone_info(apex)
    assert info is not None
    assert info.serial == 7
    assert world.door.commit([adding(apex, b"a")])[0].new_serial == 8


def test_whole_values_are_set(world: Fixture) -> None:
    """Under whatever zone id they are given."""
    key = rrset_key(0, ZONES[0], NS)
    change = RRsetChange(key, None, pack_rrset(60, [b"\1b\0", b"\1a\0"]))
    (result,) = world.door.commit([ZoneUpdate(ZONES[0], changes=[change])])
    assert (result.new_serial, result.removed, result.added) == (11, 2, 3)
    assert world.door.commit([ZoneUpdate(ZONES[0], changes=[change])])[0].outcome is Outcome.UNCHANGED


def test_a_raised_serial_stays_and_an_equal_one_is_raised(world: Fixture) -> None:
    """The policy steps in only where the change does not raise the serial itself."""
    (first,) = world.door.commit([ZoneUpdate(ZONES[0], additions=(soa(ZONES[0], 2000),))])
    assert first.new_serial == 2000
    settings = SETTINGS._replace(serial_policy="unixtime")
    (second,) = world.door.commit([adding(ZONES[0], b"a", settings)])
    assert second.new_serial > 1_700_000_000


def test_a_zone_that_would_be_too_large_is_refused(world: Fixture) -> None:
    """It stays what it was; a change that makes it smaller is welcome."""
    settings = SETTINGS._replace(zone_max_size_bytes=100)
    with pytest.raises(ZoneTooLarge, match="100 are allowed"):
        world.door.commit([adding(ZONES[0], b"a", settings)])
    mark = Record(b"\4mark" + ZONES[0], 16, 3600, b"\1a")
    assert world.door.commit([ZoneUpdate(ZONES[0], settings, removals=(mark,))])[0].new_serial == 11


def test_soft_checks_warn(world: Fixture) -> None:
    """What stands beside an alias is told and kept; a zone without SOA is refused all the same."""
    settings = SETTINGS._replace(semantic_checks="soft")
    alias = Record(b"\2ns" + ZONES[0], CNAME, 60, b"\1x\0")
    (result,) = world.door.commit([ZoneUpdate(ZONES[0], settings, additions=(alias,))])
    assert result.warnings == ("check, node ns.example., another record exists beside CNAME",)


def test_an_expired_zone_has_no_contents(world: Fixture) -> None:
    """It is not answered or changed, also not after a restart, until it is loaded again."""
    world.door.expire(ZONES[0])
    info = world.table.zone_info(ZONES[0])
    assert info is not None
    assert not info.has_contents
    assert not world.door.ensure_table(ZONES[0])
    with pytest.raises(ZoneUnknown):
        world.door.commit([adding(ZONES[0], b"a")])
    request = next(request for request, _ in world.loaded if request.zone == ZONES[0])
    result = world.door.load(request.zone, request.file, SETTINGS, cold=False, force=True)
    assert (result.old_serial, result.new_serial) == (None, 10)
    assert world.serials() == [10, 10, 10]


def test_a_full_store_refuses_changes_by_name(tmp_path: Path) -> None:
    """What was acknowledged is there, the rest is not."""
    with Store(tmp_path / "store", 1 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        world = Fixture(tmp_path, store, table)
        done = 0

        def fill() -> None:
            nonlocal done
            while True:
                owner = b"\6%06d" % done + ZONES[0]
                record = Record(owner, 16, 60, (b"\xc8" + b"x" * 200) * 8)
                world.door.commit([ZoneUpdate(ZONES[0], SETTINGS, additions=(record,))])
                done += 1

        with pytest.raises(StoreFull, match=r"database\.journal-db-max-size"):
            fill()
        assert world.serials()[0] == 10 + done
        with store.read() as txn:
            zone = get_zone(txn, ZONES[0])
            assert zone is not None
            assert len(list(iterate_pairs(txn, zone))) == 4 + done


def test_a_digest_is_made_with_each_change(world: Fixture) -> None:
    """At the load, which raises the serial, and then with each change under its own serial; verified ever after."""
    settings = SETTINGS._replace(zonemd_generate="zonemd-sha384")
    request = world.loaded[0][0]
    result = world.door.load(request.zone, request.file, settings, cold=True)
    assert (result.taken_serial, result.new_serial) == (10, 11)
    assert world.door.load(request.zone, request.file, settings, cold=True).new_serial == 11
    (change,) = world.door.commit([adding(ZONES[0], b"a", settings)])
    assert change.new_serial == 12
    with world.store.read() as txn:
        zone = get_zone(txn, ZONES[0])
        assert zone is not None
        verify(txn, zone)
    checking = SETTINGS._replace(zonemd_verify=True)
    with pytest.raises(ZoneInvalid, match="ZONEMD, verification failed"):
        world.door.commit([adding(ZONES[0], b"b", checking)])
    assert world.serials()[0] == 12


def test_a_zone_is_named_once(world: Fixture) -> None:
    """Two changes of it would each be made for the same version."""
    with pytest.raises(ValueError, match="twice"):
        world.door.commit([adding(ZONES[0], b"a"), adding(ZONES[0], b"b")])
