# SPDX-License-Identifier: Apache-2.0
"""store/killed while committing: acknowledged changes are there, and the journal leads from the file to the zone."""

import random
import select
import subprocess
import sys
import time
from pathlib import Path

from control.clock import Clock
from control.store.contents import iterate_pairs
from control.store.environment import Store, Transaction
from control.store.journal import get_journal, iterate_heads, read_changeset
from control.store.zones import get_zone
from control.update.door import Door
from control.update.merge import net_changes, replay
from pyxdp_dns.scan import scan_zone_text
from tests.scenario.store import committer
from tests.scenario.store.loader import open_table

KILLS = 200
SEED = 20261121
LONGEST_LIFE_S = 0.12
ROOT = Path(__file__).resolve().parents[3]


def run_and_kill(directory: Path, life_s: float) -> dict[bytes, int]:
    """Let the committer work for a while, kill it, and return the last serial it acknowledged for each zone."""
    command = [sys.executable, "-m", "tests.scenario.store.committer", str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if process.stdout.readline() != b"ready\n":
            raise AssertionError(process.stderr.read().decode())
        ended, _, _ = select.select([process.stderr], [], [], life_s)
        process.kill()
        assert not ended, process.stderr.read().decode()
        told = process.stdout.read().split(b"\n")[:-1]
    return {name: int(serial) for name, serial in (line.split() for line in told)}


def assert_zone(txn: Transaction, apex: bytes, acknowledged: int) -> None:
    """The zone is the version its serial says, none is lost, and the journal makes it from the file."""
    zone = get_zone(txn, apex)
    assert zone is not None
    assert zone.serial >= acknowledged
    pairs = list(iterate_pairs(txn, zone))
    with scan_zone_text(committer.zone_text(apex, zone.serial).encode(), apex, zone.zone_id) as scanned:
        assert pairs == list(scanned)
    state = get_journal(txn, apex)
    if zone.serial == committer.FIRST:
        return
    assert state is not None
    heads = list(iterate_heads(txn, state))
    assert (state.first, state.last, state.depth) == (committer.FIRST, zone.serial, len(heads))
    assert state.octets == sum(head.octets for head in heads)
    net = net_changes(read_changeset(txn, state, head) for head in heads)
    with scan_zone_text(committer.zone_text(apex).encode(), apex, zone.zone_id) as scanned:
        assert list(replay(scanned, net, zone.zone_id)) == pairs


def assert_table(store: Store, directory: Path) -> None:
    """The table that the killed process left is brought to what the store has."""
    with open_table(directory / "table") as table:
        door = Door(store, table, Clock())
        for apex in committer.ZONES:
            assert door.ensure_table(apex)
            info, zone = table.zone_info(apex), door.find_zone(apex)
            assert info is not None
            assert zone is not None
            assert (info.version, info.serial) == (zone.version, zone.serial)
        table.check()


def test_a_process_killed_while_committing_loses_nothing(tmp_path: Path) -> None:
    """Two hundred lives end in the middle of more commits; what was acknowledged is there each time."""
    moments = random.Random(SEED)
    acknowledged = dict.fromkeys((apex[1:-1] for apex in committer.ZONES), committer.FIRST)
    for _ in range(KILLS):
        acknowledged |= run_and_kill(tmp_path, moments.uniform(0, LONGEST_LIFE_S))
        with Store(tmp_path / "store", committer.STORE_BYTES, time.time_ns()) as store:
            with store.read() as txn:
                for apex in committer.ZONES:
                    assert_zone(txn, apex, acknowledged[apex[1:-1]])
            assert_table(store, tmp_path)
    assert min(acknowledged.values()) > committer.FIRST
    assert sum(acknowledged.values()) > KILLS
