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
from collections.abc import Callable

HEADER = struct.Struct("=IBBHHHI16s16s")
MAGIC = 0x48446458
MESSAGE_MAX = 65535
BATCH = 64
"""Datagrams worked off before other tasks of the loop run."""
RECEIVE_BYTES = 1 << 20

Responder = Callable[[int, bytes], bytes | None]
"""Replies to a message that came by IPv4 (4) or IPv6 (6); None: no reply."""


def answer_datagram(datagram: bytes, respond: Responder) -> bytes | None:
    """Return the datagram that answers one of the engine's, or None."""
    if len(datagram) < HEADER.size:
        return None
    magic, family, transport, remote_port, local_port, size, ifindex, remote, local = HEADER.unpack_from(datagram)
    message = datagram[HEADER.size :]
    if magic != MAGIC or family not in (4, 6) or size != len(message):
        return None
    reply = respond(family, message)
    if reply is None:
        return None
    header = HEADER.pack(magic, family, transport, remote_port, local_port, len(reply), ifindex, remote, local)
    return header + reply


class HandoffChannel:
    """Binds `handoff.sock` and answers what comes in on the loop."""

    def __init__(self, rundir: str, respond: Responder) -> None:
        self.path = os.path.join(rundir, "handoff.sock")
        self.respond = respond
        self.handled = self.dropped = 0
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
        self.socket.close()
        with contextlib.suppress(OSError):
            os.unlink(self.path)

    def _work(self) -> None:
        for _ in range(BATCH):
            try:
                datagram, sender = self.socket.recvfrom(HEADER.size + MESSAGE_MAX)
            except OSError:
                return
            reply = answer_datagram(datagram, self.respond)
            self.handled += 1
            if reply is None or not sender:
                continue
            try:
                self.socket.sendto(reply, sender)
            except OSError:
                self.dropped += 1
