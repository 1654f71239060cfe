# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd with primaries that are not reached, sign wrongly or are impersonated: it asks others, and not too often."""

import base64
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import pytest

from control.access.tsig import ReplySigner
from control.conf.peers import KeyConf
from control.wire.request import read_request
from tests.support.daemon import wait_for
from tests.support.following import Stage
from tests.support.hostile import (
    AXFR,
    KEEP,
    SOA,
    Behaviour,
    Hostile,
    Sent,
    after_soa,
    framed,
    good,
    message,
    qtype_of,
    soa,
    whole,
)
from tests.support.ports import free_port

KEY = KeyConf(b"\1k\0", "hmac-sha256", bytes(range(32)))
SECRET = base64.b64encode(KEY.secret).decode()
NOT_USABLE = "no usable master"
STORM = 10_000
STORM_LOG_LINES_MAX = 12
"""Of one refresh that a NOTIFY asked for."""


def refuse(query: bytes) -> Sent:
    """Refuse everything."""
    return (framed(message(query, [], flags=5)), KEEP)


@contextmanager
def following(base: Path, primary: Hostile, **options: str | list[str]) -> Iterator[Stage]:
    """Run a daemon during the block."""
    stage = Stage(base, primary, **options)  # type: ignore[arg-type]
    try:
        yield stage
    finally:
        stage.daemon.close()


def test_others_are_asked(tmp_path: Path) -> None:
    """Addresses that are not reached are passed over, for a while without trying; then comes the next primary."""
    dead = free_port()
    with Hostile(refuse).running() as first, Hostile(good(1)).running() as second:
        remotes = (
            f"remote:\n  - id: first\n    address: [127.0.0.1@{dead}, {first.address}@{first.port}]\n"
            f"  - id: second\n    address: {second.address}@{second.port}\n"
        )
        with following(
            tmp_path, second, remotes=remotes, masters="[first, second]", server=["remote-retry-delay: 60000"]
        ) as stage:
            stage.check(1)
            logged = stage.daemon.all_output()
            assert f"refresh, remote first, address 127.0.0.1@{dead}, failed (connection refused)" in logged
            assert "refresh, remote first not usable" in logged
            first.behaviour = good(3)
            assert stage.refresh(good(2)) is None
            stage.check(3)
            assert f"address 127.0.0.1@{dead}, failed (not reachable)" in stage.daemon.logged()
            first.behaviour = lambda query: ()
            assert stage.refresh(refuse) == NOT_USABLE
            stage.check(3)
            assert "refresh, failed (no usable master), next retry at" in stage.daemon.logged()
            assert stage.refresh(good(4)) is None
            stage.check(4)
            with Hostile(good(5), port=dead).running() as back:
                assert stage.refresh(good(5)) is None
                assert back.connections == 0
            stage.check(5)


def test_a_primary_that_comes_back_is_found(tmp_path: Path) -> None:
    """Without anybody asking for it, by the retry interval; a zone that expired meanwhile comes back as well."""
    times = (2, 1, 4)
    with (
        Hostile(good(1, times)).running() as primary,
        following(tmp_path, primary, items="    retry-max-interval: 1\n    refresh-max-interval: 2\n") as stage,
    ):
        stage.check(1)
        primary.behaviour = refuse
        stage.daemon.expect("zone expired")
        assert stage.daemon.ask().rcode() == 2
        assert stage.serial() == "-"
        primary.behaviour = good(2, times)
        wait_for(lambda: stage.serial() == "2", "serial 2")
        stage.check(2)
        primary.behaviour = good(3, times)
        wait_for(lambda: stage.serial() == "3", "serial 3")


Sign = Callable[[ReplySigner, list[bytes]], list[bytes]]


def signed(sign: Sign, serial: int, key: KeyConf = KEY) -> Behaviour:
    """Answer SOA queries with a good signature, and sign the messages of transfers so."""

    def behave(query: bytes) -> Iterator[bytes | float]:
        is_soa = qtype_of(query) == SOA
        plain = bytes(query[:10]) + b"\0\0" + query[12:]
        records = [soa(serial)] if is_soa else whole(serial)
        messages = [message(plain, [part]) for part in records]
        signer = ReplySigner(KEY if is_soa else key, read_request(query))
        for reply in every(signer, messages) if is_soa else sign(signer, messages):
            yield framed(reply)
        yield KEEP

    return behave


def every(signer: ReplySigner, messages: list[bytes]) -> list[bytes]:
    """Sign all messages."""
    return [signer.sign(reply) for reply in messages]


def none(_signer: ReplySigner, messages: list[bytes]) -> list[bytes]:
    """Sign no message."""
    return messages


def not_last(signer: ReplySigner, messages: list[bytes]) -> list[bytes]:
    """Sign all messages but the last."""
    return [*every(signer, messages[:-1]), messages[-1]]


def not_first(signer: ReplySigner, messages: list[bytes]) -> list[bytes]:
    """Sign all messages but the first."""
    return [messages[0], *every(signer, messages[1:])]


def spoiled(signer: ReplySigner, messages: list[bytes]) -> list[bytes]:
    """Change a message after it was signed."""
    found = [bytearray(reply) for reply in every(signer, messages)]
    found[2][40] ^= 1
    return [bytes(reply) for reply in found]


def one_left_out(signer: ReplySigner, messages: list[bytes]) -> list[bytes]:
    """Leave out a message that was signed."""
    found = every(signer, messages)
    return found[:2] + found[3:]


def swapped(signer: ReplySigner, messages: list[bytes]) -> list[bytes]:
    """Send two signed messages the other way round."""
    first, second, third, *others = every(signer, messages)
    return [first, third, second, *others]


def test_signatures_count(tmp_path: Path) -> None:
    """A transfer that lacks a signature, or has a wrong one anywhere, changes nothing; a good one is taken."""
    other = KEY._replace(secret=bytes(32))
    faults = [
        *[signed(sign, 2) for sign in (none, not_last, not_first, spoiled, one_left_out, swapped)],
        signed(every, 2, other),
        signed(every, 2, KEY._replace(name=b"\5other\0")),
        after_soa(2, good(2)),
    ]
    with Hostile(signed(every, 1)).running() as primary:
        remotes = (
            f"key:\n  - id: k\n    algorithm: hmac-sha256\n    secret: {SECRET}\n"
            f"remote:\n  - id: primary\n    address: {primary.address}@{primary.port}\n    key: k\n"
        )
        with following(tmp_path, primary, remotes=remotes) as stage:
            stage.check(1)
            for number, behaviour in enumerate(faults):
                assert stage.refresh(behaviour) == NOT_USABLE, number
                assert "TSIG" in stage.daemon.logged() or "server responded with error" in stage.daemon.logged(), number
                stage.check(1)
            assert stage.refresh(signed(every, 2)) is None
            stage.check(2)


def notify(number: int) -> bytes:
    """Return a NOTIFY as anybody can send it."""
    query = dns.message.make_query("example.com", "SOA", id=number & 0xFFFF)
    query.set_opcode(dns.opcode.NOTIFY)
    query.flags |= dns.flags.AA
    return query.to_wire()


@pytest.mark.parametrize("behaviour", [good(1), refuse], ids=["good", "refused"])
def test_a_storm_of_forged_notifies(tmp_path: Path, behaviour: Behaviour) -> None:
    """It leads to one refresh a second, whatever the primary says, and to the log lines of those; debug has all."""
    with Hostile(good(1)).running() as primary:
        remotes = (
            f"remote:\n  - id: primary\n    address: {primary.address}@{primary.port}\n"
            "acl:\n  - id: anybody\n    action: notify\n"
        )
        items = "    acl: anybody\n    retry-min-interval: 3600\n"
        with following(tmp_path, primary, remotes=remotes, items=items) as stage:
            primary.behaviour = behaviour
            primary.queries.clear()
            stage.daemon.mark()
            began = time.monotonic()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.connect((stage.daemon.address, stage.daemon.port))
                for number in range(STORM):
                    sock.send(notify(number))
                    if number % 50 == 0:
                        time.sleep(0.005)
            wait_for(lambda: primary.queries != [], "a refresh")
            wait_for(lambda: bool(stage.daemon.ask().answer), "an answer")
            allowed = time.monotonic() - began + 2
            assert primary.queries.count(SOA) <= allowed
            assert AXFR not in primary.queries
            lines = [line for line in stage.daemon.logged().splitlines() if " debug: " not in line]
            assert len(lines) <= allowed * STORM_LOG_LINES_MAX
            primary.behaviour = good(2)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.sendto(notify(1), (stage.daemon.address, stage.daemon.port))
            wait_for(lambda: stage.serial() == "2", "serial 2")
            stage.check(2)


def test_kept_connections_that_are_stale(tmp_path: Path) -> None:
    """Connections are used again while they are open; one that the primary has closed does not cost the refresh."""
    server = ["remote-pool-limit: 2", "remote-pool-timeout: 60"]
    with Hostile(good(1)).running() as primary, following(tmp_path, primary, server=server) as stage:
        before = primary.connections
        for serial in (2, 3, 4):
            assert stage.refresh(good(serial)) is None
            stage.check(serial)
        assert primary.connections == before
        primary.hang_up()
        assert stage.refresh(good(5)) is None
        stage.check(5)
        assert primary.connections == before + 1
