# SPDX-License-Identifier: Apache-2.0
"""The scheduler of zone events under a clock of the test."""

import pytest

from control.events.event import Phase
from control.events.kinds import Kind
from control.events.scheduler import Cancelled
from control.events.zone import Freeze, ZoneHandle
from tests.support.event_stage import Stage

A, B, C = "a.example.", "b.example.", "c.example."


def phase(stage: Stage, zone: ZoneHandle, kind: Kind) -> Phase | None:
    """Where an event stands."""
    status = stage.scheduler.status(zone, kind)
    return None if status is None else status.phase


def test_an_event_begins_when_its_time_has_come() -> None:
    """An event is planned until its time and runs then."""
    stage = Stage()
    zone = stage.zone(A)
    stage.scheduler.plan(zone, Kind.FLUSH, 10)
    assert stage.scheduler.status(zone, Kind.FLUSH) == (Phase.PLANNED, 1010.0)
    stage.loop.advance(9.9)
    assert stage.begun == []
    stage.loop.advance(0.1)
    assert stage.names() == [(A, "flush")]
    assert stage.scheduler.status(zone, Kind.FLUSH) == (Phase.RUNNING, 1010.0)
    stage.finish()
    assert stage.scheduler.status(zone, Kind.FLUSH) is None
    assert stage.ended == [(A, "flush", "done")]


def test_an_event_without_delay_begins_at_once() -> None:
    """What is due is given to a worker while it is planned."""
    stage = Stage()
    stage.scheduler.plan(stage.zone(A), Kind.LOAD)
    assert stage.names() == [(A, "load")]


def test_plans_of_one_kind_become_one_event() -> None:
    """Several plans run once, at the earliest of their times, with all they asked for."""
    stage = Stage()
    zone = stage.zone(A)
    for delay, request in ((30, "x"), (10, "y"), (20, "x")):
        stage.scheduler.plan(zone, Kind.FLUSH, delay, request=request)
    stage.loop.advance(10)
    assert stage.begun == [(A, "flush", ("x", "y"))]
    stage.finish()
    stage.loop.advance(100)
    assert len(stage.begun) == 1


def test_a_zone_runs_one_event_at_a_time() -> None:
    """Another event of a busy zone is pending until the first has ended."""
    stage = Stage()
    zone = stage.zone(A)
    stage.scheduler.plan(zone, Kind.LOAD)
    stage.scheduler.plan(zone, Kind.FLUSH)
    assert stage.names() == [(A, "load")]
    assert phase(stage, zone, Kind.FLUSH) is Phase.PENDING
    stage.finish()
    assert stage.names() == [(A, "load"), (A, "flush")]


def test_a_plan_during_a_run_is_another_run() -> None:
    """What is asked for while an event of the kind runs is done after it."""
    stage = Stage()
    zone = stage.zone(A)
    stage.scheduler.plan(zone, Kind.LOAD)
    stage.scheduler.plan(zone, Kind.LOAD)
    assert len(stage.begun) == 1
    stage.finish()
    assert len(stage.begun) == 2


def test_no_more_events_run_than_there_are_workers() -> None:
    """Events of other zones wait for a worker, first come first served."""
    stage = Stage(workers=1)
    for name in (A, B, C):
        stage.scheduler.plan(stage.zone(name), Kind.LOAD)
    assert stage.names() == [(A, "load")]
    assert (stage.scheduler.background.running, stage.scheduler.background.pending()) == (1, 2)
    stage.finish()
    stage.finish()
    assert stage.names() == [(A, "load"), (B, "load"), (C, "load")]


def test_one_timer_serves_all_zones() -> None:
    """However many events are planned, the loop has one timer."""
    stage = Stage(workers=1000)
    for number in range(500):
        stage.scheduler.plan(stage.zone(f"z{number}.example."), Kind.FLUSH, 500 - number)
    assert stage.loop.timers() == 1
    stage.loop.advance(500)
    assert len(stage.begun) == 500
    assert stage.names()[0] == ("z499.example.", "flush")


def test_failures_are_counted_and_told() -> None:
    """A failed event is counted, remembered at its zone, reported, and its waiter gets the reason."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[Exception | None] = []
    stage.scheduler.plan(zone, Kind.LOAD, waiter=told.append)
    error = OSError("not exists")
    stage.finish(error)
    assert told == [error]
    assert stage.scheduler.failures == 1
    assert zone.failure == "not exists"
    assert stage.failed == [(A, "load", "not exists")]
    stage.scheduler.plan(zone, Kind.LOAD, waiter=told.append)
    stage.finish()
    assert told == [error, None]
    assert zone.failure is None


def test_a_waiter_waits_for_the_run_after_its_plan() -> None:
    """Who asks while an event runs is told of the next run."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[str] = []
    stage.scheduler.plan(zone, Kind.LOAD, waiter=lambda error: told.append("first"))
    stage.scheduler.plan(zone, Kind.LOAD, waiter=lambda error: told.append("second"))
    stage.finish()
    assert told == ["first"]
    stage.finish()
    assert told == ["first", "second"]


def test_cancelled_events_do_not_run() -> None:
    """Who waits for a cancelled event is told so."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[Exception | None] = []
    stage.scheduler.plan(zone, Kind.FLUSH, 5, waiter=told.append)
    assert stage.scheduler.cancel(zone, Kind.FLUSH)
    assert not stage.scheduler.cancel(zone, Kind.FLUSH)
    stage.loop.advance(10)
    assert stage.begun == []
    assert isinstance(told[0], Cancelled)


@pytest.mark.parametrize("kind", list(Kind))
def test_freeze_holds_what_changes_a_zone(kind: Kind) -> None:
    """Load, refresh, update, flush and re-sign are held while a zone is frozen, the others are not."""
    stage = Stage()
    zone = stage.zone(A)
    stage.scheduler.freeze(zone)
    stage.scheduler.plan(zone, kind)
    held = kind.label in ("load", "refresh", "update", "flush", "re-sign")
    assert phase(stage, zone, kind) is (Phase.FROZEN if held else Phase.RUNNING)
    stage.scheduler.thaw(zone)
    assert stage.names() == [(A, kind.label)]


def test_an_event_whose_time_has_not_come_is_not_frozen() -> None:
    """It is planned until it is due, and held from then on."""
    stage = Stage()
    zone = stage.zone(A)
    stage.scheduler.freeze(zone)
    stage.scheduler.plan(zone, Kind.FLUSH, 10)
    assert phase(stage, zone, Kind.FLUSH) is Phase.PLANNED
    stage.loop.advance(10)
    assert phase(stage, zone, Kind.FLUSH) is Phase.FROZEN


def test_an_event_an_operator_asks_for_runs_while_frozen() -> None:
    """A forced plan also sets free the event that was held."""
    stage = Stage()
    zone = stage.zone(A)
    stage.scheduler.freeze(zone)
    stage.scheduler.plan(zone, Kind.FLUSH)
    stage.loop.advance(3)
    assert stage.scheduler.status(zone, Kind.FLUSH) == (Phase.FROZEN, 1000.0)
    stage.scheduler.plan(zone, Kind.FLUSH, forced=True)
    assert stage.names() == [(A, "flush")]


def test_freeze_waits_for_the_running_event() -> None:
    """A zone is freezing until its event has ended; then who waits is told, and nothing else begins."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[Exception | None] = []
    stage.scheduler.plan(zone, Kind.LOAD)
    stage.scheduler.plan(zone, Kind.FLUSH)
    stage.scheduler.freeze(zone, told.append)
    assert (zone.freeze, told) == (Freeze.FREEZING, [])
    stage.finish()
    assert (zone.freeze, told) == (Freeze.FROZEN, [None])
    assert stage.names() == [(A, "load")]
    stage.scheduler.freeze(zone, told.append)
    assert told == [None, None]


def test_thaw_lets_held_events_go_on() -> None:
    """What was held runs after the thaw; with an event running the zone is thawing until it ends."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[Exception | None] = []
    stage.scheduler.freeze(zone)
    stage.scheduler.plan(zone, Kind.LOAD, forced=True)
    stage.scheduler.plan(zone, Kind.FLUSH)
    stage.scheduler.thaw(zone, told.append)
    assert (zone.freeze, told) == (Freeze.THAWING, [])
    stage.finish()
    assert (zone.freeze, told) == (Freeze.NONE, [None])
    assert stage.names() == [(A, "load"), (A, "flush")]


def test_thaw_of_a_zone_that_is_not_frozen_changes_nothing() -> None:
    """Its waiter is told at once."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[Exception | None] = []
    stage.scheduler.thaw(zone, told.append)
    assert (zone.freeze, told) == (Freeze.NONE, [None])


def test_an_open_transaction_holds_changes_but_not_the_flush() -> None:
    """Load waits until the transaction has ended; flush does not."""
    stage = Stage()
    zone = stage.zone(A)
    zone.transaction = object()
    stage.scheduler.plan(zone, Kind.LOAD)
    stage.scheduler.plan(zone, Kind.FLUSH)
    assert stage.names() == [(A, "flush")]
    stage.finish()
    zone.transaction = None
    stage.scheduler.resume(zone)
    assert stage.names() == [(A, "flush"), (A, "load")]


def test_a_removed_zone_plans_nothing() -> None:
    """Its planned events are cancelled, later plans are refused, and its running event ends without effect."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[Exception | None] = []
    stage.scheduler.plan(zone, Kind.LOAD)
    stage.scheduler.plan(zone, Kind.FLUSH, 5, waiter=told.append)
    stage.scheduler.forget(zone)
    stage.scheduler.plan(zone, Kind.NOTIFY, waiter=told.append)
    assert [type(error) for error in told] == [Cancelled, Cancelled]
    idle: list[Exception | None] = []
    stage.scheduler.when_idle(zone, idle.append)
    assert idle == []
    stage.finish()
    assert idle == [None]
    stage.loop.advance(10)
    assert stage.names() == [(A, "load")]
    assert stage.ended == []


def test_frozen_zones_keep_no_worker() -> None:
    """Events that are held do not keep others from running."""
    stage = Stage(workers=1)
    first, second = stage.zone(A), stage.zone(B)
    stage.scheduler.freeze(first)
    stage.scheduler.plan(first, Kind.LOAD)
    stage.scheduler.plan(second, Kind.LOAD)
    assert stage.names() == [(B, "load")]


def test_freeze_holds_what_waits_for_a_worker() -> None:
    """An event that is already in the queue of the workers is held as well."""
    stage = Stage(workers=1)
    first, second = stage.zone(A), stage.zone(B)
    stage.scheduler.plan(first, Kind.LOAD)
    stage.scheduler.plan(second, Kind.LOAD)
    stage.scheduler.freeze(second)
    stage.finish()
    assert stage.names() == [(A, "load")]
    stage.scheduler.thaw(second)
    assert stage.names() == [(A, "load"), (B, "load")]


def test_replanning_does_not_grow_the_heap() -> None:
    """An event made earlier a hundred thousand times leaves no more entries than the limit for stale ones."""
    stage = Stage()
    zone = stage.zone(A)
    for number in range(10_000):
        stage.scheduler.plan(zone, Kind.FLUSH, 20_000 - number)
    assert len(stage.scheduler._heap) < 3000
    stage.loop.advance(20_000)
    assert stage.names() == [(A, "flush")]


def test_nothing_begins_after_the_stop() -> None:
    """Who waits when the server stops is told so."""
    stage = Stage(workers=1)
    told: list[Exception | None] = []
    stage.scheduler.plan(stage.zone(A), Kind.LOAD)
    stage.scheduler.plan(stage.zone(B), Kind.LOAD, waiter=told.append)
    stage.scheduler.plan(stage.zone(C), Kind.LOAD, 5, waiter=told.append)
    stage.scheduler.stop()
    assert [type(error) for error in told] == [Cancelled, Cancelled]
    stage.finish()
    stage.loop.advance(10)
    assert stage.names() == [(A, "load")]


def test_a_claimed_zone_is_busy_until_it_is_released() -> None:
    """Work on many zones together takes over what is planned, holds other events of the zone, and tells its end."""
    stage = Stage()
    zone = stage.zone(A)
    told: list[Exception | None] = []
    stage.scheduler.plan(zone, Kind.LOAD, 60, waiter=told.append)
    event = stage.scheduler.claim(zone, Kind.LOAD)
    assert event is not None
    assert stage.scheduler.claim(zone, Kind.LOAD) is None
    stage.scheduler.plan(zone, Kind.FLUSH)
    assert phase(stage, zone, Kind.LOAD) is Phase.RUNNING
    assert stage.names() == []
    stage.scheduler.release(zone, event, "loaded", None)
    assert told == [None]
    assert stage.ended == [(A, "load", "loaded")]
    assert stage.names() == [(A, "flush")]
    stage.loop.advance(100)
    assert stage.names() == [(A, "flush")]


def test_frozen_and_removed_zones_are_not_claimed() -> None:
    """Their work waits, or is not done."""
    stage = Stage()
    frozen, removed = stage.zone(A), stage.zone(B)
    stage.scheduler.freeze(frozen)
    stage.scheduler.forget(removed)
    assert stage.scheduler.claim(frozen, Kind.LOAD) is None
    assert stage.scheduler.claim(removed, Kind.LOAD) is None


def test_events_that_wait_for_other_servers_have_workers_of_their_own() -> None:
    """Slow servers hold up each other and nothing else; a zone still runs one event at a time."""
    stage = Stage(workers=1, network=1, network_kinds=frozenset({Kind.REFRESH}))
    first, second, third = stage.zone(A), stage.zone(B), stage.zone(C)
    stage.scheduler.plan(first, Kind.REFRESH)
    stage.scheduler.plan(first, Kind.FLUSH)
    stage.scheduler.plan(second, Kind.REFRESH)
    stage.scheduler.plan(third, Kind.LOAD)
    assert stage.names() == [(A, "refresh"), (C, "load")]
    scheduler = stage.scheduler
    assert (scheduler.network.running, scheduler.network.pending()) == (1, 1)
    assert (scheduler.background.running, scheduler.background.pending()) == (1, 0)
    stage.finish()
    assert stage.names()[2:] == [(B, "refresh")]
    stage.finish()
    assert stage.names()[3:] == [(A, "flush")]


def test_small_commits_have_workers_of_their_own() -> None:
    """Those of many zones run at a time, and share the wait for the disk; long work does not hold them up."""
    stage = Stage(workers=1, network=1, brief_kinds=frozenset({Kind.UPDATE}))
    first, second, third = stage.zone(A), stage.zone(B), stage.zone(C)
    stage.scheduler.plan(first, Kind.LOAD)
    for zone in (first, second, third):
        stage.scheduler.plan(zone, Kind.UPDATE)
    assert stage.names() == [(A, "load"), (B, "update"), (C, "update")]
    stage.finish()
    assert stage.names()[3:] == [(A, "update")]
