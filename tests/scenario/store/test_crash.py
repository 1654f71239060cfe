# SPDX-License-Identifier: Apache-2.0
"""store/killed at any moment: the store is a committed version, and the table is brought to it."""

import random
import select
import subprocess
import sys
import time
from pathlib import Path

from control.clock import Clock
from control.store.contents import iterate_pairs
from control.store.environment import Store
from control.store.zones import get_zone, list_condemned
from control.update.door import Door
from pyxdp_dns.scan import scan_zone_text
from pyxdp_dns.table import Table
from tests.scenario.store import loader

KILLS = 60
SEED = 20240602
LONGEST_LIFE_S = 0.25
FIRST_LIVES = 40
ROOT = Path(__file__).resolve().parents[3]


def run_and_kill(directory: Path, life_s: float) -> None:
    """Start the loader, let it work for a while, kill it."""
    command = [sys.executable, "-m", "tests.scenario.store.loader", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if process.stdout.readline() != b"ready\n":
            raise AssertionError(process.stderr.read().decode())
        ended, _, _ = select.select([process.stderr], [], [], life_s)
        process.kill()
        assert not ended, process.stderr.read().decode()


def is_loaded(directory: Path) -> bool:
    """Tell whether the store has the zone."""
    with Store(directory / "store", loader.STORE_BYTES, time.time_ns()) as store, store.read() as txn:
        return get_zone(txn, loader.APEX) is not None


def assert_whole(directory: Path) -> int:
    """The store holds exactly one version; healed, the table answers exactly that. Returns its serial."""
    with Store(directory / "store", loader.STORE_BYTES, time.time_ns()) as store:
        with store.read() as txn:
            zone = get_zone(txn, loader.APEX)
            assert zone is not None
            pairs = list(iterate_pairs(txn, zone))
        text = loader.zone_text(zone.serial).encode()
        if zone.records != loader.names_of(zone.serial) + 4:
            raise AssertionError(f"{zone.records} records in version {zone.serial}")
        with scan_zone_text(text, loader.APEX, zone.zone_id) as scanned:
            assert pairs == list(scanned)
            with Table.create(directory / "fresh") as fresh:
                with fresh.transaction() as publication:
                    publication.build_zone(
                        loader.APEX, 1, scanned.bytes_pointer, scanned.offsets_pointer, scanned.count
                    )
                expected = fresh.digest(loader.APEX)
        with loader.open_table(directory / "table") as table:
            door = Door(store, table, Clock())
            door.sweep()
            door.ensure_table(loader.APEX)
            assert table.digest(loader.APEX) == expected
            table.check()
        with store.read() as txn:
            assert list_condemned(txn) == []
            assert txn.lmdb.stat(db=txn.contents)["entries"] == len(pairs)
    return zone.serial


def test_a_daemon_killed_at_any_moment_leaves_one_version(tmp_path: Path) -> None:
    """Sixty lives end at random moments of loads and changes; each finds and leaves a whole version, and goes on."""
    moments = random.Random(SEED)
    for _ in range(FIRST_LIVES):  # On a loaded machine the first load takes longer than one life.
        run_and_kill(tmp_path, LONGEST_LIFE_S)
        if is_loaded(tmp_path):
            break
    serials = [assert_whole(tmp_path)]
    for _ in range(KILLS):
        run_and_kill(tmp_path, moments.uniform(0, LONGEST_LIFE_S))
        serials.append(assert_whole(tmp_path))
    assert serials == sorted(serials)
    assert len(set(serials)) > KILLS / 2
