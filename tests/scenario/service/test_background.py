# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd -d: what the process that was started says, and the daemon behind it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.daemon import DaemonUnderTest, is_alive, kill_process, wait_for


@pytest.fixture
def background(daemon: DaemonUnderTest) -> Iterator[DaemonUnderTest]:
    """A daemon that is started with -d; ended by its PID file."""
    yield daemon
    pid = read_pid(daemon)
    if pid is not None and is_alive(pid):
        kill_process(pid)


def read_pid(daemon: DaemonUnderTest) -> int | None:
    """The PID in the PID file."""
    path = daemon.rundir / "xdpdnsd.pid"
    return int(path.read_text()) if path.exists() else None


def run(daemon: DaemonUnderTest, *options: str) -> subprocess.CompletedProcess[str]:
    """Start with -d and read all output to its end: the daemon must not hold it open."""
    command = [sys.executable, "-m", "control.tools.xdpdnsd", "-c", str(daemon.config), "-d", *options]
    return subprocess.run(daemon.wrap(*command), capture_output=True, text=True, check=False, timeout=30)


def test_background(background: DaemonUnderTest) -> None:
    """The start ends with status 0 once addresses are bound; the PID file names the daemon; SIGTERM ends all."""
    assert run(background).returncode == 0
    background.expect("starting server in the background, PID ")
    pid = read_pid(background)
    assert pid is not None
    wait_for(background.answers, "an answer")
    background.expect("server started answering")
    assert background.address_of(tcp=True) == "192.0.2.2"
    engine = background.engine_pid()
    subprocess.run(["kill", str(pid)], check=True)
    wait_for(lambda: not is_alive(pid) and not is_alive(engine), "the end of daemon and engine")
    assert read_pid(background) is None


def test_second_daemon_in_the_background(background: DaemonUnderTest) -> None:
    """A second one with -d is refused with status 1 and leaves the first and its PID file alone."""
    assert run(background).returncode == 0
    wait_for(background.answers, "an answer")
    background.mark()
    pid = read_pid(background)
    assert run(background).returncode == 1
    assert f"in use by another xdpdnsd with PID {pid}" in background.logged()
    assert read_pid(background) == pid
    assert background.address_of() == "192.0.2.2"


def test_second_daemon_on_the_same_storage(background: DaemonUnderTest) -> None:
    """A run directory of its own does not help a second daemon on the same databases."""
    assert run(background).returncode == 0
    wait_for(background.answers, "an answer")
    rundir, background.rundir = background.rundir, background.base / "run2"
    background.write_config("example.com")
    background.mark()
    assert run(background).returncode == 1
    assert f"database.storage '{background.storage}' is in use by another xdpdnsd" in background.logged()
    background.rundir = rundir


def test_failures_are_told_before_the_background(background: DaemonUnderTest) -> None:
    """A directory that is not there, and an address that cannot be bound, end the start with status 1 and a reason."""
    done = run(background, "-d/no/such/directory")
    assert done.returncode == 1
    assert "'/no/such/directory' cannot be entered" in background.logged()
    background.address = "192.0.2.99"
    background.write_config("example.com")
    assert run(background).returncode == 1
    assert "cannot bind address 192.0.2.99@" in background.logged()
    background.config.write_text("server:\n  nonsense: 1\n")
    assert run(background).returncode == 1
