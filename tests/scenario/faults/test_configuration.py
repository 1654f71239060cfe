# SPDX-License-Identifier: Apache-2.0
"""faults/configurations that cannot be used: one line says file, line, item and reason; the old one stays in use."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.driven import Driven
from tests.support.ports import free_port

ZONE = "example.com"

BROKEN: list[tuple[str, bytes, str]] = [
    ("item", b"server:\n  bogus: 1\n", "line 2, item 'bogus', value '1' (invalid item)"),
    ("section", b"bogus:\n  x: 1\n", "line 1, item 'bogus' (invalid item)"),
    ("tabulator", b"server:\n\tidentity: x\n", "line 2 (tabulator character is not allowed)"),
    ("NUL", b"server:\n  identity: a\n\0\n", "line 3 (parser failed)"),
    ("mark", b"\xef\xbb\xbfserver:\n  identity: a\n", "line 1 (parser failed)"),
    ("octets", b"\xff\xfe\x00\x01\n", "line 1 (parser failed)"),
    ("missing include", b"include: missing\n", "line 1, item 'include', value 'missing' (file error)"),
    ("quote", b'server:\n  identity: "abc\n', "line 2, item 'identity', value 'abc' (parser failed)"),
    ("list", b"server:\n  listen: [127.0.0.1\n", "line 2, item 'listen', value '127.0.0.1' (parser failed)"),
    ("empty list", b"server:\n  listen: [\n", "line 2, item 'listen' (parser failed)"),
    ("range", b"server:\n  udp-workers: 1000\n", "line 2, item 'udp-workers', value '1000' (value is out of range)"),
    ("number", b"server:\n  udp-workers: x\n", "line 2, item 'udp-workers', value 'x' (invalid parameter)"),
    ("port", b"server:\n  listen: ::1@99999\n", "line 2, item 'listen', value '::1@99999' (value is out of range)"),
    (
        "duplicate",
        b"zone:\n  - domain: a\n  - domain: A.\n",
        "line 3, item 'domain', value 'A.' (duplicate identifier)",
    ),
    ("identifier", b"zone:\n  - file: x\n", "line 2, item 'file', value 'x' (missing identifier)"),
    ("label", b"zone:\n  - domain: a..b\n", "line 2, item 'domain', value 'a..b' (invalid parameter)"),
    ("escape", b"zone:\n  - domain: a\\999\n", "line 2, item 'domain', value 'a\\999' (invalid parameter)"),
    ("time", b"zone:\n  - domain: a\n    zonefile-sync: 5x\n", "item 'zonefile-sync', value '5x' (invalid parameter)"),
    ("size", b"database:\n  journal-db-max-size: 5X\n", "item 'journal-db-max-size', value '5X' (invalid parameter)"),
    ("choice", b"zone:\n  - domain: a\n    zonefile-load: x\n", "item 'zonefile-load', value 'x' (invalid parameter)"),
    ("indentation", b"server:\n  identity: a\n   version: b\n", "line 3 (invalid indentation)"),
    ("dash", b"server:\n  - identity: a\n", "line 2, item 'identity', value 'a' (invalid identifier)"),
    ("colon", b"server\n", "line 1 (parser failed)"),
    ("severity", b"log:\n  - target: x\n    any: loud\n", "line 3, item 'any', value 'loud' (invalid parameter)"),
    ("hex", b"server:\n  nsid: 0xZZ\n", "line 2, item 'nsid', value '0xZZ' (invalid parameter)"),
]
"""Mistakes that Knot describes in these very words; relative files are beside the configuration."""


def control(*words: str) -> str:
    """Run the control program without a daemon and return all it says."""
    program = [sys.executable, "-m", "control.tools.xdpdnsctl", *words]
    done = subprocess.run(program, capture_output=True, timeout=60)
    assert done.returncode == 1
    return (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.peer("knotc")
@pytest.mark.parametrize(("text", "said"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_same_words_as_knot(tmp_path: Path, text: bytes, said: str) -> None:
    """conf-check names file, line, item and reason in one line, as Knot's does."""
    path = tmp_path / "k.conf"
    path.write_bytes(text)
    knot = subprocess.run(["knotc", "-c", str(path), "conf-check"], capture_output=True, timeout=60)
    lines = control("-c", str(path), "conf-check").splitlines()
    assert f"error: config, file '{path}', " in lines[0]
    assert lines[0].endswith(said)
    assert said in (knot.stdout + knot.stderr).decode(errors="replace")


def test_reload_of_broken_files(daemon: Driven) -> None:
    """However the file is broken, the old configuration stays, queries are answered, and the log has the line."""
    daemon.up()
    good = daemon.config.read_bytes()
    for name, text, said in BROKEN:
        daemon.config.write_bytes(text)
        daemon.mark()
        daemon.refusal("reload")
        assert f"error: config, file '{daemon.config}', " in daemon.logged(), name
        assert said in daemon.logged(), name
        assert daemon.address_of() == "192.0.2.2"
    daemon.config.write_bytes(good)
    daemon.write_zone("example.net", 1)
    daemon.write_config(ZONE, "example.net")
    daemon.do("reload")
    daemon.expect("[example.net.] loaded")
    assert daemon.stop() == 0


def remove(path: Path) -> None:
    path.unlink()


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def make_loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


@pytest.mark.parametrize("spoil", [remove, make_directory, make_fifo, make_loop])
def test_no_file(daemon: Driven, spoil: Callable[[Path], None]) -> None:
    """A configuration that is no file any more is refused, at a reload and at a start; nothing waits for it."""
    daemon.up()
    spoil(daemon.config)
    daemon.mark()
    daemon.refusal("reload")
    assert f"failed to load configuration file '{daemon.config}' (" in daemon.logged()
    assert daemon.address_of() == "192.0.2.2"
    assert daemon.stop() == 0
    assert daemon.spawn().wait(60) == 1
    assert f"failed to load configuration file '{daemon.config}' (" in daemon.all_output()


def test_items_for_a_restart(daemon: Driven) -> None:
    """Another address or directory at a reload is a warning and is not used."""
    daemon.up()
    old, new = daemon.port, free_port()
    daemon.port = new
    daemon.write_config(ZONE)
    daemon.port = old
    daemon.mark()
    daemon.do("reload")
    assert "warning: config, item 'server.listen' changed, restart the daemon to use it" in daemon.logged()
    assert daemon.address_of() == "192.0.2.2"
    daemon.port = new
    assert not daemon.answers()
    assert daemon.stop() == 0
    daemon.up()
    assert daemon.address_of() == "192.0.2.2"


@pytest.mark.root
def test_unreadable_by_its_user(open_daemon: Driven) -> None:
    """A daemon that gave root up cannot read what only root can: the old configuration and zones stay."""
    daemon = open_daemon
    daemon.server_items = ["user: nobody"]
    daemon.write_config(ZONE)
    daemon.up()
    zone = daemon.base / f"{ZONE}.zone"
    daemon.write_zone(ZONE, 2, "192.0.2.3")
    zone.chmod(0o600)
    daemon.mark()
    daemon.refusal("zone-reload", zone=ZONE, flags="B")
    assert "Permission denied" in daemon.logged()
    assert daemon.address_of() == "192.0.2.2"
    daemon.config.chmod(0o600)
    daemon.mark()
    assert daemon.refusal("reload") == "operation not permitted"
    assert "Permission denied" in daemon.logged()
    assert daemon.address_of() == "192.0.2.2"
    zone.chmod(0o644)
    daemon.do("zone-reload", zone=ZONE, flags="B")
    assert daemon.address_of() == "192.0.2.3"
