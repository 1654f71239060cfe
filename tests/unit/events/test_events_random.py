# SPDX-License-Identifier: Apache-2.0
"""The scheduler under any operations: what must hold after each of them, and that nothing is lost in the end."""

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from control.events.event import Phase
from control.events.kinds import HELD_BY_FREEZE, HELD_BY_TRANSACTION, Kind
from control.events.zone import Freeze, ZoneHandle
from tests.support.event_stage import Stage

WORKERS = 2
NETWORK_WORKERS = 1
NETWORK_KINDS = frozenset({Kind.NOTIFY})
NAMES = ("a.", "b.", "c.")
KINDS = [Kind.LOAD, Kind.FLUSH, Kind.NOTIFY, Kind.EXPIRATION]
LONG_S = 10_000.0

operations = st.one_of(
    st.tuples(st.just("plan"), st.integers(0, 2), st.sampled_from(KINDS), st.sampled_from([0.0, 1.0, 5.0, 60.0])),
    st.tuples(st.just("force"), st.integers(0, 2), st.sampled_from(KINDS)),
    st.tuples(st.just("advance"), st.sampled_from([0.0, 0.5, 4.0, 100.0])),
    st.tuples(st.just("finish"), st.booleans()),
    st.tuples(st.sampled_from(["freeze", "thaw", "begin", "end", "forget"]), st.integers(0, 2)),
    st.tuples(st.just("cancel"), st.integers(0, 2), st.sampled_from(KINDS)),
)


class Play:
    """A stage, its zones, and the waiters that were told."""

    def __init__(self) -> None:
        self.stage = Stage(WORKERS, NETWORK_WORKERS, NETWORK_KINDS)
        self.zones = [self.stage.zone(name) for name in NAMES]
        self.told: Counter[int] = Counter()
        self.waiters = 0

    def waiter(self) -> Any:
        """A new waiter."""
        number, self.waiters = self.waiters, self.waiters + 1

        def tell(_error: Exception | None) -> None:
            self.told[number] += 1

        return tell

    def do(self, name: str, *arguments: Any) -> None:
        """One operation; what runs meanwhile is looked at."""
        scheduler = self.stage.scheduler
        zone = self.zones[arguments[0]] if name not in ("advance", "finish") else self.zones[0]
        match name:
            case "plan":
                scheduler.plan(zone, arguments[1], arguments[2], waiter=self.waiter())
            case "force":
                scheduler.plan(zone, arguments[1], forced=True, waiter=self.waiter())
            case "advance":
                self.stage.loop.advance(arguments[0])
            case "finish" if self.stage.jobs:
                self.stage.finish(OSError("failed") if arguments[0] else None)
            case "freeze":
                scheduler.freeze(zone, self.waiter())
            case "thaw":
                scheduler.thaw(zone, self.waiter())
            case "begin" if zone.transaction is None:
                zone.transaction = object()
            case "end":
                zone.transaction = None
                scheduler.resume(zone)
            case "forget":
                scheduler.forget(zone)
            case "cancel":
                scheduler.cancel(zone, arguments[1])

    def check(self) -> None:
        """What holds at any time."""
        scheduler = self.stage.scheduler
        waiting = [zone.running.kind in NETWORK_KINDS for zone in self.zones if zone.running is not None]
        assert waiting.count(True) == scheduler.network.running <= NETWORK_WORKERS
        assert waiting.count(False) == scheduler.background.running <= WORKERS
        assert len(waiting) == len(self.stage.jobs)
        assert self.stage.loop.timers() <= 1
        assert max(self.told.values(), default=0) <= 1
        for zone in self.zones:
            assert len({event.kind for event in zone.events}) == len(zone.events)
            self.check_waiting(zone)

    def check_waiting(self, zone: ZoneHandle) -> None:
        """An event that is due waits for a reason."""
        for event in zone.events:
            status = self.stage.scheduler.status(zone, event.kind)
            assert status is not None
            is_busy = zone.running is not None or self.is_full(event.kind)
            frozen = zone.freeze in (Freeze.FROZEN, Freeze.FREEZING) and event.kind in HELD_BY_FREEZE
            held = frozen or (zone.transaction is not None and event.kind in HELD_BY_TRANSACTION)
            assert event.due > self.stage.loop.now or is_busy or (held and not event.forced), event.kind
            if status.phase is not Phase.RUNNING:
                assert (status.phase is Phase.PLANNED) == (event.due > self.stage.loop.now)

    def is_full(self, kind: Kind) -> bool:
        """Whether the workers for events of a kind are all busy."""
        lane = self.stage.scheduler.network if kind in NETWORK_KINDS else self.stage.scheduler.background
        return lane.running == lane.workers

    def settle(self) -> None:
        """Let everything come to its end."""
        for number, zone in enumerate(self.zones):
            self.do("end", number)
            self.stage.scheduler.thaw(zone)
        for _ in range(200):
            self.stage.loop.advance(LONG_S)
            if not self.stage.jobs:
                break
            self.stage.finish()


@given(st.lists(operations, max_size=60))
def test_any_operations(todo: list[tuple[Any, ...]]) -> None:
    """One event of a zone and few of all run at a time, what is due and not held begins, each waiter is told once."""
    play = Play()
    for operation in todo:
        play.do(*operation)
        play.check()
    play.settle()
    assert [zone.events for zone in play.zones] == [()] * len(play.zones)
    assert all(zone.running is None and zone.freeze is Freeze.NONE for zone in play.zones if not zone.removed)
    assert [play.told[number] for number in range(play.waiters)] == [1] * play.waiters
    assert play.stage.loop.timers() == 0


@given(st.lists(operations, max_size=40))
def test_stopping(todo: list[tuple[Any, ...]]) -> None:
    """After a stop nothing begins, what runs comes to its end, and nobody is told twice."""
    play = Play()
    for operation in todo:
        play.do(*operation)
    play.stage.scheduler.stop()
    while play.stage.jobs:
        play.stage.finish()
    play.stage.loop.advance(LONG_S)
    assert not play.stage.jobs
    assert max(play.told.values(), default=0) <= 1
