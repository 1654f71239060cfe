# SPDX-License-Identifier: Apache-2.0
"""The response table's side of the door: what is published of zones, and the one lock under which that happens."""

import threading
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

from control.store.contents import FlatZone, flatten, iterate_pairs
from control.store.environment import Store, Transaction
from control.store.keys import Pair, RRsetChange
from control.store.zones import StoredZone
from control.update.transition import OwnerContents, collect_owners

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone
    from pyxdp_dns.table import OpenTransaction, Table
    from pyxdp_dns.table import Transaction as Publication

T = TypeVar("T")

MIN_INCREMENTAL = 64
INCREMENTAL_SHARE = 16
"""A change of more RRsets than this share of the zone is slower than writing and building the zone anew."""


class Publisher:
    """The response table of a door. Its methods but `publishing` are called within `publishing`."""

    def __init__(self, table: "Table") -> None:
        self._table = table
        self.lock = threading.RLock()
        """Held while the table is used: it belongs to one thread at a time. The store commits inside."""

    def publishing(self) -> "Publishing":
        """Give the table's only transaction: published at the end of the block, undone when it raises."""
        return Publishing(self)

    def begin(self) -> "OpenTransaction":
        """Return the block of a transaction of the table that is published to now; `publishing` enters it."""
        return self._table.transaction()

    def write(self, store: Store, publication: "Publication", job: Callable[[Transaction], T]) -> T:
        """Run `job` in one transaction of the store, which commits only what can then be published."""

        def work(txn: Transaction) -> T:
            result = job(txn)
            publication.prepare()
            return result

        return store.write(work)

    def replace(self, table: "Table") -> None:
        """Publish to another table from now on; called with `lock` held."""
        self._table = table

    def version_of(self, zone: bytes) -> int | None:
        """Return the store's version of the zone that the table answers from; None when it answers nothing."""
        return self._table.version_of(zone)

    def is_known(self, zone: bytes) -> bool:
        """Tell whether the table has the zone, with or without contents."""
        return self._table.zone_info(zone) is not None

    def publish_changes(
        self,
        publication: "Publication",
        txn: Transaction,
        known: StoredZone | None,
        current: StoredZone,
        changes: Sequence[RRsetChange],
    ) -> None:
        """Update the owners concerned, or all when they are many or the table has not the version that was changed."""
        owners: list[OwnerContents] | None = None
        if known is not None and known.zone_id == current.zone_id and self.version_of(known.apex) == known.version:
            owners = collect_owners(txn, current, changes, incremental_limit(known))
        if owners is None:
            build(publication, current, iterate_pairs(txn, current))
            return
        for contents in owners:
            publication.update_owner(current.apex, current.version, contents.owner, contents.pairs)


class Publishing:
    """The block of `Publisher.publishing`; every commit has one, so it is a class and no generator."""

    __slots__ = ("_open", "_publisher")

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._open: OpenTransaction

    def __enter__(self) -> "Publication":
        self._publisher.lock.acquire()
        try:
            self._open = self._publisher.begin()
            return self._open.__enter__()
        except BaseException:
            self._publisher.lock.release()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._open.__exit__(kind, error, trace)
        finally:
            self._publisher.lock.release()


def incremental_limit(zone: StoredZone) -> int:
    """Return how many RRsets of a zone may change before it is better written anew."""
    return max(MIN_INCREMENTAL, zone.rrsets // INCREMENTAL_SHARE)


def build(publication: "Publication", zone: StoredZone, pairs: Iterable[Pair]) -> None:
    """Publish a whole zone."""
    flat = flatten(pairs)
    publication.build_zone(zone.apex, zone.version, flat.bytes, flat.offsets, flat.count)


def build_flat(publication: "Publication", zone: StoredZone, contents: "ScannedZone | FlatZone") -> None:
    """Publish a whole zone from its flat form, the scanner's without copying it."""
    if isinstance(contents, FlatZone):
        publication.build_zone(zone.apex, zone.version, contents.bytes, contents.offsets, contents.count)
    else:
        data, offsets = contents.bytes_pointer, contents.offsets_pointer
        publication.build_zone(zone.apex, zone.version, data, offsets, contents.count)
