# SPDX-License-Identifier: Apache-2.0
"""How load and flush events of a zone are carried out."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from control.clock import Clock
from control.errors import ControlError, ZoneUnknown
from control.events.event import Event
from control.events.kinds import Kind
from control.events.scheduler import Runner, Scheduler
from control.events.zone import ZoneHandle
from control.log import WARNING, Log
from control.server.zone_log import log_load, log_load_failure, log_written
from control.server.zones import Zones
from control.store.zones import StoredZone
from control.update.results import ChangeResult, LoadResult, Outcome
from control.zonefile.refusal import RecordRefused, Refusal
from control.zonefile.write import Written, output_path, write_zone_file
from pyxdp_dns.errors import EngineError

REREAD = "reread"
"""Request of a load: read the zone file even when it is the one that was read before."""


class OutputDirectory(NamedTuple):
    """Request of a flush: write a copy into a directory and leave the zone file as it is."""

    path: str


class RewriteFile(NamedTuple):
    """Request of a flush: write the zone file even when it is up to date."""


NEVER = -1


class Loads:
    """Runs load events."""

    def __init__(self, zones: Zones, log: Log, scheduler: Scheduler, changed: Callable[[], None]) -> None:
        """`changed` is called on the loop after each load."""
        self._zones, self._log, self._scheduler, self._changed = zones, log, scheduler, changed

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded)

    def work(self, zone: ZoneHandle, event: Event) -> LoadResult:
        """Load the zone; what is served stays when that fails. Blocks."""
        conf, cold = zone.conf, not zone.loaded
        try:
            result: LoadResult = self._zones.door.load(
                zone.wire, conf.file, conf.settings, cold=cold, force=REREAD in event.requests
            )
        except (ControlError, EngineError, OSError) as error:
            log_load_failure(self._log, conf, error)
            zone.serial = self._zones.load_failed(conf, error, cold=cold)
            raise
        if cold or result.outcome is not Outcome.UNCHANGED:
            log_load(self._log, zone.name, result)
        return result

    def succeeded(self, zone: ZoneHandle, _event: Event, result: LoadResult) -> None:
        """Take note of what is served now and plan what follows."""
        zone.loaded = True
        zone.serial = result.new_serial
        if result.needs_flush or not result.is_file:
            plan_flush(self._scheduler, zone, result.needs_flush)
        self._changed()


class Flushes:
    """Runs flush events."""

    def __init__(self, zones: Zones, log: Log, clock: Clock) -> None:
        self._zones, self._log, self._clock = zones, log, clock

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded)

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


def note_change(scheduler: Scheduler, zone: ZoneHandle, result: ChangeResult) -> None:
    """Take note of a change that went through the door and plan what follows."""
    zone.serial = result.new_serial
    zone.loaded = True
    if result.outcome is not Outcome.UNCHANGED:
        plan_flush(scheduler, zone, result.needs_flush)
