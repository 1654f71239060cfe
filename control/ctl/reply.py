# SPDX-License-Identifier: Apache-2.0
"""The way back to a client: bounded buffers, no waiting for clients that do not read."""

import asyncio
import select
import socket
from typing import TypeVar

from control.ctl.errors import ClientGone, CommandError, ItemTooLong, Reason
from control.ctl.lock import Hold
from control.ctl.unit import Kind, Unit, encode
from control.log import ERROR, Log

T = TypeVar("T")

CHUNK_BYTES = 1 << 15
LOOK_S = 1.0
"""How often a command that waits looks whether its client is still there."""
LOGGED_ERRORS = 256
"""Errors of one request that are logged one by one."""
PATIENCE_S = 30.0
"""How long a command that runs alone waits for a slow reader in all."""
SHORT_REASON = 200


class Outlet:
    """The writing half of a connection. `timeout_s` is how long the client may take nothing; None: for ever."""

    def __init__(self, transport: asyncio.Transport, timeout_s: float | None) -> None:
        self._transport, self._timeout_s = transport, timeout_s
        self._emptied: asyncio.Event | None = None
        """Set when the system has taken all of it; None: it has."""
        transport.set_write_buffer_limits(high=0)

    def full(self) -> None:
        """The transport says that it keeps what was written."""
        self._emptied = asyncio.Event()

    def emptied(self) -> None:
        """The transport says that it keeps nothing any more, or that it is closed."""
        if self._emptied is not None:
            self._emptied.set()
            self._emptied = None

    async def send(self, octets: bytes) -> None:
        """Write and wait until the system has it all; raises `ClientGone`."""
        transport = self._transport
        if not transport.is_closing():
            transport.write(octets)
        if self._emptied is not None:
            await asyncio.sleep(0)  # what follows asks for the task it runs in
        left = transport.get_write_buffer_size()
        while self._emptied is not None and not transport.is_closing():
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._emptied.wait()
            except TimeoutError:
                if transport.get_write_buffer_size() >= left:
                    raise ClientGone("the client takes no answer") from None
            left = transport.get_write_buffer_size()
        if transport.is_closing():
            raise ClientGone("the client has vanished")

    def gone(self) -> bool:
        """Tell whether the client has closed its end for both directions."""
        if self._transport.is_closing():
            return True
        peer: socket.socket = self._transport.get_extra_info("socket")
        poll = select.poll()
        poll.register(peer.fileno(), 0)
        return bool(poll.poll(0))


class StreamReply:
    """The answer to one command, sent as it grows. While it waits for the client the command's share of the lock is
    given up; a command that runs alone keeps it, but for a limited time."""

    def __init__(self, outlet: Outlet, hold: Hold, log: Log) -> None:
        self._outlet, self._hold, self._log = outlet, hold, log
        self._buffer = bytearray()
        self._patience_s = PATIENCE_S
        self._errors = 0

    async def data(self, unit: Unit) -> None:
        """Send one row, or the first of several."""
        await self._put(Kind.DATA, unit)

    async def extra(self, unit: Unit) -> None:
        """Send a continuation of the row before."""
        await self._put(Kind.EXTRA, unit)

    async def rows(self, octets: bytes) -> None:
        """Send rows that are encoded already."""
        self._buffer += octets
        if len(self._buffer) >= CHUNK_BYTES:
            await self._flush()

    async def error(self, operand: Unit, reason: str) -> None:
        """Echo the operand with the reason; the reason alone when the echo does not fit. The first ones are logged."""
        self._errors += 1
        if self._errors <= LOGGED_ERRORS:
            self._log.write(ERROR, f"control, error ({reason})", "control", shown_zone(operand))
        echo = operand._replace(error=reason, zone=operand.zone and operand.zone.lower())
        try:
            await self._put(Kind.DATA, echo)
        except ItemTooLong:
            await self._put(Kind.DATA, Unit(error=reason[:SHORT_REASON]))

    async def wait(self, event: "asyncio.Future[T]") -> T:
        """Return what `event` gives; raises `ClientGone` when the client does not wait for it, and `CommandError` when
        the event is given up."""
        await self._flush()
        shared = not self._hold.exclusive and self._hold.give()
        while not event.done():
            await asyncio.wait({event}, timeout=LOOK_S)
            if not event.done() and self._outlet.gone():
                raise ClientGone("the client has vanished")
        if shared:
            await self._hold.take(None)
        if event.cancelled():
            raise CommandError(Reason.FAILED)
        return event.result()

    async def finish(self, end: bytes) -> None:
        """Send what is left, and the end of the answer."""
        self._hold.give()
        if self._errors > LOGGED_ERRORS:
            self._log.write(ERROR, f"control, {self._errors - LOGGED_ERRORS} errors more", "control")
        await self._outlet.send(bytes(self._buffer) + end)
        self._buffer.clear()

    async def _put(self, kind: Kind, unit: Unit) -> None:
        self._buffer += encode(kind, unit)
        if len(self._buffer) >= CHUNK_BYTES:
            await self._flush()

    async def _flush(self) -> None:
        octets = bytes(self._buffer)
        self._buffer.clear()
        if self._hold.exclusive:
            await self._send_patiently(octets)
            return
        shared = self._hold.give()
        await self._outlet.send(octets)
        await asyncio.sleep(0)
        if shared:
            await self._hold.take(None)

    async def _send_patiently(self, octets: bytes) -> None:
        await asyncio.sleep(0)  # what follows asks for the task it runs in
        loop = asyncio.get_running_loop()
        begin = loop.time()
        try:
            async with asyncio.timeout(self._patience_s):
                await self._outlet.send(octets)
        except TimeoutError:
            raise ClientGone("the client is too slow for a command that keeps others waiting") from None
        self._patience_s -= loop.time() - begin


def shown_zone(operand: Unit) -> str | None:
    """Return the zone of a log line: as it was given, with final dot."""
    if operand.zone is None:
        return None
    return operand.zone.lower().removesuffix(".") + "."
