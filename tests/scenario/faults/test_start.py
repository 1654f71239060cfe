# SPDX-License-Identifier: Apache-2.0
"""faults/what is in the way of a start: it is named in one line of the log, or put aside, and nothing waits for it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.daemon import wait_for
from tests.support.driven import Driven

GARBAGE = b"garbage" * 1000


def file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(GARBAGE)


def empty(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def directory(path: Path) -> None:
    path.mkdir(parents=True)


def fifo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("name", "make", "said"),
    [
        ("run", file, "set server.rundir"),
        ("db", file, "set database.storage"),
        ("db/store", file, "store: File exists"),
        ("db/store/data.mdb", file, "move the directory away"),
        ("db/store/data.mdb", directory, "data.mdb is not a regular file"),
        ("db/store/data.mdb", fifo, "data.mdb is not a regular file"),
        ("db/store/lock", fifo, "lock is not a regular file"),
        ("db/table", directory, "Is a directory"),
        ("run/knot.sock", file, "set control.listen"),
        ("run/knot.sock", directory, "set control.listen"),
        ("run/xdpdnsd.pid", directory, "set server.pidfile"),
    ],
)
def test_refused(daemon: Driven, name: str, make: Callable[[Path], None], said: str) -> None:
    """The daemon ends with status 1 and says what is in the way."""
    make(daemon.base / name)
    assert daemon.spawn().wait(60) == 1
    critical = [line for line in daemon.all_output().splitlines() if "critical: " in line]
    assert len(critical) == 1
    assert str(daemon.base / name).removesuffix("/data.mdb").removesuffix("/lock") in critical[0]
    assert said in critical[0]
    assert "Traceback" not in daemon.all_output()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("db/table", file),
        ("db/table", empty),
        ("db/table", fifo),
        ("db/store/data.mdb", empty),
        ("run/engine.shm", file),
        ("run/engine.sock", file),
        ("run/filters.json", file),
        ("run/xdpdnsd.pid", file),
        ("run/xdpdnsd.pid", fifo),
    ],
)
def test_overcome(daemon: Driven, name: str, make: Callable[[Path], None]) -> None:
    """What earlier processes leave, or what is nothing, is replaced; the zones are answered."""
    make(daemon.base / name)
    daemon.up()
    wait_for(lambda: bool(daemon.ask().answer), "the zone")
    assert daemon.address_of(tcp=True) == "192.0.2.2"
    assert "Traceback" not in daemon.all_output()
    assert daemon.stop() == 0
