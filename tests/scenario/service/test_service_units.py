# SPDX-License-Identifier: Apache-2.0
"""The systemd units: their files, and engine and daemon run as the files say, with a socket in systemd's place."""

import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.server.dbus import BUS_NAME
from tests.scenario.service.conftest import USER
from tests.scenario.service.test_user import is_dropped
from tests.scenario.service.units import ROOT, UNITS, Unit
from tests.support.daemon import DaemonUnderTest, is_alive, kill_process, wait_for
from tests.support.netns import link
from tests.support.xdp_daemon import XdpDaemon

pytestmark = pytest.mark.root


class Pair:
    """Both units on one configuration."""

    def __init__(self, under_test: DaemonUnderTest) -> None:
        self.daemon_under_test = under_test
        user = pwd.getpwnam(USER)
        for path in (under_test.rundir, under_test.storage):
            path.mkdir()
            os.chown(path, user.pw_uid, user.pw_gid)
        under_test.log.touch()
        os.chown(under_test.log, user.pw_uid, user.pw_gid)
        self.engine = Unit("xdpdns-engine.service", under_test.base, under_test.config, under_test.wrap)
        self.daemon = Unit("xdpdns.service", under_test.base, under_test.config, under_test.wrap)

    def start(self) -> None:
        """Start both, as at boot, and wait until both are ready."""
        self.engine.start()
        self.daemon.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until both told that they are ready."""
        for unit in (self.engine, self.daemon):
            wait_for(lambda unit=unit: unit.has_told("READY=1"), f"READY\n{self.output()}")  # type: ignore[misc]

    def output(self) -> str:
        """Everything both said."""
        texts = [unit.output.read_text() for unit in (self.engine, self.daemon) if unit.output.exists()]
        return "\n".join((*texts, self.daemon_under_test.all_output()))

    def close(self) -> None:
        """End both."""
        self.daemon.close()
        self.engine.close()


@pytest.fixture
def pair(daemon: DaemonUnderTest) -> Iterator[Pair]:
    """Both units, not started yet."""
    made = Pair(daemon)
    yield made
    made.close()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze (Debian: systemd)")
def test_unit_files(tmp_path: Path) -> None:
    """systemd finds nothing wrong with the installed unit files."""
    command = [ROOT / "scripts" / "install-service", "--root", tmp_path, "--programs", Path(shutil.which("true") or "")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    units = sorted((tmp_path / "etc/systemd/system").iterdir())
    assert [unit.name for unit in units] == sorted(path.name for path in UNITS.glob("*.service"))
    for unit in units:
        assert "@" not in unit.read_text().replace("@system-service", "")
        unit.write_text(unit.read_text().replace("true/xdpdnsd", "true"))
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "usr/lib/sysusers.d/xdpdns.conf").read_text().splitlines()[-1].startswith("u xdpdns ")
    assert f'own="{BUS_NAME}"' in (tmp_path / "usr/share/dbus-1/system.d/xdpdns.conf").read_text()


def test_first_start(pair: Pair) -> None:
    """Without a table the engine waits for the daemon's; both are ready then, answer, and have no capability left."""
    pair.engine.start()
    wait_for(lambda: "engine waits" in pair.output(), "the engine waiting")
    assert not pair.engine.has_told("READY=1")
    pair.daemon.start()
    pair.wait_until_ready()
    under_test = pair.daemon_under_test
    assert under_test.address_of() == "192.0.2.2"
    assert under_test.address_of(tcp=True) == "192.0.2.2"
    assert pair.engine.process is not None
    assert under_test.engine_pid() == pair.engine.process.pid
    assert is_dropped(under_test.engine_pid())
    assert pair.daemon.process is not None
    assert is_dropped(pair.daemon.process.pid)
    assert not (under_test.rundir / "engine.wanted").exists()


def test_engine_survives_a_restart_of_the_daemon(pair: Pair) -> None:
    """A stopped or killed daemon leaves the engine answering; the next one adopts it."""
    pair.start()
    engine = pair.daemon_under_test.engine_pid()
    assert pair.daemon.stop() == 0
    assert pair.daemon.has_told("STOPPING=1")
    assert pair.daemon_under_test.address_of() == "192.0.2.2"
    pair.daemon.told.clear()
    pair.daemon.start()
    pair.wait_until_ready()
    assert pair.daemon_under_test.engine_pid() == engine
    assert pair.daemon_under_test.address_of(tcp=True) == "192.0.2.2"
    assert pair.engine.stop() == 0


def test_restarted_engine_is_adopted(pair: Pair) -> None:
    """An engine that died and that systemd started again is adopted by the running daemon."""
    pair.start()
    kill_process(pair.daemon_under_test.engine_pid())
    assert pair.engine.process is not None
    pair.engine.process.wait(60)
    pair.engine.start()
    wait_for(pair.daemon_under_test.answers, "an answer")
    pair.daemon_under_test.expect(f"engine started, PID {pair.engine.process.pid}")
    pair.daemon_under_test.write_zone("example.com", 2, "192.0.2.9")
    assert pair.daemon.process is not None
    pair.daemon.process.send_signal(signal.SIGUSR1)
    wait_for(lambda: pair.daemon_under_test.address_of() == "192.0.2.9", "the new zone over UDP")


def test_engine_of_another_configuration_is_replaced(pair: Pair) -> None:
    """After a change that needs a restart the next daemon stops the engine, and takes the one systemd starts then."""
    pair.start()
    assert pair.daemon.stop() == 0
    pair.daemon_under_test.server_items = [f"listen: 127.0.0.2@{pair.daemon_under_test.port}"]
    pair.daemon_under_test.write_config("example.com")
    pair.daemon.told.clear()
    pair.daemon.start()
    assert pair.engine.process is not None
    assert pair.engine.process.wait(60) == 0
    pair.engine.start()
    pair.wait_until_ready()
    pair.daemon_under_test.address = "127.0.0.2"
    assert pair.daemon_under_test.address_of() == "192.0.2.2"


def test_states_and_watchdog(pair: Pair) -> None:
    """A reload is told with its time, then its end; both feed the watchdog."""
    pair.start()
    pair.daemon.receive()
    pair.daemon.told.clear()
    assert pair.daemon.process is not None
    pair.daemon.process.send_signal(signal.SIGHUP)
    wait_for(lambda: pair.daemon.has_told("READY=1"), "the reload's end")
    reload = next(message for message in pair.daemon.told if message.startswith("RELOADING=1"))
    assert int(reload.partition("MONOTONIC_USEC=")[2].splitlines()[0]) > 0
    for unit in (pair.engine, pair.daemon):
        unit.told.clear()
        wait_for(lambda unit=unit: unit.has_told("WATCHDOG=1"), "the watchdog fed")  # type: ignore[misc]


@pytest.mark.xdp
def test_xdp(place: Path) -> None:
    """The engine's unit takes AF_XDP with the capabilities it has, its loader loads and unloads the filter."""
    with link() as wire:
        under_test = XdpDaemon(place, wire)
        pair = Pair(under_test)
        with wire.client.entered():
            try:
                pair.start()
                engine = under_test.engine_pid()
                load = pair.engine.command("ExecStartPost")
                subprocess.run(load, check=True, cwd=ROOT, timeout=60)
                wait_for(under_test.answers_by_xdp, f"an answer by AF_XDP\n{pair.output()}")
                wait_for(lambda: is_dropped(engine), "the engine without privileges")
                assert pair.daemon.stop() == 0
                assert under_test.answers_by_xdp()
                assert under_test.is_loaded()
                assert pair.engine.stop() == 0
                unload = [word if word != "--load-filters" else "--unload-filters" for word in load]
                subprocess.run(unload, check=True, cwd=ROOT, timeout=60)
                assert not under_test.is_loaded()
                assert not is_alive(engine)
            finally:
                pair.close()
