# SPDX-License-Identifier: Apache-2.0
"""The journal's chain holds what led to the zone and nothing else, wherever its serials and contents come from."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import JournalDamaged, JournalFull, ZoneBusy, ZoneInvalid
from control.store.environment import Store, Transaction
from control.store.journal import KEY, REMOVALS
from control.store.keys import Record
from control.update.edit import ZoneEdit
from control.update.history import find_faults
from control.update.prepared import LoadRequest
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult, LoadResult
from control.zonefile.write import write_zone_file
from control.zonefile.zonemd import verify
from pyxdp_dns.table import Table
from tests.support.matrix import ZONE
from tests.unit.update.test_keep import APEX, DEFAULT, Bench

NONE = DEFAULT._replace(journal_content="none")
FARTHEST = (1 << 31) - 1


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path / "store", 64 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        yield Bench(tmp_path, store, table)


def soa(serial: int) -> Record:
    numbers = b"".join(n.to_bytes(4, "big") for n in (serial, 1, 1, 1, 1))
    return Record(APEX, 6, 3600, b"\2ns" + APEX + b"\1h" + APEX + numbers)


def set_serial(bench: Bench, serial: int, settings: ZoneSettings, *, keeps_serial: bool = False) -> ChangeResult:
    update = ZoneUpdate(APEX, settings, additions=(soa(serial),), keeps_serial=keeps_serial)
    (result,) = bench.door.commit([update])
    return result


def assert_sound(bench: Bench) -> None:
    """The chain has no fault and ends at the zone's serial."""
    zone = bench.door.find_zone(APEX)
    with bench.store.read() as txn:
        assert list(find_faults(txn, bench.journal())) == []
    assert zone is not None
    assert bench.journal().last == zone.serial


def test_what_is_in_the_file_is_dropped_however_far_the_serials_jumped(bench: Bench) -> None:
    """By the order of the chain, not by that of the serials, which go round."""
    settings = DEFAULT._replace(journal_max_depth=2)
    bench.load(settings)
    serial = 10
    for _ in range(2):
        serial = (serial + FARTHEST) % (1 << 32)
        assert set_serial(bench, serial, settings).new_serial == serial
    bench.flushed(serial, settings)
    assert not bench.add(1, settings).needs_flush
    assert_sound(bench)


def test_a_change_that_keeps_the_serial_has_no_changeset(bench: Bench) -> None:
    """Nothing can lead from a serial to itself; what led to it before leads to other contents."""
    bench.load(DEFAULT)
    bench.add(1, DEFAULT)
    update = ZoneUpdate(APEX, DEFAULT, additions=(Record(b"\1k" + APEX, 1, 60, b"\1\2\3\4"),), keeps_serial=True)
    assert bench.door.commit([update])[0].new_serial == 11
    assert bench.journal().depth == 0
    bench.add(2, DEFAULT)
    assert bench.serials() == [11, 12]
    assert_sound(bench)


def test_a_chain_does_not_go_on_after_changes_without_journal(bench: Bench) -> None:
    """Even when the serial is the one at which it ended."""
    bench.load(DEFAULT)
    bench.add(1, DEFAULT)
    set_serial(bench, 9, NONE)
    assert [bench.add(number, NONE).new_serial for number in (2, 3)] == [10, 11]
    bench.add(4, DEFAULT)
    assert bench.serials() == [11, 12]
    assert_sound(bench)


def test_a_file_in_the_place_of_the_zone_ends_its_chain(bench: Bench) -> None:
    """Contents that were not made by the chain are not its end, though their serial is."""
    bench.load(DEFAULT)
    bench.add(1, DEFAULT)
    bench.file.write_text(ZONE.format(serial=11, mark="other"))
    assert bench.door.load(APEX, str(bench.file), DEFAULT, cold=False).new_serial == 11
    bench.add(2, DEFAULT)
    assert bench.serials() == [11, 12]


def test_an_edited_soa_below_a_replayed_journal(bench: Bench) -> None:
    """The SOA the journal leads to takes the place of whatever SOA the file has."""
    bench.load(DEFAULT)
    bench.add(1, DEFAULT)
    bench.file.write_text(ZONE.format(serial=10, mark="b").replace("SOA ns", "SOA other").replace("3600", "1800"))
    result = bench.door.load(APEX, str(bench.file), DEFAULT, cold=False)
    assert (result.file_serial, result.new_serial) == (10, 11)


def test_a_first_change_that_has_no_room(bench: Bench) -> None:
    """It is refused like any other where it would be lost, and has no history where the zone itself is kept."""
    narrow = DEFAULT._replace(zonefile_sync_s=-1, journal_max_usage_bytes=300)
    bench.load(narrow)
    with pytest.raises(JournalFull):
        bench.add(1, narrow, 250)
    kept = narrow._replace(journal_content="all", zonefile_load="none")
    assert bench.add(1, kept, 250).new_serial == 11
    assert bench.journal().depth == 0
    assert bench.journal().holds_zone
    bench.add(2, kept, 8)
    assert bench.serials() == [11, 12]
    bench.add(3, kept, 250)
    assert bench.journal().depth == 0


def test_a_difference_that_has_no_room_is_in_the_file(bench: Bench) -> None:
    """The file becomes the zone without history, and is the zone after the next start too, with its new serial."""
    settings = DEFAULT._replace(zonefile_sync_s=-1, journal_max_usage_bytes=300, zonefile_load="difference")
    bench.load(settings)
    for number in (1, 2):
        bench.file.write_text(ZONE.format(serial=9 + number, mark=f"{number}" * 200))
        assert bench.door.load(APEX, str(bench.file), settings, cold=False).new_serial == 10 + number
    assert bench.door.load(APEX, str(bench.file), settings, cold=True).new_serial == 12
    assert bench.door.purge_journal(APEX)
    assert bench.door.load(APEX, str(bench.file), settings, cold=True).new_serial == 11


LARGE_CASES = [("difference", "changes", 10), ("difference", "all", 15), ("difference-no-serial", "all", 10)]


@pytest.mark.parametrize(("mode", "content", "serial"), LARGE_CASES)
def test_a_large_difference_is_written_as_a_whole(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, mode: str, content: str, serial: int
) -> None:
    """Memory does not grow with the difference; serials are as ever, the journal's chain ends, skipped types stay."""
    monkeypatch.setattr("control.update.compare.RECORDED_MAX", 3)
    settings = DEFAULT._replace(
        zonefile_sync_s=-1, zonefile_load=mode, journal_content=content, zonefile_skip=frozenset({99})
    )
    bench.load(settings)
    spf = Record(b"\1s" + APEX, 99, 60, b"\1s")
    bench.door.commit([ZoneUpdate(APEX, settings, additions=(spf,))])
    bench.flushed(11, settings)
    more = "".join(f"h{number}.example. 60 IN A 192.0.2.{number}\n" for number in range(9))
    bench.file.write_text(ZONE.format(serial=serial + 1, mark="b") + more)
    result = bench.door.load(APEX, str(bench.file), settings, cold=False)
    assert result.new_serial == max(12, serial + 1)
    assert result.records == len(bench.pairs())
    assert bench.journal().depth == 0
    assert any(key.endswith(b"\0\x63") for key, _ in bench.pairs())
    info = bench.door.publisher._table.zone_info(APEX)
    assert info is not None
    assert info.serial == result.new_serial
    again = bench.door.load(APEX, str(bench.file), settings, cold=True)
    assert again.new_serial == result.new_serial
    bench.add(1, settings)
    assert_sound(bench)


@pytest.mark.parametrize(("mode", "content"), [("difference", "changes"), ("difference-no-serial", "all")])
def test_a_digest_is_no_difference_to_the_file(bench: Bench, mode: str, content: str) -> None:
    """The server's own ZONEMD stays when the file is read again as it was; its changes are changesets."""
    settings = ZoneSettings(
        zonefile_sync_s=-1, zonefile_load=mode, journal_content=content, zonemd_generate="zonemd-sha384"
    )
    bench.load(settings)
    assert bench.serials() == [10, 11]
    version = bench.door.find_zone(APEX)
    bench.file.write_text("; touched\n" + bench.file.read_text())
    result = bench.door.load(APEX, str(bench.file), settings, cold=False)
    again = bench.door.find_zone(APEX)
    assert version is not None
    assert again is not None
    assert (result.new_serial, again.version) == (11, version.version)
    bench.file.write_text(ZONE.format(serial=12, mark="b"))
    bench.door.load(APEX, str(bench.file), settings, cold=False)
    with bench.store.read() as txn:
        zone = bench.door.find_zone(APEX)
        assert zone is not None
        verify(txn, zone)
    assert_sound(bench)


def test_a_damaged_journal_concerns_its_zone_alone(bench: Bench, tmp_path: Path) -> None:
    """It is named with the remedy, by loads and changes; zones loaded together with it are loaded."""
    settings = DEFAULT._replace(journal_max_depth=3, zonefile_sync_s=-1)
    bench.load(settings)
    for number in range(3):
        bench.add(number, settings)

    def damage(txn: Transaction) -> None:
        with txn.cursor(txn.changesets) as cursor:
            assert cursor.set_range(KEY.pack(bench.journal().journal_id, 10, REMOVALS, 0))
            cursor.delete()

    bench.store.write(damage)
    with pytest.raises(JournalDamaged, match="zone-purge"):
        bench.add(3, settings)
    bench.file.write_text(ZONE.format(serial=10, mark="b"))
    other = tmp_path / "other.zone"
    other.write_text(ZONE.format(serial=10, mark="a").replace("example.", "other."))
    requests = [
        LoadRequest(APEX, str(bench.file), settings, cold=True),
        LoadRequest(b"\5other\0", str(other), settings, cold=True),
    ]
    results = [result for _, result in bench.door.load_many(requests)]
    assert [type(result) for result in results] == [JournalDamaged, LoadResult]
    assert bench.door.purge_journal(APEX)
    assert bench.door.load(APEX, str(bench.file), settings, cold=True).new_serial == 10


def test_signatures_read_back_as_they_were(bench: Bench) -> None:
    """Their TTL is the original TTL of the first one, whatever TTL they are given: as in the file written."""
    rdatas = [
        b"\0" + bytes((covered,)) + b"\15\1" + ttl.to_bytes(4, "big") + bytes(10) + APEX + b"x"
        for covered, ttl in ((1, 300), (16, 600))
    ]
    bench.load(DEFAULT)
    bench.door.commit([ZoneUpdate(APEX, DEFAULT, additions=tuple(Record(APEX, 46, 60, rdata) for rdata in rdatas))])
    edit = ZoneEdit(bench.store, APEX, DEFAULT)
    edit.set(Record(APEX, 46, 70, rdatas[0].replace(b"x", b"y")))
    bench.door.commit([edit.update()])
    written = write_zone_file(bench.store, APEX, str(bench.file), clock=Clock())
    bench.door.flushed(APEX, written.identity, written.serial, DEFAULT)
    before = bench.pairs()
    bench.file.write_text(bench.file.read_text() + "; read again\n")
    assert bench.door.load(APEX, str(bench.file), DEFAULT, cold=False).file_serial == written.serial
    assert bench.pairs() == before


def test_an_old_journal_is_not_used_without_one(bench: Bench) -> None:
    """With `journal-content: none` the file counts alone, as in Knot, and what the journal has is there for later."""
    bench.load(DEFAULT)
    bench.add(1, DEFAULT)
    assert bench.door.load(APEX, str(bench.file), NONE, cold=True).new_serial == 10
    assert bench.door.load(APEX, str(bench.file), NONE, cold=True).new_serial == 10
    assert bench.door.load(APEX, str(bench.file), DEFAULT, cold=True).new_serial == 11
    assert_sound(bench)


def test_a_zone_dropped_while_it_is_edited_or_loaded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither brings it back: both began with a zone that is no more."""
    from control.update import load

    bench.load(DEFAULT)
    edit = ZoneEdit(bench.store, APEX, DEFAULT)
    edit.set(Record(b"\1e" + APEX, 1, 60, b"\1\2\3\4"))
    update = edit.update()
    prepare = load.prepare

    def prepare_and_drop(*args: Any) -> Any:
        prepared = prepare(*args)
        bench.door.drop(APEX)
        return prepared

    bench.file.write_text(ZONE.format(serial=20, mark="b"))
    with monkeypatch.context() as patch:
        patch.setattr(load, "prepare", prepare_and_drop)
        with pytest.raises(ZoneBusy):
            bench.door.load(APEX, str(bench.file), DEFAULT, cold=False)
    with pytest.raises(ZoneBusy):
        bench.door.commit([update])
    assert bench.door.find_zone(APEX) is None
    assert bench.door.load(APEX, str(bench.file), DEFAULT, cold=True).new_serial == 20


def test_an_rrset_of_all_the_records_there_can_be(bench: Bench) -> None:
    """It is stored, kept in the journal, changed and removed again; one more record is refused."""
    records = tuple(Record(b"\1g" + APEX, 1, 60, number.to_bytes(4, "big")) for number in range(0x10000))
    bench.load(DEFAULT)
    (result,) = bench.door.commit([ZoneUpdate(APEX, DEFAULT, additions=records[:-1])])
    assert result.added == 0xFFFF + 1
    with pytest.raises(ZoneInvalid, match="65535 is the most"):
        bench.door.commit([ZoneUpdate(APEX, DEFAULT, additions=records[-1:])])
    (result,) = bench.door.commit([ZoneUpdate(APEX, DEFAULT, removals=records[:1], additions=records[-1:])])
    assert (result.removed, result.added) == (2, 2)
    bench.assert_history()
    (result,) = bench.door.commit([ZoneUpdate(APEX, DEFAULT, removals=records)])
    assert (result.removed, result.added) == (0xFFFF + 1, 1)
    assert len(bench.pairs()) == len(bench.base)
    bench.assert_history()
    assert_sound(bench)
