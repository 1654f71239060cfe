# SPDX-License-Identifier: Apache-2.0
"""Dynamic updates (RFC 2136): queued for their zone, carried out together in its update event, and forwarded where the
zone comes from a primary.

A reply is sent when what it acknowledges is on disk and answered. While an update event runs, what comes for the zone
waits for the next one, so under load a commit carries out one update of each client. What a client sends again over
UDP while the first is not replied to is dropped: the reply to the first is for both. Later it is carried out again.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

from control.access.acl import Source
from control.conf.peers import RemoteConf
from control.ddns.carry import Carried, Carrier, Verdict
from control.ddns.message import Rcode, Update, UpdateRefused, parse_update
from control.errors import ControlError
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.scheduler import Cancelled, Scheduler
from control.events.zone import ZoneHandle
from control.log import DEBUG, ERROR, INFO, WARNING, Log
from control.server.dnssec.texts import log_signed
from control.server.inbound import InboundRequest
from control.server.replication.planning import update_target
from control.server.replication.texts import remote_text
from control.server.replying import Replier
from control.server.runners import note_change

FROZEN_MAX = 8
"""Updates that wait for a frozen zone; further ones are refused."""
QUEUE_MAX = 1024
"""Updates that wait for a zone."""
QUEUE_BYTES_MAX = 64 << 20
"""Octets of all messages that wait."""
GATHER_S = 0.002
"""Time in which clients that were just acknowledged may send their next updates, to share the next commit."""


class Forwarder(Protocol):
    """What is needed of the client of other servers."""

    def forward(self, remote: RemoteConf, message: bytes) -> bytes:
        """Send a request, signed with the remote's key if it has one, and return the reply. Raises RemoteFailed."""
        ...


class Queued:
    """An update that waits; `update` is None when it is forwarded as it is."""

    __slots__ = ("message", "outcome", "replied", "reply", "source", "update")

    def __init__(
        self, message: bytes, update: Update | None, source: Source, reply: Replier, replied: asyncio.Future[None]
    ) -> None:
        self.message, self.update, self.source, self.reply = message, update, source, reply
        self.replied = replied
        """Done when the reply is sent, or cannot be; cancelled when the client has gone away."""
        self.outcome: bytes | int = Rcode.SERVFAIL
        """The RCODE of the reply, or the reply of the server that it was forwarded to."""

    def settle(self) -> None:
        """Send the reply, if the client is still there."""
        if self.replied.done():
            return
        try:
            if isinstance(self.outcome, bytes):
                self.reply.send_now(self.outcome)
            else:
                self.reply.refuse(self.outcome)
        except Exception as error:  # noqa: BLE001  who handles this request is told; the others get their replies
            self.replied.set_exception(error)
        else:
            self.replied.set_result(None)


class Batch(NamedTuple):
    """What an update event did; None: nothing waited, or all was forwarded."""

    carried: Carried | None
    seconds: float = 0.0


class Pace(NamedTuple):
    """What the last event of a zone lets expect: so many updates, for which it is worth to wait so long."""

    updates: int
    gather_s: float


class Updates:
    """Handles requests of the kind "update" and runs update events. `zones` has the store and the door; `clock_s`
    gives seconds since some point; `changed` is called on the loop when contents have changed."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        scheduler: Scheduler,
        log: Log,
        zones: Any,
        client: Forwarder,
        clock_s: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        self._loop, self._scheduler, self._log = loop, scheduler, log
        self._zones, self._client = zones, client
        self._clock_s, self._changed = clock_s, changed
        self._queues: dict[ZoneHandle, deque[Queued]] = {}
        self._taken: dict[ZoneHandle, list[Queued]] = {}
        self._paces: dict[ZoneHandle, Pace] = {}
        """Of zones with several updates in their last event."""
        self._octets = 0
        self._unreplied: set[tuple[Source, bytes]] = set()
        """Messages that came over UDP, and where they are from."""
        """Messages, and where they are from."""

    def runner(self) -> Runner:
        """Return the runner of update events."""
        return Runner(self.work, self.succeeded, lambda zone: update_target(zone.conf) is not None, is_brief=True)

    async def handle(self, request: InboundRequest, reply: Replier) -> None:
        """Reply to an update that the access rules allow, when it is carried out."""
        zone = request.zone
        if reply.is_udp and (request.source, request.message) in self._unreplied:
            return
        refusal, update = self._check(request)
        if refusal is not None:
            reply.refuse(refusal)
            return
        item = Queued(request.message, update, request.source, reply, self._loop.create_future())
        self._enqueue(zone, item)
        await item.replied

    def work(self, zone: ZoneHandle, _event: Event) -> Batch:
        """Carry out or forward all that waits for the zone. Blocks."""
        items = self._taken[zone] = self._take(zone)
        if not items:
            return Batch(None)
        local = [item for item in items if item.update is not None]
        if len(local) < len(items):
            self._forward(zone, [item for item in items if item.update is None])
        return self._carry_out(zone, local) if local else Batch(None)

    def succeeded(self, zone: ZoneHandle, _event: Event, batch: Batch) -> None:
        """Take note of the changes and plan what follows."""
        if batch.carried is None:
            return
        count = len(batch.carried.verdicts)
        if count > 1:
            self._paces[zone] = Pace(count, min(GATHER_S, batch.seconds / 2))
        else:
            self._paces.pop(zone, None)
        for result in batch.carried.results:
            note_change(self._scheduler, zone, result)
        if batch.carried.results:
            self._changed()

    def _check(self, request: InboundRequest) -> tuple[int | None, Update | None]:
        """Return the RCODE an update is refused with at once, or what it asks for; neither: it is forwarded."""
        zone = request.zone
        if not self._has_room(zone):
            return Rcode.REFUSED, None
        if update_target(zone.conf) is not None:
            return None, None
        if zone.serial is None:
            return Rcode.SERVFAIL, None
        try:
            update = parse_update(request.message)
        except UpdateRefused as refusal:
            self._log_refusal(zone, request.source, str(refusal), unmet=False)
            return refusal.rcode, None
        return (None, update) if update.zone == zone.wire else (Rcode.NOTAUTH, None)

    def _has_room(self, zone: ZoneHandle) -> bool:
        waiting = len(self._queues.get(zone, ()))
        return waiting < (FROZEN_MAX if zone.frozen() else QUEUE_MAX) and self._octets < QUEUE_BYTES_MAX

    def _enqueue(self, zone: ZoneHandle, item: Queued) -> None:
        self._octets += len(item.message)
        if item.reply.is_udp:
            self._unreplied.add((item.source, item.message))
        queue = self._queues.get(zone)
        if queue is None:
            queue = self._queues[zone] = deque()
        queue.append(item)
        if zone.running is not None and zone.running.kind is Kind.UPDATE:
            return  # `_settle` plans the next event
        is_planned = zone.planned(Kind.UPDATE) is not None
        if zone.transaction is not None and not is_planned:
            self._log.zone(WARNING, zone.name, "blocked zone update due to open control transaction")
        pace = self._paces.get(zone)
        if not is_planned or (pace is not None and len(queue) == pace.updates):
            self._plan(zone, len(queue), is_planned=is_planned)

    def _plan(self, zone: ZoneHandle, count: int, *, is_planned: bool = False) -> None:
        """Plan the event for so many updates that wait; those of the other clients of the last one are waited for."""
        delay_s = float(zone.conf.replication.update_delay_s)
        pace = self._paces.get(zone)
        if pace is not None and count < pace.updates:
            delay_s = max(delay_s, pace.gather_s)
        waiter = None if is_planned else partial(self._settle, zone)
        self._scheduler.plan(zone, Kind.UPDATE, delay_s, waiter=waiter)

    def _take(self, zone: ZoneHandle) -> list[Queued]:
        """Take what waits. What the loop puts there meanwhile may be left for the next event."""
        queue = self._queues.get(zone)
        items: list[Queued] = []
        while queue:
            items.append(queue.popleft())
        return items

    def _settle(self, zone: ZoneHandle, error: Exception | None) -> None:
        """Have the replies sent when an event has ended, or will never be; plan the next one."""
        is_cancelled = isinstance(error, Cancelled)
        for item in self._take(zone) if is_cancelled else self._taken.pop(zone, ()):
            self._octets -= len(item.message)
            if item.reply.is_udp:
                self._unreplied.discard((item.source, item.message))
            item.settle()
        if is_cancelled or zone.removed:
            self._paces.pop(zone, None)
        if self._queues.get(zone):
            self._loop.call_soon(self._plan_rest, zone)
        else:
            self._queues.pop(zone, None)

    def _plan_rest(self, zone: ZoneHandle) -> None:
        """Plan the event for what came while one ran."""
        queue = self._queues.get(zone)
        if queue and zone.running is None and zone.planned(Kind.UPDATE) is None:
            self._plan(zone, len(queue))

    def _carry_out(self, zone: ZoneHandle, items: list[Queued]) -> Batch:
        began = self._clock_s()
        self._log.zone(INFO, zone.name, f"DDNS, processing {len(items)} updates")
        carrier = Carrier(self._zones.store, self._zones.door.commit, zone.wire, zone.conf.settings)
        carried = carrier.carry_out([item.update for item in items if item.update is not None])
        for item, verdict in zip(items, carried.verdicts, strict=True):
            item.outcome = verdict.rcode
            if verdict.reason:
                self._log_verdict(zone, item.source, verdict)
        batch = Batch(carried, self._clock_s() - began)
        self._log_batch(zone, batch)
        return batch

    def _forward(self, zone: ZoneHandle, items: list[Queued]) -> None:
        """Send updates to the primary, in their order, until it is not reached."""
        self._log.zone(INFO, zone.name, f"DDNS, forwarding {len(items)} updates")
        remote = update_target(zone.conf)
        if remote is None:
            self._log.zone(ERROR, zone.name, "DDNS, failed to forward updates (no usable master)")
            return
        for item in items:
            try:
                item.outcome = self._client.forward(remote_for(remote, item), item.message)
            except ControlError as error:
                reason = getattr(error, "reason", "") or str(error)
                self._log.zone(ERROR, zone.name, f"DDNS, failed to forward updates ({reason})")
                return
            text = f"DDNS, outgoing, remote {remote_text(remote)}, successfully forwarded"
            self._log.zone(INFO, zone.name, text)

    def _log_verdict(self, zone: ZoneHandle, source: Source, verdict: Verdict) -> None:
        if verdict.unmet:
            self._log.zone(DEBUG, zone.name, f"DDNS, prerequisite {verdict.reason}")
        reason = f"UPDATE prerequisite not met, {verdict.rcode.name}" if verdict.unmet else verdict.reason
        self._log_refusal(zone, source, reason, unmet=verdict.unmet)

    def _log_refusal(self, zone: ZoneHandle, source: Source, reason: str, *, unmet: bool) -> None:
        what = "prerequisites not met" if unmet else "failed to apply"
        self._log.zone(WARNING, zone.name, f"DDNS, incoming, remote {source}, {what} ({reason})")

    def _log_batch(self, zone: ZoneHandle, batch: Batch) -> None:
        carried = batch.carried
        assert carried is not None
        for error in carried.errors:
            reason = getattr(error, "reason", "")
            self._log.zone(ERROR, zone.name, f"DDNS, processing failed ({reason + ': ' if reason else ''}{error})")
        if carried.results:
            old, new = carried.results[0].old_serial, carried.results[-1].new_serial
            log_signed(self._log, zone.name, carried.results)
            self._log.zone(INFO, zone.name, f"DDNS, finished, serial {old} -> {new}, {batch.seconds:.2f} seconds")
        elif not carried.errors:
            self._log.zone(INFO, zone.name, "DDNS, finished, no changes to the zone were made")


def remote_for(remote: RemoteConf, item: Queued) -> RemoteConf:
    """Return the remote as an update is sent to it: what is signed with a key unknown here keeps its signature."""
    return remote._replace(key=None) if is_signed(item) else remote


def is_signed(item: Queued) -> bool:
    """Tell whether a message still has the signature of its client."""
    from control.wire.request import read_request

    return item.source.key is None and read_request(item.message).tsig is not None
