# SPDX-License-Identifier: Apache-2.0
"""The scheduler of zone events: which event of which zone begins when, on which worker.

At most one event of a zone runs at a time, and of all zones at most so many as their lane has workers: events that wait
for other servers have a lane of their own, so that slow servers do not hold up the loading of zones, and so have those
that commit little, of which many are to share the wait for the disk. Due times are on one heap, so planning costs
O(log events) whatever the number of zones, and the loop has one timer. Time comes from the loop, work is done by the
function that a lane executes with: in a test everything is decided by the test.

Everything here belongs to the loop's thread.
"""

from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from heapq import heapify, heappop, heappush
from typing import Any, Protocol

from control.events.event import Event, EventStatus, Phase, Waiter
from control.events.kinds import HELD_BY_FREEZE, HELD_BY_TRANSACTION, Kind
from control.events.lane import Claim, Lane, Runner
from control.events.zone import Freeze, ZoneHandle

STALE_MIN = 1024
"""The heap is cleaned when it has more entries without effect than this and than those with effect."""

HELD_BACK_S = 30.0
"""So long events that give way are not begun at all while events that wait for other servers want for workers."""

STOPPED = "the server stops"
WORK_INTERRUPTED = "the zone is no longer configured"


class Cancelled(Exception):
    """The event will not take place: it was cancelled, or its zone is no longer configured."""


class Timer(Protocol):
    """What `call_at` gives back."""

    def cancel(self) -> None:
        """Do not call."""


class TimeLoop(Protocol):
    """What the scheduler needs of an asyncio loop."""

    def time(self) -> float:
        """Seconds since some point."""

    def call_at(self, when: float, callback: Callable[[], None], /) -> Timer:
        """Call once at a time."""


Failed = Callable[[ZoneHandle, Event, Exception], None]


class Scheduler:
    """Plans and begins zone events. `failed` is told of each that failed."""

    def __init__(
        self, loop: TimeLoop, background: Lane, network: Lane, failed: Failed, brief: Lane | None = None
    ) -> None:
        """`network` takes the events that wait for other servers, `brief` small commits, `background` the others."""
        self._loop, self._failed = loop, failed
        self.background, self.network, self.brief = background, network, brief or background
        self._lanes = tuple(dict.fromkeys((network, background, self.brief)))
        """That of other servers first: what it leaves waiting decides about events that give way."""
        self.runners: dict[Kind, Runner] = {}
        self.contents_changed: Callable[[ZoneHandle], None] = lambda _zone: None
        """Told, on the loop, of each load and each change of a zone's contents that went through."""
        self.failures = 0
        """Events that failed since the start."""
        self._heap: list[tuple[float, int, ZoneHandle, Event]] = []
        self._tickets = 0
        self._stale = 0
        self._timer: Timer | None = None
        self._timer_at = 0.0
        self._stopped = False
        self._is_held = False
        """Nothing begins before the end of `together`."""

    @contextmanager
    def together(self) -> Iterator[None]:
        """Begin what can begin at the end of the block, when much is planned or ends in it."""
        held, self._is_held = self._is_held, True
        try:
            yield
        finally:
            self._is_held = held
            self._pump()

    def plan(
        self,
        zone: ZoneHandle,
        kind: Kind,
        delay_s: float = 0.0,
        *,
        forced: bool = False,
        request: Hashable | None = None,
        waiter: Waiter | None = None,
    ) -> None:
        """Plan an event in `delay_s` seconds, or make it earlier if it is planned for later.

        `forced`: it runs although the zone is frozen. `waiter` is told how the event ends; an event that runs already
        is not it: another one follows.
        """
        if zone.removed or self._stopped:
            if waiter is not None:
                waiter(Cancelled(WORK_INTERRUPTED))
            return
        due = self._loop.time() + delay_s
        event = zone.planned(kind)
        if event is None:
            event = Event(kind, due)
            zone.events += (event,)
        moved = event.ticket < 0 or due < event.due
        event.merge(due, forced, request, waiter)
        if not event.queued and (moved or forced):
            self._push(zone, event)
        self._pump()

    def cancel(self, zone: ZoneHandle, kind: Kind) -> bool:
        """Forget a planned event; false when there is none or it runs."""
        event = zone.planned(kind)
        if event is None:
            return False
        self._drop(zone, event)
        event.settle(Cancelled("cancelled"))
        return True

    def forget(self, zone: ZoneHandle) -> None:
        """Cancel all of a zone and plan nothing for it any more; an event that runs comes to its end."""
        zone.removed = True
        for event in zone.events:
            self._drop(zone, event)
            event.settle(Cancelled(WORK_INTERRUPTED))

    def freeze(self, zone: ZoneHandle, waiter: Waiter | None = None) -> None:
        """Hold the changing events of a zone from now on; `waiter` is told when none runs any more."""
        zone.freeze = Freeze.FROZEN if zone.running is None else Freeze.FREEZING
        self._await_freeze(zone, waiter)

    def thaw(self, zone: ZoneHandle, waiter: Waiter | None = None) -> None:
        """Let the changing events of a zone go on."""
        if zone.frozen():
            zone.freeze = Freeze.NONE if zone.running is None else Freeze.THAWING
            self._release(zone)
        self._await_freeze(zone, waiter)
        self._pump()

    def when_idle(self, zone: ZoneHandle, waiter: Waiter) -> None:
        """Tell `waiter` when no event of the zone runs, which may be now."""
        if zone.running is None:
            waiter(None)
        else:
            zone.idle_waiters += (waiter,)

    def resume(self, zone: ZoneHandle) -> None:
        """Look again at the events of a zone, when what held them has gone."""
        self._release(zone)
        self._pump()

    def status(self, zone: ZoneHandle, kind: Kind) -> EventStatus | None:
        """Return where the event of a kind stands; None when there is none. The times are the loop's."""
        if zone.running is not None and zone.running.kind is kind:
            return EventStatus(Phase.RUNNING, zone.running_since)
        event = zone.planned(kind)
        if event is None:
            return None
        if event.due > self._loop.time():
            return EventStatus(Phase.PLANNED, event.due)
        is_frozen = zone.freeze in (Freeze.FROZEN, Freeze.FREEZING) and kind in HELD_BY_FREEZE and not event.forced
        return EventStatus(Phase.FROZEN if is_frozen else Phase.PENDING, event.due)

    def now(self) -> float:
        """Return the loop's time, which those of `status` are of."""
        return self._loop.time()

    def stop(self) -> None:
        """Begin nothing any more; those who wait are told."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for entry in self._heap:
            entry[3].settle(Cancelled(STOPPED))
        self._heap.clear()
        for lane in self._lanes:
            for queue in (lane.ready, lane.later):
                for _, event in queue:
                    event.settle(Cancelled(STOPPED))
                queue.clear()

    def _await_freeze(self, zone: ZoneHandle, waiter: Waiter | None) -> None:
        if waiter is not None:
            self.when_idle(zone, waiter)

    def _push(self, zone: ZoneHandle, event: Event) -> None:
        """Put an event on the heap; an earlier entry of it has no effect any more."""
        if event.ticket >= 0:
            self._stale += 1
        self._tickets += 1
        event.ticket = self._tickets
        heappush(self._heap, (event.due, event.ticket, zone, event))
        if self._stale > STALE_MIN and self._stale * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[1] == entry[3].ticket]
            heapify(self._heap)
            self._stale = 0

    def _drop(self, zone: ZoneHandle, event: Event) -> None:
        zone.events = tuple(other for other in zone.events if other is not event)
        if event.ticket >= 0:
            self._stale += 1
        event.ticket, event.queued = -1, False

    def _release(self, zone: ZoneHandle) -> None:
        """Put the events on the heap that are in no queue."""
        for event in zone.events:
            if event.ticket < 0 and not event.queued:
                self._push(zone, event)

    def _pump(self) -> None:
        """Begin what can begin, and have the loop wake up for the next."""
        if self._stopped or self._is_held:
            return
        now = self._loop.time()
        self._collect(now)
        for lane in self._lanes:
            while lane.is_waited_for(due := now - HELD_BACK_S if self.network.ready else now):
                self._begin(lane, self._take(lane, lane.next_queue(due), now))
        self._set_timer(now)

    def _collect(self, now: float) -> None:
        """Move what is due from the heap to the queues of the workers."""
        while self._heap and (self._heap[0][0] <= now or self._heap[0][1] != self._heap[0][3].ticket):
            _, ticket, zone, event = heappop(self._heap)
            if ticket != event.ticket:
                self._stale -= 1
                continue
            event.ticket = -1
            if zone.running is None and not is_held(zone, event):
                event.queued = True
                gives_way = self.runners[event.kind].gives_way and not event.waiters
                lane = self._lane_of(zone, event.kind)
                (lane.later if gives_way else lane.ready).append((zone, event))

    def _lane_of(self, zone: ZoneHandle, kind: Kind) -> Lane:
        runner = self.runners[kind]
        if runner.is_network(zone):
            return self.network
        return self.brief if runner.is_brief else self.background

    def _take(self, lane: Lane, queue: deque[Claim], now: float) -> list[Claim]:
        """Return the next event, and those of its kind and group behind it when they are done together.

        Those whose zones have become busy or frozen while they waited are left out, which may be all.
        """
        claims: list[Claim] = []
        kind = queue[0][1].kind
        runner = self.runners[kind]
        group = None if runner.work_many is None else runner.group_of(*queue[0])
        most = 1 if group is None else lane.share(queue)
        while queue and len(claims) < most and queue[0][1].kind is kind:
            if claims and runner.group_of(*queue[0]) != group:
                break
            zone, event = queue.popleft()
            if not event.queued:
                continue
            event.queued = False
            if zone.running is None and not is_held(zone, event):
                zone.events = tuple(other for other in zone.events if other is not event)
                zone.running, zone.running_since = event, now
                claims.append((zone, event))
        return claims

    def _begin(self, lane: Lane, claims: list[Claim]) -> None:
        """Run events of one kind on a worker."""
        if not claims:
            return
        runner = self.runners[claims[0][1].kind]
        lane.running += 1
        if len(claims) > 1:
            self._begin_many(lane, runner, claims)
            return
        ((zone, event),) = claims

        def done(result: Any, error: Exception | None) -> None:
            lane.running -= 1
            self._conclude(zone, event, runner, result, error)

        lane.execute(lambda: runner.work(zone, event), done)

    def _begin_many(self, lane: Lane, runner: Runner, claims: list[Claim]) -> None:
        work = runner.work_many
        assert work is not None

        def done(results: Any, error: Exception | None) -> None:
            lane.running -= 1
            ends = [error] * len(claims) if error is not None else results
            with self.together():
                for (zone, event), end in zip(claims, ends, strict=True):
                    if isinstance(end, Exception):
                        self._conclude(zone, event, runner, None, end)
                    else:
                        self._conclude(zone, event, runner, end, None)

        lane.execute(lambda: work(claims), done)

    def claim(self, zone: ZoneHandle, kind: Kind) -> Event | None:
        """Begin an event of a zone outside the workers, for work on many zones together; None when it has to wait.

        What is planned of the kind is taken over. `release` ends it.
        """
        event = zone.planned(kind) or Event(kind, self._loop.time())
        if zone.removed or self._stopped or zone.running is not None or is_held(zone, event):
            return None
        self._drop(zone, event)
        zone.running, zone.running_since = event, self._loop.time()
        return event

    def release(self, zone: ZoneHandle, event: Event, result: Any, error: Exception | None) -> None:
        """End a claimed event with what its work gave, or why it failed."""
        self._conclude(zone, event, self.runners[event.kind], result, error)

    def _conclude(self, zone: ZoneHandle, event: Event, runner: Runner, result: Any, error: Exception | None) -> None:
        zone.running = None
        if error is not None and self._stopped:
            event.settle(Cancelled(STOPPED))
            return
        if error is None and not zone.removed:
            zone.failure = None
            runner.succeeded(zone, event, result)
        elif error is not None:
            self.failures += 1
            zone.failure = str(error)
            self._failed(zone, event, error)
            if not zone.removed:
                runner.failed(zone, event, error)
        event.settle(error)
        self._rest(zone)
        self._release(zone)
        self._pump()

    def _rest(self, zone: ZoneHandle) -> None:
        """No event of the zone runs any more."""
        if zone.freeze is Freeze.FREEZING:
            zone.freeze = Freeze.FROZEN
        elif zone.freeze is Freeze.THAWING:
            zone.freeze = Freeze.NONE
        waiters, zone.idle_waiters = zone.idle_waiters, ()
        for waiter in waiters:
            waiter(None)

    def _set_timer(self, now: float) -> None:
        """One timer, at the earliest time on the heap, or when an event gives way no longer."""
        times = [lane.later[0][1].due + HELD_BACK_S for lane in self._lanes if lane.later]
        if self._heap:
            times.append(self._heap[0][0])
        when = min((time for time in times if time > now), default=None)
        if self._timer is not None:
            if when == self._timer_at:
                return
            self._timer.cancel()
            self._timer = None
        if when is not None:
            self._timer, self._timer_at = self._loop.call_at(when, self._wake), when

    def _wake(self) -> None:
        self._timer = None
        self._pump()


def is_held(zone: ZoneHandle, event: Event) -> bool:
    """Whether an event has to wait although it is due."""
    if event.forced:
        return False
    if zone.freeze in (Freeze.FROZEN, Freeze.FREEZING) and event.kind in HELD_BY_FREEZE:
        return True
    return zone.transaction is not None and event.kind in HELD_BY_TRANSACTION
