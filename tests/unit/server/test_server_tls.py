# SPDX-License-Identifier: Apache-2.0
"""One connection over TLS, with a clock, a loop, a transport and a client in memory."""

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from control.access.acl import Source
from control.log import Log
from control.server.replying import Replier
from control.server.tcp import TLS_VERSION, Connection, TcpLimits, TcpServer
from control.server.tls import HANDSHAKE_S, TlsChannel
from control.transfer.credentials import load_credentials, server_context


class Timer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.time, self.callback, self.cancelled = when, callback, False

    def when(self) -> float:
        return self.time

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """A clock and its timers."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(when, callback))
        return self.timers[-1]

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for timer in [timer for timer in self.timers if timer.time <= self.now]:
            self.timers.remove(timer)
            if not timer.cancelled:
                timer.callback()


class Wire(asyncio.Transport):
    """What the channel writes goes to the client."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = bytearray()
        self.closing = self.aborted = False

    def write(self, data: Any) -> None:
        self.sent += data

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass


class Echo:
    """Answers every message with itself, three times as long."""

    def enter(self) -> None:
        pass

    def leave(self) -> None:
        pass

    def count_reply(self, request: bytes, reply: bytes, rcode: int) -> None:
        pass

    def answer(self, message: bytes, client: bytes, protocol: str) -> bytes | None:
        assert protocol == "tls"
        return message * 3


class World:
    """A server, and one client of it."""

    def __init__(self, context: ssl.SSLContext, max_clients: int = 2) -> None:
        self.loop, self.wire = Loop(), Wire()
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        self.server = TcpServer(loop, Echo(), self.refuse, TcpLimits(10, 0.5, max_clients), Log([]))
        self.failures: list[str] = []
        connection = Connection(self.server, "tls")
        self.channel = TlsChannel(loop, connection, context, lambda _wire, reason: self.failures.append(reason))
        self.channel.connection_made(self.wire)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(self.incoming, self.outgoing)

    def refuse(self, _message: bytes, _source: Source, _reply: Replier) -> None:
        raise AssertionError("nothing is handed on")

    def step(self) -> None:
        """Carry what client and server have for each other."""
        if self.outgoing.pending:
            self.channel.data_received(self.outgoing.read())
        self.incoming.write(bytes(self.wire.sent))
        self.wire.sent.clear()

    def shake_hands(self) -> None:
        while True:
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.step()
            else:
                self.step()
                return

    def receive(self) -> bytes:
        """Return what the server has sent by now; nothing at the end of the session."""
        self.step()
        octets = b""
        while True:
            try:
                data = self.client.read(1 << 16)
            except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
                return octets
            if not data:
                return octets
            octets += data


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    path: Path = tmp_path_factory.mktemp("key") / "key.pem"
    return server_context(load_credentials(None, None, str(path), "ns.test"))


@pytest.fixture
def world(context: ssl.SSLContext) -> World:
    return World(context)


def test_answers(world: World) -> None:
    """Messages are answered whatever records they come in, also those longer than a record."""
    world.shake_hands()
    assert world.channel.get_extra_info(TLS_VERSION) == "TLSv1.3"
    message = bytes(20000)
    for octets in (b"\0\3abc\0", b"\2", b"de", len(message).to_bytes(2, "big") + message):
        world.client.write(octets)
    reply = bytes(60000)
    assert world.receive() == b"\0\x09abcabcabc\0\6dedede" + len(reply).to_bytes(2, "big") + reply
    connection = next(iter(world.server.connections))
    assert connection.taken_bytes() > 60000 + 15 + 6, "all that the client has, records and handshake"


def test_goodbye(world: World) -> None:
    """A client that says goodbye gets its answers and a goodbye."""
    world.shake_hands()
    world.client.write(b"\0\3abc")
    with pytest.raises(ssl.SSLWantReadError):
        world.client.unwrap()
    assert world.receive() == b"\0\x09abcabcabc"
    world.client.unwrap()
    assert world.wire.closing
    assert not world.wire.aborted


def test_cut_off(world: World) -> None:
    """A client that is gone without a goodbye ends the connection as well."""
    world.shake_hands()
    assert world.channel.eof_received()
    assert world.wire.closing
    world.channel.connection_lost(None)
    assert not world.server.connections


def test_no_handshake(world: World) -> None:
    """What is no TLS gets an alert at most; a client that leaves is let go."""
    world.channel.data_received(b"\0\3abc" + bytes(100))
    assert (world.wire.closing, len(world.wire.sent) < 10) == (True, True)
    assert world.failures


def test_slow_handshake(world: World) -> None:
    """A handshake that is not done in time holds no place, also when something comes from time to time."""
    world.channel.data_received(b"\x16\x03\x01\x02")
    world.loop.advance(HANDSHAKE_S / 2)
    world.channel.data_received(b"\x00")
    assert not world.wire.closing
    world.loop.advance(HANDSHAKE_S / 2)
    assert (world.wire.aborted, world.failures) == (True, ["timed out"])


def test_idle(world: World) -> None:
    """After the handshake the limits of TCP hold."""
    world.shake_hands()
    world.loop.advance(HANDSHAKE_S)
    assert not world.wire.closing
    world.loop.advance(10)
    assert (world.wire.aborted, world.server.counters.idle_timeouts) == (True, 1)


def test_broken_record(world: World) -> None:
    """A record that nobody could have sent ends the connection."""
    world.shake_hands()
    world.channel.data_received(b"\x17\x03\x03\x00\x20" + bytes(32))
    assert world.wire.aborted


def test_too_many(context: ssl.SSLContext) -> None:
    """A client that is one too many is refused before the handshake."""
    world = World(context, max_clients=0)
    assert (world.wire.aborted, world.loop.timers, world.server.counters.refused) == (True, [], 1)
