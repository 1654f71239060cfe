# SPDX-License-Identifier: Apache-2.0
"""The event DNSSEC-validate: are the signatures of a zone still valid?

It is planned for when they will not be, and when an operator asks. A secondary zone that does not validate expires at
once and is transferred anew; one that has no primaries is served on, and the failure told.
"""

from collections.abc import Callable
from typing import Any

from control.errors import ZoneBogus, ZoneUnknown
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import ERROR, INFO, Log
from control.server.replication.planning import is_secondary
from control.server.runners import plan_validation
from control.sign.validate import Valid, validate
from control.store.contents import flat_zone
from control.store.zones import get_zone

INVALID_RETRY_S = 3600
"""A zone that does not validate and is served on is looked at again."""


class Validations:
    """Runs DNSSEC-validate events. `zones` has the door and the store."""

    def __init__(
        self,
        zones: Any,
        log: Log,
        scheduler: Scheduler,
        now_s: Callable[[], int],
        expired: Callable[[ZoneHandle], None],
        told: Callable[[str, int], None] = lambda _zone, _seconds: None,
    ) -> None:
        """`expired` takes note, on the loop, that a zone is not answered from; `told` is told of invalid zones."""
        self._zones, self._log, self._scheduler, self._now_s = zones, log, scheduler, now_s
        self._expired, self._told = expired, told

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded, failed=self.failed)

    def work(self, zone: ZoneHandle, _event: Event) -> Valid:
        """Validate all of the zone. Blocks. Raises ZoneBogus, ZoneUnknown."""
        self._log.zone(INFO, zone.name, "DNSSEC, full zone revalidation")
        with self._zones.store.read() as txn:
            stored = get_zone(txn, zone.wire)
            if stored is None or stored.expired:
                raise ZoneUnknown(zone.wire, "no contents to validate; load the zone first")
            contents = flat_zone(txn, stored)
        try:
            valid = validate(contents, zone.wire, zone.conf.settings, self._now_s())
        except ZoneBogus as error:
            self._log.zone(ERROR, zone.name, f"DNSSEC, validation failed ({error})")
            self._told(zone.name, 0)
            if zone.conf.settings.validates and is_secondary(zone.conf):
                self._zones.door.expire(zone.wire)
            raise
        self._log.zone(INFO, zone.name, f"DNSSEC, validation successful, checked RRSIGs {valid.checked}")
        return valid

    def succeeded(self, zone: ZoneHandle, _event: Event, valid: Valid) -> None:
        """Look again when the first signature runs out."""
        if zone.conf.settings.validates:
            plan_validation(self._scheduler, zone, valid.until, self._now_s())

    def failed(self, zone: ZoneHandle, _event: Event, error: Exception) -> None:
        """Transfer a secondary zone anew."""
        if not isinstance(error, ZoneBogus) or not zone.conf.settings.validates:
            return
        if is_secondary(zone.conf):
            self._expired(zone)
            self._scheduler.plan(zone, Kind.REFRESH)
        else:
            self._scheduler.plan(zone, Kind.VALIDATE, INVALID_RETRY_S)
