# SPDX-License-Identifier: Apache-2.0
"""What is told of a zone that was signed: keys and next steps in the log, submissions in the journal and on the bus."""

from collections.abc import Callable
from typing import Any, NamedTuple

from control.events.zone import ZoneHandle
from control.keys.events import Event, EventKind
from control.keys.plan import Action, next_action, wake_time
from control.keys.roll import ready_key
from control.keys.timing import steady_now
from control.log import INFO, NOTICE, WARNING, Log
from control.server.dnssec.texts import action_line, key_lines, result_line, time_text
from control.sign.plan import lifetimes, salt_due
from control.sign.signers import Signers, State
from control.sign.signing import Signed

OVERDUE_RETRY_S = 60
"""Signatures that are due although the zone was just signed, such as those of keys that are not here, are looked at so
often."""
SEVERITIES = {"info": INFO, "notice": NOTICE, "warning": WARNING}


class Outlook(NamedTuple):
    """The keys of a zone as they are, and what comes next. Times are Unix seconds."""

    state: State
    now: int
    next_action: Action | None
    next_sign: int
    """When the zone is to be signed again: keys, signatures or salt are due."""

    @property
    def is_waiting(self) -> bool:
        """Whether a key waits for its DS record at the parent."""
        return ready_key(self.state.keys, self.now) is not None


class Telling:
    """Logs what signing did. Blocks; called in workers' threads. `zones` has the store.

    `submitted` is told of keys that wait for their DS.
    """

    def __init__(
        self,
        zones: Any,
        log: Log,
        signers: Signers,
        now_s: Callable[[], int],
        submitted: Callable[[str, int, str], None] = lambda _zone, _tag, _id: None,
    ) -> None:
        self._zones, self._log, self._signers = zones, log, signers
        self._now_s, self._submitted = now_s, submitted

    def outlook(self, zone: ZoneHandle) -> Outlook | None:
        """Return what comes next for a zone; None: it is not signed here. Raises KaspDamaged."""
        with self._zones.store.read() as txn:
            state = self._signers.read(txn, zone.wire)
        if state is None:
            return None
        policy, kasp = state.conf.policy, state.kasp
        now = steady_now(self._now_s(), state.timing)
        times = lifetimes(policy, zone.wire, state.timing.zone_max_ttl_s)
        due = [wake_time(state.keys, policy, state.timing, now), salt_due(policy, kasp)]
        if kasp.expires and "no-update-expired" not in policy.unsafe:
            refresh = times.refresh_at(kasp.expires)
            due.append(refresh if refresh > now else now + OVERDUE_RETRY_S)
        wanted = [time for time in due if time is not None]
        action = next_action(state.keys, policy, state.timing, now)
        return Outlook(state, now, action, min(wanted, default=now + policy.rrsig_lifetime_s))

    def keys(self, zone: ZoneHandle, signed: Signed, outlook: Outlook) -> None:
        """Log what happened to the keys, and what they are."""
        for event in signed.events:
            self._tell_event(zone, event)
        line = action_line(outlook.next_action)
        if line is not None:
            self._log.zone(INFO, zone.name, line)
        for line in key_lines(outlook.state.keys, outlook.now):
            self._log.zone(INFO, zone.name, line)

    def signed(self, zone: ZoneHandle, signed: Signed, serial: int, outlook: Outlook, *, is_changed: bool) -> None:
        """Log that all of a zone was signed, and when that is done again."""
        self.keys(zone, signed, outlook)
        self._log.zone(INFO, zone.name, "DNSSEC, signing started")
        self._log.zone(INFO, zone.name, result_line(signed, serial, is_changed=is_changed))
        self._log.zone(INFO, zone.name, f"DNSSEC, next signing at {time_text(outlook.next_sign)}")

    def loaded(self, zone: ZoneHandle, signed: Signed, serial: int) -> None:
        """Log that a zone was signed as it was loaded."""
        outlook = self.outlook(zone)
        if outlook is not None:
            self.signed(zone, signed, serial, outlook, is_changed=True)

    def _tell_event(self, zone: ZoneHandle, event: Event) -> None:
        fields = {}
        if event.kind is EventKind.SUBMISSION_WAITING and event.key_tag is not None:
            fields = {"KEY_SUBMISSION": str(event.key_tag)}
            self._submitted(zone.name, event.key_tag, event.key_id)
        self._log.zone(SEVERITIES[event.severity], zone.name, f"DNSSEC, {event.text}", fields)
