# SPDX-License-Identifier: Apache-2.0
"""Group commit: changes that come while others are written to disk share the next store transaction and publication."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from control.clock import Clock
from control.errors import ZoneError
from control.sign.signing import SigningOf, unsigned
from control.store.environment import Store, Transaction
from control.store.keys import RRsetChange
from control.store.zones import StoredZone
from control.update.apply import Applied, apply_updates, record_update
from control.update.publish import Publisher
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult
from control.update.together import Part, Together

if TYPE_CHECKING:
    from pyxdp_dns.table import Transaction as Publication


class Request(Part):
    """What one caller wants done together, and what became of it."""

    __slots__ = ("results", "updates")

    def __init__(self, updates: Sequence[ZoneUpdate]) -> None:
        super().__init__()
        self.updates = updates
        self.results: list[ChangeResult] = []

    def settle(self) -> list[ChangeResult]:
        """Return the results or raise the error."""
        if self.error is not None:
            raise self.error
        return self.results


class CommitQueue(Together[Request]):
    """Changes of zones, waiting for the table."""

    def __init__(self, store: Store, publisher: Publisher, clock: Clock, signing_of: SigningOf = unsigned) -> None:
        super().__init__(store, publisher)
        self._clock, self._signing_of = clock, signing_of
        self.flushing: set[bytes] = set()
        """Zones whose files are being written; changed with the publisher's lock held."""

    def commit(self, updates: Sequence[ZoneUpdate]) -> list[ChangeResult]:
        """Carry out updates together with what else waits; blocks until they are stored and published, or refused."""
        request = Request(updates)
        self.complete([request])
        return request.settle()

    def commit_many(self, batches: Iterable[Sequence[ZoneUpdate]]) -> list[list[ChangeResult] | BaseException]:
        """Do what `commit` does for several requests; return what each of them gave or raised."""
        requests = [Request(updates) for updates in batches]
        self.complete(requests)
        return [request.results if request.error is None else request.error for request in requests]

    def write_parts(self, txn: Transaction, publication: "Publication", parts: Sequence[Request]) -> None:
        """Apply the updates, and publish for each zone what all of them come to."""
        now_s = self._clock.now_ns() // 10**9
        touched: dict[bytes, Touched] = {}
        for request in parts:
            request.results, request.error = [], None
            try:
                done = apply_updates(txn, self._store, request.updates, now_s, self._signing_of)
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
