# SPDX-License-Identifier: Apache-2.0
"""The event expiration: a secondary zone whose primaries were not reached for too long is answered SERVFAIL.

Its contents, journal and file stay and are not used, not even after a restart; only a transfer brings the zone back.
"""

from collections.abc import Callable

from control.clock import Clock
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import INFO, Log
from control.server.replication.planning import is_expired, plan_expiration
from control.server.zones import Zones


class Expirations:
    """Runs expiration events."""

    def __init__(self, zones: Zones, log: Log, scheduler: Scheduler, clock: Clock, changed: Callable[[], None]) -> None:
        """`changed` is called on the loop when a zone has expired."""
        self._zones, self._log, self._scheduler, self._clock = zones, log, scheduler, clock
        self._changed = changed

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded)

    def work(self, zone: ZoneHandle, _event: Event) -> bool:
        """Answer SERVFAIL from now on; false when a primary was reached in the meantime. Blocks."""
        if not is_expired(zone, self._clock.now_ns() / 1e9):
            return False
        self._zones.door.expire(zone.wire)
        return True

    def succeeded(self, zone: ZoneHandle, _event: Event, has_expired: bool) -> None:
        """Ask the primaries at once."""
        if has_expired:
            self.note(zone)
            self._scheduler.plan(zone, Kind.REFRESH)
        else:
            plan_expiration(self._scheduler, zone, self._clock.now_ns() / 1e9)

    def note(self, zone: ZoneHandle) -> None:
        """Take note that the zone is not answered from any more."""
        zone.serial = None
        self._log.zone(INFO, zone.name, "zone expired")
        self._scheduler.cancel(zone, Kind.FLUSH)
        self._scheduler.cancel(zone, Kind.NOTIFY)
        self._changed()
