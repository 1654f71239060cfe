# SPDX-License-Identifier: Apache-2.0
"""How load and flush events of a zone are carried out."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

from control.clock import Clock
from control.errors import ControlError, ZoneUnknown
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Claim, Runner
from control.events.scheduler import Scheduler
from control.events.timing import independent
from control.events.zone import ZoneHandle
from control.log import WARNING, Log
from control.server.replication.planning import is_expired, is_secondary, plan_after_load, plan_notify
from control.server.replication.timers import Timers
from control.server.zone_log import TellSigned, log_load, log_load_failure, log_written, say_nothing
from control.server.zones import Zones
from control.store.zones import StoredZone
from control.update.door import Flushed
from control.update.results import ChangeResult, LoadResult, Outcome
from control.zonefile.refusal import RecordRefused, Refusal
from control.zonefile.write import Written, dump_zone_file, output_path, settle_zone_files, write_zone_file
from pyxdp_dns.errors import EngineError

AS_LOADED = "as loaded"
"""Request of a re-sign: the zone was signed when it was loaded, and what comes next is to be planned."""
SEEN_LATE = "seen late"
"""Request of a re-sign: what the store has of the zone was not answered until now, but a version before it."""
REREAD = "reread"
"""Request of a load: read the zone file even when it is the one that was read before."""


class OutputDirectory(NamedTuple):
    """Request of a flush: write a copy into a directory and leave the zone file as it is."""

    path: str


class RewriteFile(NamedTuple):
    """Request of a flush: write the zone file even when it is up to date."""


NEVER = -1

BeforeLoad = Callable[[ZoneHandle], None]
"""Makes contents that are not from a file. Blocks; raises ControlError or EngineError."""


class Loads:
    """Runs load events."""

    def __init__(
        self,
        zones: Zones,
        log: Log,
        scheduler: Scheduler,
        timers: Timers,
        changed: Callable[[], None],
        clock: Clock,
        before: BeforeLoad,
        tell_signed: TellSigned = say_nothing,
    ) -> None:
        """`changed` is called on the loop after each load, `before` before it; `tell_signed` of what was signed."""
        self._zones, self._log, self._scheduler, self._changed = zones, log, scheduler, changed
        self._timers, self._clock, self._before, self._tell_signed = timers, clock, before, tell_signed

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded)

    def work(self, zone: ZoneHandle, event: Event) -> LoadResult | None:
        """Load the zone; what is served stays when that fails. Blocks.

        None: it is a secondary zone that has expired, or cannot be loaded and has to come from its primaries.
        """
        conf, cold = zone.conf, not zone.loaded
        if is_expired(zone, self._now_s()):
            zone.serial = None
            self._zones.door.publish_empty(zone.wire)
            return None
        try:
            self._before(zone)
            result: LoadResult = self._zones.door.load(
                zone.wire,
                conf.file,
                conf.settings,
                cold=cold,
                force=REREAD in event.requests,
                follows=is_secondary(conf),
            )
        except (ControlError, EngineError, OSError) as error:
            log_load_failure(self._log, conf, error)
            zone.serial = self._zones.load_failed(conf, error, cold=cold)
            if is_secondary(conf):
                return None
            raise
        if cold or result.outcome is not Outcome.UNCHANGED:
            log_load(self._log, zone, result, self._tell_signed)
        return result

    def succeeded(self, zone: ZoneHandle, event: Event, result: LoadResult | None) -> None:
        """Take note of what is served now and plan what follows."""
        zone.loaded = True
        if not is_secondary(zone.conf):
            self._timers.set(zone, independent(zone.timers))
        if result is not None:
            zone.serial = result.new_serial
            if result.needs_flush or not result.is_file:
                plan_flush(self._scheduler, zone, result.needs_flush)
            plan_notify(self._scheduler, zone)
            plan_dnssec(self._scheduler, zone, result, self._now_s())
        plan_after_load(self._scheduler, zone, self._now_s(), at_once=result is None or REREAD in event.requests)
        self._changed()
        self._scheduler.contents_changed(zone)

    def _now_s(self) -> int:
        return self._clock.now_ns() // 10**9


class Flushes:
    """Runs flush events."""

    def __init__(self, zones: Zones, log: Log, clock: Clock) -> None:
        self._zones, self._log, self._clock = zones, log, clock

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded, work_many=self.work_many, gives_way=True)

    def work_many(self, claims: Sequence[Claim]) -> list[Exception | None]:
        """Write the files of several zones, who share the wait for the disk and its clock. Blocks.

        Returns why which of them failed.
        """
        failures: list[Exception | None] = [None] * len(claims)
        plain: list[tuple[int, ZoneHandle, StoredZone]] = []
        for number, (zone, event) in enumerate(claims):
            stored = self._zones.door.find_zone(zone.wire)
            if event.requests or stored is None or stored.expired:
                failures[number] = self._attempt(zone, event)
            elif not stored.is_file:
                plain.append((number, zone, stored))
        self._write_many(plain, failures)
        return failures

    def _attempt(self, zone: ZoneHandle, event: Event) -> Exception | None:
        try:
            self.work(zone, event)
        except (ControlError, OSError) as error:
            return error
        return None

    def _write_many(self, zones: list[tuple[int, ZoneHandle, StoredZone]], failures: list[Exception | None]) -> None:
        """Write zone files; why one could not be written is put where its zone's number says."""
        door, store, dumped = self._zones.door, self._zones.store, []
        with door.flushing(*(zone.wire for _, zone, _ in zones)):
            for number, zone, stored in zones:
                skip = zone.conf.settings.zonefile_skip
                try:
                    file = dump_zone_file(store, zone.wire, zone.conf.file, skip=skip, clock=self._clock)
                    dumped.append((number, zone, stored, file))
                except ZoneUnknown:
                    continue
                except ControlError as error:
                    failures[number] = error
            flushed = []
            settled = settle_zone_files([file for *_, file in dumped], self._clock)
            for (number, zone, stored, _), written in zip(dumped, settled, strict=True):
                if isinstance(written, Exception):
                    failures[number] = written
                    continue
                log_written(self._log, zone.name, stored.file_serial, written)
                if not zone.conf.settings.zonefile_skip:
                    flushed.append(Flushed(zone.wire, written.identity, written.serial, zone.conf.settings))
            if flushed:
                door.flushed_many(flushed)

    def work(self, zone: ZoneHandle, event: Event) -> None:
        """Write what was asked for: copies, the zone file, or the zone file when it is due. Blocks."""
        copies = [request for request in event.requests if isinstance(request, OutputDirectory)]
        stored = self._zones.door.find_zone(zone.wire)
        if stored is None or stored.expired:
            if copies:
                raise RecordRefused(Refusal.ZONE_EMPTY)
            self._log.zone(WARNING, zone.name, "failed to update zone file (zone is empty)")
            return
        for copy in copies:
            written = self._write(zone, output_path(copy.path, zone.name))
            log_written(self._log, zone.name, None, written)
        others = len(event.requests) > len(copies)
        if others or (not copies and not stored.is_file):
            self._write_own(zone, stored)

    def succeeded(self, zone: ZoneHandle, event: Event, result: None) -> None:
        """Nothing follows."""

    def _write(self, zone: ZoneHandle, path: str) -> Written:
        skip = zone.conf.settings.zonefile_skip
        return write_zone_file(self._zones.store, zone.wire, path, skip=skip, clock=self._clock)

    def _write_own(self, zone: ZoneHandle, stored: StoredZone) -> None:
        conf = zone.conf
        door = self._zones.door
        with suppress(ZoneUnknown), door.flushing(zone.wire):
            written = self._write(zone, conf.file)
            log_written(self._log, zone.name, stored.file_serial, written)
            if not conf.settings.zonefile_skip:
                door.flushed(zone.wire, written.identity, written.serial, conf.settings)


def plan_flush(scheduler: Scheduler, zone: ZoneHandle, at_once: bool = False) -> None:
    """Plan the flush that follows a change, as `zonefile-sync` has it; `at_once`: the journal waits for it."""
    delay_s = zone.conf.settings.zonefile_sync_s
    if delay_s != NEVER:
        scheduler.plan(zone, Kind.FLUSH, 0.0 if at_once else delay_s)


def plan_dnssec(scheduler: Scheduler, zone: ZoneHandle, result: LoadResult, now_s: int) -> None:
    """Plan what signing and validating ask for in a zone that was loaded: a look at what is due."""
    settings = zone.conf.settings
    scheduler.cancel(zone, Kind.VALIDATE)
    if settings.validates:
        plan_validation(scheduler, zone, now_s if result.valid_until is None else result.valid_until, now_s)
    if settings.signs:
        unsigned = SEEN_LATE if result.is_seen_late else None
        scheduler.plan(zone, Kind.RESIGN, request=unsigned if result.signed is None else AS_LOADED)
        return
    for kind in (Kind.RESIGN, Kind.DS_CHECK, Kind.DS_PUSH):
        scheduler.cancel(zone, kind)


def plan_validation(scheduler: Scheduler, zone: ZoneHandle, valid_until: int, now_s: int) -> None:
    """Plan a look at the signatures of a zone for when it no longer validates, in place of an earlier plan."""
    scheduler.cancel(zone, Kind.VALIDATE)
    scheduler.plan(zone, Kind.VALIDATE, max(0, valid_until - now_s))


def note_change(scheduler: Scheduler, zone: ZoneHandle, result: ChangeResult) -> None:
    """Take note of a change that went through the door, whoever made it, and plan what follows."""
    zone.serial = result.new_serial
    zone.loaded = True
    if result.outcome is not Outcome.UNCHANGED:
        plan_flush(scheduler, zone, result.needs_flush)
        plan_notify(scheduler, zone)
        if result.valid_until is not None:
            plan_validation(scheduler, zone, result.valid_until, int(time.time()))
        scheduler.contents_changed(zone)
