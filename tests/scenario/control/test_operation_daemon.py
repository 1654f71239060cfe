# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Operation", "Configuration database" and "Logging": start, stop, databases, log files."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.daemon import is_alive, wait_for
from tests.support.operator import PROGRAMS, Operated

pytestmark = pytest.mark.peer("knotc")

DAEMON = (sys.executable, "-m", "control.tools.xdpdnsd")
DEFAULTS = """\
set -e
mkdir {place}
mount -t tmpfs tmpfs {place}
mkdir -p {place}/etc/up {place}/etc/work {place}/lib/up {place}/lib/work
mount -t overlay overlay -o lowerdir=/etc,upperdir={place}/etc/up,workdir={place}/etc/work /etc
mount -t overlay overlay -o lowerdir=/var/lib,upperdir={place}/lib/up,workdir={place}/lib/work /var/lib
rm -rf /etc/xdpdns /var/lib/xdpdns
mkdir /etc/xdpdns
cp {config} /etc/xdpdns/knot.conf
"""


def ours(*words: str) -> str:
    """Run xdpdnsctl, which must succeed."""
    done = subprocess.run([*PROGRAMS["xdpdnsctl"], *words], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_start_in_the_background_and_stop(operated: Operated) -> None:
    """`-d -c FILE` returns when the server runs; `-c FILE stop` needs nothing but the configuration to end it."""
    subprocess.run([*DAEMON, "-d", "-c", str(operated.config)], check=True, timeout=60)
    operated.expect("server started answering")
    pid = int((operated.rundir / "xdpdnsd.pid").read_text())
    try:
        argv = [*PROGRAMS[operated.program], "-c", str(operated.config), "stop"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert done.stdout == "Stopped\n", done
        wait_for(lambda: not is_alive(pid), "the end of the daemon")
    finally:
        if is_alive(pid):
            subprocess.run(["kill", "-9", str(pid)], check=False)
    assert not (operated.rundir / "xdpdnsd.pid").exists()


def test_zone_files_are_checked_before_the_start(operated: Operated) -> None:
    """`zone-check` and `conf-check` need no daemon; a zone file with an error gives status 1 and names the zone."""

    def check(*words: str) -> subprocess.CompletedProcess[str]:
        argv = [*PROGRAMS[operated.program], "-c", str(operated.config), *words]
        return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)

    assert check("conf-check").returncode == 0
    assert check("zone-check", "example.com").returncode == 0
    operated.write_zone("example.com", 0, text="@ SOA nonsense\n")
    failed = check("zone-check", "example.com")
    assert failed.returncode == 1
    assert "[example.com.]" in failed.stdout + failed.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_that_stop(operated: Operated, number: signal.Signals) -> None:
    """A daemon that is told to stop by a signal ends in good order."""
    operated.start()
    operated.signal(number)
    assert operated.process is not None
    assert operated.process.wait(60) == 0


def test_database_from_a_file_and_back(operated: Operated) -> None:
    """conf-init, conf-import, the daemon on the database, a commit that stays, conf-export; kept over a restart."""
    confdb, exported = str(operated.base / "confdb"), operated.base / "exported.conf"
    ours("-C", confdb, "conf-init")
    assert "zone" not in ours("-C", confdb, "conf-export")
    ours("-C", confdb, "conf-import", str(operated.config))
    operated.config.unlink()
    operated.wrap = lambda *words: [*words[: words.index("-c")], "-C", confdb]
    operated.start()
    operated.ok("conf-begin")
    operated.ok("conf-set zone[example.net]")
    operated.ok("conf-commit")
    ours("-C", confdb, "conf-export", str(exported))
    assert "example.net." in exported.read_text()
    operated.restart()
    assert "example.net." in operated.run("zone-status")
    operated.stop()
    assert ours("-c", str(exported), "conf-check").rstrip().endswith("Configuration is valid")


@pytest.mark.root
@pytest.mark.parametrize("with_database", [False, True])
def test_default_configuration(operated: Operated, tmp_path: Path, with_database: bool) -> None:
    """Without options the default database is used where it exists, else the default file; the log names it."""
    confdb, script = "/var/lib/xdpdns/confdb", tmp_path / "enter"
    lines = DEFAULTS.format(place=tmp_path / "own", config=operated.config)
    if with_database:
        lines += f"{' '.join(PROGRAMS['xdpdnsctl'])} -C {confdb} conf-import {operated.config}\n"
    script.write_text(f'{lines}exec "$@"\n')
    operated.wrap = lambda *command: ["unshare", "-m", "sh", str(script), *command[: command.index("-c")]]
    operated.start()
    used = f"configuration database '{confdb}'" if with_database else "configuration file '/etc/xdpdns/knot.conf'"
    assert used in operated.logged()
    assert operated.run("stop") == "Stopped"


@pytest.mark.parametrize("by", ["reload", "signal"])
def test_log_rotation(operated: Operated, by: str) -> None:
    """A log file that was moved away is followed by a new one after `-b reload`, or SIGHUP by the PID file."""
    operated.start()
    old = operated.log.rename(operated.base / "log.1")
    if by == "reload":
        assert operated.run("-b", "reload") == "Reloaded"
    else:
        pid = (operated.rundir / "xdpdnsd.pid").read_text().strip()
        subprocess.run(["kill", "-HUP", pid], check=True)
    wait_for(operated.log.exists, "the new log file")
    size = old.stat().st_size
    operated.ok("zone-reload example.com")
    wait_for(lambda: "[example.com.] control, received command 'zone-reload'" in operated.log.read_text(), "the line")
    assert old.stat().st_size == size


def test_logs_in_parallel(operated: Operated) -> None:
    """Several targets take what their severities allow at the same time."""
    other = operated.base / "zones.log"
    text = operated.config.read_text()
    operated.config.write_text(text.replace("zone:\n", f"  - target: {other}\n    zone: info\nzone:\n", 1))
    operated.start()
    assert "[example.com.] " in operated.log.read_text()
    lines = other.read_text().splitlines()
    assert lines
    assert all("[example.com.]" in line for line in lines)
