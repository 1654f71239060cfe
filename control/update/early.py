# SPDX-License-Identifier: Apache-2.0
"""The beginning of a large new zone, written to the store while the rest of it is still on its way.

It goes under an id that no zone has and that is condemned until the zone takes it, as that of a zone written as a whole
(whole.py). So a transfer that fails, or owners that turn out to come in no order, leave nothing behind but work for the
next sweep, and so does a crash.
"""

from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TYPE_CHECKING

from control.errors import StoreError
from control.store.contents import add_pairs
from control.store.environment import Store, Transaction
from control.store.zones import condemn, get_zone

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone


class Early:
    """What is written of one zone; `close` it. Belongs to one thread, writes in that of the store."""

    def __init__(self, store: Store, zone: bytes, sweep: Callable[[], None]) -> None:
        """Nothing is written of a zone that the store has. `sweep` removes what belongs to no zone."""
        self._store, self._zone, self._sweep = store, zone, sweep
        self._writing: Future[None] | None = None
        self._is_over = False
        self._written = 0
        self.zone_id = 0
        """Under which it is written; 0: nothing was."""

    @property
    def is_ready(self) -> bool:
        """Whether more can be taken now."""
        return not self._is_over and (self._writing is None or self._writing.done())

    def add(self, part: "ScannedZone") -> None:
        """Write the pairs that follow those before; the part is closed."""
        if not self.zone_id and not self._begin():
            part.close()
            return
        part.move(self.zone_id)
        self._writing = self._store.submit(lambda: self._write(part))

    def refuse(self) -> None:
        """What was written is not the beginning of the zone."""
        self._is_over = True
        self._wait()
        self._written = 0

    def finish(self) -> int:
        """Return how many pairs are written, from the first on; no more are."""
        self._is_over = True
        self._wait()
        return self._written

    def close(self) -> None:
        """Give up what no zone has taken."""
        self._is_over = True
        self._wait()
        if self.zone_id:
            self._store.growing.discard(self.zone_id)
            with suppress(StoreError):  # What cannot be removed from a full disk now is removed later.
                self._sweep()

    def _begin(self) -> bool:
        with self._store.read() as txn:
            self._is_over = get_zone(txn, self._zone) is not None
        if not self._is_over:
            self.zone_id = self._store.reserve_zone_id()
            self._store.growing.add(self.zone_id)
        return not self._is_over

    def _write(self, part: "ScannedZone") -> None:
        def add(txn: Transaction) -> int:
            condemn(txn, self.zone_id)
            return add_pairs(txn, self.zone_id, part)

        with part:
            try:
                self._written += self._store.write(add)
            except StoreError:  # Whoever writes the rest meets it as well.
                self._is_over = True

    def _wait(self) -> None:
        if self._writing is not None:
            wait([self._writing])
            self._writing.result()
