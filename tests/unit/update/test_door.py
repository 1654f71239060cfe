# SPDX-License-Identifier: Apache-2.0
"""The one door for change: what is stored, what is published, and what stays when something is refused."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import StoreFull, ZoneBusy, ZoneInvalid, ZoneUnknown
from control.store.contents import iterate_pairs, owner_rrsets
from control.store.environment import Store
from control.store.keys import Pair, Record
from control.store.timers import ZoneTimers, get_timers, put_timers
from control.store.zones import get_zone, list_condemned, list_zones
from control.update import publish as publish_module
from control.update.door import Door
from control.update.request import ZoneUpdate
from control.update.results import Outcome, Step, StepKind
from control.zonefile.checks import Problem
from pyxdp_dns.errors import EngineError
from pyxdp_dns.scan import ScannedZone
from pyxdp_dns.table import Table
from tests.support.doors import change, load_file

MIB = 1 << 20
HOUR_NS = 3600 * 10**9
APEX = b"\7example\0"
A, NS, CNAME, SOA, TXT, DNAME, DS = 1, 2, 5, 6, 16, 39, 43

HEADER = """\
example. 3600 IN SOA ns.example. host.example. {serial} 3600 900 604800 300
example. 3600 IN NS ns.example.
ns.example. 3600 IN A 192.0.2.1
"""
BODY = """\
www.example. 3600 IN A 192.0.2.2
deep.sub.example. 3600 IN A 192.0.2.3
alias.example. 3600 IN CNAME www.example.
"""


def shifted_clock() -> Clock:
    """The system's clock an hour ahead: every file is older than the tick it was written in."""
    clock = Clock()
    return replace(clock, now_ns=lambda: clock.now_ns() + HOUR_NS)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 64 * MIB, 1) as store:
        yield store


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    with Table.create(tmp_path / "table") as table:
        yield table


@pytest.fixture
def door(store: Store, table: Table) -> Door:
    return Door(store, table, shifted_clock())


@pytest.fixture
def zone_file(tmp_path: Path) -> Path:
    path = tmp_path / "example.zone"
    path.write_text(HEADER.format(serial=1) + BODY)
    return path


def name(text: str) -> bytes:
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label) + b"\0"


def address(owner: str, last: int, ttl: int = 3600) -> Record:
    return Record(name(owner), A, ttl, bytes((192, 0, 2, last)))


def soa(serial: int) -> Record:
    rdata = name("ns.example") + name("host.example")
    return Record(APEX, SOA, 3600, rdata + b"".join(n.to_bytes(4, "big") for n in (serial, 3600, 900, 604800, 300)))


def contents(store: Store) -> list[Pair]:
    """The pairs of the zone without the zone id."""
    with store.read() as txn:
        zone = get_zone(txn, APEX)
        assert zone is not None
        return [(key[4:], value) for key, value in iterate_pairs(txn, zone)]


def assert_consistent(store: Store, table: Table, tmp_path: Path) -> None:
    """The table answers from the store's version, as a table built anew from the store does; counts are right."""
    with store.read() as txn:
        zone = get_zone(txn, APEX)
        assert zone is not None
        pairs = list(iterate_pairs(txn, zone))
    info = table.zone_info(APEX)
    assert info is not None
    assert (info.version, info.serial) == (zone.version, zone.serial)
    assert zone.rrsets == len(pairs)
    assert zone.records == sum(int.from_bytes(value[4:6], "big") for _, value in pairs)
    with Table.create(tmp_path / "fresh") as fresh:
        assert Door(store, fresh, Clock()).ensure_table(APEX)
        assert fresh.digest(APEX) == table.digest(APEX)


def test_a_first_load_is_stored_and_published(
    door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path
) -> None:
    """Contents, serial and numbers are those of the file."""
    result = load_file(door, APEX, str(zone_file), 3600)
    assert (result.outcome, result.old_serial, result.new_serial, result.records) == (Outcome.LOADED, None, 1, 6)
    assert_consistent(store, table, tmp_path)


def test_an_unchanged_file_is_not_read(door: Door, zone_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The identity of the file is enough; another default TTL makes it another file."""
    load_file(door, APEX, str(zone_file), 3600)

    def refuse(*args: object) -> None:
        raise AssertionError("scanned")

    monkeypatch.setattr("pyxdp_dns.scan.scan_zone_file", refuse)
    result = load_file(door, APEX, str(zone_file), 3600)
    assert (result.outcome, result.old_serial, result.new_serial) == (Outcome.UNCHANGED, 1, 1)
    with pytest.raises(AssertionError, match="scanned"):
        load_file(door, APEX, str(zone_file), 60)


def test_a_file_rewritten_with_equal_contents_changes_nothing(door: Door, store: Store, zone_file: Path) -> None:
    """The version stays; the new identity is noted."""
    load_file(door, APEX, str(zone_file), 3600)
    before = door.find_zone(APEX)
    zone_file.write_text("; a comment\n" + zone_file.read_text())
    assert load_file(door, APEX, str(zone_file), 3600).outcome is Outcome.UNCHANGED
    after = door.find_zone(APEX)
    assert before is not None
    assert after is not None
    assert after.version == before.version
    assert after.sources != before.sources


@pytest.mark.parametrize("share", [1, 1000])
def test_a_changed_file_becomes_the_zone(
    door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: int
) -> None:
    """By difference or, when that is large, as a whole: contents and answers are those of the new file."""
    monkeypatch.setattr(publish_module, "INCREMENTAL_SHARE", share)
    monkeypatch.setattr(publish_module, "MIN_INCREMENTAL", 0)
    load_file(door, APEX, str(zone_file), 3600)
    old_id = door.find_zone(APEX).zone_id  # type: ignore[union-attr]
    zone_file.write_text(HEADER.format(serial=2) + BODY.replace("192.0.2.2", "192.0.2.77"))
    result = load_file(door, APEX, str(zone_file), 3600)
    assert (result.outcome, result.old_serial, result.new_serial, result.warnings) == (Outcome.UPDATED, 1, 2, ())
    assert_consistent(store, table, tmp_path)
    zone = door.find_zone(APEX)
    assert zone is not None
    assert (zone.zone_id == old_id) == (share == 1)
    with store.read() as txn:
        assert [rrset.rdatas for rrset in owner_rrsets(txn, zone, name("www.example"))] == [(b"\xc0\0\2M",)]
        assert list_condemned(txn) == []
        assert txn.lmdb.stat(db=txn.contents)["entries"] == zone.rrsets


@pytest.mark.parametrize("serial", [5, 4])
def test_a_serial_that_did_not_rise_is_loaded(
    door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path, serial: int
) -> None:
    """The file's serial is taken as it is."""
    zone_file.write_text(HEADER.format(serial=5) + BODY)
    load_file(door, APEX, str(zone_file), 3600)
    zone_file.write_text(HEADER.format(serial=serial))
    result = load_file(door, APEX, str(zone_file), 3600)
    assert result.new_serial == serial
    assert result.steps == (Step(StepKind.FILE, serial, serial),)
    assert_consistent(store, table, tmp_path)


def test_a_broken_file_leaves_the_old_version(
    door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path
) -> None:
    """Store and table stay; the good file after it loads."""
    load_file(door, APEX, str(zone_file), 3600)
    before, digest = contents(store), table.digest(APEX)
    zone_file.write_text(BODY)
    with pytest.raises(EngineError):
        load_file(door, APEX, str(zone_file), 3600)
    assert contents(store) == before
    assert table.digest(APEX) == digest
    zone_file.write_text(HEADER.format(serial=9))
    assert load_file(door, APEX, str(zone_file), 3600).new_serial == 9
    assert_consistent(store, table, tmp_path)


def test_a_zone_in_several_transactions(
    door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit in one is stored and published like the rest, nothing is left condemned."""
    monkeypatch.setattr("control.update.load.CHUNK_RRSETS", 3)
    monkeypatch.setattr("control.update.whole.CHUNK_RRSETS", 3)
    body = "".join(f"h{i}.example. 60 IN A 192.0.2.{i}\n" for i in range(100))
    zone_file.write_text(HEADER.format(serial=1) + body)
    load_file(door, APEX, str(zone_file), 3600)
    assert_consistent(store, table, tmp_path)
    with store.read() as txn:
        assert list_condemned(txn) == []


@pytest.mark.parametrize("chunk", [1 << 16, 50])
def test_a_full_store_keeps_the_old_version_served(
    tmp_path: Path, table: Table, zone_file: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """The error names the item; the zone is what it was, nothing of the refused one remains, small changes work."""
    monkeypatch.setattr("control.update.load.CHUNK_RRSETS", chunk)
    monkeypatch.setattr("control.update.whole.CHUNK_RRSETS", chunk)
    with Store(tmp_path / "small", MIB, 1) as store:
        door = Door(store, table, shifted_clock())
        load_file(door, APEX, str(zone_file), 3600)
        before, digest = contents(store), table.digest(APEX)
        body = "".join(f"h{i}.example. 60 IN TXT {'x' * 200}\n" for i in range(8000))
        zone_file.write_text(HEADER.format(serial=2) + body)
        with pytest.raises(StoreFull, match=r"database\.journal-db-max-size"):
            load_file(door, APEX, str(zone_file), 3600)
        assert contents(store) == before
        assert table.digest(APEX) == digest
        with store.read() as txn:
            assert list_condemned(txn) == []
            assert txn.lmdb.stat(db=txn.contents)["entries"] == len(before)
        change(door, APEX, [], [address("new.example", 9)])
        assert_consistent(store, table, tmp_path)


def test_records_are_changed(door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path) -> None:
    """Removals, additions and the serial arrive in store and table; what changes nothing is not counted."""
    load_file(door, APEX, str(zone_file), 3600)
    removals = [address("www.example", 2), address("www.example", 99), address("absent.example", 1)]
    additions = [address("www.example", 7, ttl=60), address("new.example", 8), address("ns.example", 1), soa(2)]
    result = change(door, APEX, removals, additions)
    assert (result.outcome, result.old_serial, result.new_serial) == (Outcome.UPDATED, 1, 2)
    assert (result.removed, result.added) == (2, 3)
    assert_consistent(store, table, tmp_path)
    zone = door.find_zone(APEX)
    assert zone is not None
    with store.read() as txn:
        (www,) = owner_rrsets(txn, zone, name("www.example"))
    assert (www.ttl, www.rdatas) == (60, (b"\xc0\0\2\7",))


def test_a_change_that_changes_nothing_has_no_version(door: Door, zone_file: Path) -> None:
    """Adding what is there and removing what is not leaves the zone alone."""
    load_file(door, APEX, str(zone_file), 3600)
    before = door.find_zone(APEX)
    result = change(door, APEX, [address("absent.example", 1)], [address("www.example", 2)])
    assert (result.outcome, result.removed, result.added) == (Outcome.UNCHANGED, 0, 0)
    assert door.find_zone(APEX) == before


def test_a_change_of_an_unknown_zone_is_refused(door: Door) -> None:
    """There is nothing to change."""
    with pytest.raises(ZoneUnknown):
        change(door, APEX, [], [address("www.example", 1)])


TARGET = name("elsewhere.test")
REFUSED = {
    "missing SOA": ([soa(1)], []),
    "DS record exists at": ([], [Record(APEX, DS, 60, b"\0\1\x0d\2" + bytes(32))]),
    "beside CNAME": ([], [address("alias.example", 1)]),
    "multiple CNAME": ([], [Record(name("alias.example"), CNAME, 60, TARGET)]),
    "multiple DNAME": ([], [Record(name("d.example"), DNAME, 60, target) for target in (TARGET, name("b.test"))]),
    "NS record exists beside DNAME": (
        [],
        [Record(name("d.example"), rtype, 60, TARGET) for rtype in (DNAME, NS)],
    ),
    "child record exists under DNAME": ([], [Record(name("sub.example"), DNAME, 60, TARGET)]),
    "SOA record exists outside": ([], [replace(soa(1), owner=name("sub.example"))]),
    "record exists outside the zone": ([], [address("www.test", 1)]),
}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_change_that_breaks_a_rule_is_refused(
    door: Door, store: Store, table: Table, zone_file: Path, rule: str
) -> None:
    """The rule and the owner are told; nothing is stored or published."""
    load_file(door, APEX, str(zone_file), 3600)
    before, digest, zone = contents(store), table.digest(APEX), door.find_zone(APEX)
    removals, additions = REFUSED[rule]
    with pytest.raises(ZoneInvalid, match=rf"{rule}.*\.\).*again$"):
        change(door, APEX, removals, additions)
    assert contents(store) == before
    assert table.digest(APEX) == digest
    assert door.find_zone(APEX) == zone


def test_a_record_below_a_dname_is_refused(door: Door, store: Store, zone_file: Path) -> None:
    """However deep below it."""
    load_file(door, APEX, str(zone_file), 3600)
    change(door, APEX, [], [Record(name("d.example"), DNAME, 60, TARGET)])
    before = contents(store)
    with pytest.raises(ZoneInvalid, match=r"record exists under DNAME d\.example\. \(a\.b\.d\.example\.\)"):
        change(door, APEX, [], [address("a.b.d.example", 1)])
    assert contents(store) == before


def test_a_cut_that_comes_and_goes_changes_what_is_beneath(
    door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path
) -> None:
    """Names beneath become glue and names again; so with a DNAME once nothing is beneath it."""
    load_file(door, APEX, str(zone_file), 3600)
    cut = Record(name("sub.example"), NS, 60, name("deep.sub.example"))
    for removals, additions in (([], [cut]), ([cut], [])):
        change(door, APEX, removals, additions)
        assert_consistent(store, table, tmp_path)
    dname = Record(name("sub.example"), DNAME, 60, TARGET)
    change(door, APEX, [address("deep.sub.example", 3)], [dname])
    assert_consistent(store, table, tmp_path)
    change(door, APEX, [dname], [address("deep.sub.example", 3)])
    assert_consistent(store, table, tmp_path)


def test_a_table_left_behind_is_healed(door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path) -> None:
    """A crash between store and table leaves versions that differ; the zone is built anew, by a change as well."""
    load_file(door, APEX, str(zone_file), 3600)
    with Table.create(tmp_path / "lost") as lost:
        behind = Door(store, lost, Clock())
        assert behind.ensure_table(APEX)
        change(door, APEX, [], [address("new.example", 8)])
        assert behind.ensure_table(APEX)
        assert lost.digest(APEX) == table.digest(APEX)
        generation = lost.stats().generation
        assert behind.ensure_table(APEX)
        assert lost.stats().generation == generation
        change(door, APEX, [], [address("new.example", 9)])
        change(behind, APEX, [], [address("newer.example", 10)])
        assert_consistent(store, lost, tmp_path)


def test_an_emptied_zone_is_published_again(door: Door, table: Table, zone_file: Path) -> None:
    """SERVFAIL for a while, with the contents kept in the store."""
    load_file(door, APEX, str(zone_file), 3600)
    digest = table.digest(APEX)
    door.publish_empty(APEX)
    info = table.zone_info(APEX)
    assert info is not None
    assert not info.has_contents
    assert door.ensure_table(APEX)
    assert table.digest(APEX) == digest


def test_a_dropped_zone_is_gone(door: Door, store: Store, table: Table, zone_file: Path) -> None:
    """From the table, from the list of zones and from the contents; dropping it twice is no error."""
    load_file(door, APEX, str(zone_file), 3600)
    for _ in range(2):
        door.drop(APEX)
        assert table.zone_info(APEX) is None
        assert not door.ensure_table(APEX)
        with store.read() as txn:
            assert list(list_zones(txn)) == []
            assert txn.lmdb.stat(db=txn.contents)["entries"] == 0


def test_a_zone_loaded_again_after_a_drop_has_a_new_version(door: Door, zone_file: Path) -> None:
    """A table that still had the old one would be recognised."""
    load_file(door, APEX, str(zone_file), 3600)
    first = door.find_zone(APEX)
    door.drop(APEX)
    load_file(door, APEX, str(zone_file), 3600)
    second = door.find_zone(APEX)
    assert first is not None
    assert second is not None
    assert second.version > first.version
    assert second.zone_id > first.zone_id


def test_a_refused_table_leaves_the_store(
    door: Door, store: Store, table: Table, zone_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the table refuses, the store does not commit."""
    load_file(door, APEX, str(zone_file), 3600)
    before = door.find_zone(APEX)

    def refuse(*args: object) -> None:
        raise EngineError("no room")

    monkeypatch.setattr("pyxdp_dns.table.Transaction.update_owner", refuse)
    monkeypatch.setattr("pyxdp_dns.table.Transaction.build_zone", refuse)
    with pytest.raises(EngineError, match="no room"):
        change(door, APEX, [], [address("new.example", 8)])
    zone_file.write_text(HEADER.format(serial=2))
    with pytest.raises(EngineError, match="no room"):
        load_file(door, APEX, str(zone_file), 3600)
    assert door.find_zone(APEX) == before


def test_the_root_zone_is_a_zone_like_others(door: Door, store: Store, table: Table, zone_file: Path) -> None:
    """It is loaded, changed and dropped."""
    zone_file.write_text(HEADER.format(serial=1).replace("\nexample.", "\n.").removeprefix("example"))
    assert load_file(door, b"\0", str(zone_file), 3600).outcome is Outcome.LOADED
    change(door, b"\0", [], [address("www.test", 7)])
    info = table.zone_info(b"\0")
    zone = door.find_zone(b"\0")
    assert info is not None
    assert zone is not None
    assert info.version == zone.version
    door.drop(b"\0")
    assert table.zone_info(b"\0") is None


def test_an_included_file_that_changed_is_noticed(door: Door, zone_file: Path) -> None:
    """The zone file itself is the same."""
    included = zone_file.with_name("included")
    included.write_text("one.example. 60 IN A 192.0.2.1\n")
    zone_file.write_text(HEADER.format(serial=1) + "$INCLUDE included\n")
    load_file(door, APEX, str(zone_file), 3600)
    assert load_file(door, APEX, str(zone_file), 3600).outcome is Outcome.UNCHANGED
    included.write_text("one.example. 60 IN A 192.0.2.2\n")
    assert load_file(door, APEX, str(zone_file), 3600).outcome is Outcome.UPDATED


def test_changes_at_the_same_time_all_arrive(
    door: Door, store: Store, table: Table, zone_file: Path, tmp_path: Path
) -> None:
    """Threads that change one zone while others load another do not lose anything."""
    load_file(door, APEX, str(zone_file), 3600)
    other = tmp_path / "other.zone"
    other_apex = name("other")

    def load(serial: int) -> None:
        other.write_text((HEADER.format(serial=serial) + BODY).replace("example.", "other."))
        load_file(door, other_apex, str(other), 3600)

    def add(number: int) -> None:
        change(door, APEX, [], [address(f"new{number}.example", number)])

    with ThreadPoolExecutor(4) as pool:
        changes = [pool.submit(add, number) for number in range(100)]
        for serial in range(1, 10):
            load(serial)
        for future in changes:
            future.result()
    zone = door.find_zone(APEX)
    assert zone is not None
    assert zone.records == 106
    assert_consistent(store, table, tmp_path)
    other_info = table.zone_info(other_apex)
    assert other_info is not None
    assert other_info.serial == 9


@pytest.mark.parametrize("share", [1, 1000])
def test_a_load_overtaken_by_a_change_is_refused(
    door: Door,
    store: Store,
    table: Table,
    zone_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    share: int,
) -> None:
    """The change would be lost without anyone having decided so; the load can be tried again."""
    monkeypatch.setattr(publish_module, "INCREMENTAL_SHARE", share)
    monkeypatch.setattr(publish_module, "MIN_INCREMENTAL", 0)
    load_file(door, APEX, str(zone_file), 3600)
    zone_file.write_text(HEADER.format(serial=2) + BODY)
    with monkeypatch.context() as patch:

        def overtake(scanned: ScannedZone, apex: bytes, settings: ZoneSettings) -> tuple[Problem, ...]:
            change(door, apex, [], [address("new.example", 8)])
            return ()

        patch.setattr("control.update.prepare.check_scanned", overtake)
        with pytest.raises(ZoneBusy, match="try again"):
            load_file(door, APEX, str(zone_file), 3600)
    assert_consistent(store, table, tmp_path)
    assert load_file(door, APEX, str(zone_file), 3600).new_serial == 2
    assert_consistent(store, table, tmp_path)


def test_timers_are_written_with_the_contents(door: Door, store: Store, zone_file: Path) -> None:
    """What a change brings along is stored with it, and not at all when the change is refused."""
    load_file(door, APEX, str(zone_file))

    def commit(record: Record, seconds: int) -> None:
        timers = ZoneTimers(refreshed_s=seconds)
        door.commit([ZoneUpdate(APEX, additions=(record,), also=lambda txn: put_timers(txn, APEX, timers))])

    commit(address("new.example", 9), 1)
    with pytest.raises(ZoneInvalid):
        commit(Record(name("new.example"), CNAME, 3600, name("www.example")), 2)
    with store.read() as txn:
        assert get_timers(txn, APEX).refreshed_s == 1
