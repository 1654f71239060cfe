# SPDX-License-Identifier: Apache-2.0
"""NOTIFY (RFC 1996): telling others that a zone has changed, and being told so."""

import socket
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

from control.conf.peers import RemoteConf
from control.errors import ControlError
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.scheduler import Scheduler
from control.events.timing import SoaTimes, retry_interval
from control.events.zone import ZoneHandle
from control.log import INFO, WARNING, Log
from control.server.inbound import InboundRequest
from control.server.replication.planning import (
    TELL_ALL,
    Notifier,
    is_secondary,
    plan_notified,
    plan_notify,
)
from control.server.replication.refresh import always, one_by_one, soa_data
from control.server.replication.texts import rcode_text, remote_text
from control.server.replication.timers import Timers
from control.server.replying import Replier
from control.store.zones import get_zone
from control.transfer.client import NotifyReply, RemoteFailed
from control.wire.request import SOA

NOERROR, FORMERR = 0, 1
FAULT_RETRY_S = 60
"""After what is no fault of those that are to be told."""


class Teller(Protocol):
    """What is needed of the client of other servers."""

    def notify(self, remote: RemoteConf, zone: bytes, soa: bytes | None) -> NotifyReply:
        """Send a NOTIFY and wait for the reply; raises RemoteFailed."""
        ...


class NotTold(ControlError):
    """Some could not be told; they are tried again."""

    def __init__(self, remotes: tuple[str, ...], retry_s: int) -> None:
        super().__init__("failed")
        self.remotes, self.retry_s = remotes, retry_s


class Told(NamedTuple):
    """All there are to be told know this serial; None: there was nothing to be told."""

    serial: int | None = None


class Notifies:
    """Runs notify events. Nobody is told anything before `start`: the server may not answer yet."""

    def __init__(self, zones: Any, log: Log, scheduler: Scheduler, timers: Timers, client: Teller) -> None:
        self._zones, self._log, self._scheduler, self._timers = zones, log, scheduler, timers
        self._client = client
        self.started = False

    def start(self, zones: Iterable[ZoneHandle]) -> None:
        """The server answers: tell of zones whose serials are others than those told last."""
        self.started = True
        for zone in zones:
            plan_notify(self._scheduler, zone)

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded, always, self.failed)

    def work(self, zone: ZoneHandle, event: Event) -> Told:
        """Tell those that are to be told, in order. Blocks. Raises NotTold."""
        if not self.started:
            return Told()
        is_asked = TELL_ALL in event.requests
        soa = self._soa(zone)
        if soa is None:
            return Told()
        times = SoaTimes.of(soa)
        if not is_asked and not zone.unnotified and times.serial == zone.timers.notified_serial:
            return Told()
        remotes = zone.conf.replication.notify
        if zone.unnotified and not is_asked:
            remotes = tuple(remote for remote in remotes if remote.id in zone.unnotified)
        left = tuple(remote.id for remote in remotes if not self._tell(zone, remote, soa, times.serial))
        if left:
            raise NotTold(left, retry_interval(times, zone.conf.replication))
        return Told(times.serial)

    def succeeded(self, zone: ZoneHandle, _event: Event, result: Told) -> None:
        """Remember what was told; tell again when the zone has changed meanwhile."""
        if result.serial is not None:
            zone.unnotified = ()
            self._timers.set(zone, zone.timers._replace(notified_serial=result.serial))
            plan_notify(self._scheduler, zone)

    def failed(self, zone: ZoneHandle, _event: Event, error: Exception) -> None:
        """Try those again that could not be told, or all when the zone could not even be looked up."""
        delay = FAULT_RETRY_S
        if isinstance(error, NotTold):
            zone.unnotified, delay = error.remotes, error.retry_s
        self._scheduler.plan(zone, Kind.NOTIFY, delay)

    def _soa(self, zone: ZoneHandle) -> bytes | None:
        with self._zones.store.read() as txn:
            stored = get_zone(txn, zone.wire)
            return None if stored is None or stored.expired or zone.serial is None else soa_data(txn, stored)

    def _tell(self, zone: ZoneHandle, remote: RemoteConf, soa: bytes, serial: int) -> bool:
        """Tell a remote at the first of its addresses that is reached."""
        for single in one_by_one(remote):
            where = f"notify, outgoing, remote {remote_text(single)}"
            try:
                reply = self._client.notify(single, zone.wire, soa)
            except RemoteFailed as error:
                self._log.zone(WARNING, zone.name, f"{where}, serial {serial}, failed ({error.reason})")
                if error.reached:
                    return False
                continue
            if reply.rcode == NOERROR:
                self._log.zone(INFO, zone.name, f"{where}, serial {serial}")
                return True
            text = f"{where}, serial {serial}, server responded with error '{rcode_text(reply.rcode)}'"
            self._log.zone(WARNING, zone.name, text)
            return False
        return False


class NotifyHandler:
    """Takes NOTIFY requests that the access rules allow."""

    def __init__(self, log: Log, scheduler: Scheduler, loop_time: Callable[[], float]) -> None:
        self._log, self._scheduler, self._loop_time = log, scheduler, loop_time

    def __call__(self, request: InboundRequest, reply: Replier) -> None:
        """Reply at once, and refresh a secondary zone from who sent it.

        What is planned already is neither planned nor logged again, so forged requests cause one refresh a second.
        """
        if request.request.qtype != SOA:
            reply.refuse(FORMERR)
            return
        reply.refuse(NOERROR)
        zone = request.zone
        if not is_secondary(zone.conf):
            return
        notifiers = tuple(Notifier(id_) for id_ in senders(zone.conf.replication.masters, request.source.address))
        if plan_notified(self._scheduler, zone, notifiers, self._loop_time()):
            serial = announced_serial(request.message)
            told = "" if serial is None else f", serial {serial}"
            self._log.zone(INFO, zone.name, f"notify, incoming, remote {request.source}{told}")


def senders(masters: Iterable[RemoteConf], address: bytes) -> list[str]:
    """Return the ids of the primaries that have an address (4 or 16 octets)."""
    text = socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)
    return [remote.id for remote in masters if any(endpoint.address == text for endpoint in remote.addresses)]


def announced_serial(message: bytes) -> int | None:
    """Return the serial that a NOTIFY brings along, if it does."""
    from pyxdp_dns.message import MessageRefused, Section, read_records

    try:
        records = read_records(message, Section.ANSWER, Section.ANSWER)
    except MessageRefused:
        return None
    return next((SoaTimes.of(record.rdata).serial for record in records if record.type == SOA), None)
