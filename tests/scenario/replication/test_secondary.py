# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd as a secondary of other name servers."""

import socket
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from tests.support import peers, primaries
from tests.support.daemon import wait_for
from tests.support.driven import Driven

KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(peers.missing(kind) is not None, reason=str(peers.missing(kind))))
    for kind in ("knot", "nsd", "named")
]
WORKERS = 16
"""Threads that wait for other servers."""
SHORT = "2 1 6"
"""Refresh, retry and expire of a zone that does not live long."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driven]:
    under_test = Driven(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()


def follow(daemon: Driven, primary: primaries.Primary, extra: str = "") -> None:
    """Configure the daemon as the primary's secondary."""
    place = primary.place
    file = daemon.base / "secondary.zone"
    daemon.write_config(
        extra=f"remote:\n  - id: primary\n    address: {place.address}@{place.port}\n"
        f"acl:\n  - id: notify\n    address: {place.address}\n    action: notify\n"
        f"zone:\n  - domain: example.com\n    file: {file}\n    master: primary\n    acl: notify\n{extra}"
    )


def start(daemon: Driven) -> None:
    """Start the daemon and wait until it answers at all and has looked at its zone."""
    daemon.mark()
    daemon.process = daemon.spawn()
    daemon.expect("server started answering")
    wait_for(daemon.socket.exists, "the control socket")
    wait_for(lambda: status(daemon)["refresh"] != "-", "a planned refresh")


def serves(daemon: Driven, serial: int) -> None:
    """Wait until the daemon answers from a version of the zone."""

    def is_served() -> bool:
        answer = daemon.ask().answer
        return bool(answer) and str(answer[0][0]) == f"192.0.2.{serial}"

    wait_for(is_served, f"serial {serial}\n{daemon.all_output()}")


def status(daemon: Driven) -> dict[str, str]:
    """Return the rows of zone-status."""
    return {str(row.type): str(row.data) for row in daemon.do("zone-status", zone="example.com")}


@pytest.mark.parametrize("kind", KINDS)
def test_a_zone_follows_its_primary(daemon: Driven, tmp_path: Path, kind: str) -> None:
    """Bootstrap, a NOTIFY and the changes that follow it, and a restart that asks for nothing."""
    primary = primaries.make(kind, tmp_path, (daemon.address, daemon.port))
    follow(daemon, primary)
    with primary.running() as peer:
        start(daemon)
        daemon.expect("zone will be bootstrapped")
        serves(daemon, 1)
        daemon.expect("serial none -> 1, expires in 86400 seconds")
        shown = status(daemon)
        assert (shown["role"], shown["serial"]) == ("slave", "1")
        assert shown["refresh"].startswith(("+59m", "+1h"))
        assert shown["expiration"].startswith(("+23h59m", "+1D"))
        primary.change(peer, 2)
        serves(daemon, 2)
        assert "notify, incoming" in daemon.all_output()
        assert "serial 1 -> 2" in daemon.all_output()
        daemon.expect("zone file updated, serial 1 -> 2")
        assert daemon.stop() == 0
        start(daemon)
        serves(daemon, 2)
        shown = status(daemon)
        assert shown["refresh"].startswith(("+59m", "+1h"))
        assert "refresh, remote" not in daemon.logged()


@pytest.mark.parametrize("kind", KINDS)
def test_a_zone_expires_and_comes_back(daemon: Driven, tmp_path: Path, kind: str) -> None:
    """Without its primary it is SERVFAIL, after a restart as well, until the primary is back."""
    primary = primaries.make(kind, tmp_path, (daemon.address, daemon.port))
    primary.times = SHORT
    primary.write(1)
    follow(daemon, primary, "    retry-max-interval: 1\n")
    with primary.running():
        start(daemon)
        serves(daemon, 1)
    daemon.expect("zone expired")
    assert daemon.ask().rcode() == dns.rcode.SERVFAIL
    assert "next retry at" in daemon.logged()
    daemon.stop()
    start(daemon)
    daemon.expect("no usable master")
    assert daemon.ask().rcode() == dns.rcode.SERVFAIL
    with primary.running():
        serves(daemon, 1)


def test_commands_of_a_secondary(daemon: Driven, tmp_path: Path) -> None:
    """Refresh and retransfer on demand; freezing transfers outlives the daemon; what is purged comes again."""
    primary = primaries.make("knot", tmp_path, (daemon.address, daemon.port))
    follow(daemon, primary)
    start(daemon)
    assert daemon.refusal("zone-refresh", zone="example.com", flags="B") == "no usable master"
    with primary.running():
        daemon.do("zone-refresh", zone="example.com", flags="B")
        serves(daemon, 1)
        daemon.mark()
        daemon.do("zone-refresh", zone="example.com", flags="B")
        assert "zone is up-to-date" in daemon.logged()
        daemon.do("zone-retransfer", zone="example.com", flags="B")
        assert "AXFR, incoming" in daemon.logged()
        daemon.do("zone-xfr-freeze", flags="B")
        assert status(daemon)["XFR-freeze"] == "yes"
        daemon.stop()
        start(daemon)
        serves(daemon, 1)
        assert status(daemon)["XFR-freeze"] == "yes"
        daemon.do("zone-xfr-thaw", flags="B")
        assert status(daemon)["XFR-freeze"] == "-"
        daemon.mark()
        daemon.do("zone-purge", zone="example.com", flags="FB")
        daemon.expect("serial none -> 1, expires in 86400 seconds")
        serves(daemon, 1)


@pytest.mark.skipif(peers.missing("knot", "nsd") is not None, reason=str(peers.missing("knot", "nsd")))
def test_one_of_two_primaries_is_kept_to(daemon: Driven, tmp_path: Path) -> None:
    """A newer zone at another primary is taken, whole, once the pinned one has been behind for the tolerance."""
    made = []
    for kind in ("knot", "nsd"):
        (tmp_path / kind).mkdir()
        made.append(primaries.make(kind, tmp_path / kind, (daemon.address, daemon.port)))
    first, second = made
    daemon.write_config(
        extra="remote:\n"
        + "".join(f"  - id: {each.kind}\n    address: {each.place.address}@{each.place.port}\n" for each in made)
        + f"acl:\n  - id: notify\n    address: {first.place.address}\n    action: notify\n"
        f"zone:\n  - domain: example.com\n    file: {daemon.base / 'secondary.zone'}\n    master: [knot, nsd]\n"
        "    acl: notify\n    master-pin-tolerance: 2\n"
    )
    with first.running(), second.running() as peer:
        start(daemon)
        serves(daemon, 1)
        daemon.mark()
        second.change(peer, 2)
        daemon.expect("keeping to pinned remote knot")
        assert str(daemon.ask().answer[0][0]) == "192.0.2.1"
        serves(daemon, 2)
        assert "AXFR, incoming" in daemon.logged()
        assert "IXFR, incoming" not in daemon.logged()


def test_the_end_does_not_wait_for_other_servers(daemon: Driven) -> None:
    """Every worker waits for a primary that accepts connections and says nothing; the daemon ends as usual."""
    with socket.create_server(("127.0.0.1", 0), backlog=WORKERS) as silent:
        port = silent.getsockname()[1]
        zones = "".join(f"  - domain: z{number}.test\n    master: silent\n" for number in range(WORKERS + 1))
        daemon.write_config(
            extra=f"server:\n    tcp-remote-io-timeout: 60000\nremote:\n  - id: silent\n    address: 127.0.0.1@{port}\n"
            f"zone:\n{zones}"
        )
        daemon.process = daemon.spawn()
        wait_for(lambda: daemon.all_output().count("AXFR, incoming") >= WORKERS, "transfers that have begun")
        assert daemon.stop() == 0
    assert "given up" not in daemon.all_output()
    assert "not usable" not in daemon.all_output()
