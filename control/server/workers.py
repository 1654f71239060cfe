# SPDX-License-Identifier: Apache-2.0
"""Threads for what blocks: zone events, table publications, everything with files. Results come back to the loop."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")
Done = Callable[[Any, Exception | None], None]


class _Job(NamedTuple):
    work: Callable[[], Any]
    done: Callable[[Any, BaseException | None], None]


class _Thread(threading.Thread):
    """A worker. `gate` is locked while it has nothing to do; who unlocks it has put a job there, or None: the end."""

    def __init__(self, work: Callable[["_Thread"], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.gate = threading.Lock()
        self.gate.acquire()
        self.job: _Job | None = None
        self._run = work

    def run(self) -> None:
        self._run(self)

    def wait(self) -> _Job | None:
        """Return the job that is given; None: there will be no more."""
        self.gate.acquire()
        job, self.job = self.job, None
        return job


class Workers:
    """`count` threads that take jobs in the order in which they come.

    A job goes to the thread that has slept longest, which the kernel of a busy machine lets run first, and wakes no
    other. The threads do not keep the process alive: a job that does not end is given up with it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, count: int, name: str) -> None:
        self._loop, self.count = loop, count
        self._mutex = threading.Lock()
        self._jobs: deque[_Job] = deque()
        """What no thread is free for."""
        self._is_closed = False
        self._threads = [_Thread(self._work, f"{name}-{number}") for number in range(count)]
        self._idle: deque[_Thread] = deque()
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

        self._put(_Job(work, done))
        return await future

    def execute(self, work: Callable[[], Any], done: Done) -> None:
        """Run a job and call `done` on the loop with its result or its exception."""

        def report(result: Any, error: BaseException | None) -> None:
            if error is not None and not isinstance(error, Exception):
                raise error
            done(result, error)

        self._put(_Job(work, report))

    def close(self, timeout_s: float) -> bool:
        """Skip what is queued and wait for what runs; False when it did not end in time."""
        with self._mutex:
            self._is_closed = True
            self._jobs.clear()
            idle, self._idle = self._idle, deque()
        for thread in idle:
            thread.gate.release()
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _put(self, job: _Job) -> None:
        with self._mutex:
            if self._is_closed:
                return
            if not self._idle:
                self._jobs.append(job)
                return
            thread = self._idle.popleft()
        thread.job = job
        thread.gate.release()

    def _work(self, thread: _Thread) -> None:
        while (job := self._next(thread)) is not None:
            self._carry_out(job)

    def _carry_out(self, job: _Job) -> None:
        try:
            result = job.work()
        except BaseException as error:  # noqa: BLE001 - it is raised again where the result is awaited
            self._report(job, None, error)
        else:
            self._report(job, result, None)

    def _next(self, thread: _Thread) -> _Job | None:
        """Return the job that has waited longest, or wait for one; None: the end."""
        with self._mutex:
            if self._jobs:
                return self._jobs.popleft()
            if self._is_closed:
                return None
            self._idle.append(thread)
        return thread.wait()

    def _report(self, job: _Job, result: object, error: BaseException | None) -> None:
        with suppress(RuntimeError):  # The loop is closed: the job was given up.
            self._loop.call_soon_threadsafe(job.done, result, error)
