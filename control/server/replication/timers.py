# SPDX-License-Identifier: Apache-2.0
"""The timers of running zones: `ZoneHandle.timers` is what counts, the store gets it in batches.

Timers that belong to a change of contents are written in the transaction of the change as well, so a crash loses no
more than what SOA queries of the last second told.
"""

from collections.abc import Callable, Iterable

from control.errors import StoreError
from control.events.scheduler import TimeLoop
from control.events.zone import ZoneHandle
from control.log import Log
from control.store.environment import Transaction
from control.store.timers import NO_TIMERS, ZoneTimers, get_timers, list_timers, update_timers

WRITE_DELAY_S = 1.0
MANY = 100
"""From so many zones on, the whole table is read."""

Job = Callable[[], None]


class Timers:
    """Belongs to the loop's thread, but for `read`, which blocks. `write` runs a transaction of the store and blocks;
    `execute` lets a worker do something and calls the second argument with its result or its exception."""

    def __init__(
        self,
        loop: TimeLoop,
        read: Callable[[Callable[[Transaction], None]], None],
        write: Callable[[Callable[[Transaction], None]], None],
        execute: Callable[[Job, Callable[[object, Exception | None], None]], None],
        log: Log,
    ) -> None:
        self._loop, self._read, self._write, self._execute, self._log = loop, read, write, execute, log
        self._unwritten: dict[bytes, ZoneHandle] = {}
        self._being_written: dict[bytes, ZoneHandle] = {}
        """By a worker, who may be given up before it has begun."""
        self._planned = False

    def read(self, zones: Iterable[ZoneHandle]) -> None:
        """Take over what the store knows of zones. Blocks."""
        zones = list(zones)

        def job(txn: Transaction) -> None:
            known = dict(list_timers(txn)) if len(zones) >= MANY else None
            for zone in zones:
                found = get_timers(txn, zone.wire) if known is None else known.get(zone.wire)
                zone.timers = zone.timers if found is None else found

        self._read(job)

    def set(self, zone: ZoneHandle, timers: ZoneTimers) -> None:
        """Note the timers of a zone and have them written soon."""
        if timers == zone.timers:
            return
        zone.timers = timers
        self._unwritten[zone.wire] = zone
        self._plan()

    def purge(self, zone: ZoneHandle) -> None:
        """Forget the timers of a zone, and what was tried."""
        zone.attempts, zone.unnotified = 0, ()
        self.set(zone, NO_TIMERS)

    def write_now(self) -> None:
        """Write what is not written yet. Blocks, at the end of the daemon. Raises StoreError."""
        zones = {**self._being_written, **self._unwritten}
        self._being_written, self._unwritten = {}, {}
        if zones:
            self._write_zones(zones)

    def _plan(self) -> None:
        if not self._planned:
            self._planned = True
            self._loop.call_at(self._loop.time() + WRITE_DELAY_S, self._begin)

    def _begin(self) -> None:
        zones, self._unwritten = self._unwritten, {}
        self._being_written = zones

        def done(_result: object, error: Exception | None) -> None:
            self._planned = False
            self._being_written = {}
            if error is not None:
                self._log.error(f"persistent timers cannot be written ({error})")
                self._unwritten = {**zones, **self._unwritten}
            if self._unwritten:
                self._plan()

        self._execute(lambda: self._write_zones(zones), done)

    def _write_zones(self, zones: dict[bytes, ZoneHandle]) -> None:
        def job(txn: Transaction) -> None:
            for apex, zone in zones.items():
                if not zone.removed:
                    update_timers(txn, apex, zone.timers)

        self._write(job)


def write_at_end(timers: Timers, log: Log) -> None:
    """Write what is not written when the daemon ends, and say so. Blocks."""
    try:
        timers.write_now()
        log.info("updated persistent timer DB")
    except StoreError as error:
        log.error(f"persistent timers cannot be written ({error})")
