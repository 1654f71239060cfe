# SPDX-License-Identifier: Apache-2.0
"""xdpdns-journalprint: what it shows of a journal, beside the daemon that has the store open."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.store.environment import Store, Transaction
from control.store.journal import get_journal, put_journal
from control.store.keys import Record
from control.update.door import Door
from control.update.request import ZoneUpdate
from pyxdp_dns.table import Table
from tests.support.matrix import ZONE

APEX = b"\7example\0"
SETTINGS = ZoneSettings(zonefile_sync_s=-1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store, open, with three changesets from serial 10 on."""
    file = tmp_path / "zone"
    file.write_text(ZONE.format(serial=10, mark="a"))
    with Store(tmp_path / "store", 64 << 20, 1) as store, Table.create(tmp_path / "table") as table:
        door = Door(store, table, Clock())
        door.load(APEX, str(file), SETTINGS, cold=True)
        for number in range(3):
            record = Record(b"\1h" + APEX, 1, 60, bytes((192, 0, 2, number)))
            door.commit([ZoneUpdate(APEX, SETTINGS, additions=(record,))])
        yield store


def run(store: Store | Path, *words: str) -> tuple[int, list[str], str]:
    """Run the tool as a process of its own, which is what has the store open at the same time."""
    path = store.path if isinstance(store, Store) else store
    command = [sys.executable, "-m", "control.tools.journalprint", "-D", str(path), *words]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_changesets_are_shown_as_records(store: Store) -> None:
    """Oldest first, each with the SOA it removes and the one it adds."""
    status, lines, _ = run(store, "-H", "example")
    assert status == 0
    heads = [line for line in lines if line.startswith(";; Changes")]
    assert [line.split(", timestamp")[0] for line in heads] == [
        f";; Changes between zone versions: {serial} -> {serial + 1}, changeset: {serial - 9}"
        for serial in (10, 11, 12)
    ]
    assert lines[1:6] == [
        ";; Removed",
        "example.            \t3600\tSOA\tns.example. host.example. 10 3600 900 604800 300",
        ";; Added",
        "example.            \t3600\tSOA\tns.example. host.example. 11 3600 900 604800 300",
        "h.example.          \t60\tA\t192.0.2.0",
    ]


def test_some_changesets_are_shown(store: Store) -> None:
    """The newest, or those from a serial on."""
    for words in (("-l", "1"), ("-s", "12")):
        _, lines, _ = run(store, *words, "example.")
        assert [line.split()[5:8] for line in lines if "versions" in line] == [["12", "->", "13,"]]
    assert run(store, "-s", "9", "example.")[1] == ["The journal is empty"]


def test_numbers_are_shown(store: Store) -> None:
    """Of each changeset and of the whole; and the zones that have a journal."""
    _, lines, _ = run(store, "-d", "example.")
    assert lines[0].startswith("10 -> 11  ---: 1\t  +++: 2\t size: ")
    assert lines[0].endswith("s\t A")
    assert lines[3] == "Total number of changesets:  3"
    assert run(store, "-z") == (0, ["example."], "")


def test_a_fault_is_found(store: Store) -> None:
    """A chain that does not end where it should is told, by a status other than 0."""

    def break_chain(txn: Transaction) -> None:
        state = get_journal(txn, APEX)
        assert state is not None
        put_journal(txn, APEX, state._replace(last=99))

    store.write(break_chain)
    status, _, errors = run(store, "-H", "example.")
    assert status == 1
    assert "99 expected" in errors


def test_what_is_not_there_is_named(store: Store, tmp_path: Path) -> None:
    """A zone without journal, a directory without store."""
    assert "zone other. has no journal" in run(store, "other.")[2]
    status, _, errors = run(tmp_path, "-z")
    assert status == 1
    assert "not exists; name the directory" in errors


@pytest.mark.parametrize("words", [["-s", "4294967296"], ["-s", "-1"], ["-l", "0"], ["-s", "x"]])
def test_numbers_that_mean_nothing_are_refused(tmp_path: Path, words: list[str]) -> None:
    """Before the store is looked for."""
    status, lines, errors = run(tmp_path, *words, "example")
    assert (status, lines) == (2, [])
    assert "Traceback" not in errors


def test_a_reader_that_goes_away_is_no_error(store: Store) -> None:
    """As with `head`."""
    command = [sys.executable, "-m", "control.tools.journalprint", "-D", str(store.path), "example"]
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as gone:
        done = subprocess.run(command, stdout=gone, stderr=subprocess.PIPE, check=False, text=True, timeout=60)
    assert done.stderr == ""
