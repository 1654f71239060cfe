# SPDX-License-Identifier: Apache-2.0
"""Commits of several clients carried out together."""

import asyncio
import threading
from typing import Any

import pytest

from control.server.committer import Committer


def test_what_comes_while_a_commit_runs_is_done_together_and_each_has_its_own_end() -> None:
    """The second group holds all that came meanwhile; a refusal reaches only its caller."""
    groups: list[list[Any]] = []
    begun, go = threading.Event(), threading.Event()

    def commit_many(batches: list[Any]) -> list[Any]:
        groups.append(batches)
        begun.set()
        assert go.wait(10)
        return [ValueError("refused") if batch == ["bad"] else batch for batch in batches]

    async def run() -> None:
        committer = Committer(asyncio.get_running_loop(), commit_many)
        first = asyncio.ensure_future(committer.commit(["one"]))  # type: ignore[list-item]
        await asyncio.to_thread(begun.wait, 10)
        others = [asyncio.ensure_future(committer.commit([name])) for name in ("two", "bad", "three")]  # type: ignore[list-item]
        await asyncio.sleep(0)
        go.set()
        assert await first == ["one"]
        assert await others[0] == ["two"]
        assert await others[2] == ["three"]
        with pytest.raises(ValueError, match="refused"):
            await others[1]
        assert await asyncio.to_thread(committer.close, 10)

    asyncio.run(run())
    assert groups == [[["one"]], [["two"], ["bad"], ["three"]]]


def test_a_fault_reaches_everyone() -> None:
    """An error of the program is raised in each caller and does not stop the next commit."""

    def commit_many(batches: list[Any]) -> list[Any]:
        if batches[0] == ["fault"]:
            raise RuntimeError("fault")
        return batches

    async def run() -> None:
        committer = Committer(asyncio.get_running_loop(), commit_many)
        with pytest.raises(RuntimeError):
            await committer.commit(["fault"])  # type: ignore[list-item]
        assert await committer.commit(["next"]) == ["next"]  # type: ignore[list-item,comparison-overlap]
        assert await asyncio.to_thread(committer.close, 10)

    asyncio.run(run())
