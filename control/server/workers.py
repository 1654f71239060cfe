# SPDX-License-Identifier: Apache-2.0
"""Threads for what blocks: zone events, table publications, everything with files. Results come back to the loop."""

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Done = Callable[[Any, Exception | None], None]


class _Job(NamedTuple):
    work: Callable[[], Any]
    done: Callable[[Any, BaseException | None], None]


class Workers:
    """`count` threads that take jobs in the order in which they come.

    The threads do not keep the process alive: a job that does not end is given up with it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int, name: str) -> None:
        self._loop, self.count = loop, count
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[], T]) -> T:
        """Run a job and return what it returns, or raise what it raises."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: T, error: BaseException | None) -> None:
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        self._jobs.put(_Job(work, done))
        return await future

    def execute(self, work: Callable[[], Any], done: Done) -> None:
        """Run a job and call `done` on the loop with its result or its exception."""

        def report(result: Any, error: BaseException | None) -> None:
            if error is not None and not isinstance(error, Exception):
                raise error
            done(result, error)

        self._jobs.put(_Job(work, report))

    def close(self, timeout_s: float) -> bool:
        """Skip what is queued and wait for what runs; False when it did not end in time."""
        while True:
            try:
                self._jobs.get_nowait()
            except queue.Empty:
                break
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            try:
                result = job.work()
            except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
                self._report(job, None, error)
            else:
                self._report(job, result, None)

    def _report(self, job: _Job, result: object, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # The loop is closed: the job was given up.
            self._loop.call_soon_threadsafe(job.done, result, error)
