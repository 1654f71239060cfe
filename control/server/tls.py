# SPDX-License-Identifier: Apache-2.0
"""DNS over TLS (RFC 7858): between a socket and what answers on it, one connection's records in and out.

To the socket it is a protocol, to the connection a transport, so that over TLS everything is bounded as over TCP. It
keeps nothing but the library's state of a session: asyncio's own TLS holds 256 KiB for each connection.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any

from control.server.tcp import OVERHEAD_BYTES, TLS_VERSION

READ_BYTES = 1 << 16
HANDSHAKE_S = 5.0
"""A client has to be done with its handshake after this, or after the idle timeout where that is shorter."""


class TlsChannel(asyncio.Protocol, asyncio.Transport):
    """One client's session. `protocol` gets and sends plain octets; it is there from the connection's first moment."""

    __slots__ = (
        "_ended",
        "_failed",
        "_incoming",
        "_loop",
        "_outgoing",
        "_overhead",
        "_protocol",
        "_raw",
        "_ready",
        "_timer",
        "_tls",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.Protocol,
        context: ssl.SSLContext,
        failed: Callable[[asyncio.Transport, str], None],
    ) -> None:
        """`failed` is told of a handshake that does not come to its end, and why."""
        super().__init__()
        self._loop = loop
        self._protocol, self._failed = protocol, failed
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._raw: asyncio.Transport
        self._timer: asyncio.TimerHandle | None = None
        self._ready = self._ended = False
        self._overhead = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._raw = transport
        self._protocol.connection_made(self)
        if not transport.is_closing():
            self._timer = self._loop.call_at(self._loop.time() + HANDSHAKE_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._incoming.write(data)
        if self._ready or self._shake_hands():
            self._receive()

    def eof_received(self) -> bool:
        if not self._ready:
            return False
        self._end()
        return True

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()

    def write(self, data: Any) -> None:
        if self._raw.is_closing() or not self._ready:
            return
        rest = memoryview(data)
        self._overhead -= len(rest)
        try:
            while rest:
                rest = rest[self._tls.write(rest) :]
        except ssl.SSLError:
            self.abort()
            return
        self._flush()

    def close(self) -> None:
        if self._raw.is_closing():
            return
        if self._ready:
            self._say_goodbye()
        self._raw.close()

    def abort(self) -> None:
        self._raw.abort()

    def is_closing(self) -> bool:
        return self._raw.is_closing()

    def pause_reading(self) -> None:
        self._raw.pause_reading()

    def resume_reading(self) -> None:
        self._raw.resume_reading()

    def get_write_buffer_size(self) -> int:
        return self._raw.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._raw.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        if name == TLS_VERSION:
            return self._tls.version()
        return self._overhead if name == OVERHEAD_BYTES else self._raw.get_extra_info(name, default)

    def _shake_hands(self) -> bool:
        """Go on with the handshake; whether it is done."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        except ssl.SSLError as error:
            self._failed(self._raw, (error.reason or "failed").lower().replace("_", " "))
            self._flush()
            self._raw.close()
            return False
        self._flush()
        self._stop_timer()
        self._ready = True
        return True

    def _receive(self) -> None:
        """Hand on what is whole."""
        plain: list[bytes] = []
        is_over = False
        try:
            while data := self._tls.read(READ_BYTES):
                plain.append(data)
            is_over = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            is_over = True
        except ssl.SSLError:
            self._flush()
            self.abort()
            return
        self._flush()
        if plain:
            self._protocol.data_received(b"".join(plain))
        if is_over and not self._raw.is_closing():
            self._end()

    def _end(self) -> None:
        """The client sends no more."""
        if not self._ended:
            self._ended = True
            self._protocol.eof_received()

    def _say_goodbye(self) -> None:
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()

    def _flush(self) -> None:
        if self._outgoing.pending and not self._raw.is_closing():
            octets = self._outgoing.read()
            self._overhead += len(octets)
            self._raw.write(octets)

    def _give_up(self) -> None:
        self._timer = None
        self._failed(self._raw, "timed out")
        self.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
