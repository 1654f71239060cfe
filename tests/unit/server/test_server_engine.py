# SPDX-License-Identifier: Apache-2.0
"""When a dead engine is started again, and what an engine is started with."""

import asyncio
import os
import threading

import pytest

from control.conf.model import build_config
from control.conf.parse import parse_text
from control.log import Log
from control.server.backoff import FIRST_DELAY_S, LAST_DELAY_S, QUICK_STARTS, WINDOW_S, Backoff
from control.server.engine import Supervisor
from control.server.launch import EngineLauncher, Running, ring_size


def test_first_deaths_are_healed_at_once() -> None:
    """Single deaths and a few in a row are healed without a pause."""
    backoff = Backoff()
    assert [backoff.died(float(now)) for now in range(QUICK_STARTS)] == [0.0] * QUICK_STARTS


def test_crash_loop_slows_down() -> None:
    """An engine that keeps ending is started after doubling pauses up to a limit, and at once after a quiet time."""
    backoff = Backoff()
    delays = [backoff.died(100.0) for _ in range(QUICK_STARTS + 10)]
    assert delays[QUICK_STARTS : QUICK_STARTS + 3] == [FIRST_DELAY_S, 2 * FIRST_DELAY_S, 4 * FIRST_DELAY_S]
    assert delays[-1] == LAST_DELAY_S
    assert backoff.died(100.0 + WINDOW_S) == 0.0


@pytest.mark.parametrize(("configured", "used"), [(4, 64), (64, 64), (65, 128), (2048, 2048), (32768, 32768)])
def test_ring_size(configured: int, used: int) -> None:
    """Rings get a power of two of at least 64 entries."""
    assert ring_size(configured) == used


def test_specification() -> None:
    """The engine's specification follows the configuration; busy polling is off without a budget."""
    text = "server:\n  listen: 192.0.2.1@54\n  rundir: /r\n  udp-workers: 3\ndatabase:\n  storage: /s\n"
    spec = EngineLauncher(build_config(parse_text(text + "xdp:\n  cpu-affinity: [1, 0]\n", "k.conf"), "k.conf")).spec
    assert (spec.rundir, spec.table, spec.listen) == ("/r", "/s/table", (("192.0.2.1", 54),))
    assert (spec.udp_workers, spec.cpus, spec.busy_poll_us, spec.interfaces) == (3, (1, 0), 0, ())


class FakeEngine:
    """An engine that ends when it is told to."""

    pid = 1

    def __init__(self) -> None:
        self.pidfd, self._end = os.pipe()
        self.is_ended = False

    def wait(self, seconds: float) -> bool:
        return self.is_ended

    def stop(self) -> None:
        self.is_ended = True

    def close(self) -> None:
        os.close(self.pidfd)
        os.close(self._end)


class SlowLauncher:
    """Starts an engine when the test lets it."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.engine = FakeEngine()

    def find(self, log: Log) -> Running | None:
        return None

    def spawn(self) -> Running:
        self.begun.set()
        self.go.wait(10)
        return self.engine


def test_an_engine_that_starts_while_the_daemon_stops_is_ended() -> None:
    """Nobody would know of it else, and it would answer on."""

    async def main() -> None:
        launcher = SlowLauncher()
        supervisor = Supervisor(launcher, Log([]))
        task = asyncio.create_task(supervisor.restart())
        await asyncio.to_thread(launcher.begun.wait, 10)
        task.cancel()
        await asyncio.sleep(0)
        launcher.go.set()
        await asyncio.gather(task, return_exceptions=True)
        assert task.cancelled()
        supervisor.stop()
        assert launcher.engine.is_ended

    asyncio.run(main())
