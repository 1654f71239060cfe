# SPDX-License-Identifier: Apache-2.0
"""Worker threads: results and errors come back to the loop."""

import asyncio
import threading

import pytest

from control.server.workers import Workers


def test_results_and_errors_come_back() -> None:
    """What a job returns or raises is what awaiting it returns or raises."""

    async def main() -> None:
        workers = Workers(asyncio.get_running_loop(), 2, "test")
        assert await workers.run(lambda: 7) == 7
        with pytest.raises(ValueError, match="wrong"):
            await workers.run(lambda: int("wrong"))
        assert workers.close(5)

    asyncio.run(main())


def test_results_are_told_on_the_loop() -> None:
    """The function that is told of an end runs in the loop's thread."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        workers = Workers(loop, 1, "test")
        told: asyncio.Future[tuple[object, object, int]] = loop.create_future()
        workers.execute(lambda: "done", lambda result, error: told.set_result((result, error, threading.get_ident())))
        assert await told == ("done", None, threading.get_ident())
        assert workers.close(5)

    asyncio.run(main())


def test_jobs_beside_each_other() -> None:
    """As many jobs run at a time as there are threads: two that wait for each other come to an end."""

    async def main() -> None:
        workers = Workers(asyncio.get_running_loop(), 2, "test")
        barrier = threading.Barrier(2, timeout=10)
        await asyncio.gather(workers.run(barrier.wait), workers.run(barrier.wait))
        assert workers.close(5)

    asyncio.run(main())


def test_a_job_that_outlasts_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is told of its end any more, and the thread ends as others do."""
    go = threading.Event()
    faults: list[object] = []
    monkeypatch.setattr(threading, "excepthook", faults.append)

    async def main() -> Workers:
        workers = Workers(asyncio.get_running_loop(), 1, "test")
        workers.execute(lambda: go.wait(10), lambda result, error: None)
        assert not workers.close(0)
        return workers

    workers = asyncio.run(main())
    go.set()
    assert workers.close(10)
    assert faults == []


def test_close_gives_up_what_does_not_end() -> None:
    """Queued jobs are skipped; a job that still runs is reported."""

    async def main() -> None:
        workers = Workers(asyncio.get_running_loop(), 1, "test")
        begun, go = threading.Event(), threading.Event()
        ran: list[int] = []

        def first() -> None:
            begun.set()
            go.wait(10)

        workers.execute(first, lambda result, error: None)
        workers.execute(lambda: ran.append(1), lambda result, error: None)
        begun.wait(10)
        assert not workers.close(0)
        go.set()
        assert workers.close(5)
        assert ran == []

    asyncio.run(main())
