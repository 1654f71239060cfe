# SPDX-License-Identifier: Apache-2.0
"""A daemon that is killed while members of a catalog come and go is what the catalog says after the next start."""

import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.store.environment import Store
from control.store.inspect import open_snapshot
from control.store.journal import list_journals
from control.store.members import list_members
from control.store.timers import list_timers
from control.store.zones import list_condemned, list_zones
from tests.support.ask import name_wire
from tests.support.catalogs import member_line
from tests.support.cataloguer import Cataloguer
from tests.support.daemon import wait_for

MEMBERS = 400
ROUNDS = 4
LONGEST_S = 0.3
PATIENCE_S = 60


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Cataloguer]:
    """A daemon that is not started yet."""
    under_test = Cataloguer(tmp_path)
    under_test.configure()
    try:
        yield under_test
    finally:
        under_test.close()


def names(first: int) -> list[str]:
    """Return members; those of two such lists a hundred apart are partly the same."""
    return [f"m{number}.test" for number in range(first, first + MEMBERS)]


def test_killed_while_members_come_and_go(daemon: Cataloguer) -> None:
    """At the end members, zones, timers and files are those of the catalog, and no contents are left of others."""
    chance = random.Random(5)
    daemon.catalog_file()
    daemon.start()
    first = 0
    for number in range(ROUNDS):
        first = number % 2 * MEMBERS // 2
        for zone in names(first):
            daemon.member_file(zone)
        daemon.catalog_file(
            *(member_line(f"u{zone}".replace(".", "-"), zone) for zone in names(first)), serial=2 + number
        )
        daemon.mark()
        daemon.signal(signal.SIGUSR1)
        daemon.expect("catalog, updating, ")
        time.sleep(chance.uniform(0, LONGEST_S))  # The moment of the kill is what varies.
        daemon.kill()
        daemon.start()
    wanted = {"cat.test.", *(f"{zone}." for zone in names(first))}
    wait_for(lambda: set(daemon.catalogs()) == wanted, "the members of the catalog", PATIENCE_S)
    gone = set(names(MEMBERS // 2 - first)) - set(names(first))
    files = daemon.base / "one"
    for zone in (names(first)[0], names(first)[-1]):
        daemon.serves(zone)
    wait_for(lambda: not any((files / f"{zone}.zone").exists() for zone in gone), "no files of others", PATIENCE_S)
    members = {name_wire(name) for name in wanted - {"cat.test."}}
    wait_for(lambda: recorded(daemon) == members, "the records of the members", PATIENCE_S)
    wait_for(daemon.is_swept, "no contents of others", PATIENCE_S)
    assert daemon.stop() == 0
    check_store(daemon, members)


def recorded(daemon: Cataloguer) -> set[bytes]:
    """Return the members that are recorded in the store."""
    with open_snapshot(daemon.storage / "store") as txn:
        return {member.zone for member in list_members(txn)}


def check_store(daemon: Cataloguer, members: set[bytes]) -> None:
    """Check that the store has the members and nothing of zones that were some."""
    zones = members | {name_wire("cat.test."), name_wire("example.com.")}
    with Store(daemon.storage / "store", 64 << 20, 1) as store, store.read() as txn:
        assert {member.zone for member in list_members(txn)} == members
        assert {zone.apex for zone in list_zones(txn)} == zones
        assert {zone for zone, _ in list_timers(txn)} <= zones
        assert {zone for zone, _ in list_journals(txn)} <= zones
        assert list_condemned(txn) == []
