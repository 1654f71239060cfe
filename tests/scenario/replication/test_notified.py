# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd as the primary of other name servers, which it tells of changes; and a link that goes down and comes back."""

from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.support import netns, peers, primaries, secondaries
from tests.support.daemon import ADDRESS, wait_for
from tests.support.driven import Driven

KINDS = [
    pytest.param(kind, marks=pytest.mark.skipif(peers.missing(kind) is not None, reason=str(peers.missing(kind))))
    for kind in ("knot", "nsd", "named")
]
LONG = "3600 600 86400"
SHORT = "2 1 4"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driven]:
    under_test = Driven(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()


def write(daemon: Driven, serial: int) -> None:
    """Write the daemon's zone file; `www` has the serial as the last octet of its address."""
    daemon.write_zone("example.com", serial, text=primaries.ZONE.format(serial=serial, times=LONG))


def address_at(address: str, port: int) -> str:
    """Return the address of `www` that a server gives, nothing when it gives none."""
    try:
        reply = dns.query.udp(dns.message.make_query("www.example.com", "A"), address, 1, port)
    except dns.exception.Timeout:
        return ""
    return str(reply.answer[0][0]) if reply.answer else ""


def rcode_at(wire: netns.Wire, port: int) -> int:
    """Return the RCODE that the server of a link gives."""
    with wire.server.entered():
        return dns.query.udp(dns.message.make_query("example.com", "SOA"), wire.server_v4, 2, port).rcode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_change_reaches_secondaries(daemon: Driven, kind: str) -> None:
    """By a NOTIFY for a zone file read again, a zone transaction, and a change while the secondary was away."""
    place = peers.Place().settled()
    write(daemon, 1)
    daemon.write_config(
        extra=f"remote:\n  - id: secondary\n    address: {place.address}@{place.port}\n"
        f"acl:\n  - id: transfer\n    address: {ADDRESS}\n    action: transfer\n"
        f"zone:\n  - domain: example.com\n    storage: {daemon.base}\n    notify: secondary\n    acl: transfer\n"
        f"    retry-max-interval: 1\n"
    )
    daemon.start()
    wait_for(daemon.socket.exists, "the control socket")
    daemon.expect("notify, outgoing")
    with secondaries.running(kind, place, (daemon.address, daemon.port)) as peer:
        daemon.mark()
        write(daemon, 2)
        daemon.do("zone-reload", zone="example.com", flags="B")
        wait_for(lambda: address_at(peer.address, peer.port) == "192.0.2.2", f"serial 2\n{peer.log}")
        daemon.do("zone-begin", zone="example.com")
        daemon.do("zone-unset", zone="example.com", owner="www", type="A")
        daemon.do("zone-set", zone="example.com", owner="www", type="A", data="192.0.2.3", ttl="60")
        daemon.do("zone-commit", zone="example.com")
        wait_for(lambda: address_at(peer.address, peer.port) == "192.0.2.3", f"serial 3\n{peer.log}")
        assert f"notify, outgoing, remote {place.address}@{place.port} TCP, serial 3" in daemon.logged()


@pytest.mark.skipif(netns.missing() is not None, reason=str(netns.missing()))
@pytest.mark.skipif(peers.missing("knot") is not None, reason=str(peers.missing("knot")))
def test_a_link_that_was_down(tmp_path: Path) -> None:
    """The zone stays while its primary cannot be reached until it expires, and follows again when it can be."""
    with netns.link() as wire:
        daemon = Driven(tmp_path, wire.server.wrap)
        daemon.address = wire.server_v4
        primary = primaries.make("knot", tmp_path, (wire.server_v4, daemon.port), wire.client)
        primary.place = peers.Place(wire.client_v4, 5399, wire.client)
        primary.times = "2 1 86400"
        primary.write(1)
        daemon.server_items = ["tcp-remote-io-timeout: 1000"]
        daemon.write_config(
            extra=f"remote:\n  - id: primary\n    address: {wire.client_v4}@5399\n"
            f"acl:\n  - id: notify\n    address: {wire.client_v4}\n    action: notify\n"
            f"zone:\n  - domain: example.com\n    file: {tmp_path}/secondary.zone\n    master: primary\n"
            f"    acl: notify\n    retry-max-interval: 1\n"
        )
        try:
            with primary.running() as peer:
                daemon.process = daemon.spawn()
                daemon.expect("serial none -> 1")
                wire.client.run("ip", "link", "set", wire.client_if, "down")
                daemon.mark()
                primary.change(peer, 2)
                daemon.expect("refresh, failed (no usable master)")
                with wire.server.entered():
                    assert address_at(wire.server_v4, daemon.port) == "192.0.2.1"
                wire.client.run("ip", "link", "set", wire.client_if, "up")
                daemon.expect("serial 1 -> 2")
                primary.change(peer, 3)
                daemon.expect("serial 2 -> 3")
                assert "zone expired" not in daemon.all_output()
                primary.times = SHORT
                primary.change(peer, 4)
                daemon.expect("serial 3 -> 4, expires in 4 seconds")
                wire.client.run("ip", "link", "set", wire.client_if, "down")
                daemon.expect("zone expired")
                assert rcode_at(wire, daemon.port) == dns.rcode.SERVFAIL
                wire.client.run("ip", "link", "set", wire.client_if, "up")
                daemon.expect("serial none -> 4")
                assert rcode_at(wire, daemon.port) == dns.rcode.NOERROR
        finally:
            daemon.close()
