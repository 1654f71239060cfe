# SPDX-License-Identifier: Apache-2.0
"""The reply to one request on its way out: signed, cut to size, counted, and sent as its transport sends."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from control.access.acl import Source
from control.access.tsig import ReplySigner
from control.wire.refusal import refuse, truncate
from control.wire.request import Request

if TYPE_CHECKING:
    from pyxdp_dns.pack import Messages

MESSAGE_MAX = 65535
UDP_LEAST_BYTES = 512
"""What every client takes over UDP (RFC 1035, section 2.3.4)."""

Count = Callable[[bytes, bytes, int], None]
"""Counts a reply: the request as it came, the reply, and its RCODE where it is not that of the header, else -1."""


class Replier:
    """Takes the messages of the reply to one request. Belongs to the loop's thread; transports have a class each."""

    __slots__ = ("count", "received", "request", "sent", "signer", "source")

    is_udp = False

    @property
    def may_transfer(self) -> bool:
        """Whether zones may be sent this way: over TLS not before 1.3 (RFC 9103, section 7.2)."""
        return True

    def __init__(self, received: bytes, source: Source, count: Count) -> None:
        self.received, self.source, self.count = received, source, count
        self.request: Request | None = None
        """Once it has been read."""
        self.signer: ReplySigner | None = None
        """Of a request whose signature is good."""
        self.sent = 0
        """Messages."""

    @property
    def max_bytes(self) -> int:
        """Octets a message may have before it is signed: what the client takes, less the room of the signature."""
        return self._limit() - (0 if self.signer is None else self.signer.size)

    async def send(self, message: bytes) -> None:
        """Send a message; returns when there is room for the next one. Over UDP what is too long goes truncated.

        Raises:
            ValueError: the message is longer than `max_bytes`, and that not over UDP.
        """
        self.send_now(message)
        await self._room()

    async def send_all(self, messages: "Messages") -> None:
        """Send messages as `send` does, one after the other."""
        for message in messages:
            await self.send(message)

    def send_now(self, message: bytes) -> None:
        """Send the only message of a reply; else as `send`."""
        if len(message) > self.max_bytes:
            if not self.is_udp or self.request is None:
                raise ValueError(f"a reply of {len(message)} octets, where there is room for {self.max_bytes}")
            message = truncate(self.request, message[3] & 0xF)
        self.send_signed(message if self.signer is None else self.signer.sign(message))

    def send_signed(self, message: bytes, rcode: int = -1) -> None:
        """Send a message as it is; `rcode` is counted when its header does not have it."""
        self.sent += 1
        self.count(self.received, message, rcode)
        self._write(message)

    def refuse(self, rcode: int) -> None:
        """Send a reply with an RCODE and nothing else."""
        assert self.request is not None
        self.send_now(refuse(self.request, rcode))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Have a coroutine go on with the reply; it is cancelled when the client goes away."""
        raise NotImplementedError

    def abort(self) -> None:
        """Let the client see that the reply ends in its middle."""
        raise NotImplementedError

    def _limit(self) -> int:
        return MESSAGE_MAX

    def _write(self, message: bytes) -> None:
        raise NotImplementedError

    async def _room(self) -> None:
        raise NotImplementedError


def udp_limit(request: Request | None, own_bytes: int) -> int:
    """Return the octets a UDP reply may have: what client and server allow (RFC 6891, section 6.2.5)."""
    if request is None or request.edns_flags is None:
        return UDP_LEAST_BYTES
    return max(UDP_LEAST_BYTES, min(request.edns_payload, own_bytes))
