# SPDX-License-Identifier: Apache-2.0
"""Dynamic updates of a running daemon: by nsupdate and knsupdate, in abnormal states, and killed in the middle."""

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.daemon import wait_for
from tests.support.updated_daemon import UpdateClient, UpdatedDaemon, Updaters, check_halves
from tests.support.updates import build

NOERROR, FORMERR, SERVFAIL, REFUSED, YXDOMAIN, NOTAUTH = 0, 1, 2, 5, 6, 9
PROGRAMS = [
    pytest.param(program, marks=pytest.mark.skipif(shutil.which(program) is None, reason=f"needs {program}"))
    for program in ("nsupdate", "knsupdate")
]
CLIENTS = 8


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[UpdatedDaemon]:
    """A running daemon that takes updates."""
    daemon = UpdatedDaemon(tmp_path)
    daemon.start()
    yield daemon
    daemon.close()


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("options", [(), ("-v",)], ids=["udp", "tcp"])
def test_update_programs(daemon: UpdatedDaemon, program: str, options: tuple[str, ...]) -> None:
    """A signed update is carried out, answered at once with a greater serial, and logged."""
    done = daemon.nsupdate("add new.example.com. 60 A 192.0.2.9", *options, program=program)
    assert (done.returncode, done.stderr) == (0, "")
    assert daemon.address_of("new.example.com") == "192.0.2.9"
    assert daemon.serial() == "2"
    daemon.expect("[example.com.] DDNS, processing 1 updates", "[example.com.] DDNS, finished, serial 1 -> 2, ")


@pytest.mark.parametrize("program", PROGRAMS)
def test_prerequisite_unmet(daemon: UpdatedDaemon, program: str) -> None:
    """The client is told, nothing changes, and it is logged."""
    done = daemon.nsupdate("prereq nxdomain www.example.com.\nadd new.example.com. 60 A 192.0.2.9", program=program)
    assert "YXDOMAIN" in done.stdout + done.stderr
    assert daemon.serial() == "1"
    daemon.expect("prerequisites not met", "DDNS, finished, no changes to the zone were made")


def test_unknown_zone(daemon: UpdatedDaemon) -> None:
    """An update of a zone that is not here is answered NOTAUTH."""
    with UpdateClient(daemon.address, daemon.port) as client:
        assert client.send(build("example.net.", (), ("new 60 IN A 192.0.2.9",))) == NOTAUTH


def test_frozen_zone_keeps_eight(daemon: UpdatedDaemon) -> None:
    """While a zone is frozen eight updates wait, the next is refused; they are carried out when it is thawed."""
    daemon.ok("zone-freeze example.com")
    clients = []
    for number in range(9):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((daemon.address, daemon.port))
        client.settimeout(5.0)
        client.send(build("example.com.", (), (f"n{number} 60 IN A 192.0.2.9",), message_id=number))
        clients.append(client)
        if number < 8:
            wait_for(lambda: daemon.logged().count("ACL, allowed, action update") == number + 1, "the update is there")  # noqa: B023
    assert clients[8].recv(4096)[3] & 0xF == REFUSED
    daemon.ok("zone-thaw example.com")
    assert [client.recv(4096)[3] & 0xF for client in clients[:8]] == [NOERROR] * 8
    assert daemon.serial() == "2"
    daemon.expect("DDNS, processing 8 updates")
    for client in clients:
        client.close()


def test_sent_again_is_carried_out_once(daemon: UpdatedDaemon) -> None:
    """A client that sends an update again while the first still waits gets one reply, and it is one of the eight."""
    daemon.ok("zone-freeze example.com")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((daemon.address, daemon.port))
        client.settimeout(5.0)
        for number in range(9):
            client.send(build("example.com.", (), ("new 60 IN A 192.0.2.9",), message_id=4))
            wait_for(lambda: daemon.logged().count("ACL, allowed, action update") > number, "it is there")  # noqa: B023
        daemon.ok("zone-thaw example.com")
        assert client.recv(4096)[3] & 0xF == NOERROR
        daemon.expect("DDNS, processing 1 updates")
        client.send(build("example.com.", (), ("new 60 IN A 192.0.2.9",), message_id=5))
        assert client.recv(4096)[:2] == b"\0\5"
    assert daemon.serial() == "2"


def test_open_transaction_holds_updates(daemon: UpdatedDaemon) -> None:
    """An update that comes while a zone transaction is open is carried out when that has ended."""
    daemon.ok("zone-begin example.com")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((daemon.address, daemon.port))
        client.settimeout(5.0)
        client.send(build("example.com.", (), ("new 60 IN A 192.0.2.9",)))
        daemon.expect("blocked zone update due to open control transaction")
        daemon.ok("zone-set example.com other 60 A 192.0.2.8")
        daemon.ok("zone-commit example.com")
        assert client.recv(4096)[3] & 0xF == NOERROR
    assert daemon.address_of("new.example.com") == "192.0.2.9"
    assert daemon.address_of("other.example.com") == "192.0.2.8"


def test_transactions_under_updates(daemon: UpdatedDaemon) -> None:
    """A zone transaction that begins under a load of updates is not overtaken by them."""
    updaters = Updaters(daemon.address, daemon.port, CLIENTS, "r")
    with updaters.running():
        for number in range(5):
            seen = updaters.total()
            wait_for(lambda: updaters.total() > seen, "updates are acknowledged")  # noqa: B023
            daemon.ok("zone-begin example.com")
            daemon.ok(f"zone-set example.com own{number} 60 A 192.0.2.8")
            daemon.ok("zone-commit example.com")
    check_halves(daemon, "example.com.", {label for labels in updaters.acknowledged for label in labels})
