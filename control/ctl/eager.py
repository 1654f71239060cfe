# SPDX-License-Identifier: Apache-2.0
"""Running a coroutine at once as far as it does not have to wait, and on as soon as what it waits for is there.

That is a task that begins at once and takes fewer turns of the loop. In its place there is no current task, which
`asyncio.timeout` asks for: what needs one comes after an `asyncio.sleep(0)`, from which on it runs in a task.
"""

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any


class Eager:
    """A coroutine that runs; `is_done` when it has ended. `ended` is called on the loop unless it ends at once."""

    __slots__ = ("_ended", "_is_cancelled", "_loop", "_waits_for", "_work", "is_done")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None], ended: Callable[[], None]
    ) -> None:
        """Run until it ends or waits; raises what it raises."""
        self._loop, self._work, self._ended = loop, work, ended
        self._waits_for: asyncio.Future[Any]
        self._is_cancelled = False
        self.is_done = False
        self._step()

    def cancel(self) -> None:
        """Raise CancelledError where it waits, also when what it waits for is there already."""
        self._is_cancelled = not self._waits_for.cancel()

    def _step(self) -> None:
        try:
            if self._is_cancelled:
                self._is_cancelled = False
                pending = self._work.throw(asyncio.CancelledError())
            else:
                pending = self._work.send(None)
        except BaseException as error:
            self.is_done = True
            if not isinstance(error, StopIteration):
                raise
            return
        if isinstance(pending, asyncio.Future):
            self._waits_for = pending
            pending.add_done_callback(self._go_on)
        else:
            self._waits_for = self._loop.create_task(_rest(self._work, pending))
            self._waits_for.add_done_callback(self._task_ended)

    def _go_on(self, _: "asyncio.Future[Any]") -> None:
        try:
            self._step()
        except asyncio.CancelledError:
            pass
        finally:
            if self.is_done:
                self._ended()

    def _task_ended(self, _: "asyncio.Future[Any]") -> None:
        """A task that was cancelled before it began has left the work where it was."""
        self._work.close()
        self.is_done = True
        self._ended()


async def _rest(work: Coroutine[Any, Any, None], pending: object) -> None:
    await _go_on(work, pending)


@types.coroutine
def _go_on(work: Coroutine[Any, Any, None], pending: object) -> Generator[Any, Any, None]:
    """Run, in a task, the rest of a coroutine that waits for `pending`."""
    try:
        while True:
            try:
                sent = yield pending
            except GeneratorExit:
                work.close()
                raise
            except BaseException as error:  # noqa: BLE001 - cancellation, which is the coroutine's to see
                pending = work.throw(error)
            else:
                pending = work.send(sent)
    except StopIteration:
        return
