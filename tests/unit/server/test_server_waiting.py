# SPDX-License-Identifier: Apache-2.0
"""Commands that have a zone for themselves."""

import asyncio

import pytest

from control.ctl.errors import CommandError
from control.events.kinds import Kind
from control.server.waiting import alone
from tests.support.event_stage import Stage


def test_no_event_runs_beside_the_command() -> None:
    """It waits for those that run; what is planned meanwhile comes after it."""

    async def main() -> None:
        stage = Stage()
        zone, go = stage.zone("a."), asyncio.Event()

        async def command() -> None:
            async with alone(stage.scheduler, zone, Kind.PURGE):
                stage.begun.append(("a.", "command", ()))
                await go.wait()

        stage.scheduler.plan(zone, Kind.REFRESH)
        stage.scheduler.plan(zone, Kind.LOAD)
        task = asyncio.create_task(command())
        await rest()
        stage.finish()
        await rest()
        assert [kind for _, kind in stage.names()] == ["refresh", "load"]
        stage.finish()
        await rest()
        stage.scheduler.plan(zone, Kind.NOTIFY)
        assert [kind for _, kind in stage.names()] == ["refresh", "load", "command"]
        go.set()
        await task
        assert [kind for _, kind in stage.names()] == ["refresh", "load", "command", "notify"]

    asyncio.run(main())


async def rest() -> None:
    """Let others run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_a_zone_that_goes_meanwhile_is_an_error() -> None:
    """The command does not wait for ever."""

    async def main() -> None:
        stage = Stage()
        zone = stage.zone("a.")
        stage.scheduler.forget(zone)
        with pytest.raises(CommandError):
            async with alone(stage.scheduler, zone, Kind.PURGE):
                raise AssertionError("the block began")

    asyncio.run(main())
