# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd -C: the daemon on a configuration database, and -s: its control socket."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.database import ConfDatabase
from control.conf.parse import parse_file
from tests.scenario.service.conftest import USER
from tests.support.daemon import DaemonUnderTest, is_alive, wait_for

pytestmark = pytest.mark.root


class DatabaseDaemon(DaemonUnderTest):
    """A daemon whose configuration was imported into a database."""

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.confdb, self.socket = base / "confdb", base / "run" / "own.sock"
        self.server_items = [f"user: {USER}"]
        self.write_config("example.com")
        with ConfDatabase(str(self.confdb), create=True) as database:
            database.replace(parse_file(str(self.config)))
        self.config.unlink()
        words = ("-C", str(self.confdb), "-m", "20", "-s", str(self.socket))
        self.wrap = lambda *command: [*command[: command.index("-c")], *words]

    def control(self, *words: str) -> str:
        """Run a command on the daemon's own socket and return what it printed."""
        program = [sys.executable, "-m", "control.tools.xdpdnsctl", "-s", str(self.socket)]
        return subprocess.run([*program, *words], check=True, capture_output=True, text=True, timeout=30).stdout


@pytest.fixture
def stored(place: Path) -> Iterator[DatabaseDaemon]:
    """A daemon on a database, not started yet."""
    under_test = DatabaseDaemon(place)
    try:
        yield under_test
    finally:
        under_test.close()


def test_database(stored: DatabaseDaemon) -> None:
    """The daemon starts from the database as its user, keeps commits in it, and starts with them again."""
    stored.start()
    assert f"loaded configuration database '{stored.confdb}', mapsize 20 MiB" in stored.logged()
    assert stored.address_of() == "192.0.2.2"
    assert (stored.confdb / "data.mdb").stat().st_uid != 0
    stored.write_zone("example.net", 1)
    stored.control("conf-begin")
    stored.control("conf-set", "zone[example.net]")
    stored.control("conf-set", "zone[example.net].storage", str(stored.base))
    stored.control("conf-commit")
    wait_for(lambda: bool(stored.ask("www.example.net").answer), "the added zone")
    stored.control("reload")
    stored.expect(f"reloading configuration database '{stored.confdb}'")
    stored.expect("configuration reloaded")
    assert stored.address_of("www.example.net") == "192.0.2.2"
    assert stored.stop() == 0
    stored.start()
    wait_for(lambda: bool(stored.ask("www.example.net").answer), "the added zone after a restart")


def test_second_daemon(stored: DatabaseDaemon) -> None:
    """A second daemon on the same database's directories is refused and disturbs nothing."""
    stored.start()
    stored.mark()
    assert stored.spawn().wait(60) == 1
    assert f"in use by another xdpdnsd with PID {stored.process.pid if stored.process else 0}" in stored.logged()
    assert "zone-status" not in stored.control("zone-status")
    assert stored.address_of() == "192.0.2.2"


def test_stop_command(stored: DatabaseDaemon) -> None:
    """`stop` ends daemon, engine and helper and leaves neither sockets nor a PID file."""
    stored.start()
    engine = stored.engine_pid()
    stored.control("stop")
    assert stored.process is not None
    assert stored.process.wait(60) == 0
    stored.process = None
    assert not is_alive(engine)
    assert [path.name for path in stored.rundir.iterdir() if path.name != "engine.lock"] == []


def test_missing_database(stored: DatabaseDaemon) -> None:
    """A database that is not there ends the start with status 1 and its path."""
    stored.confdb.rename(stored.base / "away")
    assert stored.spawn().wait(60) == 1
    assert f"failed to load configuration database '{stored.confdb}' (not exists)" in stored.all_output()
