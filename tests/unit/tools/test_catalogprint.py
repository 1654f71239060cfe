# SPDX-License-Identifier: Apache-2.0
"""xdpdns-catalogprint: what it shows of the members, beside the daemon that has the store open."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.store.environment import Store
from control.store.members import Member, put_members
from tests.support.ask import name_wire

HEADING = ";; <member zone> <record owner> <catalog zone> <group>"
A = "a.test.  u1.zones.cat.example.  cat.example.  gold"
B = "b.test.  u2.zones.other.example.  other.example.  "


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An open store with two members."""
    a = Member(name_wire("a.test."), name_wire("cat.example."), b"u1", b"gold")
    b = Member(name_wire("b.test."), name_wire("other.example."), b"u2")
    with Store(tmp_path / "store", 64 << 20, 1) as store:
        store.write(lambda txn: put_members(txn, [a, b]))
        yield store


def run(path: Path, *words: str) -> tuple[int, list[str], str]:
    """Run the tool as a process of its own."""
    command = [sys.executable, "-m", "control.tools.catalogprint", "-D", str(path), *words]
    done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_all_members(store: Store) -> None:
    """A heading, a line for each and their number."""
    assert run(store.path) == (0, [HEADING, A, B, "Total records: 2"], "")


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("-a", "cat.example"), [A, "Total records: 1"]),
        (("--catalog", "OTHER.example."), [B, "Total records: 1"]),
        (("-m", "b.test"), [B, "Total records: 1"]),
        (("-m", "b.test", "-a", "cat.example"), ["Total records: 0"]),
    ],
)
def test_filters(store: Store, words: tuple[str, ...], lines: list[str]) -> None:
    """By catalog, by member, by both."""
    assert run(store.path, *words) == (0, [HEADING, *lines], "")


def test_what_is_refused(tmp_path: Path, store: Store) -> None:
    """No store, no name: said in one line, and the status says so."""
    status, lines, error = run(tmp_path / "nothing")
    assert (status, lines) == (1, [])
    assert "not exists" in error
    assert run(store.path, "-m", "a..b")[0] == 2
