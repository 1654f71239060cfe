# SPDX-License-Identifier: Apache-2.0
"""The one thread that changes zones: store transactions and table publications, one job after the other."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Job = tuple[Callable[[], object], "asyncio.Future[object]"]


class Writer:
    """Runs blocking jobs in its thread; results come back to the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    async def run(self, job: Callable[[], T]) -> T:
        """Run a job after those queued before it and return what it returns, or raise what it raises."""
        future: asyncio.Future[object] = self._loop.create_future()
        self._jobs.put((job, future))
        return await future  # type: ignore[return-value]

    def close(self, timeout_s: float) -> bool:
        """Skip what is queued and wait for the running job; False when it did not end in time."""
        while True:
            try:
                self._jobs.get_nowait()
            except queue.Empty:
                break
        self._jobs.put(None)
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _work(self) -> None:
        while (entry := self._jobs.get()) is not None:
            job, future = entry
            if future.cancelled():
                continue
            try:
                result = job()
            except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
                self._report(future, None, error)
            else:
                self._report(future, result, None)

    def _report(self, future: "asyncio.Future[object]", result: object, error: BaseException | None) -> None:
        def settle() -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(settle)
