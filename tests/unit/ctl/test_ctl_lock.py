# SPDX-License-Identifier: Apache-2.0
"""The lock of commands: many share, one alone, in the order they came."""

import asyncio

import pytest

from control.ctl.lock import CommandLock, Hold


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_order() -> None:
    """Sharers run together, an exclusive one waits for them, and later sharers wait behind it."""

    async def scenario() -> list[str]:
        lock, got = CommandLock(), []

        async def use(name: str, exclusive: bool, go: asyncio.Event) -> None:
            hold = Hold(lock, exclusive)
            await hold.take(None)
            got.append(name)
            await go.wait()
            hold.give()
            got.append(f"end {name}")

        gates = {name: asyncio.Event() for name in "abcd"}
        tasks = []
        for name, exclusive in (("a", False), ("b", False), ("c", True), ("d", False)):
            tasks.append(asyncio.create_task(use(name, exclusive, gates[name])))
            await settle()
        for name in "badc":
            gates[name].set()
            await settle()
        await asyncio.gather(*tasks)
        return got

    assert asyncio.run(scenario()) == ["a", "b", "end b", "end a", "c", "end c", "d", "end d"]


def test_timeout_and_cancel() -> None:
    """Who gives up waiting leaves no trace: those behind go on."""

    async def scenario() -> None:
        lock = CommandLock()
        first, second, third = Hold(lock, False), Hold(lock, True), Hold(lock, False)
        await first.take(None)
        waiting = asyncio.create_task(second.take(None))
        await settle()
        behind = asyncio.create_task(third.take(None))
        await settle()
        assert not behind.done()
        waiting.cancel()
        await settle()
        assert behind.done()
        with pytest.raises(TimeoutError):
            await second.take(0)
        assert first.give()
        assert third.give()
        assert not third.give()
        await second.take(None)

    asyncio.run(scenario())


def test_cancelled_when_granted() -> None:
    """A turn that comes in the moment its waiter is cancelled goes to the next."""

    async def scenario() -> None:
        lock = CommandLock()
        first, second, third = Hold(lock, True), Hold(lock, True), Hold(lock, True)
        await first.take(None)
        waiting, behind = asyncio.create_task(second.take(None)), asyncio.create_task(third.take(None))
        await settle()
        first.give()
        waiting.cancel()
        await settle()
        assert behind.done()
        assert not behind.cancelled()

    asyncio.run(scenario())
