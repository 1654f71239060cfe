# SPDX-License-Identifier: Apache-2.0
"""The open zone transactions of the control socket, and what they and the configuration's transaction exclude.

A transaction belongs to its zone, not to the connection it was begun on. Belongs to the loop's thread.
"""

import asyncio
from collections.abc import Callable

from control.ctl.errors import CommandError, Reason
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.update.edit import ZoneEdit


class ZoneTransaction:
    """One open transaction; its edit is used by one command at a time, under `lock`."""

    __slots__ = ("edit", "lock")

    def __init__(self, edit: ZoneEdit) -> None:
        self.edit = edit
        self.lock = asyncio.Lock()


class Transactions:
    """Begins and ends zone transactions. `is_configuring` tells whether the configuration is being edited."""

    def __init__(self, scheduler: Scheduler, is_configuring: Callable[[], bool]) -> None:
        self._scheduler = scheduler
        self.is_configuring = is_configuring
        self._open: set[ZoneHandle] = set()

    def __len__(self) -> int:
        return len(self._open)

    def refuse_if_open(self) -> None:
        """Raise `CommandError` while a zone transaction is open: the configuration must not change beneath it."""
        if self._open:
            raise CommandError(Reason.TOO_MANY_TRANSACTIONS)

    def check_begin(self, zone: ZoneHandle) -> None:
        """Raise `CommandError` unless a transaction of the zone can begin."""
        if zone.transaction is not None or self.is_configuring():
            raise CommandError(Reason.TOO_MANY_TRANSACTIONS)

    def begin(self, zone: ZoneHandle, edit: ZoneEdit) -> None:
        """Open a transaction; raises `CommandError`."""
        self.check_begin(zone)
        zone.transaction = ZoneTransaction(edit)
        self._open.add(zone)

    def get(self, zone: ZoneHandle) -> ZoneTransaction:
        """Return the open transaction; raises `CommandError`."""
        transaction: ZoneTransaction | None = zone.transaction
        if transaction is None:
            raise CommandError(Reason.NO_TRANSACTION)
        return transaction

    def end(self, zone: ZoneHandle) -> None:
        """Close a transaction and let the events go on that it held; raises `CommandError`."""
        self.get(zone)
        self.abort_if_open(zone)

    def abort_if_open(self, zone: ZoneHandle) -> None:
        """Close a transaction if there is one."""
        if zone.transaction is not None:
            zone.transaction = None
            self._open.discard(zone)
            self._scheduler.resume(zone)
