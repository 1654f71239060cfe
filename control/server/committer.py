# SPDX-License-Identifier: Apache-2.0
"""Small commits of clients: threads of their own carry out, together, what has come while one of them was busy."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from control.server.workers import Workers
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult

Batch = Sequence[ZoneUpdate]
THREADS = 4
"""One works at a time, and the others sleep: so none is behind other processes of a busy machine."""
CommitMany = Callable[[list[Batch]], list[list[ChangeResult] | BaseException]]


class Committer:
    """Belongs to the loop's thread. `commit_many` is that of the door; it blocks."""

    def __init__(self, loop: asyncio.AbstractEventLoop, commit_many: CommitMany) -> None:
        self._loop, self._commit_many = loop, commit_many
        self._workers = Workers(loop, THREADS, "commit")
        self._waiting: list[tuple[Batch, asyncio.Future[list[ChangeResult]]]] = []
        self._busy = False

    async def commit(self, updates: Batch) -> list[ChangeResult]:
        """Do as `Door.commit` does."""
        future: asyncio.Future[list[ChangeResult]] = self._loop.create_future()
        self._waiting.append((updates, future))
        if not self._busy:
            self._send()
        return await future

    def close(self, timeout_s: float) -> bool:
        """Wait for what runs; False when it did not end in time. What waits is not carried out. Blocks."""
        return self._workers.close(timeout_s)

    def _send(self) -> None:
        self._busy = True
        taken, self._waiting = self._waiting, []
        batches = [updates for updates, _ in taken]
        futures = [future for _, future in taken]
        self._workers.execute(lambda: self._commit_many(batches), partial(self._settle, futures))

    def _settle(self, futures: list["asyncio.Future[list[ChangeResult]]"], results: Any, fault: Any) -> None:
        self._busy = False
        for number, future in enumerate(futures):
            result = fault or results[number]
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)
        if self._waiting:
            self._send()
