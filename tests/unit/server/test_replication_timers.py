# SPDX-License-Identifier: Apache-2.0
"""The timers of zones on their way to the store."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from control.conf.values import name_to_wire
from control.conf.zone import ZoneConf
from control.errors import StoreFull
from control.events.zone import ZoneHandle
from control.log import Log
from control.server.replication.timers import Timers
from control.store.environment import Store, Transaction
from control.store.timers import ZoneTimers, get_timers
from tests.support.doors import PLAIN
from tests.support.event_stage import FakeLoop

NAME = "example.com."


class World:
    """Timers whose worker does what it is told when the test says so, and whose store may be full."""

    def __init__(self, directory: Path) -> None:
        self.loop = FakeLoop()
        self.store = Store(directory, 1 << 24, 1)
        self.jobs: list[tuple[Callable[[], Any], Callable[[Any, Exception | None], None]]] = []
        self.is_full = False
        self.timers = Timers(
            self.loop, lambda job: None, self.write, lambda job, done: self.jobs.append((job, done)), Log([])
        )
        self.zone = ZoneHandle(NAME, name_to_wire(NAME), ZoneConf(NAME, "zone", PLAIN))

    def write(self, job: Callable[[Transaction], None]) -> None:
        if self.is_full:
            raise StoreFull(self.store.path, "full")
        self.store.write(job)

    def work(self) -> None:
        """Let the worker do what it has."""
        jobs, self.jobs = self.jobs, []
        for job, done in jobs:
            try:
                job()
            except StoreFull as error:
                done(None, error)
            else:
                done(None, None)

    def set(self, seconds: int) -> None:
        """Note timers that can be told apart."""
        self.timers.set(self.zone, ZoneTimers(refreshed_s=seconds))

    def stored(self) -> int:
        """Return what tells the stored timers apart."""
        with self.store.read() as txn:
            return get_timers(txn, self.zone.wire).refreshed_s


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path / "store")
    yield world
    world.store.close()


def test_timers_are_written_together(world: World) -> None:
    """A second after the first change, with what came until then."""
    world.set(1)
    world.set(2)
    world.loop.advance(1)
    assert len(world.jobs) == 1
    world.work()
    assert world.stored() == 2
    world.loop.advance(10)
    assert world.jobs == []


def test_what_cannot_be_written_is_written_later(world: World) -> None:
    """A store that was full loses nothing."""
    world.is_full = True
    world.set(1)
    world.loop.advance(1)
    world.work()
    world.is_full = False
    world.loop.advance(1)
    world.work()
    assert world.stored() == 1


def test_the_end_of_the_daemon_writes_what_no_worker_has_begun(world: World) -> None:
    """A worker that has the job may be given up before it comes to it."""
    world.set(1)
    world.loop.advance(1)
    assert len(world.jobs) == 1
    world.timers.write_now()
    assert world.stored() == 1
