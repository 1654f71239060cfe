# SPDX-License-Identifier: Apache-2.0
"""One TCP connection, with a clock, a loop and a transport in memory."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from control.log import Log
from control.server.tcp import OUTPUT_HIGH_BYTES, Connection, TcpLimits, TcpServer


class FakeTimer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.time, self.callback, self.cancelled = when, callback, False

    def when(self) -> float:
        return self.time

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """A clock and its timers."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[FakeTimer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> FakeTimer:
        self.timers.append(FakeTimer(when, callback))
        return self.timers[-1]

    def advance(self, seconds: float) -> None:
        end = self.now + seconds
        while due := [timer for timer in self.timers if not timer.cancelled and timer.time <= end]:
            timer = min(due, key=lambda timer: timer.time)
            self.timers.remove(timer)
            self.now = max(self.now, timer.time)
            timer.callback()
        self.now = end


class FakeTransport(asyncio.Transport):
    """A client that reads as much as the test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.protocol: Connection
        self.waiting = bytearray()
        self.reading = self.open = True
        self.closing = self.client_reads = False
        self.client_reads = True
        self.sent = bytearray()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or 0

    def get_write_buffer_size(self) -> int:
        return len(self.waiting)

    def write(self, data: Any) -> None:
        if self.client_reads:
            self.sent += data
            return
        was = len(self.waiting)
        self.waiting += data
        if was <= self.high < len(self.waiting):
            self.protocol.pause_writing()

    def drain(self, count: int) -> None:
        self.sent += self.waiting[:count]
        was = len(self.waiting)
        del self.waiting[:count]
        if was > self.high // 4 >= len(self.waiting) and self.protocol.paused:
            self.protocol.resume_writing()

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        if not self.waiting:
            self.abort()

    def abort(self) -> None:
        if self.open:
            self.open, self.closing = False, True
            self.protocol.connection_lost(None)


class Echo:
    """Answers a message with itself `times` over; nothing to messages that start with `-`."""

    def __init__(self) -> None:
        self.times = 1
        self.entered = 0

    def enter(self) -> None:
        self.entered += 1

    def leave(self) -> None:
        self.entered -= 1

    def answer(self, message: bytes, client: bytes) -> bytes | None:
        assert self.entered == 1
        return None if message.startswith(b"-") else message * self.times


class World:
    """A server without sockets."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.echo = Echo()
        self.limits = TcpLimits(idle_timeout_s=10, io_timeout_s=0.5, max_clients=2)
        self.server = TcpServer(cast(asyncio.AbstractEventLoop, self.loop), self.echo, self.limits, Log([]))

    def connect(self) -> FakeTransport:
        transport = FakeTransport()
        transport.protocol = Connection(self.server)
        transport.protocol.connection_made(transport)
        return transport


@pytest.fixture
def world() -> World:
    return World()


def framed(*messages: bytes) -> bytes:
    return b"".join(len(message).to_bytes(2, "big") + message for message in messages)


def test_pipelined_queries(world: World) -> None:
    """All queries in one segment are answered."""
    client = world.connect()
    client.protocol.data_received(framed(b"one", b"two", b"-no answer", b"three"))
    assert client.sent == framed(b"one", b"two", b"three")


def test_octet_by_octet(world: World) -> None:
    """A query may arrive in any pieces."""
    client = world.connect()
    for octet in framed(b"one", b"two"):
        client.protocol.data_received(bytes((octet,)))
    assert client.sent == framed(b"one", b"two")


def test_idle_timeout(world: World) -> None:
    """A connection without queries is closed after the idle timeout, counted from the last query."""
    client = world.connect()
    world.loop.advance(9)
    client.protocol.data_received(framed(b"one"))
    world.loop.advance(9.9)
    assert client.open
    world.loop.advance(0.2)
    assert not client.open
    assert world.server.counters.idle_timeouts == 1


def test_slow_sender(world: World) -> None:
    """A message that is not complete within the I/O timeout closes the connection, however steadily octets come."""
    client = world.connect()
    for octet in framed(b"slow but steady")[:7]:
        client.protocol.data_received(bytes((octet,)))
        world.loop.advance(0.1)
    assert not client.open
    assert world.server.counters.io_timeouts == 1


def test_no_io_timeout(world: World) -> None:
    """With an I/O timeout of 0 only the idle timeout counts."""
    world.limits.io_timeout_s = 0
    client = world.connect()
    client.protocol.data_received(b"\0")
    world.loop.advance(9)
    assert client.open
    world.loop.advance(2)
    assert not client.open


def test_slow_reader_bounds_memory(world: World) -> None:
    """Nothing is read or answered while a client leaves its answers unread, and it is closed when it takes none."""
    world.echo.times = 60
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(*[b"x" * 1000] * 100))
    assert not client.reading
    assert OUTPUT_HIGH_BYTES < len(client.waiting) < OUTPUT_HIGH_BYTES + 2 * 65537
    world.loop.advance(0.6)
    assert not client.open


def test_slow_reader_that_reads(world: World) -> None:
    """A client that keeps taking answers gets all of them."""
    world.echo.times = 60
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(*[b"x" * 1000] * 20))
    while client.waiting:
        world.loop.advance(0.3)
        client.drain(60_000)
    assert client.open
    assert len(client.sent) == 20 * 60_002


def test_half_open(world: World) -> None:
    """A client that has shut down its side still gets its answers, then the connection is closed."""
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(b"one"))
    assert client.protocol.eof_received()
    assert client.open
    client.drain(100)
    client.close()
    assert client.sent == framed(b"one")
    assert not client.open


def test_half_open_and_not_reading(world: World) -> None:
    """A client that has shut down its side and takes no answer is closed after the I/O timeout."""
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(b"one"))
    client.protocol.eof_received()
    world.loop.advance(0.6)
    assert not client.open


def test_client_limit(world: World) -> None:
    """A connection beyond the limit is refused; one that ends makes room."""
    first, second, third = world.connect(), world.connect(), world.connect()
    assert (first.open, second.open, third.open) == (True, True, False)
    assert world.server.counters.refused == 1
    first.abort()
    assert world.connect().open


def test_empty_message(world: World) -> None:
    """A message of no octets is passed over without ending the connection."""
    client = world.connect()
    client.protocol.data_received(framed(b"-", b"one"))
    assert client.sent == framed(b"one")
