# SPDX-License-Identifier: Apache-2.0
"""Commands for secondaries and for zones that are signed here, as far as they concern a zone that is neither.

Every zone is a primary without `notify` and without signing: other items are refused by the configuration. For one
zone these commands say what is missing, for all zones they pass over it.
"""

from collections.abc import Iterable

from control.ctl.command import Command, Reply, Request, ZoneDirectory, zone_command
from control.ctl.errors import CommandError, Reason
from control.ctl.unit import Unit
from control.events.zone import ZoneHandle

SILENT = frozenset({Reason.NOT_SUPPORTED})


async def refuse(_zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
    """The zone is no secondary, or has nothing to sign."""
    raise CommandError(Reason.NOT_SUPPORTED)


async def confirm(_zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
    """No key waits for its DS record."""
    raise CommandError(Reason.NO_KEY_READY)


async def notify(_zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
    """There is nobody to be told."""


def commands(zones: ZoneDirectory[ZoneHandle]) -> Iterable[Command]:
    """Return the commands."""
    names = ("zone-refresh", "zone-retransfer", "zone-sign", "zone-keys-load", "zone-key-rollover")
    return (
        *(zone_command(name, zones, refuse, suppressed=SILENT) for name in names),
        zone_command("zone-ksk-submitted", zones, confirm, suppressed=frozenset({Reason.NO_KEY_READY})),
        zone_command("zone-notify", zones, notify),
    )
