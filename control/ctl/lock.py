# SPDX-License-Identifier: Apache-2.0
"""A lock for commands on one event loop: many at a time, or one alone, first come first served."""

import asyncio
from collections import deque


class CommandLock:
    """What holds share; `Hold` is the way to take and give them."""

    def __init__(self) -> None:
        self._sharers = 0
        self._alone = False
        self._waiting: deque[tuple[bool, asyncio.Future[None]]] = deque()

    def _grant(self, exclusive: bool) -> bool:
        if self._alone or (exclusive and self._sharers):
            return False
        if exclusive:
            self._alone = True
        else:
            self._sharers += 1
        return True

    def take_now(self, exclusive: bool) -> bool:
        """Take it if nobody has to be waited for; whether that was so."""
        return not self._waiting and self._grant(exclusive)

    async def take(self, exclusive: bool) -> None:
        """Wait for the turn."""
        if self.take_now(exclusive):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((exclusive, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give(exclusive)
            else:
                self._waiting.remove((exclusive, turn))
                self._wake()
            raise

    def give(self, exclusive: bool) -> None:
        """Return what was taken."""
        if exclusive:
            self._alone = False
        else:
            self._sharers -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._grant(self._waiting[0][0]):
            self._waiting.popleft()[1].set_result(None)


class Hold:
    """One command's part of the lock."""

    def __init__(self, lock: CommandLock, exclusive: bool) -> None:
        self.exclusive = exclusive
        self._lock = lock
        self._held = False

    def take_now(self) -> bool:
        """Take it if nobody has to be waited for; whether that was so."""
        self._held = self._lock.take_now(self.exclusive)
        return self._held

    async def take(self, timeout_s: float | None) -> None:
        """Take it; raises TimeoutError."""
        if not self.take_now():
            await asyncio.sleep(0)  # what follows asks for the task it runs in
            async with asyncio.timeout(timeout_s):
                await self._lock.take(self.exclusive)
                self._held = True

    def give(self) -> bool:
        """Give it back if it is held; return whether it was."""
        held, self._held = self._held, False
        if held:
            self._lock.give(self.exclusive)
        return held
