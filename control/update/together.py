# SPDX-License-Identifier: Apache-2.0
"""Work written together: what waits for the table shares the next store transaction and publication.

Each part gets its own error. A part that is refused for what it asks leaves the others as they are. Where it cannot be
told whose fault it is (store or table refuse, an error of the program), nothing was done, and all is done again one by
one. What the store has committed is never done again.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Generic, TypeVar

from control.store.environment import Store, Transaction
from control.update.publish import Publisher

if TYPE_CHECKING:
    from pyxdp_dns.table import Transaction as Publication

PARTS_MAX = 256
"""Parts of one transaction, beside those of one caller: it ends within some hundred milliseconds."""


class Part:
    """Something to be written, and why it was not."""

    __slots__ = ("error",)

    def __init__(self) -> None:
        self.error: BaseException | None = None


P = TypeVar("P", bound=Part)


class Batch(Generic[P]):
    """The parts of one caller."""

    __slots__ = ("is_done", "parts", "turn")

    def __init__(self, parts: Sequence[P]) -> None:
        self.parts = parts
        self.is_done = False
        self.turn = threading.Lock()
        """Locked until all of it is done, or its caller is the one to write what waits."""
        self.turn.acquire()


class Together(ABC, Generic[P]):
    """Parts waiting for the table's lock. One caller at a time writes what waits, and then lets one of those that came
    meanwhile write; whose parts are done does not wait for the next ones."""

    def __init__(self, store: Store, publisher: Publisher) -> None:
        self._store, self._publisher = store, publisher
        self._mutex = threading.Lock()
        self._waiting: list[Batch[P]] = []
        self._is_led = False
        """Some caller is the one to write."""

    @abstractmethod
    def write_parts(self, txn: Transaction, publication: "Publication", parts: Sequence[P]) -> None:
        """Write parts, again from the start when they were tried before; note in each why it is refused.

        What this raises refuses all of them.
        """

    def complete(self, parts: Sequence[P]) -> None:
        """Write parts together with what else waits; blocks until each is stored and published, or has its error."""
        batch = Batch(parts)
        with self._mutex:
            self._waiting.append(batch)
            if not self._is_led:
                self._is_led = True
                batch.turn.release()
        batch.turn.acquire()
        if not batch.is_done:
            self._lead(batch)

    def _lead(self, batch: Batch[P]) -> None:
        """Write what waits, until that was the caller's own batch, and let another caller go on."""
        try:
            while not batch.is_done:
                with self._publisher.lock:
                    self._carry_out(self._take())
        finally:
            with self._mutex:
                self._is_led = bool(self._waiting)
                if self._waiting:
                    self._waiting[0].turn.release()

    def _take(self) -> list[Batch[P]]:
        """Take the batches that have waited longest, at least one."""
        with self._mutex:
            count = size = 0
            while count < len(self._waiting) and size < PARTS_MAX:
                size += len(self._waiting[count].parts)
                count += 1
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _carry_out(self, batches: list[Batch[P]]) -> None:
        parts = [part for batch in batches for part in batch.parts]
        try:
            if not self._attempt(parts):
                for part in parts:
                    self._attempt([part])
        finally:
            for batch in batches:
                batch.is_done = True
                if batch.turn.locked():
                    batch.turn.release()

    def _attempt(self, parts: Sequence[P]) -> bool:
        """Write parts in one transaction; false: nothing was written, and one of several is at fault."""
        stored = False
        try:
            with self._publisher.publishing() as publication:
                self._publisher.write(self._store, publication, lambda txn: self.write_parts(txn, publication, parts))
                stored = True
        except BaseException as exc:
            for part in parts:
                part.error = part.error or exc
            if not isinstance(exc, Exception):
                raise
            return stored or len(parts) == 1
        return True
