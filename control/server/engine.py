# SPDX-License-Identifier: Apache-2.0
"""Supervision of the engine: notice its end through its pidfd and start it again at once."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from control.log import Log
from control.server.backoff import Backoff
from control.server.launch import Launcher, Running, start_engine
from pyxdp_dns.errors import EngineError


class Supervisor:
    """Keeps one engine alive. `on_start` runs after each start, `on_failure` after a start that failed."""

    def __init__(self, launcher: Launcher, log: Log, clock: Callable[[], float] = time.monotonic) -> None:
        self.launcher, self.log, self.clock = launcher, log, clock
        self.running: Running | None = None
        self.backoff = Backoff()
        self.on_start: Callable[[], Awaitable[None]] | None = None
        self.on_failure: Callable[[], Awaitable[None]] | None = None
        self._ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._stopping = False

    def take(self, running: Running) -> None:
        """Supervise an engine that lives."""
        self.running = running
        self._loop.add_reader(running.pidfd, self._on_end)

    async def run(self) -> None:
        """Start the engine again whenever it ends, until `stop`."""
        while True:
            await self._ended.wait()
            self._ended.clear()
            if self._stopping:
                return
            await self._restart()

    async def restart(self) -> None:
        """Stop the engine and start it again, for what a running one cannot take over."""
        running = self._release()
        if running is not None:
            await asyncio.to_thread(running.stop)
            running.close()
        await self._begin()

    def stop(self) -> None:
        """End the engine and its supervision."""
        self._stopping = True
        running = self._release()
        if running is not None:
            running.stop()
            running.close()
        self._ended.set()

    def leave(self) -> None:
        """End the supervision; the engine lives on."""
        self._stopping = True
        running = self._release()
        if running is not None:
            self.log.info(f"engine, PID {running.pid}, answers on")
            running.close()
        self._ended.set()

    def _release(self) -> Running | None:
        running, self.running = self.running, None
        if running is not None:
            self._loop.remove_reader(running.pidfd)
        return running

    def _on_end(self) -> None:
        if self.running is not None:
            self._loop.remove_reader(self.running.pidfd)
        self._ended.set()

    async def _restart(self) -> None:
        running = self._release()
        if running is not None:
            running.wait(0)
            self.log.error(f"engine, PID {running.pid}, ended, starting it again")
            running.close()
        await self._begin()

    async def _begin(self) -> None:
        """Start, with a pause when the engine keeps ending, until it runs or supervision ends."""
        while not self._stopping:
            delay = self.backoff.died(self.clock())
            if delay:
                self.log.warning(f"engine keeps ending, next start in {delay:g} s")
                await asyncio.sleep(delay)
            if self._stopping:
                return
            try:
                await self._start()
            except (EngineError, OSError) as error:
                self.log.error(f"engine cannot be started ({error})")
                if self.on_failure is not None:
                    await self.on_failure()
                continue
            if self.on_start is not None:
                await self.on_start()
            return

    async def _start(self) -> None:
        """Start an engine; one that comes while the daemon already stops is supervised as well, so that it is ended."""
        starting = asyncio.ensure_future(asyncio.to_thread(start_engine, self.launcher, self.log))
        try:
            self.take(await asyncio.shield(starting))
        except asyncio.CancelledError:
            with suppress(EngineError, OSError):
                self.take(await starting)
            raise
