# SPDX-License-Identifier: Apache-2.0
"""store/a disk without space: a clear error, nothing lost, the old version served."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from control.clock import Clock
from control.errors import StoreFull
from control.store.contents import iterate_pairs
from control.store.environment import Store
from control.store.keys import Record
from control.store.zones import get_zone
from control.update.door import Door
from pyxdp_dns.table import Table
from tests.support.doors import change, load_file

MIB = 1 << 20
TXT = 16
APEX = b"\7example\0"
HEADER = """\
example. 60 IN SOA ns.example. host.example. {serial} 3600 900 604800 300
example. 60 IN NS ns.example.
ns.example. 60 IN A 192.0.2.1
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.root
@pytest.mark.parametrize("chunk", [1 << 16, 500])
def test_a_full_disk_keeps_the_old_version(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """The error says so; contents are the old ones, also after a restart; with space again the zone loads."""
    monkeypatch.setattr("control.update.load.CHUNK_RRSETS", chunk)
    monkeypatch.setattr("control.update.whole.CHUNK_RRSETS", chunk)
    zone_file = tmp_path / "example.zone"
    zone_file.write_text(HEADER.format(serial=1))
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2 * MIB))
    with Table.create(tmp_path / "table") as table:
        with Store(small_disk / "store", 1 << 30, 1) as store:
            door = Door(store, table, Clock())
            load_file(door, APEX, str(zone_file), 60)
            before, digest = door.find_zone(APEX), table.digest(APEX)
            body = "".join(f"h{i}.example. 60 IN TXT {'x' * 200}\n" for i in range(10000))
            zone_file.write_text(HEADER.format(serial=2) + body)
            with pytest.raises(StoreFull, match=r"no space left on its disk.*; free some"):
                load_file(door, APEX, str(zone_file), 60)
            assert table.digest(APEX) == digest
            assert door.find_zone(APEX) == before
        with Store(small_disk / "store", 1 << 30, 1) as store:
            door = Door(store, table, Clock())
            door.sweep()
            with store.read() as txn:
                zone = get_zone(txn, APEX)
                assert zone == before
                assert len(list(iterate_pairs(txn, zone))) == 3
                assert txn.lmdb.stat(db=txn.contents)["entries"] == 3
            ballast.unlink()
            zone_file.write_text(HEADER.format(serial=3) + body[: len(body) // 4].rpartition("\n")[0] + "\n")
            assert load_file(door, APEX, str(zone_file), 60).new_serial == 3


@pytest.mark.root
def test_changes_on_a_filling_disk_stop_cleanly(small_disk: Path, tmp_path: Path) -> None:
    """Each change either went through in store and table or in neither."""
    zone_file = tmp_path / "example.zone"
    zone_file.write_text(HEADER.format(serial=1))
    with Table.create(tmp_path / "table") as table, Store(small_disk / "store", 1 << 30, 1) as store:
        door = Door(store, table, Clock())
        load_file(door, APEX, str(zone_file), 60)
        done = 0

        def add_names() -> NoReturn:
            nonlocal done
            while True:
                owner = b"\6" + b"%06d" % done + APEX
                change(door, APEX, [], [Record(owner, TXT, 60, (b"\xc8" + b"x" * 200) * 8)])
                done += 1

        with pytest.raises(StoreFull, match="no space left"):
            add_names()
        zone, info = door.find_zone(APEX), table.zone_info(APEX)
        assert zone is not None
        assert info is not None
        assert zone.records == 3 + done
        assert info.version == zone.version
        table.check()
