# SPDX-License-Identifier: Apache-2.0
"""Commands that wait for zone events (`-b`), or have a zone for themselves."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

from control.ctl.command import Reply, Request
from control.ctl.errors import CommandError, Reason
from control.events.event import Waiter
from control.events.kinds import Kind
from control.events.scheduler import Cancelled, Scheduler
from control.events.zone import ZoneHandle


def make_waiter() -> tuple[Waiter, "asyncio.Future[None]"]:
    """Return a waiter and the future it settles; a cancelled event is an error that clients are told."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def settle(error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(None)
        elif isinstance(error, Cancelled):
            future.set_exception(CommandError(Reason.FAILED, str(error)))
        else:
            future.set_exception(error)

    return settle, future


async def run_event(
    scheduler: Scheduler, zone: ZoneHandle, kind: Kind, request: Request, reply: Reply, asked: Hashable | None = None
) -> None:
    """Plan an event an operator asks for, now; in blocking mode wait for its end and raise what it failed with."""
    if not request.blocking:
        scheduler.plan(zone, kind, forced=True, request=asked)
        return
    waiter, future = make_waiter()
    scheduler.plan(zone, kind, forced=True, request=asked, waiter=waiter)
    await reply.wait(future)


@asynccontextmanager
async def alone(scheduler: Scheduler, zone: ZoneHandle, kind: Kind) -> AsyncIterator[None]:
    """Have no event of the zone run during the block, which begins when the running one has ended.

    It counts as an event of a kind. Raises CommandError when the zone or the daemon goes meanwhile.
    """
    while (event := scheduler.claim(zone, kind)) is None:
        if zone.running is None:
            raise CommandError(Reason.FAILED)
        waiter, idle = make_waiter()
        scheduler.when_idle(zone, waiter)
        await idle
    try:
        yield
    finally:
        scheduler.release(zone, event, None, None)
