# SPDX-License-Identifier: Apache-2.0
"""faults/a disk or database without space: a clear error, the old state served, and on it goes with space again."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from control.ctl.unit import Unit
from tests.support.daemon import wait_for
from tests.support.driven import Driven, Refused

ZONE = "example.com"
NO_SPACE = "not enough space provided"
MIB = 1 << 20
TEXT = '"' + "x" * 250 + '" ' + '"' + "y" * 250 + '"'

pytestmark = pytest.mark.root


@contextmanager
def small_disk(path: Path, mib: int) -> Iterator[Path]:
    """A file system of some MiB at `path`."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(path)], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def fill(path: Path) -> Path:
    """Write a file until nothing more fits beside it."""
    ballast = path / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                pass
    return ballast


def add(daemon: Driven, number: int, count: int = 40) -> None:
    """Add some records in one commit; raises Refused, with nothing left open."""
    try:
        changes = [("set", Unit(owner=f"n{number}-{one}", ttl="60", type="TXT", data=TEXT)) for one in range(count)]
        daemon.edit(ZONE, changes)
        daemon.do("zone-commit", zone=ZONE)
    except Refused:
        daemon.do("zone-abort", zone=ZONE)
        raise


def add_until_refused(daemon: Driven) -> tuple[int, str]:
    """Add records until there is no room; return how many commits there were, and why no more."""
    for number in range(2000):
        try:
            add(daemon, number)
        except Refused as error:
            return number, str(error)
    raise AssertionError("never full")


def test_store(daemon: Driven) -> None:
    """A commit on a full disk is refused with a reason and a remedy; everything before is there after a restart."""
    daemon.write_config(ZONE, extra="template:\n  - id: default\n    zonefile-sync: -1\n")
    with small_disk(daemon.storage, 12):
        daemon.up()
        daemon.mark()
        (daemon.storage / "ballast").write_bytes(bytes(4 * MIB))
        done, reason = add_until_refused(daemon)
        assert reason == NO_SPACE
        assert "free some" in daemon.logged()
        assert daemon.address_of() == "192.0.2.2"
        assert bool(daemon.ask(f"n{done - 1}-0.{ZONE}", "TXT", tcp=True).answer)
        assert not daemon.ask(f"n{done}-0.{ZONE}", "TXT").answer
        daemon.kill()
        (daemon.storage / "ballast").unlink()
        daemon.up()
        assert bool(daemon.ask(f"n{done - 1}-0.{ZONE}", "TXT", tcp=True).answer)
        add(daemon, done, 1)
        assert bool(daemon.ask(f"n{done}-0.{ZONE}", "TXT", tcp=True).answer)
        assert daemon.stop() == 0


def test_store_maximum(daemon: Driven) -> None:
    """At `journal-db-max-size` the log names the item; a purge of the journal makes room."""
    daemon.write_config(ZONE, extra="template:\n  - id: default\n    zonefile-sync: -1\n")
    daemon.config.write_text(daemon.config.read_text().replace("max-size: 64M", "max-size: 2M"))
    daemon.up()
    daemon.mark()
    done, reason = add_until_refused(daemon)
    assert reason == NO_SPACE
    assert "raise database.journal-db-max-size" in daemon.logged()
    assert "xdpdnsctl zone-purge" in daemon.logged()
    daemon.do("zone-purge", zone=ZONE, flags="FB", filters="j")
    add(daemon, done)
    assert bool(daemon.ask(f"n{done}-0.{ZONE}", "TXT", tcp=True).answer)
    assert daemon.stop() == 0


def test_zone_file(daemon: Driven) -> None:
    """A zone file that has no room stays the old one; it is written when there is room."""
    with small_disk(daemon.base / "zones", 1) as place:
        file = place / f"{ZONE}.zone"
        file.write_text((daemon.base / f"{ZONE}.zone").read_text())
        daemon.write_config(files={ZONE: file})
        old = file.read_text()
        daemon.up()
        daemon.mark()
        ballast = fill(place)
        add(daemon, 0)
        daemon.expect("zone event 'flush' failed")
        assert "No space left on device" in daemon.logged()
        assert daemon.refusal("zone-flush", zone=ZONE, flags="FB") == NO_SPACE
        assert file.read_text() == old
        assert {path.name for path in place.iterdir()} == {file.name, ballast.name}
        assert bool(daemon.ask(f"n0-0.{ZONE}", "TXT", tcp=True).answer)
        ballast.unlink()
        daemon.do("zone-flush", zone=ZONE, flags="FB")
        assert file.read_text().count("TXT") == 40
        assert daemon.stop() == 0


def test_configuration_database(daemon: Driven) -> None:
    """A commit that the database has no room for changes nothing; the transaction stays open and can be aborted."""
    with small_disk(daemon.base / "confdb", 1) as place:
        daemon.import_config()
        daemon.up()
        daemon.mark()
        ballast = fill(place)
        daemon.do("conf-begin")
        for number in range(300):
            daemon.do("conf-set", section="zone", item="domain", id=f"{number}-{'z' * 50}.test")
        assert daemon.refusal("conf-commit") == NO_SPACE
        assert "space" in daemon.logged()
        assert "fault" not in daemon.logged()
        assert len(daemon.do("conf-diff")) == 300
        daemon.do("conf-abort")
        assert len(daemon.do("conf-read", section="zone", item="domain")) == 1
        ballast.unlink()
        daemon.do("conf-begin")
        daemon.do("conf-set", section="server", item="nsid", data="later")
        daemon.do("conf-commit")
        daemon.kill()
        daemon.up()
        assert daemon.do("conf-read", section="server", item="nsid")[0].data == "later"
        assert daemon.address_of() == "192.0.2.2"
        assert daemon.stop() == 0


def test_configuration_database_maximum(daemon: Driven) -> None:
    """At the maximum of option -m the log names it."""
    daemon.import_config("-m", "1")
    daemon.up()
    daemon.mark()
    daemon.do("conf-begin")
    units = [Unit(section="zone", item="domain", id=f"{n}-{'z' * 50}.{'y' * 60}.{'x' * 60}.test") for n in range(8000)]
    for start in range(0, len(units), 1000):
        daemon.do("conf-set", *units[start : start + 1000])
    assert daemon.refusal("conf-commit") == NO_SPACE
    assert "option -m" in daemon.logged()
    daemon.do("conf-abort")
    daemon.do("conf-begin")
    daemon.do("conf-set", section="server", item="nsid", data="small")
    daemon.do("conf-commit")
    assert daemon.stop() == 0


def test_log_and_statistics(daemon: Driven) -> None:
    """A log on a full disk loses lines and stops nothing; a dump that has no room leaves the old one."""
    with small_disk(daemon.base / "small", 1) as place:
        daemon.log, dump = place / "log", place / "stats.yaml"
        statistics = f"statistics:\n  timer: 1\n  file: {dump}\n"
        daemon.write_config(ZONE, extra=statistics)
        daemon.up()
        wait_for(dump.exists, "the first dump")
        ballast = fill(place)
        before = len(daemon.logged())
        for number in range(300):
            add(daemon, number, 1)
        assert daemon.address_of() == "192.0.2.2"
        assert dump.read_text().startswith("---\n")
        assert len(daemon.logged()) < before + 8192
        ballast.unlink()
        daemon.mark()
        old = dump.stat().st_ino
        wait_for(lambda: dump.stat().st_ino != old, "the next dump")
        add(daemon, 300, 1)
        daemon.expect("received command 'zone-commit'")
        assert {path.name for path in place.iterdir()} == {"log", "stats.yaml"}
        assert daemon.stop() == 0
