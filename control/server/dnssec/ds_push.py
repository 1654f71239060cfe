# SPDX-License-Identifier: Apache-2.0
"""The event DS-push: the servers of the parent zone get the DS records that the zone's CDS records ask for (RFC 7344).

It is planned `propagation-delay` after the CDS records have changed, so that who checks them finds them everywhere, and
again a while later when a server did not take them. When it is due outlives the daemon (`ZoneKasp.ds_push_due`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from control.conf.peers import RemoteConf
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import INFO, WARNING, Log
from control.server.replication.refresh import always, one_by_one
from control.server.replication.texts import key_text, rcode_text, remote_text
from control.store.contents import get_rrset
from control.store.keys import unpack_rdatas, unpack_ttl
from control.store.zones import get_zone
from control.transfer.client import RemoteFailed
from control.transfer.ds_push import wanted_ds
from control.transfer.parents import Opener, PushReply, push_ds

SOA, CDS = 6, 59
RETRY_S = 600
"""After a failure, as Knot DNS has it."""


class DueTimes(Protocol):
    """Where it is kept when the parent is to be told (`ZoneKasp.ds_push_due`)."""

    def set_due(self, zone: ZoneHandle, due_s: int) -> None:
        """Remember it (Unix seconds; 0: the parent knows). Blocks."""
        ...


class Push(NamedTuple):
    """What the parent's servers are to have."""

    ds: tuple[bytes, ...]
    """DS data; none: the zone is to have no DS records."""
    ttl_s: int


class DsPushes:
    """Runs DS-push events. `zones` has the store."""

    def __init__(
        self, zones: Any, due_times: DueTimes, log: Log, scheduler: Scheduler, client: Opener, now_s: Callable[[], int]
    ) -> None:
        self._zones, self._due_times, self._log, self._scheduler = zones, due_times, log, scheduler
        self._client, self._now_s = client, now_s

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded, always, self.failed)

    def work(self, zone: ZoneHandle, _event: Event) -> int:
        """Tell all; return when those who did not take it are to be told again, 0 for never. Blocks.

        A zone without CDS records asks for nothing.
        """
        remotes, push = remotes_of(zone), self._wanted(zone)
        due_s = 0
        if push is not None:
            taken = [self._push(zone, remote, push) for remote in remotes]
            due_s = 0 if all(taken) else self._now_s() + RETRY_S
        self._due_times.set_due(zone, due_s)
        return due_s

    def succeeded(self, zone: ZoneHandle, _event: Event, due_s: int) -> None:
        """Try again later what has to be."""
        plan_ds_push(self._scheduler, zone, due_s, self._now_s())

    def failed(self, zone: ZoneHandle, _event: Event, _error: Exception) -> None:
        """Try again when the zone could not even be looked up."""
        self._scheduler.plan(zone, Kind.DS_PUSH, RETRY_S)

    def _wanted(self, zone: ZoneHandle) -> Push | None:
        """Return what the zone's CDS records ask for; None without any."""
        with self._zones.store.read() as txn:
            stored = get_zone(txn, zone.wire)
            if stored is None or stored.expired:
                return None
            cds, soa = (get_rrset(txn, stored, zone.wire, rtype) for rtype in (CDS, SOA))
        if cds is None or soa is None:
            return None
        ttl_s = zone.conf.dnssec.policy.dnskey_ttl_s
        return Push(wanted_ds(unpack_rdatas(cds)), unpack_ttl(soa) if ttl_s is None else ttl_s)

    def _push(self, zone: ZoneHandle, remote: RemoteConf, push: Push) -> bool:
        """Tell a remote at its addresses until one takes it."""
        return any(self._push_at(zone, single, push) for single in one_by_one(remote))

    def _push_at(self, zone: ZoneHandle, remote: RemoteConf, push: Push) -> bool:
        try:
            reply: PushReply = push_ds(self._client, remote, zone.wire, push.ds, push.ttl_s)
        except RemoteFailed as error:
            where = error.endpoint + key_text(remote) if error.endpoint else remote_text(remote)
            self._log.zone(WARNING, zone.name, f"DS push, outgoing, remote {where}, failed ({error.reason})")
            return False
        where = f"DS push, outgoing, remote {reply.endpoint}{key_text(remote)}"
        if reply.rcode:
            text = f"{where}, server responded with error '{rcode_text(reply.rcode)}'"
            self._log.zone(WARNING, zone.name, text)
            return False
        self._log.zone(INFO, zone.name, f"{where}, success")
        return True


def remotes_of(zone: ZoneHandle) -> tuple[RemoteConf, ...]:
    """Return who is told of the zone's DS records."""
    dnssec = zone.conf.dnssec
    return dnssec.ds_push if dnssec.signing else ()


def plan_ds_push(scheduler: Scheduler, zone: ZoneHandle, due_s: int, now_s: int) -> None:
    """Plan the push for when it is due (Unix seconds; 0: there is none), in place of an earlier plan.

    To be called when the CDS records have changed, and at the start with what is remembered.
    """
    scheduler.cancel(zone, Kind.DS_PUSH)
    if due_s and remotes_of(zone):
        scheduler.plan(zone, Kind.DS_PUSH, max(0, due_s - now_s))
