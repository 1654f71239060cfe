# SPDX-License-Identifier: Apache-2.0
"""Outgoing zone transfers (RFC 5936, RFC 1995): requests for a zone or its changes, answered from the store.

Messages are made by threads, some at a time, while those before them are sent. So a transfer takes a thread only as
long as its client takes messages, and transfers get their turns one after the other. Those of a small zone are made at
once: the thread and the loop would wait for each other longer.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from control.clock import Clock
from control.errors import ControlError, JournalDamaged, ZoneUnknown
from control.events.zone import ZoneHandle
from control.log import DEBUG, ERROR, INFO, Log
from control.server.inbound import InboundRequest
from control.server.replication.sending import Sending
from control.server.replying import Replier
from control.server.zones import Zones
from control.transfer.outgoing import Course, Plan, ReplyForm, damaged_plan
from control.transfer.pace import longest_s
from control.wire.edns import EXPIRE, opt_record, pack_option, request_option
from control.wire.refusal import FORMERR, REFUSED, SERVFAIL
from control.wire.spans import authority_serial
from pyxdp_dns.errors import EngineError
from pyxdp_dns.pack import Messages, PackLimits

THREADS = 2
TRANSFERS_MOST = 200
"""Transfers under way at once; others wait for their turn. The store has snapshots for more than twice as many."""
SMALL_BYTES = 16 << 10
"""A zone of no more octets is read as quickly as it is handed to a thread and back."""
EXPIRE_MOST = 0xFFFFFFFF

T = TypeVar("T")


def _take_note(future: "asyncio.Future[Messages]") -> None:
    """Let an error that comes when the client is gone already be nobody's concern."""
    if not future.cancelled():
        future.exception()


Expires = Callable[[ZoneHandle], int | None]
"""Returns after how many seconds the contents of a zone expire; None: they do not, since they are this server's own."""


class TooSlow(Exception):
    """A client takes its transfer too slowly."""


class OutgoingTransfers:
    """The handlers of "axfr" and "ixfr". Belongs to the loop's thread."""

    def __init__(self, zones: Zones, log: Log, clock: Clock, expires: Expires) -> None:
        self.zones, self.log, self.clock, self.expires = zones, log, clock, expires
        self.threads = ThreadPoolExecutor(THREADS, "transfer")
        self.turns = asyncio.Semaphore(TRANSFERS_MOST)
        self.open: set[Sending] = set()

    def stop(self) -> None:
        """End what is under way, so that the store can be closed; blocks while threads finish some messages."""
        for sending in list(self.open):
            sending.close()
        self.threads.shutdown()

    async def axfr(self, inbound: InboundRequest, reply: Replier) -> None:
        """Answer a request for a zone."""
        await self._serve(_Transfer(self, inbound, reply, "AXFR"), None)

    async def ixfr(self, inbound: InboundRequest, reply: Replier) -> None:
        """Answer a request for the changes of a zone; over UDP with the SOA alone (RFC 1995, section 2)."""
        transfer = _Transfer(self, inbound, reply, "IXFR")
        serial = authority_serial(inbound.message)
        if serial is None:
            transfer.note(DEBUG, "malformed query")
            reply.refuse(FORMERR)
            return
        await self._serve(transfer, serial)

    async def _serve(self, transfer: "_Transfer", serial: int | None) -> None:
        inbound, reply = transfer.inbound, transfer.reply
        if inbound.zone.timers.xfr_frozen and not reply.is_udp:
            transfer.note(INFO, f"outgoing {transfer.kind} frozen")
            reply.refuse(REFUSED)
            return
        async with self.turns:
            sending = Sending(self.zones, inbound.zone.wire)
            self.open.add(sending)
            try:
                await transfer.run(sending, serial)
            except ZoneUnknown:
                transfer.fail(SERVFAIL)
            except (ControlError, EngineError) as error:
                transfer.note(ERROR, f"failed ({error})")
                transfer.fail(SERVFAIL)
            except TooSlow:
                transfer.note(INFO, "failed (timed out)")
                reply.abort()
            except asyncio.CancelledError:
                transfer.note(INFO, "failed (connection closed)")
                raise
            finally:
                self._release(sending)

    async def in_thread(self, work: Callable[[], T]) -> T:
        """Return what `work` returns in one of the threads; it is cancelled when they have ended."""
        try:
            running = asyncio.get_running_loop().run_in_executor(self.threads, work)
        except RuntimeError as error:
            raise asyncio.CancelledError from error
        return await running

    def _release(self, sending: Sending) -> None:
        """Give the snapshot back without waiting for a thread that still makes messages."""
        self.open.discard(sending)
        if sending.closed:
            return
        try:
            self.threads.submit(sending.close)
        except RuntimeError:  # The threads have ended, and with them all work.
            sending.close()


class _Start(NamedTuple):
    """What is made of a request at first."""

    plan: Plan
    batch: Messages
    following: Messages | None
    """What is behind `batch`; None: not yet made."""


class _Transfer:
    """One request, its log lines and what was sent."""

    def __init__(self, transfers: OutgoingTransfers, inbound: InboundRequest, reply: Replier, kind: str) -> None:
        self.transfers, self.inbound, self.reply, self.kind = transfers, inbound, reply, kind
        self.messages = self.octets = self.begun_ns = 0

    async def run(self, sending: Sending, serial: int | None) -> None:
        """Reply; `serial` is the client's of a request for changes."""
        left_s = self.transfers.expires(self.inbound.zone)
        sending.open()
        if serial is None and sending.zone.size <= SMALL_BYTES:
            start = self._start(sending, serial, left_s)
        else:
            start = await self.transfers.in_thread(lambda: self._start(sending, serial, left_s))
        if start.plan.course is Course.CURRENT:
            if not self.reply.is_udp:
                self.note(INFO, f"zone is up-to-date, serial {serial}")
            await self.reply.send_all(start.batch)
            return
        if start.plan.course is Course.INCREMENTAL:
            self.note(INFO, f"started, serial {serial} -> {sending.zone.serial}")
        else:
            if start.plan.reason:
                self.note(INFO, f"{start.plan.reason}, fallback to AXFR")
            self.kind = "AXFR"
            self.note(INFO, f"started, serial {sending.zone.serial}")
        batch, following = start.batch, start.following
        while batch:
            batch, following = await self._send(batch, following, sending), None
        seconds = (self.transfers.clock.monotonic_ns() - self.begun_ns) / 1e9
        self.note(INFO, f"finished, {seconds:.2f} seconds, {self.messages} messages, {self.octets} bytes")

    def _start(self, sending: Sending, serial: int | None, left_s: int | None) -> _Start:
        """Make the first messages; of a small zone all of them."""
        self.begun_ns = self.transfers.clock.monotonic_ns()
        form = self._form(sending, left_s)
        plan = self._plan(sending, serial)
        if plan.course is Course.CURRENT:
            return _Start(plan, sending.current(form, self.reply.max_bytes), None)
        try:
            sending.begin(plan, form)
            batch = sending.take()
        except JournalDamaged:
            if serial is None or plan.course is Course.FULL:
                raise
            plan = damaged_plan(serial)
            sending.begin(plan, form)
            batch = sending.take()
        if len(batch.framed) > SMALL_BYTES:
            return _Start(plan, batch, None)
        following = sending.take()
        if not following:
            sending.close()
        return _Start(plan, batch, following)

    def _plan(self, sending: Sending, serial: int | None) -> Plan:
        if serial is None:
            return Plan(Course.FULL)
        if self.reply.is_udp:
            return Plan(Course.CURRENT)
        return sending.plan(serial, provide=self.inbound.zone.conf.replication.provide_ixfr)

    async def _send(self, batch: Messages, made: Messages | None, sending: Sending) -> Messages:
        """Send messages while those behind them are made, unless they are; return these."""
        if made is not None:
            await self._send_batch(batch)
            return made
        following = asyncio.ensure_future(self.transfers.in_thread(sending.take))
        following.add_done_callback(_take_note)
        try:
            await self._send_batch(batch)
            return await following
        finally:
            following.cancel()

    async def _send_batch(self, batch: Messages) -> None:
        sizes = batch.sizes()
        self.messages += len(sizes)
        self.octets += sum(sizes)
        await self.reply.send_all(batch)
        self._check_pace()

    def _check_pace(self) -> None:
        """Raise TooSlow when the client has taken too little for too long."""
        seconds = (self.transfers.clock.monotonic_ns() - self.begun_ns) / 1e9
        if seconds > longest_s(self.octets):
            raise TooSlow

    def fail(self, rcode: int) -> None:
        """Let the client see that there is no transfer, or that it has ended in the middle."""
        if self.messages:
            self.reply.abort()
        else:
            self.reply.refuse(rcode)

    def note(self, severity: int, text: str) -> None:
        """Write a line of the log."""
        zone, source = self.inbound.zone, self.inbound.source
        self.transfers.log.zone(severity, zone.name, f"{self.kind}, outgoing, remote {source}, {text}")

    def _form(self, sending: Sending, left_s: int | None) -> ReplyForm:
        request = self.inbound.request
        most = self.reply.max_bytes if not self.reply.is_udp else PackLimits().most
        limits = PackLimits(min(PackLimits().fill, most), most)
        return ReplyForm(request.id, request.flags, request.question, self._opt(sending, left_s), limits)

    def _opt(self, sending: Sending, left_s: int | None) -> bytes:
        """Return the OPT record; with EXPIRE where it was asked for (RFC 7314)."""
        flags = self.inbound.request.edns_flags
        if flags is None:
            return b""
        if request_option(self.inbound.message, EXPIRE) is None:
            return opt_record(flags)
        seconds = sending.expire_s if left_s is None else left_s
        octets = min(max(seconds, 0), EXPIRE_MOST).to_bytes(4, "big")
        return opt_record(flags, pack_option(EXPIRE, octets))
