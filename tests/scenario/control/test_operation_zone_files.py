# SPDX-License-Identifier: Apache-2.0
"""The four set-ups of the manual's "Handling zone file, journal, changes, serials"."""

import pytest

from tests.support.daemon import wait_for
from tests.support.operator import Operated

pytestmark = pytest.mark.peer("knotc")

SETUP = (
    "template:\n  - id: default\n    zonefile-sync: {sync}\n    zonefile-load: {load}\n    journal-content: {journal}\n"
)


def configure(operated: Operated, sync: int | str, load: str, journal: str) -> None:
    """Write a configuration with one zone of a set-up."""
    operated.write_config("example.com")
    text = operated.config.read_text()
    head, _, zones = text.partition("zone:\n")
    operated.config.write_text(head + SETUP.format(sync=sync, load=load, journal=journal) + "zone:\n" + zones)


def add(operated: Operated, owner: str, address: str = "192.0.2.9") -> None:
    """Add a record by the control program."""
    operated.ok("zone-begin example.com")
    operated.ok(f"zone-set example.com {owner} 60 A {address}")
    operated.ok("zone-commit example.com")


def test_keep_the_zone_file_updated(operated: Operated) -> None:
    """sync 0, whole, changes: the file follows every change, and a restart gives the same zone."""
    configure(operated, 0, "whole", "changes")
    operated.start()
    add(operated, "one")
    operated.wait_flushed("one")
    assert operated.serial() == "2"
    operated.restart()
    assert (operated.serial(), operated.address_of("one.example.com")) == ("2", "192.0.2.9")
    operated.write_zone("example.com", 3)
    operated.ok("-b zone-reload example.com")
    assert (operated.serial(), operated.ask("one.example.com").answer) == ("3", [])


def test_without_zone_file(operated: Operated) -> None:
    """sync -1, none, all: filled once with `whole`, the zone lives in the journal; the file is not needed any more."""
    configure(operated, -1, "whole", "all")
    operated.start()
    configure(operated, -1, "none", "all")
    operated.reload()
    (operated.base / "example.com.zone").unlink()
    add(operated, "one")
    operated.restart()
    assert (operated.serial(), operated.address_of("one.example.com")) == ("2", "192.0.2.9")
    assert not (operated.base / "example.com.zone").exists()
    operated.ok("-b zone-reload example.com")
    assert operated.serial() == "2"
    operated.reload()
    assert "failed" not in operated.logged()


def test_input_only_zone_file(operated: Operated) -> None:
    """sync -1, difference, changes: the file is read and never written; a serial set higher is taken."""
    configure(operated, -1, "difference", "changes")
    operated.start()
    text = operated.write_zone("example.com", 2, "192.0.2.22").read_text()
    operated.ok("-b zone-reload example.com")
    assert (operated.serial(), operated.address_of()) == ("2", "192.0.2.22")
    operated.write_zone("example.com", 2, "192.0.2.23")
    operated.ok("-b zone-reload example.com")
    assert (operated.serial(), operated.address_of()) == ("3", "192.0.2.23")
    operated.write_zone("example.com", 0)
    assert "value is out of range" in operated.fails("-b zone-reload example.com")
    assert "zone file changed with decreased SOA serial" in operated.logged()
    assert operated.address_of() == "192.0.2.23"
    assert operated.file_text() == text.replace("192.0.2.22", "192.0.2.2").replace(" 2 3600", " 0 3600")
    operated.ok("zone-flush example.com")
    assert "zonefile synchronization disabled, use force command to override it" in operated.logged()
    assert "192.0.2.23" not in operated.file_text()
    operated.ok("-bf zone-flush example.com")
    assert "192.0.2.23" in operated.file_text()


def test_serial_made_by_the_server(operated: Operated) -> None:
    """sync -1, difference-no-serial, all: the operator edits the file and never touches the serial."""
    configure(operated, -1, "difference-no-serial", "all")
    operated.start()
    operated.write_zone("example.com", 1, "192.0.2.22")
    operated.ok("-b zone-reload example.com")
    assert (operated.serial(), operated.address_of()) == ("2", "192.0.2.22")
    operated.ok("-b zone-reload example.com")
    assert operated.serial() == "2"
    operated.stop()
    operated.write_zone("example.com", 1, "192.0.2.23")
    operated.start()
    wait_for(lambda: operated.serial() == "3", "the zone loaded")
    assert operated.address_of() == "192.0.2.23"


def test_delayed_flush(operated: Operated) -> None:
    """zonefile-sync N: the flush is planned for N seconds later, and done again after a crash."""
    configure(operated, 3600, "whole", "changes")
    operated.start()
    add(operated, "one")
    assert "flush: +" in operated.run("zone-status", "example.com")
    assert "one" not in operated.file_text()
    operated.kill()
    operated.start()
    assert operated.address_of("one.example.com") == "192.0.2.9"
    assert "flush: +" in operated.run("zone-status", "example.com")
    operated.ok("-b zone-flush example.com")
    assert "one" in operated.file_text()
    wait_for(lambda: operated.serial() == "2", "the zone")


def test_a_flush_lost_by_a_crash_is_done_at_the_start(operated: Operated) -> None:
    """zonefile-sync 0: a daemon that was killed before it wrote the file writes it when it is back."""
    configure(operated, 3600, "whole", "changes")
    operated.start()
    add(operated, "one")
    operated.kill()
    configure(operated, 0, "whole", "changes")
    operated.start()
    operated.wait_flushed("one")


def test_a_zone_file_that_cannot_be_written(operated: Operated) -> None:
    """The zone is answered all the same, the failure is told to who waits, and logged."""
    configure(operated, -1, "whole", "changes")
    operated.start()
    add(operated, "one")
    path = operated.base / "example.com.zone"
    path.unlink()
    path.mkdir()
    assert operated.fails("-bf zone-flush example.com") == operated.shown("error: [example.com] (file error)")
    assert "zone event 'flush' failed" in operated.logged()
    assert operated.address_of("one.example.com") == "192.0.2.9"
