# SPDX-License-Identifier: Apache-2.0
"""What a daemon has for zones that are signed here, put together."""

from collections.abc import Callable

from control.conf.policy import DnssecConf
from control.ctl.command import ZoneDirectory
from control.events.kinds import Kind
from control.events.zone import ZoneHandle
from control.server.dbus import Signals
from control.server.dnssec.access import KaspAccess
from control.server.dnssec.commands import DnssecCommands
from control.server.dnssec.ds_check import DsChecks
from control.server.dnssec.ds_push import DsPushes
from control.server.dnssec.reporting import Reporting
from control.server.dnssec.resign import Resigns
from control.server.dnssec.telling import Telling
from control.server.dnssec.validation import Validations
from control.server.keeper import Keeper
from control.sign.signers import Signers
from control.transfer.client import Client


class Dnssec:
    """The runners of the events re-sign, DNSSEC-validate, DS-check and DS-push, and what belongs to them."""

    def __init__(self, keeper: Keeper, client: Client, signals: Signals, expired: Callable[[ZoneHandle], None]) -> None:
        """`expired` takes note, on the loop, that a zone is not answered from any more."""
        zones, log, scheduler = keeper.zones, keeper.log, keeper.scheduler
        self._keeper = keeper
        self.signers = Signers(self._conf_of, self._now_s)
        self.telling = Telling(zones, log, self.signers, self._now_s, signals.ksk_submission)
        self.access = KaspAccess(zones, self.signers, log, self._now_s)
        zones.signing_of = self.signers.current
        keeper.tell_signed = self.telling.loaded
        resigns = Resigns(
            zones, log, scheduler, self.signers, self.telling, keeper.changed, self._now_s, signals.keys_updated
        )
        self.ds_checks = DsChecks(self.access, log, scheduler, client, self._now_s)
        ds_pushes = DsPushes(zones, self.access, log, scheduler, client, self._now_s)
        validations = Validations(zones, log, scheduler, self._now_s, expired, signals.dnssec_invalid)
        keeper.runs[Kind.VALIDATE] = validations.runner()
        keeper.runs[Kind.RESIGN] = resigns.runner()
        keeper.runs[Kind.DS_CHECK] = self.ds_checks.runner()
        keeper.runs[Kind.DS_PUSH] = ds_pushes.runner()
        self.reporting = Reporting(zones, scheduler, self.signers, self.ds_checks, self._now_s)

    def commands(self, zones: ZoneDirectory[ZoneHandle]) -> DnssecCommands:
        """Return the commands."""
        return DnssecCommands(zones, self._keeper.scheduler, self.access)

    def _conf_of(self, apex: bytes) -> DnssecConf | None:
        zone = self._keeper.directory.find_wire(apex)
        return None if zone is None else zone.conf.dnssec

    def _now_s(self) -> int:
        return int(self._keeper.now())
