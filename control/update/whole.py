# SPDX-License-Identifier: Apache-2.0
"""A zone written to the store as a whole, under a new zone id, while its response table is being built.

A large zone takes several transactions, so that neither memory nor the wait for the disk grows with it. Its id is
condemned by the first and taken by the zone in the last: what a crash or a refusal in between leaves is removed by the
next sweep.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from itertools import islice
from threading import Event

from control.errors import ZoneBusy
from control.store.contents import add_pairs
from control.store.environment import Store, Transaction
from control.store.keys import ZONE_ID_BYTES, Pair, zone_prefix
from control.store.zones import StoredZone, condemn, get_zone, put_zone

CHUNK_RRSETS = 1 << 16
"""RRsets written in one transaction: some 6 MB of dirty pages, which LMDB keeps allocated."""


def move_pairs(pairs: Iterable[Pair], zone_id: int) -> Iterator[Pair]:
    """Yield pairs under another zone id."""
    prefix = zone_prefix(zone_id)
    return ((prefix + key[ZONE_ID_BYTES:], value) for key, value in pairs)


def store_chunks(store: Store, zone_id: int, pairs: Iterator[Pair], stop: Event) -> None:
    """Write all pairs under an id that no zone has; in a thread of the store. Ends early when `stop` is set."""

    def add(txn: Transaction) -> int:
        condemn(txn, zone_id)
        return add_pairs(txn, zone_id, islice(pairs, CHUNK_RRSETS))

    while not stop.is_set() and store.write(add):
        pass


@contextmanager
def store_while(store: Store, zone_id: int, pairs: Iterator[Pair]) -> Iterator[None]:
    """Write pairs in a thread of the store during the block; both have ended on return. Raises StoreError."""
    stop = Event()
    storing = store.submit(lambda: store_chunks(store, zone_id, pairs, stop))
    try:
        yield
    except BaseException:
        stop.set()
        raise
    finally:
        wait([storing])
    storing.result()


def adopt(txn: Transaction, known: StoredZone | None, zone: StoredZone, rest: Iterable[Pair] = ()) -> None:
    """Make `zone` with the contents stored under its id, and `rest`, the successor of `known`. Raises ZoneBusy."""
    check_current(txn, zone.apex, known)
    add_pairs(txn, zone.zone_id, rest)
    put_zone(txn, zone)


def check_current(txn: Transaction, apex: bytes, known: StoredZone | None) -> None:
    """Check that the zone is still what it was when a change of it began. Raises ZoneBusy."""
    if get_zone(txn, apex) != known:
        raise ZoneBusy(apex, "changed by another operation in the meantime; try again")
