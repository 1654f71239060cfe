# SPDX-License-Identifier: Apache-2.0
"""The zones of the running daemon: what the configuration, the store and their events are to each other.

Belongs to the loop's thread; what blocks goes to workers.
"""

import asyncio
import gc
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from control.clock import Clock
from control.conf.model import Config
from control.conf.policy import KeystoreConf
from control.conf.values import name_to_wire
from control.conf.zone import ZoneConf
from control.errors import ControlError
from control.events.event import Event, Waiter
from control.events.kinds import Kind
from control.events.lane import Lane, Runner
from control.events.scheduler import Cancelled, Scheduler
from control.events.zone import ZoneHandle
from control.log import ERROR, INFO, WARNING, Log
from control.server.committer import Committer
from control.server.directory import Difference, Directory
from control.server.replication.planning import is_expired, is_secondary
from control.server.replication.timers import Timers
from control.server.runners import NEVER, REREAD, BeforeLoad, Flushes, Loads
from control.server.waiting import make_waiter
from control.server.workers import Workers
from control.server.zone_log import TellSigned, failure_text, log_load, log_load_failure, say_nothing
from control.server.zones import Zones
from control.sign.signing import Signed
from control.store.environment import Transaction
from control.store.sources import are_unchanged
from control.store.timers import remove_timers
from control.store.zones import get_zone
from control.update.prepared import LoadRequest
from control.update.results import LoadResult
from control.update.results import Outcome as LoadOutcome
from pyxdp_dns.errors import EngineError

BRIEF_WORKERS = 16
"""Zones whose small commits share the wait for the disk."""
MANY = 200
"""From so many zones on, loads are done together and not as events."""
LOOKED_AT = 500
"""Zones looked at in one snapshot."""
CLAIMED = 2000
"""Zones of one such load that are busy at the same time."""
REPORTED = 256
"""Results of such loads handed to the loop at a time."""

Pending = list["asyncio.Future[None]"]

Claim = tuple[ZoneHandle, Event]
"""A zone and its load event that runs."""

Outcome = tuple[ZoneHandle, Event, LoadResult | Exception | None, int | None]
"""The same, what loading gave (None: nothing, the zone comes from its primaries), and the serial served."""


class Keeper:
    """Loads and follows the zones of the configuration."""

    def __init__(
        self,
        zones: Zones,
        log: Log,
        workers: Workers,
        count: int,
        network: Workers,
        changed: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`count` of `workers` take events at a time, all of `network` those that wait for other servers.

        `changed` is called on the loop when contents have changed.
        """
        self.loop = asyncio.get_running_loop()
        self.zones, self.log, self.workers, self.changed = zones, log, workers, changed
        self.committer = Committer(asyncio.get_running_loop(), lambda batches: zones.door.commit_many(batches))
        self.directory = Directory()
        self.network = network
        self.brief = Workers(self.loop, BRIEF_WORKERS, "brief")
        lanes = Lane(workers.execute, count), Lane(network.execute, network.count)
        brief = Lane(self.brief.execute, self.brief.count)
        self.scheduler = Scheduler(self.loop, *lanes, self._failed, brief)
        self.clock = clock
        self.timers = Timers(self.loop, zones.read, zones.write, workers.execute, log)
        self.stopping = False
        self.before_load: BeforeLoad = lambda _zone: None
        self.tell_signed: TellSigned = say_nothing
        self.loading = 0
        """Zones that are to be loaded at the start and are not yet."""
        self.runs: dict[Kind, Runner] = self.scheduler.runners
        loads = Loads(zones, log, self.scheduler, self.timers, changed, clock, self._prepare, self._signed)
        self.runs[Kind.LOAD] = loads.runner()
        self.runs[Kind.FLUSH] = Flushes(zones, log, clock).runner()

    def now(self) -> float:
        """Return the time of day."""
        return self.clock.now_ns() / 1e9

    def configure(self, config: Config) -> None:
        """Know the zones of the configuration of the start."""
        self.directory.follow(config.zones)
        self.loading = len(self.directory)

    def confs(self) -> list[ZoneConf]:
        """Return the configuration of every zone, members of catalogs among them."""
        return [zone.conf for zone in self.directory.all()]

    async def start(self) -> None:
        """Load every zone at the start, and answer for no others."""
        handles = list(self.directory.all())
        self.loading = len(handles)
        await self.workers.run(lambda: self.timers.read(handles))
        if not handles:
            self.log.warning("no zones loaded")
        else:
            self.log.info(f"loading {len(handles)} zones")
        try:
            await self.load_many(handles)
            await self.workers.run(self._withdraw_others)
        finally:
            self.loading = 0
        self.changed()

    async def load_many(self, handles: list[ZoneHandle]) -> None:
        """Load zones, many at a time; those that are busy or held get an event of their own."""
        for at in range(0, len(handles), CLAIMED):
            claims: list[Claim] = []
            for zone in handles[at : at + CLAIMED]:
                event = self.scheduler.claim(zone, Kind.LOAD)
                if event is None:
                    self.scheduler.plan(zone, Kind.LOAD)
                else:
                    claims.append((zone, event))
            try:
                with collector_paused():
                    await self.workers.run(lambda claims=claims: self._load_many(claims))  # type: ignore[misc]
            finally:
                for zone, event in claims:
                    if zone.running is event:
                        self.scheduler.release(zone, event, None, Cancelled("the load was given up"))
            self.loading = max(0, self.loading - CLAIMED)

    async def follow(self, difference: Difference) -> Pending:
        """Act on what another configuration changes; return what has begun and will end by itself."""
        pending = [self._withdraw_when_idle(zone) for zone in difference.removed]
        added = difference.added
        await self._publish_access([zone.conf for zone in [*added, *difference.changed]])
        if added:
            for zone in added:
                self.log.zone(INFO, zone.name, "zone will be loaded")
            await self.workers.run(lambda: self.timers.read(added))
            await self._publish_empty(added)
        pending += self._plan_loads(added)
        for zone in difference.changed:
            if zone.conf.settings.zonefile_sync_s == NEVER:
                self.scheduler.cancel(zone, Kind.FLUSH)
        return pending + self._plan_loads(difference.changed)

    async def _publish_access(self, confs: list[ZoneConf]) -> None:
        try:
            await self.workers.run(lambda: self.zones.publish_access(confs))
        except EngineError as error:
            self.log.error(f"who may query zones that were added or changed is not published ({error})")

    async def _publish_empty(self, added: list[ZoneHandle]) -> None:
        try:
            await self.workers.run(lambda: self.zones.publish_empty([zone.conf for zone in added]))
        except EngineError as error:
            self.log.error(f"zones that were added are not answered for until they are loaded ({error})")

    async def follow_files(self) -> Pending:
        """Load the zones whose files have changed, and those without contents; return what has begun."""
        handles = list(self.directory.all())
        return self._plan_loads(await self.workers.run(lambda: self._with_other_files(handles)))

    async def purge_orphans(self, names: list[str] | None, keystores: Iterable[KeystoreConf] | None = None) -> None:
        """Remove all the store has of zones that are not configured: those named, or all.

        Private keys that no other zone has are removed from `keystores`, where there are any.
        """
        wanted = None if names is None else {name_to_wire(name) for name in names}
        configured = {zone.wire for zone in self.directory.all()}

        def work() -> None:
            for apex in self.zones.stored() if wanted is None else wanted:
                if apex not in configured:
                    self.zones.store.write(lambda txn, apex=apex: remove_timers(txn, apex))
                    self.zones.purge_keys(apex, keystores)
                    self.zones.door.purge_journal(apex)
                    self.zones.door.drop(apex)

        await self.workers.run(work)

    def stop(self) -> None:
        """Begin nothing any more."""
        self.stopping = True
        self.scheduler.stop()

    def _plan_loads(self, handles: Iterable[ZoneHandle]) -> Pending:
        """Plan loads, or load together when they are many; return what has begun and nothing holds."""
        handles = list(handles)
        if len(handles) >= MANY:
            return [asyncio.ensure_future(self.load_many(handles))]
        pending: Pending = []
        for zone in handles:
            if zone.frozen() or zone.transaction is not None:
                self.scheduler.plan(zone, Kind.LOAD)
            else:
                waiter, future = make_waiter()
                self.scheduler.plan(zone, Kind.LOAD, waiter=waiter)
                pending.append(future)
        return pending

    def _withdraw_when_idle(self, zone: ZoneHandle) -> "asyncio.Future[None]":
        """Answer no longer for a zone that was removed, once its last event has ended."""
        waiter, future = make_waiter()
        self.scheduler.forget(zone)
        self.scheduler.when_idle(zone, lambda _error: self._withdraw(zone, waiter))
        return future

    def _withdraw(self, zone: ZoneHandle, waiter: Waiter) -> None:
        """Answer no longer for a zone that was removed, unless it is configured again; tell when that is done."""

        def withdraw() -> None:
            if self.directory.find(zone.name) is None:
                self.zones.withdraw([zone.wire])

        def done(_result: object, error: Exception | None) -> None:
            if error is not None:
                self.log.zone(ERROR, zone.name, f"zone cannot be removed ({error})")
            waiter(None)
            self.changed()

        self.workers.execute(withdraw, done)

    def _withdraw_others(self) -> None:
        self.zones.withdraw_others({zone.wire for zone in self.directory.all()})

    def _with_other_files(self, handles: list[ZoneHandle]) -> list[ZoneHandle]:
        """Blocks. A snapshot serves some hundred zones: one each would cost more than the look itself."""
        found: list[ZoneHandle] = []
        for at in range(0, len(handles), LOOKED_AT):
            with self.zones.store.read() as txn:
                group = handles[at : at + LOOKED_AT]
                found += [zone for zone in group if not zone.removed and has_other_file(txn, zone)]
        return found

    def _load_many(self, claims: list[Claim]) -> None:
        """Load in a worker's thread; the loop hears of it in parts."""
        outcomes: list[Outcome] = []
        now = self.now()
        expired = [(zone, event) for zone, event in claims if is_expired(zone, now)]
        for zone, event in expired:
            self.zones.door.publish_empty(zone.wire)
            outcomes.append((zone, event, None, None))
        claims = [(zone, event) for zone, event in claims if not is_expired(zone, now)]
        by_wire = {zone.wire: (zone, event) for zone, event in claims}
        for request, result in self.zones.door.load_many(self._requests(claims)):
            zone, event = by_wire.pop(request.zone)
            if isinstance(result, Exception):
                log_load_failure(self.log, zone.conf, result)
                serial = self.zones.load_failed(zone.conf, result, cold=request.cold)
                outcomes.append((zone, event, None if is_secondary(zone.conf) else result, serial))
            else:
                if request.cold or result.outcome is not LoadOutcome.UNCHANGED:
                    log_load(self.log, zone, result, self.tell_signed)
                outcomes.append((zone, event, result, result.new_serial))
            if len(outcomes) >= REPORTED:
                self._report(outcomes)
                outcomes = []
        self._report(outcomes)

    def _requests(self, claims: list[Claim]) -> Iterator[LoadRequest]:
        for zone, event in claims:
            if self.stopping:
                return
            if not zone.removed:
                conf = zone.conf
                try:
                    self._prepare(zone)
                except (ControlError, EngineError) as error:
                    log_load_failure(self.log, conf, error)
                force, follows = REREAD in event.requests, is_secondary(conf)
                yield LoadRequest(zone.wire, conf.file, conf.settings, not zone.loaded, force, follows)

    def _signed(self, zone: ZoneHandle, signed: Signed, serial: int) -> None:
        self.tell_signed(zone, signed, serial)

    def _prepare(self, zone: ZoneHandle) -> None:
        self.before_load(zone)

    def _report(self, outcomes: list[Outcome]) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._loaded, outcomes)

    def _loaded(self, outcomes: list[Outcome]) -> None:
        with self.scheduler.together():
            for zone, event, result, serial in outcomes:
                if isinstance(result, LoadResult):
                    self.scheduler.release(zone, event, result, None)
                else:
                    zone.serial = serial
                    self.scheduler.release(zone, event, None, result)

    def _failed(self, zone: ZoneHandle, event: Event, error: Exception) -> None:
        if zone.removed or isinstance(error, Cancelled):
            return
        self.log.zone(ERROR, zone.name, f"zone event '{event.kind.label}' failed ({failure_text(error)})")
        if not isinstance(error, (ControlError, EngineError, OSError)):
            self.log.zone(WARNING, zone.name, f"that is a fault of the program ({error!r})")


@contextmanager
def collector_paused() -> Iterator[None]:
    """Let no garbage be looked for: loads make no cycles, and walking all zones again and again takes long."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def has_other_file(txn: Transaction, zone: ZoneHandle) -> bool:
    """Tell whether a load would find another zone file than the one the zone is from, or the zone has no contents."""
    conf = zone.conf
    stored = get_zone(txn, zone.wire)
    if stored is None or stored.expired or zone.serial is None:
        return True
    if conf.settings.zonefile_load == "none" or not os.path.exists(conf.file):
        return False
    return not are_unchanged(stored.sources, conf.file)
