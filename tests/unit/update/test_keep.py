# SPDX-License-Identifier: Apache-2.0
"""What the door keeps in the journal: each change once, within the limits, without losing what the zone file lacks."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import JournalFull, ZoneInvalid
from control.store.contents import iterate_pairs
from control.store.environment import Store
from control.store.journal import JournalState, get_journal, iterate_heads, read_changeset
from control.store.keys import Pair, Record
from control.store.sources import FileIdentity
from control.store.zones import get_zone
from control.update.door import Door
from control.update.merge import net_changes, replay
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult
from pyxdp_dns.table import Table
from tests.support.matrix import ZONE

APEX = b"\7example\0"
A, TXT = 1, 16
HOUR_NS = 3600 * 10**9
DEFAULT = ZoneSettings(journal_max_depth=4)


class Bench:
    """A door with `example.` loaded at serial 10, its base contents remembered."""

    def __init__(self, directory: Path, store: Store, table: Table) -> None:
        clock = Clock()
        self.store = store
        self.door = Door(store, table, replace(clock, now_ns=lambda: clock.now_ns() + HOUR_NS))
        self.file = directory / "example.zone"
        self.file.write_text(ZONE.format(serial=10, mark="a"))
        self.base: list[Pair] = []

    def load(self, settings: ZoneSettings) -> None:
        self.door.load(APEX, str(self.file), settings, cold=True)
        self.base = self.pairs()

    def add(self, number: int, settings: ZoneSettings, octets: int = 8) -> ChangeResult:
        record = Record(b"\1h" + APEX, TXT, 60, bytes((octets,)) + bytes((number,)) * octets)
        (result,) = self.door.commit([ZoneUpdate(APEX, settings, additions=(record,))])
        return result

    def flip(self, number: int, settings: ZoneSettings, octets: int = 200) -> ChangeResult:
        """Replace the TXT record of one name by another."""
        texts = [bytes((octets,)) + bytes((n,)) * octets for n in (number - 1, number)]
        old, new = (Record(b"\1f" + APEX, TXT, 60, text) for text in texts)
        (result,) = self.door.commit([ZoneUpdate(APEX, settings, removals=(old,), additions=(new,))])
        return result

    def flushed(self, serial: int, settings: ZoneSettings) -> None:
        identity = FileIdentity.of_read(str(self.file), self.file.stat().st_ctime_ns + HOUR_NS)
        self.door.flushed(APEX, identity, serial, settings)

    def pairs(self) -> list[Pair]:
        with self.store.read() as txn:
            zone = get_zone(txn, APEX)
            assert zone is not None
            return list(iterate_pairs(txn, zone))

    def journal(self) -> JournalState:
        with self.store.read() as txn:
            state = get_journal(txn, APEX)
            assert state is not None
            return state

    def serials(self) -> list[int]:
        with self.store.read() as txn:
            heads = list(iterate_heads(txn, self.journal()))
        return [head.serial_from for head in heads] + [head.serial_to for head in heads[-1:]]

    def assert_history(self) -> None:
        """The journal leads from the contents that were loaded to those there are."""
        with self.store.read() as txn:
            state = self.journal()
            net = net_changes(read_changeset(txn, state, head) for head in iterate_heads(txn, state, 10))
        assert list(replay(self.base, net, int.from_bytes(self.base[0][0][:4], "big"))) == self.pairs()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Store(tmp_path / "store", 64 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        yield Bench(tmp_path, store, table)


def test_each_change_is_a_changeset(bench: Bench) -> None:
    """The chain begins at the file's serial and ends at the zone's."""
    bench.load(DEFAULT)
    assert [bench.add(number, DEFAULT).new_serial for number in range(3)] == [11, 12, 13]
    assert bench.serials() == [10, 11, 12, 13]
    bench.assert_history()


def test_nothing_is_kept_without_a_journal(bench: Bench) -> None:
    """`journal-content: none`."""
    settings = ZoneSettings(journal_content="none")
    bench.load(settings)
    bench.add(1, settings)
    with bench.store.read() as txn:
        assert get_journal(txn, APEX) is None


def test_a_full_journal_asks_for_the_zone_file(bench: Bench) -> None:
    """Once it is written, what is in it is dropped; until then nothing is."""
    bench.load(DEFAULT)
    assert [bench.add(number, DEFAULT).needs_flush for number in range(6)] == [False] * 4 + [True] * 2
    assert bench.serials() == list(range(10, 17))
    bench.flushed(15, DEFAULT)
    assert bench.serials() == [13, 14, 15, 16]
    assert not bench.add(7, DEFAULT).needs_flush
    assert bench.serials() == [13, 14, 15, 16, 17]


def test_a_file_that_is_never_written_does_not_let_the_journal_grow(bench: Bench) -> None:
    """Far beyond the limits changesets are merged."""
    bench.load(DEFAULT)
    asked = [bench.add(number, DEFAULT).needs_flush for number in range(30)]
    assert asked.count(True) > 10
    assert bench.journal().depth <= 8
    bench.assert_history()


def test_without_flushing_changesets_are_merged(bench: Bench) -> None:
    """`zonefile-sync: -1`: the journal still leads from the file to the zone, the serials between are gone."""
    settings = DEFAULT._replace(zonefile_sync_s=-1)
    bench.load(settings)
    for number in range(20):
        assert not bench.add(number, settings).needs_flush
        assert bench.journal().depth <= 4
        bench.assert_history()
    first, second, *_ = bench.serials()
    assert (first, second > 11) == (10, True)


def test_what_was_merged_is_merged_again_when_as_much_has_come(bench: Bench) -> None:
    """The oldest changeset, with most of the changes, is not written anew each time the journal is full."""
    settings = DEFAULT._replace(zonefile_sync_s=-1, journal_max_depth=20)
    bench.load(settings)
    ends = set()
    for number in range(250):
        bench.add(number % 250, settings, 8 + number % 40)
        ends.add(bench.serials()[1])
        assert bench.journal().depth <= 20
    bench.assert_history()
    assert len(ends) < 20


def test_merging_begins_at_the_file_that_was_written(bench: Bench) -> None:
    """A file that an operator has written with `zonefile-sync: -1` stays what the journal leads on from."""
    settings = DEFAULT._replace(zonefile_sync_s=-1)
    bench.load(settings)
    for number in range(3):
        bench.add(number, settings)
    bench.flushed(13, settings)
    for number in range(3, 20):
        bench.add(number, settings)
        assert 13 in bench.serials()
        assert bench.journal().depth <= 4
    assert bench.serials()[0] == 13


@pytest.mark.parametrize("sync_s", [-1, 0])
def test_no_serial_goes_while_the_file_is_written(bench: Bench, sync_s: int) -> None:
    """Whichever version is in it, the journal leads on from there; afterwards its limits count again."""
    settings = DEFAULT._replace(zonefile_sync_s=sync_s)
    bench.load(settings)
    with bench.door.flushing(APEX):
        for number in range(20):
            assert not bench.add(number, settings).needs_flush
        assert bench.serials() == list(range(10, 31))
        bench.flushed(15, settings)
    for number in range(20, 25):
        bench.add(number, settings)
    assert 15 in bench.serials()
    assert bench.journal().depth <= 8


def test_changes_that_take_each_other_back_merge_to_little(bench: Bench) -> None:
    """So many changes have room in a small journal."""
    settings = DEFAULT._replace(zonefile_sync_s=-1, journal_max_usage_bytes=2000)
    bench.load(settings)
    for number in range(1, 40):
        bench.flip(number, settings)
    assert bench.journal().octets <= 2000
    bench.assert_history()


def test_a_journal_that_cannot_hold_the_difference_refuses(bench: Bench) -> None:
    """The change is not made, the item to raise is named, and what is there stays."""
    settings = DEFAULT._replace(zonefile_sync_s=-1, journal_max_usage_bytes=2000)
    bench.load(settings)

    def add_all() -> None:
        for number in range(20):
            bench.add(number, settings, 250)

    with pytest.raises(JournalFull, match=r"journal-max-usage"):
        add_all()
    bench.assert_history()
    zone = bench.door.find_zone(APEX)
    assert zone is not None
    assert zone.serial == bench.journal().last


def test_a_change_that_undoes_what_fills_the_journal_has_room(bench: Bench) -> None:
    """Where nothing else helps it is merged with all that is there."""
    settings = DEFAULT._replace(zonefile_sync_s=-1, journal_max_usage_bytes=1000)
    bench.load(settings)
    for number in range(1, 10):
        bench.flip(number, settings, 250)
        assert bench.journal().octets <= 1000
        bench.assert_history()


def test_with_the_zone_in_the_journal_the_oldest_are_dropped(bench: Bench) -> None:
    """`journal-content: all`, no flushing: the contents themselves hold what was in them."""
    settings = DEFAULT._replace(zonefile_sync_s=-1, journal_content="all", zonefile_load="none")
    bench.load(settings._replace(zonefile_load="whole"))
    for number in range(10):
        bench.add(number, settings)
    assert bench.serials() == [16, 17, 18, 19, 20]
    assert bench.journal().holds_zone


def test_twice_what_lacks_is_freed(bench: Bench) -> None:
    """So that the next changes have room as well."""
    settings = ZoneSettings(
        zonefile_sync_s=-1, journal_content="all", zonefile_load="none", journal_max_usage_bytes=4000
    )
    bench.load(settings._replace(zonefile_load="whole"))
    depths = []
    for number in range(30):
        bench.add(number, settings, 250)
        depths.append(bench.journal().depth)
        assert bench.journal().octets <= 4000
    assert any(after < before for before, after in pairwise(depths))


def test_a_zone_loaded_anew_keeps_its_journal(bench: Bench) -> None:
    """It belongs to the name; and a purge leaves the zone."""
    bench.load(DEFAULT)
    bench.add(1, DEFAULT)
    bench.door.drop(APEX)
    assert bench.serials() == [10, 11]
    result = bench.door.load(APEX, str(bench.file), DEFAULT, cold=True)
    assert (result.file_serial, result.new_serial) == (10, 11)
    assert bench.door.purge_journal(APEX)
    assert bench.door.load(APEX, str(bench.file), DEFAULT, cold=True).new_serial == 10


def test_a_serial_that_goes_back_is_refused_where_there_is_a_journal(bench: Bench) -> None:
    """Without a journal it is taken."""
    lower = Record(APEX, 6, 60, b"\2ns\0\1h\0" + b"".join(n.to_bytes(4, "big") for n in (5, 1, 1, 1, 1)))
    bench.load(DEFAULT)
    with pytest.raises(ZoneInvalid, match="not greater than 10"):
        bench.door.commit([ZoneUpdate(APEX, DEFAULT, additions=(lower,))])
    settings = DEFAULT._replace(journal_content="none")
    (result,) = bench.door.commit([ZoneUpdate(APEX, settings, additions=(lower,))])
    assert result.new_serial == 5


def test_a_flushed_file_is_not_read_at_the_next_start(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store has what is in it, and what came afterwards is in the journal."""
    bench.load(DEFAULT)
    bench.add(1, DEFAULT)
    bench.flushed(11, DEFAULT)
    bench.add(2, DEFAULT)
    monkeypatch.setattr("pyxdp_dns.scan.scan_zone_file", lambda *args: pytest.fail("scanned"))
    assert bench.door.load(APEX, str(bench.file), DEFAULT, cold=True).new_serial == 12
