# SPDX-License-Identifier: Apache-2.0
"""Commands that concern other servers: refresh, retransfer, notify, and holding outgoing transfers."""

from collections.abc import Iterable

from control.ctl.command import Command, Reply, Request, ZoneDirectory, zone_command
from control.ctl.errors import CommandError, Reason
from control.ctl.unit import Unit
from control.events.kinds import Kind
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import INFO, Log
from control.server.replication.planning import MANUAL, RETRANSFER, TELL_ALL, is_secondary
from control.server.replication.timers import Timers
from control.server.waiting import run_event

SILENT = frozenset({Reason.NOT_SUPPORTED})
"""For all zones, a command passes over those it is not for."""


class ReplicationCommands:
    """What the commands do; one instance per daemon."""

    def __init__(self, zones: ZoneDirectory[ZoneHandle], scheduler: Scheduler, timers: Timers, log: Log) -> None:
        self._zones, self._scheduler, self._timers, self._log = zones, scheduler, timers, log

    async def refresh(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Ask the primaries of a secondary zone now."""
        await self._refresh(zone, request, reply, MANUAL)

    async def retransfer(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Transfer all of a secondary zone now, whatever the serials."""
        await self._refresh(zone, request, reply, RETRANSFER)

    async def notify(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Tell all that are to be told of the zone's serial."""
        if zone.conf.replication.notify:
            await run_event(self._scheduler, zone, Kind.NOTIFY, request, reply, TELL_ALL)

    async def freeze(self, zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
        """Refuse outgoing transfers from now on, also after a restart."""
        self._set_frozen(zone, True)
        self._log.zone(INFO, zone.name, "outgoing XFR frozen")

    async def thaw(self, zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
        """Let outgoing transfers go on."""
        self._set_frozen(zone, False)
        self._log.zone(INFO, zone.name, "outgoing XFR unfrozen")

    def commands(self) -> Iterable[Command]:
        """Return the commands."""
        return (
            zone_command("zone-refresh", self._zones, self.refresh, suppressed=SILENT),
            zone_command("zone-retransfer", self._zones, self.retransfer, suppressed=SILENT),
            zone_command("zone-notify", self._zones, self.notify),
            zone_command("zone-xfr-freeze", self._zones, self.freeze),
            zone_command("zone-xfr-thaw", self._zones, self.thaw),
        )

    async def _refresh(self, zone: ZoneHandle, request: Request, reply: Reply, asked: str) -> None:
        if not is_secondary(zone.conf):
            raise CommandError(Reason.NOT_SUPPORTED)
        await run_event(self._scheduler, zone, Kind.REFRESH, request, reply, asked)

    def _set_frozen(self, zone: ZoneHandle, is_frozen: bool) -> None:
        self._timers.set(zone, zone.timers._replace(xfr_frozen=is_frozen))
