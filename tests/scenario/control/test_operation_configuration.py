# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Dynamic configuration" and "Daemon controls", on a daemon with a text file."""

import pytest

from tests.support.daemon import wait_for
from tests.support.operator import Operated

pytestmark = pytest.mark.peer("knotc")


def test_a_zone_from_scratch(operated: Operated) -> None:
    """The manual's full example: the zone is configured and filled by the control program alone, and answered."""
    operated.start()
    operated.ok("conf-begin")
    operated.ok("conf-set zone.domain example.net")
    operated.ok("conf-commit")
    assert operated.ask("example.net", "SOA").rcode() == 2
    operated.ok("zone-begin example.net")
    operated.ok("zone-set example.net @ 3600 SOA ns admin 1 86400 900 691200 3600")
    operated.ok("zone-set example.net @ 3600 NS ns")
    operated.ok("zone-set example.net ns 3600 A 192.0.2.1")
    operated.ok("zone-set example.net ns 3600 AAAA 2001:DB8::1")
    operated.ok("zone-commit example.net")
    assert operated.address_of("ns.example.net") == "192.0.2.1"
    assert operated.run("zone-read", "example.net", "ns", "AAAA").endswith(" 3600 AAAA 2001:db8::1")
    wait_for((operated.storage / "example.net.zone").exists, "the zone file")


def test_reading_the_configuration(operated: Operated) -> None:
    """Sections, items, identifiers and values as they are set."""
    operated.start()
    assert "zone" in operated.run("conf-list").splitlines()
    assert "zone.file" in operated.run("conf-list", "zone").splitlines()
    assert operated.run("conf-read", "zone.domain") == operated.shown("zone.domain = example.com.")
    storage = operated.run("conf-read", "zone[example.com].storage")
    assert storage == operated.shown(f"zone[example.com.].storage = {operated.base}")
    listen = operated.run("conf-read", "server.listen")
    assert listen == operated.shown(f"server.listen = 127.0.0.1@{operated.port}")
    assert operated.fails("conf-read nope") == "error: (invalid item) nope"


def test_a_transaction(operated: Operated) -> None:
    """Changes show in its difference and are in use after the commit; a second one is refused, abort always works."""
    operated.start()
    assert "no active transaction" in operated.fails("conf-set zone.domain example.net")
    operated.ok("conf-begin")
    assert "too many transactions" in operated.fails("conf-begin")
    operated.ok("conf-set template[default]")
    operated.ok("conf-set template[default].zonefile-sync -1")
    operated.ok("conf-set zone[example.com].comment changed")
    assert operated.shown("+zone[example.com.].comment = changed") in operated.run("conf-diff", "zone")
    operated.ok("conf-commit")
    assert operated.run("conf-read", "zone[example.com].comment").endswith(" changed")
    operated.ok("conf-begin")
    operated.ok("conf-unset zone[example.com].comment")
    operated.ok("conf-abort")
    operated.ok("conf-abort")
    assert operated.run("conf-read", "zone[example.com].comment").endswith(" changed")


def test_zones_come_and_go(operated: Operated) -> None:
    """A commit adds, changes and removes zones and touches no other one."""
    operated.start()
    operated.write_zone("example.net", 5)
    operated.mark()
    operated.ok("conf-begin")
    operated.ok("conf-set zone[example.net]")
    operated.ok(f"conf-set zone[example.net].storage {operated.base}")
    operated.ok("conf-commit")
    wait_for(lambda: operated.serial("example.net") == "5", "the new zone")
    assert operated.address_of("www.example.net") == "192.0.2.2"
    assert "[example.com.] loaded" not in operated.logged()
    operated.write_zone("other", 6, address="192.0.2.66")
    operated.ok("conf-begin")
    operated.ok(f"conf-set zone[example.net].file {operated.base}/other.zone")
    operated.ok("conf-commit")
    wait_for(lambda: operated.serial("example.net") == "6", "the zone from its other file")
    operated.ok("conf-begin")
    operated.ok("conf-unset zone[example.net]")
    operated.ok("conf-commit")
    wait_for(lambda: operated.ask("www.example.net").rcode() == 5, "no answer for the removed zone")
    assert operated.address_of() == "192.0.2.2"


def test_a_commit_that_is_refused(operated: Operated) -> None:
    """What contradicts itself is refused, the transaction stays open, and the configuration is as it was."""
    operated.start()
    operated.ok("conf-begin")
    operated.ok("conf-set zone[example.com].zonefile-load difference-no-serial")
    assert operated.fails("conf-commit").startswith("error: (")
    operated.ok("conf-set zone[example.com].journal-content all")
    operated.ok("conf-commit")
    assert "invalid item" in operated.fails("conf-read zone.nope")


def test_changes_live_until_the_restart(operated: Operated) -> None:
    """With a text file what was set is gone after a reload, and the log says so at the beginning."""
    operated.start()
    operated.ok("conf-begin")
    assert "control, persistent configuration database not available" in operated.logged()
    operated.ok("conf-set zone.domain example.net")
    operated.ok("conf-commit")
    assert "example.net." in operated.run("zone-status")
    assert operated.run("reload") == "Reloaded"
    assert "example.net." not in operated.run("zone-status")


def test_reload(operated: Operated) -> None:
    """`knotc reload` follows the file; a broken file keeps the old configuration and the error is told and logged."""
    operated.start()
    operated.write_zone("example.net", 3)
    operated.write_config("example.com", "example.net")
    assert operated.run("reload") == "Reloaded"
    wait_for(lambda: operated.serial("example.net") == "3", "the added zone")
    good = operated.config.read_text()
    operated.config.write_text(good + "\nnonsense:\n")
    assert operated.fails("reload") == "error: (invalid item)"
    assert f"config, file '{operated.config}', line " in operated.logged()
    assert operated.address_of("www.example.net") == "192.0.2.2"


def test_reload_reads_only_what_changed(operated: Operated) -> None:
    """Of two zones the one whose file changed is loaded."""
    operated.write_zone("example.net", 3)
    operated.write_config("example.com", "example.net")
    operated.start()
    operated.write_zone("example.net", 4)
    operated.mark()
    operated.reload()
    assert "[example.net.] zone file loaded, serial 4" in operated.logged()
    assert "[example.com.]" not in operated.logged()


def test_status_and_stop(operated: Operated) -> None:
    """The daemon tells that it runs and its workers, and stops when told."""
    operated.start()
    assert operated.run("status") == "Running"
    assert "background workers: " in operated.run("status", "workers")
    assert operated.run("stop") == "Stopped"
    assert operated.process is not None
    assert operated.process.wait(60) == 0
    assert not (operated.rundir / "knot.sock").exists()
