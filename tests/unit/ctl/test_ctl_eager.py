# SPDX-License-Identifier: Apache-2.0
"""Coroutines that run at once as far as they can, and on when what they wait for is there."""

import asyncio
from collections.abc import Awaitable, Callable

from control.ctl.eager import Eager


def play(script: Callable[[asyncio.AbstractEventLoop, list[object]], Awaitable[None]]) -> list[object]:
    """Run a script; return what it has seen."""
    seen: list[object] = []

    async def run() -> None:
        await script(asyncio.get_running_loop(), seen)

    asyncio.run(run())
    return seen


def test_what_does_not_wait_ends_at_once() -> None:
    """A coroutine without a wait has ended when it has begun, and nothing is called."""

    async def script(loop: asyncio.AbstractEventLoop, seen: list[object]) -> None:
        async def work() -> None:
            seen.append("ran")

        assert Eager(loop, work(), lambda: seen.append("called")).is_done
        await asyncio.sleep(0)

    assert play(script) == ["ran"]


def test_it_sees_results_and_errors_of_what_it_waits_for() -> None:
    """What waits goes on with each future's result or error, and says when it has ended."""

    async def script(loop: asyncio.AbstractEventLoop, seen: list[object]) -> None:
        first, second = loop.create_future(), loop.create_future()
        ended = asyncio.Event()

        async def work() -> None:
            seen.append(await first)
            try:
                await second
            except ValueError as error:
                seen.append(str(error))

        eager = Eager(loop, work(), ended.set)
        assert not eager.is_done
        first.set_result(7)
        second.set_exception(ValueError("no"))
        await ended.wait()
        assert eager.is_done

    assert play(script) == [7, "no"]


def test_after_a_turn_of_the_loop_it_runs_in_a_task() -> None:
    """What comes after `asyncio.sleep(0)` may limit its time, also when a future was awaited before."""

    async def script(loop: asyncio.AbstractEventLoop, seen: list[object]) -> None:
        first, ended = loop.create_future(), asyncio.Event()

        async def work() -> None:
            await first
            await asyncio.sleep(0)
            try:
                async with asyncio.timeout(0):
                    await loop.create_future()
            except TimeoutError:
                seen.append("too late")

        Eager(loop, work(), ended.set)
        first.set_result(None)
        await ended.wait()

    assert play(script) == ["too late"]


def test_cancelling_is_seen_where_it_waits() -> None:
    """CancelledError is raised in the coroutine, in a task or before, which cleans up and has ended then."""

    async def script(loop: asyncio.AbstractEventLoop, seen: list[object]) -> None:
        loop.set_exception_handler(lambda _, context: seen.append(context["message"]))
        for turns in (0, 1):
            ended = asyncio.Event()

            async def work(turns: int = turns) -> None:
                try:
                    if turns:
                        await asyncio.sleep(0)
                    await loop.create_future()
                finally:
                    seen.append("cleaned up")

            eager = Eager(loop, work(), ended.set)
            for _ in range(3 * turns):
                await asyncio.sleep(0)
            eager.cancel()
            await ended.wait()

    assert play(script) == ["cleaned up", "cleaned up"]


def test_cancelling_is_seen_when_what_it_waits_for_is_there() -> None:
    """A result that has come and was not taken does not keep a coroutine from being cancelled."""

    async def script(loop: asyncio.AbstractEventLoop, seen: list[object]) -> None:
        first, ended = loop.create_future(), asyncio.Event()

        async def work() -> None:
            try:
                seen.append(await first)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise

        eager = Eager(loop, work(), ended.set)
        first.set_result(7)
        eager.cancel()
        await ended.wait()

    assert play(script) == ["cancelled"]


def test_a_task_that_is_cancelled_before_it_begins_cleans_up() -> None:
    """The coroutine is closed where it was."""

    async def script(loop: asyncio.AbstractEventLoop, seen: list[object]) -> None:
        ended = asyncio.Event()

        async def work() -> None:
            try:
                await asyncio.sleep(0)
            finally:
                seen.append("cleaned up")

        Eager(loop, work(), ended.set).cancel()
        await ended.wait()

    assert play(script) == ["cleaned up"]


def test_an_error_is_reported_and_ends_it() -> None:
    """An error after a wait goes to the loop's handler; the coroutine has ended all the same."""

    async def script(loop: asyncio.AbstractEventLoop, seen: list[object]) -> None:
        loop.set_exception_handler(lambda _, context: seen.append(str(context["exception"])))
        first, ended = loop.create_future(), asyncio.Event()

        async def work() -> None:
            await first
            raise ValueError("fault")

        Eager(loop, work(), ended.set)
        first.set_result(None)
        await ended.wait()

    assert play(script) == ["fault"]
