# SPDX-License-Identifier: Apache-2.0
"""The event re-sign: what is due with a zone's keys, signatures and salt is done, in one version of the zone.

Each load plans it at once, which costs little when nothing is due, and each run for the next time that something is.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from control.errors import SigningRefused, ZoneUnknown
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import INFO, WARNING, Log
from control.server.dnssec.ds_check import plan_ds_check
from control.server.dnssec.ds_push import plan_ds_push
from control.server.dnssec.telling import Outlook, Telling
from control.server.dnssec.trash import empty_trash
from control.server.runners import AS_LOADED, SEEN_LATE, note_change
from control.sign.signers import Advance, Signers, Wanted
from control.sign.signing import Signing
from control.store.environment import Transaction
from control.update.results import ChangeResult, Outcome

ANEW = "anew"
"""Request: all signatures are made anew."""
LOAD_KEYS = "load keys"
"""Request: keys that an operator changed are read."""
FAULT_RETRY_S = 600
"""After what keeps a zone from being signed, unless an operator asks for it before."""


class Roll(NamedTuple):
    """Request: a rollover begins now."""

    kind: str
    """ksk or zsk."""


class Submitted(NamedTuple):
    """Request: the parent has the DS record of the key that is ready."""

    ttl_s: int
    """For so long caches may have the DS records from before."""


class Resigned(NamedTuple):
    """What a run came to."""

    change: ChangeResult
    outlook: Outlook


class Resigns:
    """Runs re-sign events. `zones` has the door and the store."""

    def __init__(
        self,
        zones: Any,
        log: Log,
        scheduler: Scheduler,
        signers: Signers,
        telling: Telling,
        changed: Callable[[], None],
        now_s: Callable[[], int],
        keys_changed: Callable[[str], None] = lambda _zone: None,
    ) -> None:
        """`changed` is called on the loop when the table has changed, `keys_changed` when keys of a zone have."""
        self._zones, self._log, self._scheduler = zones, log, scheduler
        self._signers, self._telling, self._changed, self._now_s = signers, telling, changed, now_s
        self._keys_changed = keys_changed

    def runner(self) -> Runner:
        """Return the runner."""
        return Runner(self.work, self.succeeded, failed=self.failed)

    def work(self, zone: ZoneHandle, event: Event) -> Resigned | None:
        """Sign the zone. Blocks. None: it is not signed here, or has no contents and nobody asked.

        Raises ZoneUnknown when an operator asked for a zone that has no contents.
        """
        if not zone.conf.settings.signs:
            return None
        stored = self._zones.door.find_zone(zone.wire)
        if stored is None or stored.expired:
            if set(event.requests) - {AS_LOADED, SEEN_LATE}:
                raise ZoneUnknown(zone.wire, "no contents to sign; see in the log why it was not loaded")
            return None
        wanted = wanted_by(event)
        if LOAD_KEYS in event.requests:
            self._signers.rings.forget(zone.wire)
        is_told = event.requests != (AS_LOADED,)
        begun = "dropping previous signatures, re-signing zone" if wanted.is_anew else "signing zone"
        if is_told:
            self._log.zone(INFO, zone.name, f"DNSSEC, {begun}")
        change = self._sign(zone, wanted)
        outlook = self._telling.outlook(zone)
        assert outlook is not None
        assert change.signed is not None
        is_changed = change.outcome is not Outcome.UNCHANGED
        if is_told or is_changed:
            self._telling.signed(zone, change.signed, change.new_serial, outlook, is_changed=is_changed)
        for problem in empty_trash(self._zones.store, zone.wire, outlook.state.conf.policy, self._now_s()):
            self._log.zone(WARNING, zone.name, str(problem))
        return Resigned(change, outlook)

    def _sign(self, zone: ZoneHandle, wanted: Wanted) -> ChangeResult:
        """Sign, and let no private key stay that was made in an attempt that came to nothing."""
        attempts: list[Advance] = []

        def signing_of(txn: Transaction) -> Signing:
            advance = self._signers.advance(txn, zone.wire, wanted)
            if advance is None:
                raise SigningRefused(zone.wire, "no longer signed here; reload the zone")
            attempts.append(advance)
            return advance.signing

        change: ChangeResult | None = None
        try:
            change = self._zones.door.sign(zone.wire, zone.conf.settings, signing_of)
            records = attempts[-1].signing.keys
            if records.written or records.removed:
                self._keys_changed(zone.name)
            return change
        finally:
            vain = attempts if change is None else attempts[:-1]
            for advance in vain:
                self._signers.discard(advance, zone.wire)

    def succeeded(self, zone: ZoneHandle, _event: Event, result: Resigned | None) -> None:
        """Plan what follows."""
        if result is None:
            return
        if result.change.outcome is not Outcome.UNCHANGED:
            note_change(self._scheduler, zone, result.change)
            self._changed()
        plan_signing(self._scheduler, zone, result.outlook, self._now_s())

    def failed(self, zone: ZoneHandle, _event: Event, error: Exception) -> None:
        """Try again later: keys may be put right, disks emptied."""
        if zone.conf.settings.signs and not isinstance(error, ZoneUnknown):
            self._scheduler.plan(zone, Kind.RESIGN, FAULT_RETRY_S)


def wanted_by(event: Event) -> Wanted:
    """Return what the requests of an event ask for."""
    confirmed = [request.ttl_s for request in event.requests if isinstance(request, Submitted)]
    return Wanted(
        rolls=tuple(request.kind for request in event.requests if isinstance(request, Roll)),
        confirmed_ttl_s=max(confirmed) if confirmed else None,
        is_anew=ANEW in event.requests,
        is_seen_late=SEEN_LATE in event.requests,
    )


def plan_signing(scheduler: Scheduler, zone: ZoneHandle, outlook: Outlook, now_s: int) -> None:
    """Plan what comes next for a zone that was signed."""
    scheduler.plan(zone, Kind.RESIGN, max(0, outlook.next_sign - now_s))
    plan_ds_push(scheduler, zone, outlook.state.kasp.ds_push_due, now_s)
    if outlook.is_waiting:
        if scheduler.status(zone, Kind.DS_CHECK) is None:
            plan_ds_check(scheduler, zone)
    else:
        scheduler.cancel(zone, Kind.DS_CHECK)
