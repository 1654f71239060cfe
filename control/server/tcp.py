# SPDX-License-Identifier: Apache-2.0
"""DNS over TCP (RFC 7766): one loop, any number of pipelined queries, bounded buffers both ways.

Every query is answered as it arrives from the response table by the same code as over UDP. A connection is closed when
its client asks nothing for the idle timeout, or takes longer than the I/O timeout to send or to receive one message.
"""

import asyncio
import contextlib
import socket
from dataclasses import dataclass
from typing import Any, Protocol

from control.log import DEBUG, WARNING, Log
from control.server.bind import BACKLOG

MESSAGE_MAX = 65535
LENGTH_BYTES = 2
OUTPUT_HIGH_BYTES = 128 * 1024
"""A connection with more than this waiting to be sent is not read from."""


class Answerer(Protocol):
    """Answers TCP queries on the loop's thread."""

    def enter(self) -> None:
        """See the newest contents."""

    def leave(self) -> None:
        """Hold nothing of the table."""

    def answer(self, message: bytes, client: bytes) -> bytes | None:
        """Return the response to a message from an address (its octets), or None when it gets none."""


def packed_address(peer: Any) -> bytes:
    """Return the octets of a socket's peer; none when it is no IP address (any more)."""
    if not isinstance(peer, tuple):
        return b""
    family = socket.AF_INET if len(peer) == 2 else socket.AF_INET6
    return socket.inet_pton(family, peer[0].partition("%")[0])


@dataclass(slots=True)
class TcpLimits:
    """What may change while connections are open."""

    idle_timeout_s: float
    io_timeout_s: float
    """0: no limit."""
    max_clients: int


@dataclass(slots=True)
class TcpCounters:
    """What became of connections."""

    accepted: int = 0
    refused: int = 0
    queries: int = 0
    idle_timeouts: int = 0
    io_timeouts: int = 0


class Connection(asyncio.Protocol):
    """One client."""

    def __init__(self, server: "TcpServer") -> None:
        self.server = server
        self.loop = server.loop
        self.transport: asyncio.Transport
        self.client = b""
        self.input = bytearray()
        self.paused = False
        self.ended = False
        self.idle_since = self.loop.time()
        self.partial_since: float | None = None
        self.stuck_since: float | None = None
        self.stuck_bytes = 0
        self.timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if not self.server.admit(self):
            transport.abort()
            return
        self.client = packed_address(transport.get_extra_info("peername"))
        transport.set_write_buffer_limits(high=OUTPUT_HIGH_BYTES)
        self.schedule()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        self.server.forget(self)

    def data_received(self, data: bytes) -> None:
        self.input += data
        self.work()

    def eof_received(self) -> bool:
        """The client sends no more; what it asked is still answered."""
        self.ended = True
        self.work()
        return True

    def pause_writing(self) -> None:
        self.paused = True
        self.partial_since = None
        self.transport.pause_reading()
        self.watch_output()

    def resume_writing(self) -> None:
        self.paused = False
        self.stuck_since = None
        self.transport.resume_reading()
        self.work()

    def work(self) -> None:
        """Answer every whole message received, as long as the client takes the answers."""
        taken = 0
        if len(self.input) >= LENGTH_BYTES:
            taken = self.answer_all()
        now = self.loop.time()
        if taken:
            del self.input[:taken]
            self.idle_since = now
            self.partial_since = None
        if self.input and not self.paused and self.partial_since is None:
            self.partial_since = now
            self.schedule()
        if self.ended and not self.paused:
            self.transport.close()
            self.watch_output()

    def watch_output(self) -> None:
        """From now on the client has to take some of what waits for it within the I/O timeout."""
        self.stuck_since = self.loop.time()
        self.stuck_bytes = self.transport.get_write_buffer_size()
        self.schedule()

    def answer_all(self) -> int:
        """Answer the whole messages at the front of the input; return the octets they took."""
        data, pos, size = self.input, 0, len(self.input)
        answerer = self.server.answerer
        replies: list[bytes] = []
        waiting = 0
        answerer.enter()
        try:
            while size - pos >= LENGTH_BYTES and not self.paused and not self.transport.is_closing():
                end = pos + LENGTH_BYTES + (data[pos] << 8 | data[pos + 1])
                if end > size:
                    break
                self.server.counters.queries += 1
                reply = answerer.answer(bytes(data[pos + LENGTH_BYTES : end]), self.client)
                pos = end
                if reply is not None:
                    replies += (len(reply).to_bytes(LENGTH_BYTES, "big"), reply)
                    waiting += len(reply)
                if waiting > MESSAGE_MAX:
                    self.transport.write(b"".join(replies))
                    replies, waiting = [], 0
        finally:
            answerer.leave()
        if replies:
            self.transport.write(b"".join(replies))
        return pos

    def deadline(self) -> float:
        """When the connection has to be closed if nothing happens until then."""
        limits = self.server.limits
        times = [self.idle_since + limits.idle_timeout_s]
        if limits.io_timeout_s:
            times += [
                since + limits.io_timeout_s for since in (self.partial_since, self.stuck_since) if since is not None
            ]
        return min(times)

    def idle(self) -> bool:
        """Whether the idle timeout has passed."""
        return self.loop.time() - self.idle_since >= self.server.limits.idle_timeout_s

    def schedule(self) -> None:
        """Make sure that `expire` runs no later than the deadline."""
        when = self.deadline()
        if self.timer is not None:
            if self.timer.when() <= when:
                return
            self.timer.cancel()
        self.timer = self.loop.call_at(when, self.expire)

    def expire(self) -> None:
        self.timer = None
        if self.deadline() > self.loop.time():
            self.schedule()
            return
        waiting = self.transport.get_write_buffer_size()
        if self.stuck_since is not None and waiting < self.stuck_bytes and not self.idle():
            self.watch_output()
            return
        if not self.idle():
            self.server.counters.io_timeouts += 1
        else:
            self.server.counters.idle_timeouts += 1
        self.transport.abort()


class TcpServer:
    """Accepts connections on listening sockets and keeps count of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop, answerer: Answerer, limits: TcpLimits, log: Log) -> None:
        self.loop, self.answerer, self.limits, self.log = loop, answerer, limits, log
        self.counters = TcpCounters()
        self.connections: set[Connection] = set()
        self.servers: list[asyncio.Server] = []

    async def start(self, listeners: list[socket.socket]) -> None:
        """Serve on bound sockets, which become the server's."""
        for listener in listeners:
            server = await self.loop.create_server(lambda: Connection(self), sock=listener, backlog=BACKLOG)
            self.servers.append(server)

    def admit(self, connection: Connection) -> bool:
        """Count a new connection in; False when there are too many."""
        if len(self.connections) >= self.limits.max_clients:
            self.counters.refused += 1
            self.log.limited("tcp-max-clients", WARNING, f"TCP, {self.limits.max_clients} clients, connection refused")
            return False
        self.counters.accepted += 1
        self.connections.add(connection)
        return True

    def forget(self, connection: Connection) -> None:
        """Count a connection out."""
        self.connections.discard(connection)

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        for server in self.servers:
            server.close()
        for connection in list(self.connections):
            connection.transport.abort()
        for server in self.servers:
            with contextlib.suppress(OSError):
                await server.wait_closed()
        self.servers.clear()
        self.log.write(DEBUG, "TCP, stopped")
