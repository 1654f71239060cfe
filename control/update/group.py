# SPDX-License-Identifier: Apache-2.0
"""Group commit: requests that come while one is being written to disk share the next store transaction and publication.

Each gets its own result or error. A request that is refused for what it asks leaves the others as they are. Where
it cannot be told whose fault it is (store or table refuse, an error of the program), nothing was done, and all is done
again one by one. What the store has committed is never done again.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from control.clock import Clock
from control.errors import ZoneError
from control.store.environment import Store, Transaction
from control.store.keys import RRsetChange
from control.store.zones import StoredZone
from control.update.apply import Applied, apply_updates, record_update
from control.update.publish import Publisher
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult

if TYPE_CHECKING:
    from pyxdp_dns.table import Transaction as Publication

GROUP_MAX = 256
"""Requests of one transaction: it ends within some hundred milliseconds."""


class Request:
    """What one caller wants done together, and what became of it."""

    __slots__ = ("done", "error", "results", "updates")

    def __init__(self, updates: Sequence[ZoneUpdate]) -> None:
        self.updates = updates
        self.results: list[ChangeResult] = []
        self.error: BaseException | None = None
        self.done = False

    def settle(self) -> list[ChangeResult]:
        """Return the results or raise the error."""
        if self.error is not None:
            raise self.error
        return self.results


class CommitQueue:
    """Requests waiting for the table's lock; whoever gets it carries out all of them."""

    def __init__(self, store: Store, publisher: Publisher, clock: Clock) -> None:
        self._store, self._publisher, self._clock = store, publisher, clock
        self._mutex = threading.Lock()
        self._waiting: list[Request] = []
        self.flushing: set[bytes] = set()
        """Zones whose files are being written; changed with the publisher's lock held."""

    def commit(self, updates: Sequence[ZoneUpdate]) -> list[ChangeResult]:
        """Carry out updates together with what else waits; blocks until they are stored and published, or refused."""
        request = Request(updates)
        self._complete([request])
        return request.settle()

    def commit_many(self, batches: Iterable[Sequence[ZoneUpdate]]) -> list[list[ChangeResult] | BaseException]:
        """Do what `commit` does for several requests; return what each of them gave or raised."""
        requests = [Request(updates) for updates in batches]
        self._complete(requests)
        return [request.results if request.error is None else request.error for request in requests]

    def _complete(self, requests: list[Request]) -> None:
        """Blocks until the requests are done, the last of them last."""
        with self._mutex:
            self._waiting += requests
        while not requests[-1].done:
            with self._publisher.lock:
                if not requests[-1].done:
                    self._carry_out(self._take())

    def _take(self) -> list[Request]:
        with self._mutex:
            taken, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
        return taken

    def _carry_out(self, requests: list[Request]) -> None:
        try:
            if not self._attempt(requests):
                for request in requests:
                    self._attempt([request])
        finally:
            for request in requests:
                request.done = True

    def _attempt(self, requests: list[Request]) -> bool:
        """Carry out requests in one transaction; false: nothing was done, and one of several is at fault."""
        stored = False
        try:
            with self._publisher.publishing() as publication:
                self._publisher.write(self._store, publication, lambda txn: self._write(txn, publication, requests))
                stored = True
        except BaseException as exc:
            for request in requests:
                request.error = request.error or exc
            if not isinstance(exc, Exception):
                raise
            return stored or len(requests) == 1
        return True

    def _write(self, txn: Transaction, publication: "Publication", requests: list[Request]) -> None:
        now_s = self._clock.now_ns() // 10**9
        touched: dict[bytes, Touched] = {}
        for request in requests:
            request.results, request.error = [], None
            try:
                done = apply_updates(txn, self._store, request.updates, now_s)
            except ZoneError as exc:
                request.error = exc
                continue
            for update, applied in zip(request.updates, done, strict=True):
                request.results.append(
                    record_update(txn, update, applied, now_s, flushing=update.zone in self.flushing)
                )
                if applied.changes:
                    touched.setdefault(update.zone, Touched(applied.known)).add(applied)
        for zone in touched.values():
            self._publisher.publish_changes(publication, txn, zone.known, zone.current, zone.changes)


class Touched:
    """A zone that requests of a group change: as it was before all of them, and after."""

    def __init__(self, known: StoredZone | None) -> None:
        self.known = known
        self.current: StoredZone
        self.changes: list[RRsetChange] = []

    def add(self, applied: Applied) -> None:
        """Note one more change."""
        self.current = applied.current
        self.changes += applied.changes
