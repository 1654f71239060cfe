# SPDX-License-Identifier: Apache-2.0
"""A loop whose time a test moves, and workers whose work ends when the test says so."""

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from control.conf.model import ZoneConf
from control.conf.values import name_to_wire
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Done, Lane, Runner
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle


class FakeTimer:
    """A call that may be cancelled."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Calls happen in `advance`, in the order of their times."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._calls: list[tuple[float, int, FakeTimer, Callable[[], None]]] = []
        self._count = 0

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None], /) -> FakeTimer:
        timer = FakeTimer()
        self._count += 1
        heappush(self._calls, (when, self._count, timer, callback))
        return timer

    def timers(self) -> int:
        """Return how many calls are still to come."""
        return sum(not timer.cancelled for _, _, timer, _ in self._calls)

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._calls and self._calls[0][0] <= end:
            when, _, timer, callback = heappop(self._calls)
            if not timer.cancelled:
                self.now = max(self.now, when)
                callback()
        self.now = end


class Stage:
    """A scheduler whose runners note what began; `finish` ends the oldest that runs."""

    def __init__(
        self,
        workers: int = 2,
        network: int = 2,
        network_kinds: frozenset[Kind] = frozenset(),
        brief_kinds: frozenset[Kind] = frozenset(),
    ) -> None:
        """Of brief events any number may run."""
        self.loop = FakeLoop()
        self.jobs: list[tuple[Callable[[], Any], Done]] = []
        self.begun: list[tuple[str, str, tuple[object, ...]]] = []
        self.ended: list[tuple[str, str, object]] = []
        self.failed: list[tuple[str, str, str]] = []
        self.scheduler = Scheduler(
            self.loop,
            Lane(self._execute, workers),
            Lane(self._execute, network),
            self._note_failure,
            Lane(self._execute, 1_000),
        )
        for kind in Kind:
            self.scheduler.runners[kind] = Runner(
                self._work, self._note_success, lambda _zone, at=kind: at in network_kinds, is_brief=kind in brief_kinds
            )

    def zone(self, name: str) -> ZoneHandle:
        """Return a new zone."""
        return ZoneHandle(name, name_to_wire(name), ZoneConf(name, f"/zones/{name}zone", 3600))

    def finish(self, error: Exception | None = None) -> None:
        """End the oldest running event, with an error or with what its runner returned."""
        _, done = self.jobs.pop(0)
        done(None if error else "done", error)

    def _execute(self, work: Callable[[], Any], done: Done) -> None:
        work()
        self.jobs.append((work, done))

    def _work(self, zone: ZoneHandle, event: Event) -> str:
        self.begun.append((zone.name, event.kind.label, event.requests))
        return "done"

    def _note_success(self, zone: ZoneHandle, event: Event, result: Any) -> None:
        self.ended.append((zone.name, event.kind.label, result))

    def _note_failure(self, zone: ZoneHandle, event: Event, error: Exception) -> None:
        self.failed.append((zone.name, event.kind.label, str(error)))

    def names(self) -> list[tuple[str, str]]:
        """Return zone and kind of what began."""
        return [entry[:2] for entry in self.begun]
