# SPDX-License-Identifier: Apache-2.0
"""Rows of zones: given, kept, taken back, and given again only when no thread can count in them any more."""

from pathlib import Path

from control.server.zone_rows import ZoneRows
from pyxdp_dns.modules import StatsConf
from pyxdp_dns.statistics import stats_counters
from pyxdp_dns.table import ServerInfo
from tests.support import ask
from tests.support.regions import EVERY_FAMILY, Bench, bench, query, told

ONE, TWO = ask.name_wire("example.com."), ask.name_wire("example.org.")
ZONES = ("example.com.", "example.org.")
OPERATION = StatsConf.of(("server-operation",)).families
INFO = ServerInfo(zone_stats=True)


def make_rows(one: Bench) -> ZoneRows:
    """Return rows of the bench's table and file."""
    rows = ZoneRows()
    rows.adopt(one.table)
    rows.use(one.zone_stats)
    return rows


def operations(rows: ZoneRows, apex: bytes) -> int:
    """Return the queries counted for a zone."""
    return told(stats_counters(rows.values(apex), EVERY_FAMILY)).get(("server-operation", "query"), 0)


def row_of(one: Bench, apex: bytes) -> int:
    """Return the zone's row in the table."""
    info = one.table.zone_info(apex)
    return info.stats_row if info else 0


def test_zones_are_counted_apart(tmp_path: Path) -> None:
    """Each zone has what was asked of it."""
    with bench(tmp_path, INFO, ZONES) as one:
        rows = make_rows(one)
        rows.follow({ONE: OPERATION, TWO: OPERATION, ask.name_wire("absent.test."): OPERATION})
        for name in ("example.com.", "ns.example.com.", "example.org."):
            one.ask(query(name))
        assert (operations(rows, ONE), operations(rows, TWO)) == (2, 1)
        assert rows.families(ask.name_wire("absent.test.")) == 0


def test_counters_outlive_the_daemon(tmp_path: Path) -> None:
    """Who adopts the table finds every zone in its row, and changes of the zone leave it there."""
    with bench(tmp_path, INFO, ZONES) as one:
        make_rows(one).follow({TWO: OPERATION})
        one.ask(query("example.org."))
        one.add_zone(tmp_path, "example.org.")
        rows = make_rows(one)
        one.ask(query("example.org."))
        assert operations(rows, TWO) == 2
        generation = one.table.stats().generation
        rows.follow({TWO: OPERATION})
        assert one.table.stats().generation == generation


def test_row_is_given_again_when_nobody_counts_in_it(tmp_path: Path) -> None:
    """A row that was taken back starts at zero for the next zone, and is not given while a reader may still use it."""
    with bench(tmp_path, INFO, ZONES) as one:
        rows = make_rows(one)
        rows.follow({ONE: OPERATION})
        one.ask(query("example.com."))
        one.responder.enter()
        rows.follow({})
        assert row_of(one, ONE) == 0
        rows.follow({TWO: OPERATION})
        assert row_of(one, TWO) == 2
        one.responder.leave()
        rows.follow({ONE: OPERATION, TWO: OPERATION})
        assert (row_of(one, ONE), row_of(one, TWO)) == (1, 2)
        assert operations(rows, ONE) == 0


def test_removed_zone_gives_its_row_back(tmp_path: Path) -> None:
    """The row of a zone that left the table goes to another."""
    with bench(tmp_path, INFO, ZONES) as one:
        rows = make_rows(one)
        rows.follow({ONE: OPERATION})
        with one.table.transaction() as txn:
            txn.remove_zone(ONE)
        rows.forget(ONE)
        rows.follow({TWO: OPERATION})
        assert row_of(one, TWO) == 1


def test_families_change_in_place(tmp_path: Path) -> None:
    """Other families are counted in the same row."""
    with bench(tmp_path, INFO, ZONES) as one:
        rows = make_rows(one)
        rows.follow({ONE: OPERATION})
        rows.follow({ONE: EVERY_FAMILY})
        assert row_of(one, ONE) == 1
        one.ask(query("ns.example.com."))
        assert ("query-type", "A") in told(stats_counters(rows.values(ONE), EVERY_FAMILY))


def test_row_of_another_table_starts_at_zero(tmp_path: Path) -> None:
    """A row that a table of before has used has nothing of that when it is given anew, also before there is a file."""
    for has_file in (True, False):
        (tmp_path / str(has_file)).mkdir()
        with bench(tmp_path / str(has_file), INFO, ZONES) as one:
            make_rows(one).follow({ONE: OPERATION})
            one.ask(query("example.com."))
            with one.table.transaction() as txn:
                txn.set_zone_stats(ONE, 0, 0)
            rows = ZoneRows()
            rows.adopt(one.table)
            if has_file:
                rows.use(one.zone_stats)
            rows.follow({TWO: OPERATION})
            rows.use(one.zone_stats)
            assert row_of(one, TWO) == 1
            assert operations(rows, TWO) == 0
            one.ask(query("example.org."))
            assert operations(rows, TWO) == 1


def test_zone_put_in_again_is_counted_again(tmp_path: Path) -> None:
    """A zone that was taken out of the table and put in again has its row in the new zone."""
    with bench(tmp_path, INFO, ZONES) as one:
        rows = make_rows(one)
        rows.follow({ONE: OPERATION})
        with one.table.transaction() as txn:
            txn.remove_zone(ONE)
        one.add_zone(tmp_path, "example.com.")
        assert row_of(one, ONE) == 0
        rows.follow({ONE: OPERATION})
        one.ask(query("example.com."))
        assert operations(rows, ONE) == 1
