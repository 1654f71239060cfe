# SPDX-License-Identifier: Apache-2.0
"""One connection of the control socket: requests in, one answer each, in order."""

import asyncio
import traceback
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from control.ctl.command import Command, Request, make_request
from control.ctl.eager import Eager
from control.ctl.errors import BlockTooLarge, ClientGone, CommandError, ProtocolError, Reason, reason_of
from control.ctl.lock import CommandLock, Hold
from control.ctl.reply import CHUNK_BYTES, Outlet, StreamReply, shown_zone
from control.ctl.unit import BLOCK, DEFAULT_BLOCK_BYTES, END, Decoder, Kind, Unit
from control.log import DEBUG, ERROR, INFO, Log

LOGGED_NAME = 64
"""Characters of an unknown command's name that are logged."""
LOGGED_OPERANDS = 256
"""Zones of one request that are logged one by one."""


class Limits(NamedTuple):
    """What clients are given."""

    backlog: int = 5
    timeout_s: float | None = 5.0
    """Inactivity after which a connection is closed, and the wait for the command lock; None: no limit."""
    clients: int = 32
    """Connections at a time; for one more the longest idle one is closed."""
    block_bytes: int = DEFAULT_BLOCK_BYTES


class Shared(NamedTuple):
    """What all connections of a server have in common."""

    commands: Mapping[str, Command]
    lock: CommandLock
    log: Log
    limits: Limits


def grouped(operands: list[Unit]) -> Iterator[tuple[Unit, ...]]:
    """Yield the operands of each command in a block.

    Commands for named zones and for configuration items take all the rest of the block; any other operand is a
    command of its own. An operand without a command, where one is due, is nothing.
    """
    for at, operand in enumerate(operands):
        name = operand.command
        if name is None:
            continue
        if name.startswith("conf-") or (name.startswith("zone-") and operand.zone is not None):
            yield tuple(operands[at:])
            return
        yield (operand,)


class Connection(asyncio.BufferedProtocol):
    """The server's end of one connection; `idle` while no command runs.

    A request is worked on where its octets come in, and on where comes what it has to wait for.
    """

    def __init__(self, shared: Shared) -> None:
        self.idle = True
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        """Done when the connection has gone and nothing runs for it."""
        self._transport: asyncio.Transport
        self._outlet: Outlet
        self._decoder = Decoder(shared.limits.block_bytes)
        self._operands: list[Unit] = []
        self._buffer = memoryview(bytearray(CHUNK_BYTES))
        self._waiting = b""
        self._done = False
        """The client has nothing more to say, or is to hear nothing more."""
        self._half_closed = False
        self._lost = False
        self._work: Eager | None = None
        """What waits for something."""
        self._timer: asyncio.TimerHandle | None = None
        self._active_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to count the time in which nothing comes."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._outlet = Outlet(transport, self._shared.limits.timeout_s)
        self._active_at = self._loop.time()
        self._watch()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where octets go; the standard protocol's new buffer for each message takes longer than the message."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Work on what has come; while something runs, no more is read than has been."""
        data = bytes(self._buffer[:nbytes])
        if self._work is None:
            self._start(data)
        else:
            self._waiting += data
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """A client may end its half and read on."""
        self._half_closed = True
        if self._work is None:
            self._rest()
        return True

    def pause_writing(self) -> None:
        """The client does not take all of it at once."""
        self._outlet.full()

    def resume_writing(self) -> None:
        """The client has taken all of it."""
        self._outlet.emptied()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let what runs find out by itself."""
        self._lost = True
        if self._timer is not None:
            self._timer.cancel()
        self._outlet.emptied()
        self._settle()

    def close(self) -> None:
        """Close at once."""
        self._transport.abort()

    def stop(self) -> None:
        """Close at once, with what runs."""
        self.close()
        if self._work is not None:
            self._work.cancel()

    def _settle(self) -> None:
        if self._lost and self._work is None and not self.closed.done():
            self.closed.set_result(None)

    def _watch(self) -> None:
        """Close the connection when it was idle for too long, else look again when it could have been."""
        timeout_s = self._shared.limits.timeout_s
        if timeout_s is None:
            return
        now = self._loop.time()
        left_s = timeout_s if self._work is not None else self._active_at + timeout_s - now
        if left_s > 0:
            self._timer = self._loop.call_at(now + left_s, self._watch)
        else:
            self._give_up(ClientGone("the client is idle"))

    def _give_up(self, error: Exception) -> None:
        self._shared.log.limited("control", DEBUG, f"control, connection closed ({error})", "control")
        self.close()

    def _start(self, octets: bytes) -> None:
        work = Eager(self._loop, self._consume(octets), self._gone_on)
        if work.is_done:
            self._rest()
        else:
            self._work = work

    def _gone_on(self) -> None:
        """Work on what has come meanwhile."""
        self._work = None
        octets, self._waiting = self._waiting, b""
        if not self._transport.is_closing():
            self._transport.resume_reading()
            if octets:
                self._start(octets)
                return
        self._rest()

    def _rest(self) -> None:
        self._active_at = self._loop.time()
        if self._half_closed:
            self.close()
        self._settle()

    async def _consume(self, octets: bytes) -> None:
        """Answer what is complete; the connection ends where a client vanishes or speaks nonsense."""
        try:
            await self._answer_all(octets)
        except (ProtocolError, ClientGone, OSError) as error:
            self._give_up(error)
        except BaseException:
            self.close()
            raise

    async def _answer_all(self, octets: bytes) -> None:
        """DATA is an operand; EXTRA means nothing in a request; BLOCK and END let the request run."""
        answered = 0
        try:
            for kind, unit in self._decoder.feed(octets):
                if kind is Kind.DATA:
                    self._operands.append(unit)
                elif kind is not Kind.EXTRA:
                    if answered:
                        await asyncio.sleep(0)
                    answered += 1
                    await self._answer_block(kind)
                    if self._done:
                        self.close()
                        return
        except BlockTooLarge:
            await self._refuse_block()
            raise

    async def _answer_block(self, end: Kind) -> None:
        operands, self._operands = self._operands, []
        self._done = end is Kind.END
        self.idle = False
        for group in grouped(operands):
            await self._answer(make_request(group))
        self.idle = True

    async def _refuse_block(self) -> None:
        """Tell a client of good will why its request is not run."""
        reply = StreamReply(self._outlet, Hold(self._shared.lock, False), self._shared.log)
        await reply.error(self._operands[0] if self._operands else Unit(), Reason.LIMIT)
        await reply.finish(BLOCK)

    async def _answer(self, request: Request) -> None:
        command = self._shared.commands.get(request.name)
        self._log_received(request, command)
        hold = Hold(self._shared.lock, command is not None and command.exclusive)
        reply = StreamReply(self._outlet, hold, self._shared.log)
        after = None
        try:
            if await self._run(command, request, reply, hold) and command is not None:
                after = command.after
            await reply.finish(BLOCK + END if after else BLOCK)
        finally:
            hold.give()
            if after:
                self._done = True
                after()

    async def _run(self, command: Command | None, request: Request, reply: StreamReply, hold: Hold) -> bool:
        """Run a command; whatever goes wrong in it becomes its answer. True when nothing did."""
        try:
            if command is None:
                raise CommandError(Reason.NOT_SUPPORTED)
            if not hold.take_now():
                await self._wait_turn(hold)
            await command.run(request, reply)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - a fault in one command must not end the daemon
            operand = error.operand if isinstance(error, CommandError) else None
            await reply.error(operand or request.first, reason_of(error) or self._log_fault(request))
            return False
        return True

    async def _wait_turn(self, hold: Hold) -> None:
        try:
            await hold.take(self._shared.limits.timeout_s)
        except TimeoutError:
            raise CommandError(Reason.BUSY) from None

    def _log_fault(self, request: Request) -> Reason:
        self._shared.log.write(ERROR, f"control, fault in '{request.name}'\n{traceback.format_exc()}", "control")
        return Reason.FAILED

    def _log_received(self, request: Request, command: Command | None) -> None:
        log = self._shared.log
        if command is None:
            log.limited("control", DEBUG, f"control, invalid command '{request.name[:LOGGED_NAME]}'", "control")
            return
        if not log.takes(INFO, "control"):
            return
        operands = request.operands if request.operands[0].zone is not None else request.operands[:1]
        for operand in operands[:LOGGED_OPERANDS]:
            text = f"control, received command '{request.name}'"
            text += f", flags '{operand.flags}'" if operand.flags else ""
            text += f", filters '{operand.filters}'" if operand.filters else ""
            log.write(INFO, text, "control", shown_zone(operand))
        if len(operands) > LOGGED_OPERANDS:
            more = len(operands) - LOGGED_OPERANDS
            log.write(INFO, f"control, received command '{request.name}' for {more} operands more", "control")
