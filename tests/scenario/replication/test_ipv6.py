# SPDX-License-Identifier: Apache-2.0
"""Transfers and notifies over IPv6, both ways, with rules for address ranges and a source of the operator's choice."""

import socket
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.opcode
import dns.rcode
import pytest

from tests.support import peers, primaries, secondaries
from tests.support.daemon import wait_for
from tests.support.driven import Driven
from tests.support.exchange import Tcp, Udp
from tests.support.ports import free_port
from tests.support.transfers import Row, receive_until_silent, rows_of_messages

LOOPBACK = "::1"
RANGE = "::/126"
"""Has the loopback address in it."""
OUTSIDE = "2001:db8::/32"
TIMES = "3600 600 86400"
AXFR = 252
SILENCE_S = 0.3
KINDS = [
    pytest.param("knot", marks=pytest.mark.peer("knotd")),
    pytest.param("nsd", marks=pytest.mark.peer("nsd")),
    pytest.param("named", marks=pytest.mark.peer("named")),
]


def lacking() -> str | None:
    """Return why nothing goes over IPv6 here, None when it does."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind((LOOPBACK, 0))
    except OSError:
        return f"needs the IPv6 loopback address {LOOPBACK}"
    return None


pytestmark = pytest.mark.skipif(lacking() is not None, reason=str(lacking()))


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driven]:
    """A daemon that listens on the loopback address alone and is not started yet."""
    under_test = Driven(tmp_path)
    under_test.address, under_test.port = LOOPBACK, free_port(LOOPBACK)
    try:
        yield under_test
    finally:
        under_test.close()


def address_at(address: str, port: int) -> str:
    """Return the address of `www` that a server gives, nothing when it gives none."""
    (reply,) = Udp(address, port)([dns.message.make_query("www.example.com", "A").to_wire()])
    answer = dns.message.from_wire(reply).answer if reply is not None else []
    return str(answer[0][0]) if answer else ""


def reaches(address: str, port: int, serial: int) -> None:
    """Wait until a server answers from a version."""
    wait_for(lambda: address_at(address, port) == f"192.0.2.{serial}", f"serial {serial} at {address}@{port}")


def transferred(address: str, port: int) -> list[Row]:
    """Return the records that a server gives away, sorted."""
    query = dns.message.make_query("example.com", AXFR).to_wire()
    return sorted(rows_of_messages(receive_until_silent((address, port), query, SILENCE_S)))


@pytest.mark.parametrize("kind", KINDS)
def test_a_zone_is_taken(daemon: Driven, tmp_path: Path, kind: str) -> None:
    """By AXFR and, told by a NOTIFY that a range of addresses may send, by IXFR, from the source that `via` names."""
    primary = primaries.make(kind, tmp_path, (LOOPBACK, daemon.port), address=LOOPBACK)
    source = free_port(LOOPBACK)
    daemon.write_config(
        extra=f"remote:\n  - id: primary\n    address: {LOOPBACK}@{primary.place.port}\n"
        f"    via: [127.0.0.9, {LOOPBACK}@{source}]\n"
        f"acl:\n  - id: range\n    address: {RANGE}\n    action: [notify, transfer]\n"
        f"zone:\n  - domain: example.com\n    file: {daemon.base}/secondary.zone\n    master: primary\n    acl: range\n"
    )
    with primary.running() as peer:
        daemon.process = daemon.spawn()
        reaches(LOOPBACK, daemon.port, 1)
        daemon.mark()
        primary.change(peer, 2)
        reaches(LOOPBACK, daemon.port, 2)
        assert f"notify, incoming, remote {LOOPBACK}@" in daemon.logged()
        assert f"IXFR, incoming, remote {LOOPBACK}@{primary.place.port} TCP" in daemon.logged()
        assert transferred(LOOPBACK, daemon.port) == transferred(LOOPBACK, peer.port)
        if kind != "nsd":
            assert str(source) in peer.log


@pytest.mark.parametrize("kind", KINDS)
def test_a_zone_is_given(daemon: Driven, kind: str) -> None:
    """By AXFR to who is in the range of the rule and, told by a NOTIFY at address and port of the remote, by IXFR."""
    place = peers.Place(LOOPBACK).settled()
    daemon.write_zone("example.com", 1, text=primaries.ZONE.format(serial=1, times=TIMES))
    daemon.write_config(
        extra=f"remote:\n  - id: secondary\n    address: {LOOPBACK}@{place.port}\n"
        f"acl:\n  - id: range\n    address: {LOOPBACK}-::2\n    action: transfer\n"
        f"zone:\n  - domain: example.com\n    storage: {daemon.base}\n    notify: secondary\n    acl: range\n"
        "    zonefile-load: difference\n    zonefile-sync: -1\n"
    )
    daemon.up()
    with secondaries.running(kind, place, (LOOPBACK, daemon.port)) as peer:
        daemon.mark()
        daemon.write_zone("example.com", 2, text=primaries.ZONE.format(serial=2, times=TIMES))
        daemon.do("zone-reload", zone="example.com", flags="B")
        reaches(LOOPBACK, peer.port, 2)
        daemon.expect(f"notify, outgoing, remote {LOOPBACK}@{place.port} TCP, serial 2")
        daemon.expect(f"IXFR, outgoing, remote {LOOPBACK}@")


@pytest.mark.parametrize("address", [OUTSIDE, "0.0.0.0/0", "::2-::ffff"])
def test_a_client_outside_the_range(daemon: Driven, address: str) -> None:
    """The loopback address is in no other range, and in none of IPv4: neither transfer nor NOTIFY are taken of it."""
    daemon.write_config(
        extra=f"remote:\n  - id: away\n    address: {LOOPBACK}@9\n"
        f"acl:\n  - id: range\n    address: {address}\n    action: [transfer, notify]\n"
        f"zone:\n  - domain: example.com\n    storage: {daemon.base}\n    acl: range\n"
    )
    daemon.up()
    transfer = dns.message.make_query("example.com", "AXFR")
    notify = dns.message.make_query("example.com", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    for query in (transfer, notify):
        (reply,) = Tcp(LOOPBACK, daemon.port)([query.to_wire()])
        assert reply is not None
        assert dns.message.from_wire(reply).rcode() == dns.rcode.NOTAUTH
