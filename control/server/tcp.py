# SPDX-License-Identifier: Apache-2.0
"""DNS over TCP and TLS (RFC 7766, 7858): one loop, any number of pipelined queries, bounded buffers both ways.

Every query is answered as it arrives from the response table by the same code as over UDP. Other requests are handed
on; queries behind one that takes its time are answered before it. A connection is closed when its client asks nothing
and waits for nothing for the idle timeout, takes longer than the I/O timeout to send one message, or takes nothing of
what is sent to it for that long. One that has just taken much may pause longer: kernels report in large steps.
"""

import asyncio
import contextlib
import fcntl
import socket
import termios
from array import array
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any, Protocol

from control.access.acl import Source
from control.ctl.eager import Eager
from control.log import DEBUG, WARNING, Log
from control.server.bind import BACKLOG
from control.server.replying import Replier

if TYPE_CHECKING:
    import ssl

    from pyxdp_dns.pack import Messages

MESSAGE_MAX = 65535
TLS_VERSION = "tls_version"
"""Extra information of a transport: the version of TLS, None without it."""
OVERHEAD_BYTES = "overhead_bytes"
"""Extra information of a transport: octets it has sent beside what was written."""
LENGTH_BYTES = 2
INPUT_BYTES = 64 * 1024
"""Octets taken from a socket at once."""
OUTPUT_HIGH_BYTES = 128 * 1024
"""A connection with more than this waiting to be sent is not read from."""
PENDING_MOST = 16
"""Requests of a connection that may be worked on at the same time; while so many are, it is not read from."""
STEADY_BYTES_PER_S = 32 * 1024
"""A client may pause for as long as what it took at once would have lasted at this pace, up to the idle timeout."""
UNSENT_BYTES = 64 * 1024
"""What the kernel holds of a reply and has not sent, from the first request on that is worked on."""


class Answerer(Protocol):
    """Answers TCP queries on the loop's thread."""

    def enter(self) -> None:
        """See the newest contents."""

    def leave(self) -> None:
        """Hold nothing of the table."""

    def answer(self, message: bytes, client: bytes, protocol: str) -> bytes | None:
        """Return the response to a message from an address (its octets) over tcp or tls, or None when it gets none.

        No octets: somebody else has to reply.
        """

    def count_reply(self, request: bytes, reply: bytes, rcode: int) -> None:
        """Count a reply that somebody else composed."""


Handle = Callable[[bytes, Source, Replier], None]
"""Replies to a message that is not answered from the table, now or later."""


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


class Connection(asyncio.BufferedProtocol, asyncio.Protocol):
    """One client. A socket gives octets in the server's buffer, TLS in octets of its own."""

    __slots__ = (
        "client",
        "ended",
        "idle_since",
        "input",
        "loop",
        "partial_since",
        "patience_s",
        "paused",
        "protocol",
        "server",
        "source",
        "stuck_since",
        "taken",
        "tasks",
        "timer",
        "transport",
        "waiting_for_room",
        "written",
    )

    def __init__(self, server: "TcpServer", protocol: str = "tcp") -> None:
        """`protocol` is what the connection is called in rules and logs: tcp or tls."""
        self.server, self.protocol = server, protocol
        self.loop = server.loop
        self.transport: asyncio.Transport
        self.client = b""
        self.source = Source(b"", protocol)
        self.input = bytearray()
        self.paused = False
        self.ended = False
        self.idle_since = self.loop.time()
        self.partial_since: float | None = None
        self.stuck_since: float | None = None
        self.patience_s = 0.0
        self.written = self.taken = 0
        """Octets of replies, and those of them the client had when that was looked at last."""
        self.timer: asyncio.TimerHandle | None = None
        self.tasks: set[Eager] | None = None
        """Requests that are worked on; None until there was one."""
        self.waiting_for_room: list[asyncio.Future[None]] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if not self.server.admit(self):
            transport.abort()
            return
        peer = transport.get_extra_info("peername")
        self.client = packed_address(peer)
        self.source = Source(self.client, self.protocol, None, peer[1] if self.client else 0)
        transport.set_write_buffer_limits(high=OUTPUT_HIGH_BYTES)
        self.schedule()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.timer is not None:
            self.timer.cancel()
        for task in tuple(self.tasks or ()):
            task.cancel()
        self.server.forget(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where octets go; the standard protocol's new buffer for each message takes longer than the message."""
        return self.server.buffer

    def buffer_updated(self, nbytes: int) -> None:
        self.data_received(self.server.buffer[:nbytes])

    def data_received(self, data: bytes | memoryview) -> None:
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
        self.release_waiting()
        self.read_on()

    def read_on(self) -> None:
        """Take requests again, unless something still forbids it."""
        if not self.paused and not self.full():
            self.transport.resume_reading()
            self.work()

    def full(self) -> bool:
        """Whether as many requests as may be are worked on."""
        return self.tasks is not None and len(self.tasks) >= PENDING_MOST

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
        if self.full():
            self.transport.pause_reading()
            self.partial_since = None
        elif self.input and not self.paused and self.partial_since is None:
            self.partial_since = now
            self.schedule()
        if self.ended and not self.paused and not self.tasks:
            self.transport.close()
            self.watch_output()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Work on a request, as far as it has to wait beside what else comes; the idle timeout waits for its end."""
        if self.tasks is None:
            self.tasks = set()
            send_soon(self.transport)
        with contextlib.suppress(asyncio.CancelledError):
            task = Eager(self.loop, work, lambda: self.end(task))
            if not task.is_done:
                self.tasks.add(task)

    def end(self, task: Eager) -> None:
        """A request that had to wait has been worked off."""
        assert self.tasks is not None
        was_full = self.full()
        self.tasks.discard(task)
        if self.transport.is_closing():
            return
        self.idle_since = self.loop.time()
        self.schedule()
        if was_full or self.ended:
            self.read_on()

    def send(self, message: bytes) -> None:
        """Send one message of a reply."""
        self.send_framed(len(message).to_bytes(LENGTH_BYTES, "big") + message)

    def send_framed(self, octets: bytes) -> None:
        """Send messages that are behind their lengths already."""
        if not self.transport.is_closing():
            self.write(octets)

    def write(self, data: bytes) -> None:
        """Send octets."""
        self.written += len(data)
        self.transport.write(data)

    async def room(self) -> None:
        """Return when the client has taken enough of what it was sent."""
        if self.paused:
            future: asyncio.Future[None] = self.loop.create_future()
            self.waiting_for_room.append(future)
            await future

    def release_waiting(self) -> None:
        """Let those go on that wait for room."""
        waiting, self.waiting_for_room = self.waiting_for_room, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def watch_output(self) -> None:
        """From now on the client has to take some of what waits for it before long."""
        limits, before = self.server.limits, self.taken
        self.taken = self.taken_bytes()
        pause_s = min((self.taken - before) / STEADY_BYTES_PER_S, limits.idle_timeout_s)
        self.stuck_since, self.patience_s = self.loop.time(), max(limits.io_timeout_s, pause_s)
        self.schedule()

    def taken_bytes(self) -> int:
        """Octets that the client has acknowledged."""
        sent = self.written + self.transport.get_extra_info(OVERHEAD_BYTES, 0)
        return int(sent) - self.transport.get_write_buffer_size() - kernel_bytes(self.transport)

    def answer_all(self) -> int:
        """Answer the whole messages at the front of the input; return the octets they took."""
        pos, size = 0, len(self.input)
        while size - pos >= LENGTH_BYTES:
            pos, message = self.answer_some(pos)
            if message is None:
                break
            self.hand_on(message)
        return pos

    def answer_some(self, pos: int) -> tuple[int, bytes | None]:
        """Answer whole messages from `pos` on, up to one that is to be handed on; return where they end, and that one.

        It is handed on when nothing of the table is held, so whoever goes on with it may be waited for.
        """
        data, size = self.input, len(self.input)
        answerer = self.server.answerer
        replies: list[bytes] = []
        waiting = 0
        handed: bytes | None = None
        answerer.enter()
        try:
            while size - pos >= LENGTH_BYTES and not self.held():
                end = pos + LENGTH_BYTES + (data[pos] << 8 | data[pos + 1])
                if end > size:
                    break
                self.server.counters.queries += 1
                message = bytes(data[pos + LENGTH_BYTES : end])
                reply = answerer.answer(message, self.client, self.protocol)
                pos = end
                if reply == b"":
                    handed = message
                    break
                if reply is not None:
                    replies += (len(reply).to_bytes(LENGTH_BYTES, "big"), reply)
                    waiting += len(reply)
                if waiting > MESSAGE_MAX:
                    self.write(b"".join(replies))
                    replies, waiting = [], 0
        finally:
            answerer.leave()
        if replies:
            self.write(b"".join(replies))
        return pos, handed

    def held(self) -> bool:
        """Whether no further message is to be answered."""
        return self.paused or self.full() or self.transport.is_closing()

    def hand_on(self, message: bytes) -> None:
        self.server.handle(message, self.source, TcpReplier(self, message, self.source))

    def deadline(self) -> float:
        """When the connection has to be closed if nothing happens until then."""
        limits = self.server.limits
        times = [inf if self.tasks else self.idle_since + limits.idle_timeout_s]
        if limits.io_timeout_s and self.partial_since is not None:
            times.append(self.partial_since + limits.io_timeout_s)
        if limits.io_timeout_s and self.stuck_since is not None:
            times.append(self.stuck_since + self.patience_s)
        return min(times)

    def idle(self) -> bool:
        """Whether the idle timeout has passed."""
        return not self.tasks and self.loop.time() - self.idle_since >= self.server.limits.idle_timeout_s

    def schedule(self) -> None:
        """Make sure that `expire` runs no later than the deadline."""
        when = self.deadline()
        if self.timer is not None:
            if self.timer.when() <= when:
                return
            self.timer.cancel()
            self.timer = None
        if when < inf:
            self.timer = self.loop.call_at(when, self.expire)

    def expire(self) -> None:
        self.timer = None
        if self.deadline() > self.loop.time():
            self.schedule()
            return
        if self.stuck_since is not None and self.taken_bytes() > self.taken and not self.idle():
            self.watch_output()
            return
        if not self.idle():
            self.server.counters.io_timeouts += 1
        else:
            self.server.counters.idle_timeouts += 1
        self.transport.abort()


def send_soon(transport: asyncio.Transport) -> None:
    """Have the kernel ask for more when little is unsent, so that a slow client is seen to take what it takes."""
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)


def kernel_bytes(transport: asyncio.Transport) -> int:
    """Return the octets that the kernel still has to send or to have acknowledged."""
    sock = transport.get_extra_info("socket")
    if sock is None:
        return 0
    count = array("i", [0])
    with contextlib.suppress(OSError, ValueError):
        fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, count)
    return count[0]


class TcpReplier(Replier):
    """Replies on a connection."""

    __slots__ = ("connection",)

    def __init__(self, connection: Connection, received: bytes, source: Source) -> None:
        super().__init__(received, source, connection.server.answerer.count_reply)
        self.connection = connection

    @property
    def may_transfer(self) -> bool:
        return self.connection.transport.get_extra_info(TLS_VERSION) in (None, "TLSv1.3")

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.connection.begin(work)

    def abort(self) -> None:
        self.connection.transport.abort()

    async def send_all(self, messages: "Messages") -> None:
        if self.signer is not None:
            await super().send_all(messages)
            return
        for message in messages:
            self.sent += 1
            self.count(self.received, message, -1)
        self.connection.send_framed(messages.framed)
        await self._room()

    def _write(self, message: bytes) -> None:
        self.connection.send(message)

    async def _room(self) -> None:
        await self.connection.room()


class TcpServer:
    """Accepts connections on listening sockets and keeps count of them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        answerer: Answerer,
        handle: Handle,
        limits: TcpLimits,
        log: Log,
    ) -> None:
        self.loop, self.answerer, self.handle, self.limits, self.log = loop, answerer, handle, limits, log
        self.tls: ssl.SSLContext | None = None
        """What connections over TLS are accepted with from now on."""
        self.counters = TcpCounters()
        self.connections: set[Connection] = set()
        self.servers: list[asyncio.Server] = []
        self.buffer = memoryview(bytearray(INPUT_BYTES))
        """What a socket has given, until its connection has taken it."""

    async def start(self, listeners: list[socket.socket]) -> None:
        """Serve on bound sockets, which become the server's."""
        for listener in listeners:
            server = await self.loop.create_server(lambda: Connection(self), sock=listener, backlog=BACKLOG)
            self.servers.append(server)

    async def start_tls(self, listeners: list[socket.socket]) -> None:
        """The same for clients that speak TLS; `tls` has to be set."""
        from control.server.tls import TlsChannel

        def accept() -> TlsChannel:
            assert self.tls is not None
            return TlsChannel(self.loop, Connection(self, "tls"), self.tls, self.handshake_failed)

        for listener in listeners:
            self.servers.append(await self.loop.create_server(accept, sock=listener, backlog=BACKLOG))

    def handshake_failed(self, transport: asyncio.Transport, reason: str) -> None:
        """Note that a client did not come to speak TLS."""
        peer = transport.get_extra_info("peername")
        where = f"{peer[0]}@{peer[1]}" if isinstance(peer, tuple) else "client"
        self.log.limited("tls-handshake", DEBUG, f"TLS, remote {where}, handshake failed ({reason})")

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
