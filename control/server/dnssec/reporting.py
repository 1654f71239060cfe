# SPDX-License-Identifier: Apache-2.0
"""Where the report of `zone-dnssec` comes from: the store, the events that are planned, and what parents said last."""

import asyncio
from collections.abc import Callable
from typing import Any

from control.ctl.zone_dnssec import DnssecReport
from control.events.kinds import Kind
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.server.dnssec.ds_check import DsChecks
from control.server.dnssec.report import Plans, Subject, make_report
from control.sign.signers import Signers, State


class Reporting:
    """Makes reports. `zones` has the store."""

    def __init__(
        self, zones: Any, scheduler: Scheduler, signers: Signers, checks: DsChecks, now_s: Callable[[], int]
    ) -> None:
        self._zones, self._scheduler, self._signers = zones, scheduler, signers
        self._checks, self._now_s = checks, now_s

    async def report(self, zone: ZoneHandle) -> DnssecReport:
        """Return the report of a zone. Raises KaspDamaged."""
        plans = Plans(
            sign_at=self._due(zone, Kind.RESIGN),
            check_at=self._due(zone, Kind.DS_CHECK),
            push_at=self._due(zone, Kind.DS_PUSH),
            checked=self._checks.last.get(zone.name),
        )
        subject, now_s = Subject(zone.name, zone.wire, zone.serial), self._now_s()
        return await asyncio.to_thread(lambda: make_report(subject, self._state(zone), now_s, plans))

    def _state(self, zone: ZoneHandle) -> State | None:
        with self._zones.store.read() as txn:
            return self._signers.read(txn, zone.wire)

    def _due(self, zone: ZoneHandle, kind: Kind) -> int:
        """Return when an event is due (Unix seconds), 0 when none is planned."""
        status = self._scheduler.status(zone, kind)
        return 0 if status is None else round(self._now_s() + status.time - self._scheduler.now())
