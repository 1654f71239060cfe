# SPDX-License-Identifier: Apache-2.0
"""Commands for zones that are signed here: sign anew, load keys, begin a rollover, confirm a submission, validate."""

import asyncio
from collections.abc import Iterable

from control.ctl.command import Command, Reply, Request, ZoneDirectory, letters_of, zone_command
from control.ctl.errors import CommandError, Reason
from control.ctl.table import ROLLED
from control.ctl.unit import Unit
from control.events.kinds import Kind
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.server.dnssec.access import KaspAccess
from control.server.dnssec.resign import ANEW, LOAD_KEYS, Roll, Submitted
from control.server.waiting import run_event

SILENT = frozenset({Reason.NOT_SUPPORTED})
"""For all zones, a command passes over those it is not for."""
WITH_TTL = "t"
TTL_MAX = 0x7FFFFFFF


class DnssecCommands:
    """What the commands do; one instance per daemon."""

    def __init__(self, zones: ZoneDirectory[ZoneHandle], scheduler: Scheduler, access: KaspAccess) -> None:
        self._zones, self._scheduler, self._access = zones, scheduler, access

    async def sign(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Make all signatures of a zone anew."""
        _check_signed(zone)
        await run_event(self._scheduler, zone, Kind.RESIGN, request, reply, ANEW)

    async def load_keys(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Read the keys of a zone, which an operator may have changed, and sign what differs."""
        _check_signed(zone)
        await run_event(self._scheduler, zone, Kind.RESIGN, request, reply, LOAD_KEYS)

    async def roll(self, zone: ZoneHandle, operand: Unit, request: Request, reply: Reply) -> None:
        """Begin a rollover now; a CSK is rolled over as a KSK."""
        if not operand.type:
            raise CommandError(Reason.MISSING_PARAMETER)
        _check_signed(zone)
        kind = operand.type.lower()
        if kind not in ROLLED:
            raise CommandError(Reason.INVALID_PARAMETER)
        if zone.conf.dnssec.policy.manual:
            raise CommandError(Reason.NOT_SUPPORTED)
        await run_event(self._scheduler, zone, Kind.RESIGN, request, reply, Roll(kind))

    async def submitted(self, zone: ZoneHandle, operand: Unit, request: Request, reply: Reply) -> None:
        """Take an operator's word that the parent has the DS record of the key that is ready."""
        ttl_s = _ttl(operand)
        if not zone.conf.settings.signs or await asyncio.to_thread(self._access.awaited, zone) is None:
            raise CommandError(Reason.NO_KEY_READY)
        await run_event(self._scheduler, zone, Kind.RESIGN, request, reply, Submitted(ttl_s))

    async def validate(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Validate all signatures of a zone now."""
        await run_event(self._scheduler, zone, Kind.VALIDATE, request, reply)

    def commands(self) -> Iterable[Command]:
        """Return the commands."""
        return (
            zone_command("zone-sign", self._zones, self.sign, suppressed=SILENT),
            zone_command("zone-keys-load", self._zones, self.load_keys, suppressed=SILENT),
            zone_command("zone-key-rollover", self._zones, self.roll, suppressed=SILENT),
            zone_command(
                "zone-ksk-submitted", self._zones, self.submitted, suppressed=frozenset({Reason.NO_KEY_READY})
            ),
            zone_command("zone-validate", self._zones, self.validate),
        )


def _check_signed(zone: ZoneHandle) -> None:
    if not zone.conf.settings.signs:
        raise CommandError(Reason.NOT_SUPPORTED)


def _ttl(operand: Unit) -> int:
    """Return the seconds that `+ttl` gives, 0 without it."""
    if WITH_TTL not in letters_of(operand):
        return 0
    if operand.data is None:
        raise CommandError(Reason.MISSING_PARAMETER)
    if not operand.data.isascii() or not operand.data.isdigit() or int(operand.data) > TTL_MAX:
        raise CommandError(Reason.INVALID_PARAMETER)
    return int(operand.data)
