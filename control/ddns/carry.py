# SPDX-License-Identifier: Apache-2.0
"""Messages that wait for one zone, carried out together: one commit, one serial, one changeset. Blocks.

Each message sees the effects of those before it and gets an RCODE of its own. What the door refuses is halved until the
message at fault is alone, so that the others do not suffer; messages after it are done anew, without its effects.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from control.conf.zone import ZoneSettings
from control.ddns.message import Rcode, Update, UpdateRefused
from control.ddns.process import Overlay, PrerequisiteUnmet, apply_update, node_of
from control.errors import ControlError, JournalFull, ZoneBusy, ZoneError, ZoneInvalid, ZoneTooLarge, ZoneUnknown
from control.store.contents import owner_pairs
from control.store.environment import Store
from control.store.keys import RRsetChange
from control.store.zones import get_zone
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult
from pyxdp_dns.errors import EngineError

ATTEMPTS = 5
"""Times a batch is done anew because another change of the zone came in between."""

Commit = Callable[[Sequence[ZoneUpdate]], list[ChangeResult]]


class Verdict(NamedTuple):
    """What became of a message. `reason` is empty when it was carried out."""

    rcode: Rcode
    reason: str = ""
    unmet: bool = False
    """A prerequisite was not met."""


class Carried(NamedTuple):
    """What became of a batch: a verdict for each message, the commits, and what they were refused for."""

    verdicts: list[Verdict]
    results: list[ChangeResult]
    errors: list[Exception]


DONE = Verdict(Rcode.NOERROR)


class Carrier:
    """Carries out batches for one zone (wire name). `commit` is that of the door."""

    def __init__(self, store: Store, commit: Commit, apex: bytes, settings: ZoneSettings) -> None:
        self._store, self._commit, self._apex, self._settings = store, commit, apex, settings
        self._carried = Carried([], [], [])

    def carry_out(self, updates: Sequence[Update]) -> Carried:
        """Carry out messages in their order; on return what is acknowledged is on disk and answered."""
        self._carried = Carried([DONE] * len(updates), [], [])
        self._run(updates, 0)
        return self._carried

    def _run(self, updates: Sequence[Update], first: int) -> None:
        """Carry out messages of which the first has a number in the batch."""
        for _ in range(ATTEMPTS):
            try:
                self._attempt(updates, first)
                return
            except ZoneBusy as exc:
                error: Exception = exc
            except (ZoneInvalid, ZoneTooLarge, JournalFull) as exc:
                error = exc
                if len(updates) > 1:
                    half = len(updates) // 2
                    self._run(updates[:half], first)
                    self._run(updates[half:], first + half)
                    return
                break
            except (ControlError, EngineError) as exc:
                error = exc
                break
        self._refuse(len(updates), first, error)

    def _attempt(self, updates: Sequence[Update], first: int) -> None:
        changes, version, verdicts = self._draft(updates)
        if changes:
            update = ZoneUpdate(self._apex, self._settings, changes, base_version=version)
            self._carried.results.extend(self._commit([update]))
        self._carried.verdicts[first : first + len(updates)] = verdicts

    def _draft(self, updates: Sequence[Update]) -> tuple[list[RRsetChange], int, list[Verdict]]:
        """Return what messages change, the version they change, and what becomes of each."""
        with self._store.read() as txn:
            zone = get_zone(txn, self._apex)
            if zone is None or zone.expired:
                raise ZoneUnknown(self._apex, "no contents to change; load the zone first")
            overlay = Overlay(self._apex, lambda owner: node_of(owner_pairs(txn, zone, owner)))
            verdicts = [_verdict(overlay, update) for update in updates]
            return overlay.changes(zone.zone_id), zone.version, verdicts

    def _refuse(self, count: int, first: int, error: Exception) -> None:
        rcode = Rcode.REFUSED if isinstance(error, ZoneInvalid | ZoneTooLarge) else Rcode.SERVFAIL
        reason = error.reason if isinstance(error, ZoneError) else str(error)
        self._carried.verdicts[first : first + count] = [Verdict(rcode, reason)] * count
        self._carried.errors.append(error)


def _verdict(overlay: Overlay, update: Update) -> Verdict:
    try:
        apply_update(overlay, update)
    except UpdateRefused as refusal:
        return Verdict(refusal.rcode, str(refusal), isinstance(refusal, PrerequisiteUnmet))
    return DONE
