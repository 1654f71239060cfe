# SPDX-License-Identifier: Apache-2.0
"""store/a real zone through its history: each update by difference ends where a full build does."""

import gzip
import os
from itertools import islice
from pathlib import Path

import pytest

from control.clock import Clock
from control.store.contents import iterate_pairs
from control.store.environment import Store
from control.store.keys import Pair
from control.store.zones import get_zone, list_condemned
from control.update.door import Door
from control.update.results import Outcome
from pyxdp_dns.scan import scan_zone_file
from pyxdp_dns.table import Table
from tests.support.doors import load_file

DATA = Path(os.environ.get("XDPDNS_TEST_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data"))
APEX = b"\3gov\0"
DEFAULT_TTL = 3600
DATES = 14


def stored_pairs(store: Store) -> list[Pair]:
    """The pairs of the zone as under zone id 0."""
    with store.read() as txn:
        zone = get_zone(txn, APEX)
        assert zone is not None
        assert list_condemned(txn) == []
        return [(bytes(4) + key[4:], value) for key, value in iterate_pairs(txn, zone)]


def full_build(path: Path, directory: Path) -> tuple[int, int]:
    """The digest of the zone in a table built from the file alone."""
    with Table.create(directory / "fresh") as table, scan_zone_file(path, APEX, 0, DEFAULT_TTL) as scanned:
        with table.transaction() as txn:
            txn.build_zone(APEX, 1, scanned.bytes_pointer, scanned.offsets_pointer, scanned.count)
        return table.digest(APEX)


@pytest.mark.data
def test_a_years_updates_of_gov_are_followed(tmp_path: Path) -> None:
    """After each of 13 updates store and table have what the new file has, nothing else, and a valid structure."""
    files = sorted((DATA / "gov").glob("*.zone.gz"))
    assert len(files) == DATES
    path = tmp_path / "gov.zone"
    serial = None
    with Store(tmp_path / "store", 1 << 30, 1) as store, Table.create(tmp_path / "table") as table:
        door = Door(store, table, Clock())
        ids = set()
        for file in files:
            path.write_bytes(gzip.decompress(file.read_bytes()))
            result = load_file(door, APEX, str(path), DEFAULT_TTL)
            assert result.outcome is (Outcome.LOADED if serial is None else Outcome.UPDATED)
            assert result.old_serial == serial
            serial = result.new_serial
            with scan_zone_file(path, APEX, 0, DEFAULT_TTL) as scanned:
                assert stored_pairs(store) == list(scanned)
                assert result.records == scanned.records
            assert table.digest(APEX) == full_build(path, tmp_path)
            table.check()
            zone = door.find_zone(APEX)
            assert zone is not None
            ids.add(zone.zone_id)
        assert len(ids) < DATES / 2, "most updates are small enough to be incremental"


@pytest.mark.data
def test_a_table_rebuilt_from_the_store_is_the_same(tmp_path: Path) -> None:
    """What is lost with the table is in the store."""
    path = tmp_path / "gov.zone"
    (first,) = islice(sorted((DATA / "gov").glob("*.zone.gz")), 1)
    path.write_bytes(gzip.decompress(first.read_bytes()))
    with Store(tmp_path / "store", 1 << 30, 1) as store:
        with Table.create(tmp_path / "table") as table:
            load_file(Door(store, table, Clock()), APEX, str(path), DEFAULT_TTL)
            digest = table.digest(APEX)
        with Table.create(tmp_path / "table") as table:
            assert Door(store, table, Clock()).ensure_table(APEX)
            assert table.digest(APEX) == digest
