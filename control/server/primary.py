# SPDX-License-Identifier: Apache-2.0
"""Commands for zones that are signed here, as far as they concern a zone that is not.

The configuration refuses the items of signing. For one zone these commands say what is missing, for all zones they pass
over it.
"""

from collections.abc import Iterable

from control.ctl.command import Command, Reply, Request, ZoneDirectory, zone_command
from control.ctl.errors import CommandError, Reason
from control.ctl.unit import Unit
from control.events.zone import ZoneHandle

SILENT = frozenset({Reason.NOT_SUPPORTED})


async def refuse(_zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
    """The zone has nothing to sign."""
    raise CommandError(Reason.NOT_SUPPORTED)


async def confirm(_zone: ZoneHandle, _operand: Unit, _request: Request, _reply: Reply) -> None:
    """No key waits for its DS record."""
    raise CommandError(Reason.NO_KEY_READY)


def commands(zones: ZoneDirectory[ZoneHandle]) -> Iterable[Command]:
    """Return the commands."""
    names = ("zone-sign", "zone-keys-load", "zone-key-rollover")
    return (
        *(zone_command(name, zones, refuse, suppressed=SILENT) for name in names),
        zone_command("zone-ksk-submitted", zones, confirm, suppressed=frozenset({Reason.NO_KEY_READY})),
    )
