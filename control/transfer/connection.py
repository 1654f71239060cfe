# SPDX-License-Identifier: Apache-2.0
"""Sockets to other servers: UDP exchanges, and TCP or TLS connections that carry framed messages (RFC 7858)."""

import os
import select
import socket
from collections.abc import Iterable
from contextlib import suppress

from control.clock import Clock
from control.conf.peers import PeerEndpoint, RemoteConf
from control.errors import ControlError
from control.transfer.ahead import Outstanding
from control.transfer.credentials import TlsSettings
from control.transfer.secure import NO_TLS, TlsRefused, secure

UDP_ROOM = 65535
READ_BYTES = 1 << 18
SO_BINDTODEVICE = 25
REASONS = {
    ConnectionRefusedError: "connection refused",
    ConnectionResetError: "connection reset",
    ConnectionAbortedError: "connection reset",
    BrokenPipeError: "connection reset",
    TimeoutError: "timed out",
    PermissionError: "operation not permitted",
}


class RemoteFailed(ControlError):
    """No usable answer; `reason` is what is logged, `endpoint` as in SoaReply (empty: none was tried)."""

    def __init__(self, reason: str, endpoint: str = "", *, reached: bool = False) -> None:
        super().__init__(f"{endpoint}: {reason}" if endpoint else reason)
        self.reason, self.endpoint, self.reached = reason, endpoint, reached
        """`reached`: something answered there, and no other address is to be tried."""

    def at(self, endpoint: str) -> "RemoteFailed":
        """Return the same with the endpoint it concerns."""
        return RemoteFailed(self.reason, self.endpoint or endpoint, reached=self.reached)


class Deadline:
    """A point in time that is as far away as a timeout when it is made."""

    def __init__(self, clock: Clock, timeout_s: float) -> None:
        self._clock = clock
        self._end_ns = clock.monotonic_ns() + int(timeout_s * 1e9)

    def left_s(self) -> float:
        """Return the seconds that are left. Raises TimeoutError without any."""
        left_ns = self._end_ns - self._clock.monotonic_ns()
        if left_ns <= 0:
            raise TimeoutError
        return left_ns / 1e9


class Connection:
    """A connection to one address. Messages have two octets of length in front of them."""

    def __init__(self, channel: socket.socket, remote: PeerEndpoint, source: PeerEndpoint | None, proto: str) -> None:
        self._channel = channel
        self._buffer = bytearray()
        self._at = 0
        self.remote, self.source = remote, source
        self.outstanding = Outstanding()
        self.endpoint = endpoint_text(remote, proto)
        self.has_answered = False
        """A message came in reply to the last request."""
        self._is_busy = False

    @property
    def is_clean(self) -> bool:
        """Whether what comes next is of no reply that was begun; it may be of one to a request sent ahead."""
        return not self._is_busy and (bool(self.outstanding) or self._at == len(self._buffer))

    def begin(self) -> None:
        """Note that a request is sent now."""
        self._is_busy, self.has_answered = True, False

    def end(self) -> None:
        """Note that its reply is complete."""
        self._is_busy = False

    def send(self, messages: Iterable[bytes], deadline: Deadline) -> None:
        """Send messages. Raises RemoteFailed."""
        try:
            self._channel.settimeout(deadline.left_s())
            self._channel.sendall(b"".join(len(message).to_bytes(2, "big") + message for message in messages))
        except OSError as exc:
            raise self._failed(exc) from exc

    def receive(self, deadline: Deadline) -> bytes:
        """Return the next message. Raises RemoteFailed."""
        self._fill(2, deadline)
        size = int.from_bytes(self._buffer[self._at : self._at + 2], "big")
        self._fill(2 + size, deadline)
        start = self._at + 2
        self._at = start + size
        return bytes(self._buffer[start : self._at])

    def is_open(self) -> bool:
        """Tell whether the other end has neither closed the idle connection nor sent what it was not asked.

        While replies are outstanding that is seen when they are read.
        """
        if self.outstanding:
            return True
        try:
            poll = select.poll()
            poll.register(self._channel, select.POLLIN | select.POLLRDHUP)
            return not poll.poll(0)
        except (OSError, ValueError):
            return False

    def interrupt(self) -> None:
        """End it from another thread: who waits for the other end gets RemoteFailed. To be closed as well."""
        with suppress(OSError):
            socket.socket.shutdown(self._channel, socket.SHUT_RDWR)  # that of TLS goes on in plain text before it

    def close(self) -> None:
        """Close it; a second call does nothing."""
        with suppress(OSError):
            self._channel.close()

    def _fill(self, octets: int, deadline: Deadline) -> None:
        """Have as many octets in the buffer."""
        while len(self._buffer) - self._at < octets:
            if self._at:
                del self._buffer[: self._at]
                self._at = 0
            try:
                self._channel.settimeout(deadline.left_s())
                if self.outstanding:
                    self._acknowledge_at_once()
                block = self._channel.recv(READ_BYTES)
            except OSError as exc:
                raise self._failed(exc) from exc
            if not block:
                raise RemoteFailed("connection reset", self.endpoint, reached=True)
            self._buffer += block

    def _acknowledge_at_once(self) -> None:
        """Keep the other end from waiting: by Nagle's algorithm for an acknowledgement, which is due with a request."""
        if self._channel.family != socket.AF_UNIX:
            self._channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _failed(self, error: OSError) -> RemoteFailed:
        return RemoteFailed(reason_of(error), self.endpoint, reached=True)


def connect(
    remote: RemoteConf,
    endpoint: PeerEndpoint,
    source: PeerEndpoint | None,
    timeout_s: float,
    tls: TlsSettings = NO_TLS,
) -> Connection:
    """Connect to an address of a remote. Raises RemoteFailed."""
    proto = proto_of(remote)
    text = endpoint_text(endpoint, proto)
    channel: socket.socket | None = None
    try:
        channel = _open(endpoint, source, socket.SOCK_STREAM)
        channel.settimeout(timeout_s)
        channel.connect(_address(channel, endpoint))
        channel.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if remote.tls:
            channel = secure(channel, remote, tls)
    except TlsRefused as exc:
        _close(channel)
        raise RemoteFailed(exc.reason, text, reached=True) from exc
    except OSError as exc:
        _close(channel)
        raise RemoteFailed(reason_of(exc), text) from exc
    return Connection(channel, endpoint, source, proto)


def exchange_udp(
    endpoint: PeerEndpoint, source: PeerEndpoint | None, request: bytes, timeouts_s: tuple[float, ...], text: str
) -> bytes:
    """Send a datagram until a reply with its id comes from that address. Raises RemoteFailed."""
    channel: socket.socket | None = None
    try:
        channel = _open(endpoint, source, socket.SOCK_DGRAM)
        channel.connect(_address(channel, endpoint))
        for timeout_s in timeouts_s:
            channel.send(request)
            reply = _await_reply(channel, request[:2], Deadline(Clock(), timeout_s))
            if reply is not None:
                return reply
    except OSError as exc:
        raise RemoteFailed(reason_of(exc), text) from exc
    finally:
        _close(channel)
    raise RemoteFailed(REASONS[TimeoutError], text)


def reason_of(error: OSError) -> str:
    """Return what is logged of an error of the system."""
    for kind, reason in REASONS.items():
        if isinstance(error, kind):
            return reason
    if error.errno is None or type(error).__module__ == "ssl":
        return "connection failed"
    return os.strerror(error.errno).lower()


def proto_of(remote: RemoteConf) -> str:
    """Return what a stream to a remote is called in log lines."""
    return "TLS" if remote.tls else "TCP"


def endpoint_text(endpoint: PeerEndpoint, proto: str) -> str:
    """Return an address and a protocol as they are logged."""
    where = endpoint.address if endpoint.address.startswith("/") else f"{endpoint.address}@{endpoint.port}"
    return f"{where} {proto}"


def _await_reply(channel: socket.socket, message_id: bytes, deadline: Deadline) -> bytes | None:
    """Wait for a reply with this id; None when time is up."""
    try:
        while True:
            channel.settimeout(deadline.left_s())
            message = channel.recv(UDP_ROOM)
            if message[:2] == message_id and len(message) > 3 and message[2] & 0x80:
                return message
    except TimeoutError:
        return None


def _open(endpoint: PeerEndpoint, source: PeerEndpoint | None, kind: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
    channel = socket.socket(family, kind)
    try:
        if source is not None:
            if source.interface:
                channel.setsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, source.interface.encode() + b"\0")
            if source.port:
                channel.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            channel.bind(_address(channel, source))
    except BaseException:
        channel.close()
        raise
    return channel


def _address(channel: socket.socket, endpoint: PeerEndpoint) -> tuple[str, int] | tuple[str, int, int, int]:
    if channel.family == socket.AF_INET6:
        scope = socket.if_nametoindex(endpoint.interface) if endpoint.interface else 0
        return endpoint.address, endpoint.port, 0, scope
    return endpoint.address, endpoint.port


def _close(channel: socket.socket | None) -> None:
    if channel is not None:
        channel.close()
