# SPDX-License-Identifier: Apache-2.0
"""Keys and times of zones, as the events that talk with the parent zone read and change them. Everything blocks."""

from collections.abc import Callable
from typing import Any

from control.events.zone import ZoneHandle
from control.keys.confirm import confirm, ready_key, replaced_keys
from control.keys.timing import steady_now
from control.log import NOTICE, Log
from control.server.dnssec.ds_check import Awaited
from control.sign.signers import Signers
from control.store.environment import Transaction
from control.store.kasp_tables import get_kasp, put_kasp, put_key


class KaspAccess:
    """Implements `Submissions` and `DueTimes`. `zones` has the store."""

    def __init__(self, zones: Any, signers: Signers, log: Log, now_s: Callable[[], int]) -> None:
        self._zones, self._signers, self._log, self._now_s = zones, signers, log, now_s

    def awaited(self, zone: ZoneHandle) -> Awaited | None:
        """Return what the zone waits for at its parent; None: for nothing."""
        with self._zones.store.read() as txn:
            state = self._signers.read(txn, zone.wire)
        if state is None:
            return None
        now = steady_now(self._now_s(), state.timing)
        key = ready_key(state.keys, now)
        return None if key is None else Awaited(key, tuple(replaced_keys(state.keys, key, now)))

    def confirm(self, zone: ZoneHandle, delay_s: int) -> None:
        """Note that the parent has the DS record; caches may have what was before for `delay_s` seconds."""

        def job(txn: Transaction) -> list[str]:
            state = self._signers.read(txn, zone.wire)
            if state is None:
                return []
            now = steady_now(self._now_s(), state.timing)
            keys, events = confirm(state.keys, now, delay_s)
            for key in keys:
                if key not in state.keys:
                    put_key(txn, zone.wire, key)
            return [event.text for event in events]

        for text in self._zones.store.write(job):
            self._log.zone(NOTICE, zone.name, f"DNSSEC, {text}")

    def set_due(self, zone: ZoneHandle, due_s: int) -> None:
        """Remember when the parent is to be told of DS records (Unix seconds; 0: it knows)."""

        def job(txn: Transaction) -> None:
            kasp = get_kasp(txn, zone.wire)
            if kasp.ds_push_due != due_s:
                put_kasp(txn, zone.wire, kasp._replace(ds_push_due=due_s))

        self._zones.store.write(job)
