# SPDX-License-Identifier: Apache-2.0
"""faults/zone files that cannot be read or written: what was served stays, the log says why, nothing hangs."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from control.ctl.unit import Unit
from tests.support.daemon import wait_for
from tests.support.driven import Driven

ZONE = "example.com"


def removed(path: Path) -> None:
    path.unlink()


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def links(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_suffix(".other"))
    path.with_suffix(".other").symlink_to(path)


def huge_line(path: Path) -> None:
    path.write_text("$TTL 300\n@ SOA ns host 9 1 1 1 1\n@ NS ns\nns A 192.0.2.1\nx TXT " + "y" * 10_000_000 + "\n")


def garbage(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 4000)


def include_loop(path: Path) -> None:
    path.write_text(f"$INCLUDE {path}\n")


def include_fifo(path: Path) -> None:
    os.mkfifo(path.with_suffix(".fifo"))
    path.write_text(f"$TTL 300\n@ SOA ns host 9 1 1 1 1\n$INCLUDE {path.with_suffix('.fifo')}\n")


def emptied(path: Path) -> None:
    path.write_text("")


FILES: list[tuple[Callable[[Path], None], str]] = [
    (removed, "not exists"),
    (directory, "is a directory"),
    (fifo, "not a regular file"),
    (links, "symbolic links"),
    (huge_line, "longer than 255 octets"),
    (garbage, "line 1"),
    (include_loop, "INCLUDE"),
    (include_fifo, "not a regular file"),
    (emptied, "SOA"),
]


@pytest.mark.parametrize(("spoil", "said"), FILES, ids=[spoil.__name__ for spoil, _ in FILES])
def test_unreadable(daemon: Driven, spoil: Callable[[Path], None], said: str) -> None:
    """A zone file that is no zone file any more leaves what was served; a reload and a restart end, and say why."""
    daemon.up()
    path = daemon.base / f"{ZONE}.zone"
    text = path.read_text()
    spoil(path)
    daemon.mark()
    daemon.refusal("zone-reload", zone=ZONE, flags="FB")
    assert said in daemon.logged()
    assert max(map(len, daemon.logged().splitlines())) < 1000
    assert daemon.address_of() == "192.0.2.2"
    assert daemon.stop() == 0
    daemon.mark()
    daemon.process = daemon.spawn()
    daemon.expect("zone event 'load' failed")
    assert said in daemon.logged()
    assert "fault of the program" not in daemon.all_output()
    wait_for(daemon.answers, "an answer")
    if path.is_dir():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
    path.write_text(text.replace(" 1 3600", " 2 3600"))
    daemon.do("zone-reload", zone=ZONE, flags="FB")
    assert daemon.address_of() == "192.0.2.2"


@pytest.mark.root
def test_directory_that_cannot_be_written(daemon: Driven) -> None:
    """A flush into a read-only file system fails with a reason; the zone goes on, and later the file is written."""
    place = daemon.base / "zones"
    place.mkdir()
    shutil.copy(daemon.base / f"{ZONE}.zone", place)
    daemon.write_config(files={ZONE: place / f"{ZONE}.zone"})
    os.system(f"mount --bind {place} {place} && mount -o remount,ro,bind {place}")
    try:
        daemon.up()
        daemon.mark()
        daemon.edit(ZONE, [("set", Unit(owner="new", ttl="60", type="A", data="192.0.2.9"))])
        daemon.do("zone-commit", zone=ZONE)
        daemon.expect("zone event 'flush' failed")
        assert "Read-only file system" in daemon.logged()
        assert daemon.refusal("zone-flush", zone=ZONE, flags="FB") == "operation not permitted"
        assert daemon.address_of(f"new.{ZONE}") == "192.0.2.9"
        assert daemon.stop() == 0
        daemon.up()
        assert daemon.address_of(f"new.{ZONE}") == "192.0.2.9"
    finally:
        os.system(f"umount {place}")
    daemon.do("zone-flush", zone=ZONE, flags="FB")
    assert "192.0.2.9" in (place / f"{ZONE}.zone").read_text()


def test_edited_since_it_was_read(daemon: Driven) -> None:
    """A flush over a file that somebody edited is told; a file that is edited during commits never tears the zone."""
    daemon.up()
    path = daemon.base / f"{ZONE}.zone"
    path.write_text(path.read_text() + "mine A 192.0.2.50\n")
    daemon.mark()
    daemon.do("zone-flush", zone=ZONE, flags="FB")
    assert "edited" in daemon.logged() or "changed" in daemon.logged()
    for number in range(30):
        commit(daemon, number)
        path.write_text(path.read_text() + f"m{number} A 192.0.2.50\n")
        daemon.do("zone-reload", zone=ZONE)
    daemon.do("zone-reload", zone=ZONE, flags="FB")
    daemon.do("zone-flush", zone=ZONE, flags="FB")
    names = {owner for owner, rtype in daemon.rows(ZONE) if rtype == "A"}
    assert {f"n{number}.{ZONE}." for number in range(30)} <= names
    assert path.read_text().count("192.0.2.9") == 30


def commit(daemon: Driven, number: int) -> None:
    """Add a record; when a load comes in between, it is tried again."""
    owner = Unit(zone=ZONE, owner=f"n{number}", ttl="60", type="A", data="192.0.2.9")
    steps = (("zone-begin", Unit(zone=ZONE)), ("zone-set", owner), ("zone-commit", Unit(zone=ZONE)))
    while any(refusals := [daemon.refusal_or_none(command, unit) for command, unit in steps]):
        assert set(refusals) <= {None, "requested resource is busy"}
        daemon.refusal_or_none("zone-abort", zone=ZONE)
