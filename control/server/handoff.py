# SPDX-License-Identifier: Apache-2.0
"""The control plane's end of the hand-off channel: what the engine received and does not answer, and the replies.

Datagrams of a Unix socket in the run directory, each a header (csrc/handoff.h) and a DNS message. The reply goes back
with the same header, and the engine sends it from the address that was asked.
"""

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from control.access.acl import Source
from control.ctl.eager import Eager
from control.server.replying import Count, Replier, udp_limit

HEADER = struct.Struct("=IBBHHHI16s16s")
MAGIC = 0x48446458
ADDRESS_BYTES = {4: 4, 6: 16}
MESSAGE_MAX = 65535
PAYLOAD_BYTES = 1232
BATCH = 64
"""Datagrams worked off before other tasks of the loop run."""
RECEIVE_BYTES = 1 << 20

PENDING_MOST = 512
"""Requests that may be worked on at the same time; further ones are dropped."""

Handle = Callable[[bytes, Source, Replier], None]
"""Replies to a message, now or later."""


class Handed(NamedTuple):
    """A datagram of the engine: its message, and what its reply has to carry."""

    message: bytes
    source: Source
    ends: tuple[Any, ...]
    """Fields of the header by which the reply goes back."""

    def pack(self, reply: bytes) -> bytes:
        """Return the datagram that takes a reply back between the same ends."""
        family, transport, remote_port, local_port, ifindex, remote, local = self.ends
        fields = (MAGIC, family, transport, remote_port, local_port, len(reply), ifindex, remote, local)
        return HEADER.pack(*fields) + reply


def read_datagram(datagram: bytes) -> Handed | None:
    """Read a datagram of the engine; None when it is none."""
    if len(datagram) < HEADER.size:
        return None
    magic, family, transport, remote_port, local_port, size, ifindex, remote, local = HEADER.unpack_from(datagram)
    message = datagram[HEADER.size :]
    if magic != MAGIC or family not in ADDRESS_BYTES or size != len(message):
        return None
    source = Source(remote[: ADDRESS_BYTES[family]], "udp", None, remote_port)
    return Handed(message, source, (family, transport, remote_port, local_port, ifindex, remote, local))


class UdpReplier(Replier):
    """Replies by the engine's socket."""

    __slots__ = ("channel", "handed", "sender")

    is_udp = True

    def __init__(self, channel: "HandoffChannel", handed: Handed, sender: str) -> None:
        super().__init__(handed.message, handed.source, channel.count)
        self.channel, self.handed, self.sender = channel, handed, sender

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.channel.begin(work)

    def abort(self) -> None:
        """A reply over UDP is one message."""

    def _limit(self) -> int:
        return udp_limit(self.request, self.channel.payload_bytes[len(self.source.address)])

    def _write(self, message: bytes) -> None:
        self.channel.send(self.handed.pack(message), self.sender)

    async def _room(self) -> None:
        return


class HandoffChannel:
    """Binds `handoff.sock` and answers what comes in on the loop."""

    def __init__(self, rundir: str, handle: Handle, count: Count) -> None:
        self.path = os.path.join(rundir, "handoff.sock")
        self.handle, self.count = handle, count
        self.handled = self.dropped = 0
        self.payload_bytes = {4: PAYLOAD_BYTES, 16: PAYLOAD_BYTES}
        """Most octets of a reply, by the octets of the client's address."""
        self.tasks: set[Eager] = set()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            self.socket.bind(self.path)
            os.chmod(self.path, 0o660)
        except OSError:
            self.socket.close()
            raise
        self.loop: asyncio.AbstractEventLoop | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Answer from now on."""
        self.loop = loop
        loop.add_reader(self.socket, self._work)

    def close(self) -> None:
        """Stop and remove the socket."""
        if self.loop is not None:
            self.loop.remove_reader(self.socket)
        for task in tuple(self.tasks):
            task.cancel()
        self.socket.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _work(self) -> None:
        for _ in range(BATCH):
            try:
                datagram, sender = self.socket.recvfrom(HEADER.size + MESSAGE_MAX)
            except OSError:
                return
            self.handled += 1
            handed = read_datagram(datagram)
            if handed is not None and sender:
                self.handle(handed.message, handed.source, UdpReplier(self, handed, sender))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Work on a request beside what else comes; it is dropped when there are too many."""
        if self.loop is None or len(self.tasks) >= PENDING_MOST:
            work.close()
            self.dropped += 1
            return
        with contextlib.suppress(asyncio.CancelledError):
            task = Eager(self.loop, work, lambda: self.tasks.discard(task))
            if not task.is_done:
                self.tasks.add(task)

    def send(self, datagram: bytes, to: str) -> None:
        """Send a reply to the engine; it is dropped when the engine is gone or does not read."""
        try:
            self.socket.sendto(datagram, to)
        except OSError:
            self.dropped += 1
