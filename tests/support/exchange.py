# SPDX-License-Identifier: Apache-2.0
"""Ways to put many messages to a server: over UDP (from a namespace, too), over TCP, or to a function.

An `Exchange` takes messages and returns the reply to each, None where there was none. Messages get ids of their own on
the way, so that replies find their questions; the replies come back with them.
"""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from tests.support.netns import Namespace

WINDOW = 48
"""Messages in flight: their replies fit the receive buffer of a socket even at 4096 octets each."""

SILENCE_S = 0.4
"""No reply for so long means that none comes: far above a round trip on this host."""


class Exchange(Protocol):
    """Puts messages to a server."""

    def __call__(self, messages: Sequence[bytes]) -> list[bytes | None]: ...


def _numbered(messages: Sequence[bytes]) -> list[bytes]:
    return [struct.pack("!H", (number + 1) & 0xFFFF) + message[2:] for number, message in enumerate(messages)]


def _take(replies: list[bytes | None], reply: bytes) -> bool:
    """Put a reply in its place; return whether it was awaited."""
    if len(reply) < 2:
        return False
    number = int.from_bytes(reply[:2], "big") - 1
    if not 0 <= number < len(replies) or replies[number] is not None:
        return False
    replies[number] = reply
    return True


class Function:
    """An exchange with a function that answers one message, or returns None."""

    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self.answer = answer

    def __call__(self, messages: Sequence[bytes]) -> list[bytes | None]:
        return [self.answer(message) for message in _numbered(messages)]


class _Socket:
    def __init__(self, address: str, port: int, space: Namespace | None) -> None:
        self.where = (address, port)
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.space = space

    def socket(self, kind: socket.SocketKind) -> socket.socket:
        with contextlib.nullcontext() if self.space is None else self.space.entered():
            sock = socket.socket(self.family, kind)
        sock.settimeout(SILENCE_S)
        sock.connect(self.where)
        return sock


class Udp(_Socket):
    """An exchange over UDP; a message without reply is sent twice."""

    def __init__(self, address: str, port: int, space: Namespace | None = None) -> None:
        super().__init__(address, port, space)

    def __call__(self, messages: Sequence[bytes]) -> list[bytes | None]:
        """Return the replies; each window of messages has its own ids."""
        replies: list[bytes | None] = []
        for at in range(0, len(messages), WINDOW):
            window = _numbered(messages[at : at + WINDOW])
            got: list[bytes | None] = [None] * len(window)
            for _ in range(2):
                self._round(window, got)
            replies += got
        return replies

    def _round(self, window: Sequence[bytes], got: list[bytes | None]) -> None:
        awaited = [number for number, reply in enumerate(got) if reply is None]
        if not awaited:
            return
        with self.socket(socket.SOCK_DGRAM) as sock:
            for number in awaited:
                sock.send(window[number])
            left = len(awaited)
            with contextlib.suppress(TimeoutError, ConnectionError):
                while left:
                    left -= _take(got, sock.recv(65535))


class Tcp(_Socket):
    """An exchange over TCP, pipelined; what a closed connection left unanswered is asked again on its own."""

    def __init__(self, address: str, port: int, space: Namespace | None = None) -> None:
        super().__init__(address, port, space)

    def __call__(self, messages: Sequence[bytes]) -> list[bytes | None]:
        """Return the replies; each window of messages has its own connection and ids."""
        replies: list[bytes | None] = []
        for at in range(0, len(messages), WINDOW):
            window = _numbered(messages[at : at + WINDOW])
            got: list[bytes | None] = [None] * len(window)
            self._connection(window, range(len(window)), got)
            for number, reply in enumerate(got):
                if reply is None:
                    self._connection(window, [number], got)
            replies += got
        return replies

    def _connection(self, window: Sequence[bytes], numbers: Sequence[int], got: list[bytes | None]) -> None:
        stream = b"".join(struct.pack("!H", len(window[number])) + window[number] for number in numbers)
        left = len(numbers)
        with contextlib.suppress(ConnectionError, TimeoutError), self.socket(socket.SOCK_STREAM) as sock:
            sock.setblocking(False)
            received = b""
            deadline = time.monotonic() + SILENCE_S
            while left and time.monotonic() < deadline:
                readable, writable, _ = select.select([sock], [sock] if stream else [], [], SILENCE_S)
                if writable:
                    stream = stream[sock.send(stream) :]
                if not readable:
                    continue
                octets = sock.recv(1 << 18)
                if not octets:
                    return
                deadline = time.monotonic() + SILENCE_S
                received += octets
                while len(received) >= 2 and len(received) >= 2 + (length := int.from_bytes(received[:2], "big")):
                    left -= _take(got, received[2 : 2 + length])
                    received = received[2 + length :]
