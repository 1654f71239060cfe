# SPDX-License-Identifier: Apache-2.0
"""Coroutines that run at once as far as they can, and on in a task."""

import asyncio

import pytest

from control.ctl.eager import begin, go_on


def test_what_does_not_wait_ends_at_once() -> None:
    """A coroutine without a wait needs no loop."""
    seen = []

    async def work() -> None:
        seen.append(1)

    assert begin(work()) == (False, None)
    assert seen == [1]


def test_the_rest_sees_results_and_errors_of_what_it_waits_for() -> None:
    """What waits goes on in a task with each future's result or error."""
    seen: list[object] = []

    async def work(first: "asyncio.Future[int]", second: "asyncio.Future[int]") -> None:
        seen.append(await first)
        try:
            await second
        except ValueError as error:
            seen.append(str(error))

    async def run() -> None:
        loop = asyncio.get_running_loop()
        first, second = loop.create_future(), loop.create_future()
        coroutine = work(first, second)
        waits, pending = begin(coroutine)
        assert waits
        assert pending is first
        first.set_result(7)
        second.set_exception(ValueError("no"))
        await asyncio.ensure_future(_rest(coroutine, pending))

    asyncio.run(run())
    assert seen == [7, "no"]


def test_cancelling_the_rest_is_seen_where_it_waits() -> None:
    """Cancelling the task raises in the coroutine, which cleans up."""
    seen = []

    async def work() -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            seen.append("cleaned up")

    async def run() -> None:
        coroutine = work()
        _, pending = begin(coroutine)
        task = asyncio.ensure_future(_rest(coroutine, pending))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert seen == ["cleaned up"]


async def _rest(coroutine: "asyncio._CoroutineLike[None]", pending: object) -> None:
    await go_on(coroutine, pending)  # type: ignore[arg-type]
