# SPDX-License-Identifier: Apache-2.0
"""The event refresh: is there a newer zone at its primaries, and if so, it is transferred (RFC 1034, 1995, 5936, 7314).

Primaries are asked in order, each at its addresses in order until one is reached. A zone without contents is
transferred without asking for the SOA first. Whatever fails, the contents there were stay.
"""

import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import closing, nullcontext
from typing import Any, NamedTuple, Protocol

from control.clock import Clock
from control.conf.peers import RemoteConf
from control.errors import ControlError, NoUsableMaster, StoreError
from control.events import timing
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Claim, Runner
from control.events.scheduler import Scheduler
from control.events.timing import News, SoaTimes, Usable
from control.events.zone import ZoneHandle
from control.log import ERROR, INFO, WARNING, Log
from control.server.dnssec.texts import log_signed
from control.server.replication.accepting import Accept, Arrival, Steps, accept_together
from control.server.replication.planning import (
    MANUAL,
    RETRANSFER,
    Notifier,
    is_secondary,
    may_expire,
    plan_expiration,
)
from control.server.replication.texts import address_text, key_text, remote_text
from control.server.replication.timers import Timers
from control.server.replication.turns import Turns
from control.server.runners import note_change
from control.server.zone_log import failure_text
from control.store.contents import get_rrset
from control.store.environment import Transaction
from control.store.kasp_tables import get_kasp
from control.store.keys import unpack_rdatas
from control.store.timers import ZoneTimers, update_timers
from control.store.zones import StoredZone, get_zone
from control.transfer.busy import ClientStopped
from control.transfer.client import Client, RemoteFailed, Session, SoaReply, TransferResult
from control.transfer.incoming import Kind as TransferKind
from control.transfer.incoming import Limits, TransferFailed, TransferIn
from control.transfer.source import source_for
from control.update.early import Early
from control.update.follow import StepRefused
from control.update.results import ChangeResult
from control.update.serial import compare_serials
from pyxdp_dns.errors import EngineError

SOA = 6
IXFR_SIZE_FACTOR = 2
"""An IXFR may be so many times as large as the zone."""


class Contents(Protocol):
    """What is needed of the daemon's zones: store and door, which are there after the start."""

    store: Any
    door: Any


class Own(NamedTuple):
    """The contents of a zone before the refresh: serial (of a zone that is signed here, the primary's) and SOA."""

    serial: int
    soa: bytes


class Refreshed(NamedTuple):
    """What a refresh came to. `change`: a transfer went through; `source`: from this primary."""

    timers: ZoneTimers
    change: ChangeResult | None = None
    source: RemoteConf | None = None


class NotRefreshed(NoUsableMaster):
    """No primary was usable; `timers` are those that follow, but for the time of the next attempt."""

    def __init__(self, zone: bytes, retry_s: int, timers: ZoneTimers) -> None:
        super().__init__(zone, retry_s)
        self.timers = timers


class NotConfigured(ControlError):
    """The configuration has changed: the zone no longer comes from the primary that is asked."""

    def __init__(self) -> None:
        super().__init__("no longer configured")


def always(_zone: ZoneHandle) -> bool:
    """Refreshes wait for other servers."""
    return True


class Refreshes:
    """Runs refresh events."""

    def __init__(
        self,
        zones: Contents,
        log: Log,
        scheduler: Scheduler,
        timers: Timers,
        client: Client,
        accept: Accept,
        clock: Clock,
        loop_time: Callable[[], float],
        chance: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        """`chance` gives a number in [0, 1); `changed` is called on the loop after each transfer."""
        self.zones, self.log, self.scheduler, self.timers = zones, log, scheduler, timers
        self.client, self.accept, self.clock, self.loop_time = client, accept, clock, loop_time
        self.chance, self.changed = chance, changed
        self.turns = Turns(clock)

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(
            self.work, self.succeeded, always, self.failed, work_many=self.work_many, group_of=bootstrapped_from
        )

    def work(self, zone: ZoneHandle, event: Event) -> Refreshed | None:
        """Ask primaries until one has given what the zone needs; None: it has none. Blocks. Raises NotRefreshed."""
        (found,) = accept_together([self._steps(zone, event, self.client)], self.accept, self.clock)
        if isinstance(found, Exception):
            raise found
        return found

    def work_many(self, claims: Sequence[Claim]) -> list[Refreshed | Exception | None]:
        """Do what `work` does for zones of the same primaries, one after the other over one connection.

        Those that are small are written together. Blocks. Returns what `work` gives each of them or would raise.
        """
        with self.turns.take(), self.client.sharing([zone.wire for zone, _ in claims]) as client:
            return accept_together(
                [self._steps(zone, event, client) for zone, event in claims], self.accept, self.clock
            )

    def _steps(self, zone: ZoneHandle, event: Event, client: Client) -> Steps[Refreshed | None]:
        notifiers = tuple(item.id for item in event.requests if isinstance(item, Notifier))
        if MANUAL in event.requests or RETRANSFER in event.requests:
            zone.attempts, notifiers = 0, ()
        zone.masters = zone.conf.replication.masters
        refresh = Refresh(self, zone, RETRANSFER in event.requests, client)
        found = yield from refresh.run(notifiers)
        if found is None and is_secondary(zone.conf):
            if not refresh.is_notified:
                zone.attempts = zone.attempts + 1 if refresh.own is None else 0
            raise refresh.report_failure(zone.attempts)
        zone.attempts = 0
        return found

    def succeeded(self, zone: ZoneHandle, _event: Event, result: Refreshed | None) -> None:
        """Take note of the contents and plan what follows."""
        zone.refreshed_at = self.loop_time()
        if result is None:
            return
        timers = settled(result.timers, zone)
        if result.change is not None and result.source is not None and result.source.block_notify_after_transfer:
            timers = timers._replace(notified_serial=result.change.new_serial)
        self.timers.set(zone, timers)
        if result.change is not None:
            note_change(self.scheduler, zone, result.change)
            self.changed()
        now = self.now_s()
        self.scheduler.plan(zone, Kind.REFRESH, max(0, zone.timers.next_refresh_s - now))
        plan_expiration(self.scheduler, zone, now)

    def failed(self, zone: ZoneHandle, _event: Event, error: Exception) -> None:
        """Plan the next attempt; a fault of the program is not tried again at once either."""
        zone.refreshed_at = self.loop_time()
        if not zone.conf.replication.masters:
            return
        timers = zone.timers
        if isinstance(error, NotRefreshed):
            delay, timers = error.retry_s, settled(error.timers, zone)
        else:
            zone.attempts += 1
            delay = timing.bootstrap_delay(zone.attempts, zone.conf.replication, self.chance())
        self.timers.set(zone, timers._replace(next_refresh_s=self.now_s() + delay))
        self.scheduler.plan(zone, Kind.REFRESH, delay)
        plan_expiration(self.scheduler, zone, self.now_s())

    def now_s(self) -> int:
        """Return the time of day."""
        return self.clock.now_ns() // 10**9


def bootstrapped_from(zone: ZoneHandle, event: Event) -> Hashable:
    """Return the primaries of a zone without contents; None where others are not to be refreshed with it.

    Who does not take EDNS has a connection for each request.
    """
    masters = zone.conf.replication.masters
    if zone.serial is not None or event.requests or any(master.no_edns for master in masters):
        return None
    return masters or None


class Refresh:
    """One refresh of one zone, in a worker's thread."""

    def __init__(self, context: Refreshes, zone: ZoneHandle, is_forced: bool, client: Client) -> None:
        self.zone, self.log, self.client = zone, context.log, client
        self.store, self.door = context.zones.store, context.zones.door
        self.clock, self.now_s, self.chance = context.clock, context.now_s, context.chance
        self.conf = zone.conf.replication
        self.is_forced = is_forced
        self.timers = zone.timers
        self.own = self._own()
        self.is_notified = False
        self.known_s = self.now_s()
        """When it was found out what is logged."""
        self.is_outdated_seen = False
        """A primary was reached that has older contents."""

    def run(self, notifiers: tuple[str, ...]) -> Steps[Refreshed | None]:
        """Return what the first usable primary led to; None when there is none.

        All that sent a NOTIFY, and with `master-pin-tolerance` all primaries, are asked until one has a newer zone.
        """
        remotes, self.is_notified = timing.sources(self.conf.masters, notifiers)
        asks_all = self.is_notified or self.conf.master_pin_tolerance_s > 0
        is_up_to_date = False
        for remote in remotes:
            found = (yield from self._ask(remote)) if self._is_configured(remote) else None
            if found is not None and (found.change is not None or not asks_all):
                return found
            is_up_to_date = is_up_to_date or found is not None
        if is_up_to_date:
            return Refreshed(timing.impatient(self.timers, self.conf, self.now_s()))
        if self.is_outdated_seen and self.own is not None:
            soa = SoaTimes.of(self.own.soa)
            timers = timing.reached(self.timers, self.zone.wire, soa, self.conf, self.now_s())
            return Refreshed(self._not_later(timers))
        return None

    def report_failure(self, attempt: int) -> NotRefreshed:
        """Log that no primary is usable and when is tried again; return that as an exception."""
        self.known_s = now = self.now_s()
        soa = None if self.own is None else SoaTimes.of(self.own.soa)
        if soa is not None and may_expire(self.zone.conf) and not self.timers.expires_s:
            self.timers = self.timers._replace(expires_s=now + timing.clamp(soa.expire, self.conf.expire))
        retry_s = timing.next_retry(soa, attempt, self.conf, self.chance())
        delay = self._not_later(self.timers._replace(next_refresh_s=now + retry_s)).next_refresh_s - now
        when = time.strftime("%Y-%m-%dT%H:%M:%S%z", time.localtime(now + delay))
        expires = "" if soa is None else self._expires()
        self.log.zone(ERROR, self.zone.name, f"refresh, failed (no usable master), next retry at {when}{expires}")
        return NotRefreshed(self.zone.wire, delay, self.timers)

    def _not_later(self, timers: ZoneTimers) -> ZoneTimers:
        """Leave a refresh where it was planned when only primaries that sent a NOTIFY were asked, and to no avail.

        Else these could keep the others from being asked, until the zone expires.
        """
        planned = self.zone.timers.next_refresh_s
        if not self.is_notified or not planned:
            return timers
        return timers._replace(next_refresh_s=max(self.now_s(), min(timers.next_refresh_s, planned)))

    def _is_configured(self, remote: RemoteConf) -> bool:
        """Whether the zone still comes from a primary."""
        masters = self.zone.conf.replication.masters
        return not self.zone.removed and any(master.id == remote.id for master in masters)

    def _own(self) -> Own | None:
        if self.zone.serial is None:
            return None
        with self.store.read() as txn:
            stored = get_zone(txn, self.zone.wire)
            if stored is None or stored.expired:
                return None
            serial = get_kasp(txn, self.zone.wire).master_serial if self.zone.conf.settings.signs else stored.serial
            return None if serial is None else Own(serial, soa_data(txn, stored))

    def _ask(self, remote: RemoteConf) -> Steps[Refreshed | None]:
        """Ask a primary at its addresses; None when another one is to be asked."""
        who = f"{'notifier ' if self.is_notified else ''}remote {remote.id}"
        for single in one_by_one(remote):
            where = f"refresh, {who}, address {address_text(single)}"
            try:
                with self.client.open(single) as session:
                    return (yield from self._exchange(session, single))
            except (RemoteFailed, TransferFailed) as error:
                self.log.zone(INFO, self.zone.name, f"{where}, failed ({error.reason})")
                if isinstance(error, TransferFailed) or error.reached:
                    break
            except (StoreError, ClientStopped):
                raise
            except (ControlError, EngineError) as error:
                self.log.zone(INFO, self.zone.name, f"{where}, failed ({failure_text(error)})")
                break
        self.log.zone(WARNING, self.zone.name, f"refresh, {who} not usable")
        return None

    def _exchange(self, session: Session, remote: RemoteConf) -> Steps[Refreshed | None]:
        if self.own is None or self.is_forced:
            return (yield from self._transfer(session, remote, None))
        reply = session.query_soa(self.zone.wire)
        news = timing.compare(self.own.serial, reply.serial)
        if news is News.SAME:
            return self._up_to_date(remote, self.own, reply.serial, reply.expire_s)
        if news is News.OLDER:
            self._log_news(remote, reply, news.value)
            if self.is_notified:
                self.log.zone(WARNING, self.zone.name, "NOTIFYing master is outdated")
            self.is_outdated_seen = True
            return None
        is_after = compare_serials(self.own.serial, reply.serial) == -1
        usable, self.timers = timing.judge_newer(self.timers, remote.id, self.conf, self.now_s())
        if usable is Usable.NO:
            self._log_news(remote, reply, f"zone is outdated, keeping to pinned remote {self.timers.pinned}")
            self.is_outdated_seen = True
            return None
        self._log_news(remote, reply, news.value)
        # Where RFC 1982 has no order, no changes lead from one serial to the other.
        is_whole = usable is Usable.SWITCH or not is_after
        return (yield from self._transfer(session, remote, None if is_whole else self.own.serial))

    def _transfer(self, session: Session, remote: RemoteConf, base: int | None) -> Steps[Refreshed]:
        """Transfer from a serial on, and everything where that is refused."""
        try:
            return (yield from self._take(session, remote, base))
        except (TransferFailed, StepRefused) as error:
            if base is None or (isinstance(error, TransferFailed) and not error.fallback):
                raise
            self._warn("IXFR", remote, f"{error.reason}, fallback to AXFR")
            return (yield from self._take(session, remote, None))

    def _take(self, session: Session, remote: RemoteConf, base: int | None) -> Steps[Refreshed]:
        name = "AXFR" if base is None else "IXFR"
        began_ns = self.clock.monotonic_ns()
        self.log.zone(INFO, self.zone.name, f"{name}, incoming, remote {remote_text(remote)}, started")
        directory = str(self.store.path)
        early = self.door.begin_early(self.zone.wire) if self._is_stored_as_it_is(base) else None
        with (
            nullcontext() if early is None else closing(early),
            TransferIn(self.zone.wire, base, self._limits(), directory=directory, early=early) as incoming,
        ):
            try:
                result = session.transfer(incoming)
            except RemoteFailed as error:
                self._warn(name, remote, error.reason if error.reached else f"failed ({error.reason})")
                raise
            except TransferFailed as error:
                if base is None or not error.fallback:
                    self._warn(name, remote, error.reason)
                raise
            self._log_finished(name, remote, result)
            if result.kind is TransferKind.UP_TO_DATE and self.own is not None:
                return self._up_to_date(remote, self.own, result.serial, result.expire_s)
            session.finish()
            return (yield from self._commit(incoming, early, result, remote, began_ns))

    def _is_stored_as_it_is(self, base: int | None) -> bool:
        """Whether what is transferred is what is stored of a zone without contents."""
        return base is None and self.own is None and not self.zone.conf.settings.signs

    def _warn(self, name: str, remote: RemoteConf, said: str) -> None:
        self.log.zone(WARNING, self.zone.name, f"{name}, incoming, remote {remote_text(remote)}, {said}")

    def _commit(
        self, incoming: TransferIn, early: Early | None, result: TransferResult, remote: RemoteConf, began_ns: int
    ) -> Steps[Refreshed]:
        """Make the transfer the zone's contents, with its timers in one transaction."""
        name = remote.id

        def also(txn: Transaction) -> None:
            if not self._is_configured(remote):
                raise NotConfigured
            soa = SoaTimes.of(incoming.soa or stored_soa(txn, self.zone.wire))
            self.known_s = self.now_s()
            expire = result.expire_s
            timers = timing.transferred(self.timers, self.zone.wire, soa, expire, self.conf, self.known_s, name)
            self.timers = timers if may_expire(self.zone.conf) else timing.lasting(timers)
            update_timers(txn, self.zone.wire, settled(self.timers, self.zone))

        change = yield Arrival(incoming, self.zone, also, early)
        log_signed(self.log, self.zone.name, [change])
        old = "none" if change.old_serial is None else change.old_serial
        seconds = (self.clock.monotonic_ns() - began_ns) / 1e9
        text = (
            f"refresh, remote {address_text(remote)}{key_text(remote)}, zone updated, {seconds:.2f} seconds, "
            f"serial {old} -> {change.new_serial}{self._expires()}"
        )
        self.log.zone(INFO, self.zone.name, text)
        return Refreshed(self.timers, change, remote)

    def _up_to_date(self, remote: RemoteConf, own: Own, serial: int, expire: int | None) -> Refreshed:
        soa = SoaTimes.of(own.soa)
        self.known_s = self.now_s()
        timers = timing.contacted(self.timers, self.zone.wire, soa, expire, self.conf, self.known_s)
        self.timers = timers if may_expire(self.zone.conf) else timing.lasting(timers)
        text = f"refresh, remote {address_text(remote)}{key_text(remote)}, remote serial {serial}, {News.SAME.value}"
        self.log.zone(INFO, self.zone.name, f"{text}{self._expires()}")
        return Refreshed(self.timers)

    def _limits(self) -> Limits:
        most = self.zone.conf.settings.zone_max_size_bytes
        return Limits(most, None if most is None else IXFR_SIZE_FACTOR * most)

    def _expires(self) -> str:
        if not self.timers.expires_s:
            return ""
        return f", expires in {max(0, self.timers.expires_s - self.known_s)} seconds"

    def _log_news(self, remote: RemoteConf, reply: SoaReply, text: str) -> None:
        where = f"{address_text(remote)}{key_text(remote)}"
        self.log.zone(INFO, self.zone.name, f"refresh, remote {where}, remote serial {reply.serial}, {text}")

    def _log_finished(self, name: str, remote: RemoteConf, result: TransferResult) -> None:
        where = f"{name}, incoming, remote {remote_text(remote)}"
        if name == "IXFR" and result.kind is TransferKind.AXFR:
            self.log.zone(INFO, self.zone.name, f"{where}, receiving AXFR-style IXFR")
            where = f"AXFR, incoming, remote {remote_text(remote)}"
        text = (
            f"{where}, finished, remote serial {result.serial}, {result.seconds:.2f} seconds, "
            f"{result.messages} messages, {result.octets} bytes"
        )
        self.log.zone(INFO, self.zone.name, text)


def settled(timers: ZoneTimers, zone: ZoneHandle) -> ZoneTimers:
    """Return timers with what an operator may have changed meanwhile."""
    return timers._replace(xfr_frozen=zone.timers.xfr_frozen)


def stored_soa(txn: Transaction, zone: bytes) -> bytes:
    """Return the data of the SOA record of a zone that the store has."""
    stored = get_zone(txn, zone)
    assert stored is not None
    return soa_data(txn, stored)


def soa_data(txn: Transaction, stored: StoredZone) -> bytes:
    """Return the data of a zone's SOA record."""
    value = get_rrset(txn, stored, stored.apex, SOA)
    assert value is not None
    return unpack_rdatas(value)[0]


def one_by_one(remote: RemoteConf) -> Iterator[RemoteConf]:
    """Yield a remote once for each of its addresses, with the source address that goes with it."""
    if len(remote.addresses) == 1 and not remote.via:
        yield remote
        return
    for endpoint in remote.addresses:
        source = source_for(remote, endpoint)
        yield remote._replace(addresses=(endpoint,), via=() if source is None else (source,))
