# SPDX-License-Identifier: Apache-2.0
"""The client's end of the control socket: one connection, one request at a time, answers as they come."""

import errno
import socket
import struct
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from control.ctl.errors import OS_REASONS, ProtocolError, Reason
from control.ctl.unit import BLOCK, END, Decoder, Kind, Unit, encode, to_raw_bytes

CHUNK_BYTES = 1 << 16
ANSWER_LIMIT = 1 << 62
CONNECT_REASONS = {
    errno.ECONNREFUSED: "connection refused",
    errno.EACCES: Reason.NOT_PERMITTED,
    errno.EAGAIN: Reason.CONNECTION_TIMEOUT,
}


class ClientError(Exception):
    """The server cannot be asked, or does not answer as it should."""


class Client:
    """A connection to the server; `timeout_s` is the longest silence, None for ever. Use it as a context manager."""

    def __init__(self, path: str, timeout_s: float | None) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path, timeout_s)
        except OSError as error:
            self._socket.close()
            reason = (
                CONNECT_REASONS.get(error.errno or 0) or OS_REASONS.get(error.errno or 0) or error.strerror or error
            )
            raise ClientError(f"failed to connect to socket '{path}' ({reason})") from error

    def _connect(self, path: str, timeout_s: float | None) -> None:
        """Connect, waiting while the server's queue is full: only a blocking socket does, with the kernel's timeout."""
        if timeout_s is not None:
            timeval = struct.pack("ll", int(timeout_s), int(timeout_s % 1 * 1e6))
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, timeval)
        self._socket.connect(path)
        self._socket.settimeout(timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._socket.sendall(END)
        except OSError:
            pass
        finally:
            self._socket.close()

    def ask(self, operands: Iterable[Unit]) -> Iterator[tuple[Kind, Unit]]:
        """Send a request and yield the units of its answer; raises `ClientError` and `ItemTooLong`."""
        octets = b"".join(encode(Kind.DATA, unit, to_raw_bytes) for unit in operands) + BLOCK
        try:
            self._socket.sendall(octets)
            yield from self._answer()
        except TimeoutError:
            raise ClientError(f"failed to control ({Reason.CONNECTION_TIMEOUT})") from None
        except OSError as error:
            raise ClientError(f"failed to control ({Reason.CONNECTION_RESET})") from error
        except ProtocolError:
            raise ClientError(f"failed to control ({Reason.MALFORMED})") from None

    def _answer(self) -> Iterator[tuple[Kind, Unit]]:
        decoder = Decoder(ANSWER_LIMIT)
        while octets := self._socket.recv(CHUNK_BYTES):
            for kind, unit in decoder.feed(octets):
                if kind is Kind.BLOCK:
                    return
                if kind is Kind.END:
                    raise ProtocolError("the server ends before its answer does")
                yield kind, unit
        raise ConnectionResetError
