# SPDX-License-Identifier: Apache-2.0
"""One TCP connection, with a clock, a loop and a transport in memory."""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, cast

import pytest

from control.access.acl import Source
from control.log import Log
from control.server.replying import Replier
from control.server.tcp import OUTPUT_HIGH_BYTES, PENDING_MOST, STEADY_BYTES_PER_S, Connection, TcpLimits, TcpServer


class FakeTimer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.time, self.callback, self.cancelled = when, callback, False

    def when(self) -> float:
        return self.time

    def cancel(self) -> None:
        self.cancelled = True


class FakeFuture:
    """Something a coroutine waits for."""

    def __init__(self) -> None:
        self.is_done = False
        self.task: FakeTask | None = None

    def done(self) -> bool:
        return self.is_done

    def set_result(self, result: None) -> None:
        self.is_done = True
        if self.task is not None:
            self.task.step()

    def __await__(self) -> Generator["FakeFuture", None, None]:
        yield self


class FakeTask:
    """A coroutine that goes on as soon as it can."""

    def __init__(self, work: Coroutine[Any, Any, None]) -> None:
        self.work, self.ended, self.cancelled = work, False, False
        self.callbacks: list[Callable[[FakeTask], None]] = []

    def add_done_callback(self, callback: Callable[["FakeTask"], None]) -> None:
        self.callbacks.append(callback)
        self.step()

    def step(self) -> None:
        try:
            self.work.send(None).task = self
        except StopIteration:
            self.finish()

    def cancel(self) -> None:
        self.work.close()
        self.cancelled = True
        self.finish()

    def finish(self) -> None:
        self.ended = True
        for callback in self.callbacks:
            callback(self)


class FakeLoop:
    """A clock, its timers, and tasks."""

    def create_future(self) -> FakeFuture:
        return FakeFuture()

    def create_task(self, work: Coroutine[Any, Any, None]) -> FakeTask:
        self.tasks.append(FakeTask(work))
        return self.tasks[-1]

    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[FakeTimer] = []
        self.tasks: list[FakeTask] = []

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
        self.counted: list[tuple[bytes, bytes]] = []
        self.entered = 0

    def enter(self) -> None:
        self.entered += 1

    def leave(self) -> None:
        self.entered -= 1

    def count_reply(self, request: bytes, reply: bytes, rcode: int) -> None:
        self.counted.append((request, reply))

    def answer(self, message: bytes, client: bytes, protocol: str) -> bytes | None:
        assert self.entered == 1
        if message.startswith(b"slow"):
            return b""
        return None if message.startswith(b"-") else message * self.times


class World:
    """A server without sockets."""

    def __init__(self) -> None:
        self.loop = FakeLoop()
        self.echo = Echo()
        self.limits = TcpLimits(idle_timeout_s=10, io_timeout_s=0.5, max_clients=2)
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        self.gates: list[FakeFuture] = []
        self.reply_bytes = [10]
        """Sizes of the messages of a reply to what is not answered at once."""
        self.server = TcpServer(loop, self.echo, self.handle, self.limits, Log([]))

    def handle(self, message: bytes, source: Source, reply: Replier) -> None:
        """Reply when the test opens the gate."""
        self.gates.append(FakeFuture())
        reply.begin(self.work(reply, self.gates[-1]))

    async def work(self, reply: Replier, gate: FakeFuture) -> None:
        await gate
        for size in self.reply_bytes:
            await reply.send(b"y" * size)

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


def test_bursts_of_a_steady_reader(world: World) -> None:
    """Who has taken much at once may pause for as long as that would have lasted, but not for ever."""
    world.echo.times = 60
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(*[b"x" * 1000] * 20))
    world.loop.advance(0.3)
    client.drain(STEADY_BYTES_PER_S * 2)
    world.loop.advance(2)
    assert client.open
    client.drain(STEADY_BYTES_PER_S // 10)
    world.loop.advance(0.5)
    assert client.open
    world.loop.advance(0.5)
    assert not client.open


def test_what_is_sent_meanwhile_does_not_hide_what_a_client_takes(world: World) -> None:
    """Another reply may wait behind the one that is being taken."""
    world.reply_bytes = [60_000] * 4
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(b"slow"))
    world.gates[0].set_result(None)
    client.drain(1000)
    client.protocol.send(b"y" * 2000)
    world.loop.advance(0.9)
    assert client.open
    assert world.server.counters.io_timeouts == 0


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


def test_slow_request_holds_nothing_up(world: World) -> None:
    """What is behind a request that takes its time is answered before it; its reply comes when it is there."""
    client = world.connect()
    client.protocol.data_received(framed(b"one", b"slow", b"two"))
    assert client.sent == framed(b"one", b"two")
    world.gates[0].set_result(None)
    assert client.sent == framed(b"one", b"two", b"y" * 10)
    assert world.echo.counted == [(b"slow", b"y" * 10)]


def test_pending_requests_are_bounded(world: World) -> None:
    """A client with too many requests under way is not read from until one has ended."""
    client = world.connect()
    client.protocol.data_received(framed(*[b"slow"] * (PENDING_MOST + 1), b"one"))
    assert len(world.gates) == PENDING_MOST
    assert not client.reading
    assert client.sent == b""
    world.loop.advance(5)
    assert client.open
    world.gates[0].set_result(None)
    assert len(world.gates) == PENDING_MOST + 1
    world.gates[1].set_result(None)
    assert client.reading
    assert client.sent == framed(b"y" * 10, b"y" * 10, b"one")


def test_idle_timeout_waits_for_requests(world: World) -> None:
    """The idle timeout is counted from the end of a request that took longer."""
    client = world.connect()
    client.protocol.data_received(framed(b"slow"))
    world.loop.advance(60)
    assert client.open
    world.gates[0].set_result(None)
    world.loop.advance(9.9)
    assert client.open
    world.loop.advance(0.2)
    assert not client.open


def test_lost_connection_cancels_requests(world: World) -> None:
    """Work for a client that is gone ends."""
    client = world.connect()
    client.protocol.data_received(framed(b"slow", b"slow"))
    client.abort()
    assert [task.cancelled for task in world.loop.tasks] == [True, True]


def test_transfer_waits_for_its_client(world: World) -> None:
    """A reply of many messages is composed no faster than the client takes it, and all of it comes."""
    world.reply_bytes = [60_000] * 20
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(b"slow"))
    world.gates[0].set_result(None)
    while client.waiting:
        assert len(client.waiting) < OUTPUT_HIGH_BYTES + 2 * 65537
        world.loop.advance(0.3)
        client.drain(60_000)
    assert client.open
    assert len(client.sent) == 20 * 60_002


def test_transfer_to_a_client_that_stops_reading(world: World) -> None:
    """A client that takes nothing of a transfer for the I/O timeout is closed."""
    world.reply_bytes = [60_000] * 20
    client = world.connect()
    client.client_reads = False
    client.protocol.data_received(framed(b"slow"))
    world.gates[0].set_result(None)
    client.drain(100)
    world.loop.advance(0.4)
    assert client.open
    world.loop.advance(0.7)
    assert not client.open
    assert world.server.counters.io_timeouts == 1
    assert world.loop.tasks[0].cancelled


def test_half_open_with_a_request_under_way(world: World) -> None:
    """A client that has shut down its side still gets the reply that takes its time, then the connection is closed."""
    client = world.connect()
    client.protocol.data_received(framed(b"slow"))
    client.protocol.eof_received()
    assert client.open
    world.gates[0].set_result(None)
    assert client.sent == framed(b"y" * 10)
    assert not client.open
