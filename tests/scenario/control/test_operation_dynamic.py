# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Dynamic configuration": every form of the configuration commands."""

import pytest

from tests.support.daemon import wait_for
from tests.support.operator import Operated

pytestmark = pytest.mark.peer("knotc")


@pytest.fixture
def running(operated: Operated) -> Operated:
    """A daemon with two zones."""
    operated.write_zone("example.net", 7)
    operated.write_config("example.com", "example.net")
    operated.start()
    return operated


def test_lists(running: Operated) -> None:
    """The sections, and the items of one."""
    assert {"server", "control", "log", "statistics", "template", "zone"} <= set(running.run("conf-list").splitlines())
    assert {"server.identity", "server.listen"} <= set(running.run("conf-list", "server").splitlines())


def test_reading_in_every_form(running: Operated) -> None:
    """Everything, a section, its identifiers, a block, and one item of a block."""
    everything = running.run("conf-read").splitlines()
    section = running.run("conf-read", "zone").splitlines()
    assert set(section) < set(everything)
    assert running.run("conf-read", "zone.domain").split()[-1] == "example.net."
    block = running.run("conf-read", "zone[example.com]").splitlines()
    storage = running.shown(f"zone[example.com.].storage = {running.base}")
    assert storage in block
    assert block[0].startswith("zone.domain")
    assert running.run("conf-read", "zone[example.com].storage") == storage


def test_setting_in_every_form(running: Operated) -> None:
    """An item, several values, a new block, an item of all blocks; differences in every form show them."""
    running.ok("conf-begin")
    assert running.run("conf-set", "server.identity", "our own") == "OK"
    running.ok(f"conf-set control.listen {running.rundir}/knot.sock {running.rundir}/other.sock")
    running.ok("conf-set zone[example.org]")
    running.ok("conf-set zone.semantic-checks on")
    assert len([line for line in running.run("conf-diff", "zone").splitlines() if "semantic-checks" in line]) == 3
    assert running.run("conf-diff", "zone[example.org]").splitlines() == [
        running.shown("+zone.domain = example.org."),
        running.shown("+zone[example.org.].semantic-checks = on"),
    ]
    only = running.shown("+zone[example.com.].semantic-checks = on")
    assert running.run("conf-diff", "zone[example.com].semantic-checks") == only
    assert {only, *running.run("conf-diff", "zone").splitlines()} <= set(running.run("conf-diff").splitlines())
    assert running.run("conf-get", "zone[example.com].semantic-checks") == only.removeprefix("+")
    assert running.run("conf-read", "zone[example.com].semantic-checks") == ""
    running.ok("conf-commit")
    assert running.run("conf-read", "zone[example.com].semantic-checks") == only.removeprefix("+")


def test_unsetting_in_every_form(running: Operated) -> None:
    """One value, an item, a block, a section, and everything, which no commit is needed to try."""
    running.ok("conf-begin")
    running.ok("conf-set template[default]")
    running.ok("conf-set template[default].global-module mod-stats mod-cookies")
    running.ok("conf-unset template[default].global-module mod-stats")
    assert "mod-stats" not in running.run("conf-get", "template[default].global-module")
    assert "mod-cookies" in running.run("conf-get", "template[default].global-module")
    running.ok("conf-unset template[default].global-module")
    running.ok("conf-unset zone[example.net]")
    assert "example.net" not in running.run("conf-get", "zone")
    running.ok("conf-unset zone")
    assert running.run("conf-get", "zone") == ""
    running.ok("conf-unset")
    assert running.run("conf-get") == ""
    running.ok("conf-abort")
    assert running.address_of("www.example.net") == "192.0.2.2"


def test_a_file_is_included(running: Operated) -> None:
    """`conf-set include FILE` adds what the file has to the transaction."""
    running.write_zone("example.org", 3)
    more = running.base / "new_zones.conf"
    more.write_text(f"zone:\n  - domain: example.org\n    storage: {running.base}\n")
    running.ok("conf-begin")
    running.ok(f"conf-set include {more}")
    running.ok("conf-commit")
    wait_for(lambda: running.serial("example.org") == "3", "the zone of the included file")


def test_initialization(running: Operated) -> None:
    """The manual's example of a first configuration, in one transaction."""
    running.write_zone("example.org", 3)
    running.ok("conf-begin")
    running.ok("conf-set remote[primary_server]")
    running.ok("conf-set remote[primary_server].address 192.0.2.1")
    running.ok("conf-set template[default]")
    running.ok(f"conf-set template[default].storage {running.base}")
    running.ok("conf-set template[default].master primary_server")
    running.ok("conf-set zone[example.org]")
    assert running.shown("+zone.domain = example.org.") in running.run("conf-diff").splitlines()
    running.ok("conf-commit")
    wait_for(lambda: running.serial("example.org") == "3", "the zone below the template's storage")


def test_what_needs_a_restart_is_named(running: Operated) -> None:
    """A commit of an item that takes effect at the start only is accepted, and the log says that it waits."""
    running.mark()
    running.ok("conf-begin")
    running.ok("conf-set server.udp-workers 2")
    running.ok("conf-commit")
    assert "server.udp-workers" in running.logged()
    assert "restart" in running.logged()


def test_what_is_not_supported_is_refused(running: Operated) -> None:
    """Items of the format that this server does not have are refused when they are set."""
    running.ok("conf-begin")
    for line in ("external[own]", "template[default].external-validation own", "zone.deleg-aware off"):
        assert "error: (" in running.fails(f"conf-set {line}")
    running.ok("conf-abort")
