# SPDX-License-Identifier: Apache-2.0
"""How events of a kind are carried out, and the workers that take them."""

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from control.events.event import Event
from control.events.zone import ZoneHandle

TOGETHER_MAX = 32
"""Events one worker takes at once: it is back within some tenths of a second."""
TURN = 4
"""Of so many times that a worker is free, events that give way to others come first once."""

Claim = tuple[ZoneHandle, Event]
"""A zone and an event of it that runs."""


class Runner(NamedTuple):
    """How events of a kind are carried out."""

    work: Callable[[ZoneHandle, Event], Any]
    """Runs in a worker and may block; what it raises is why the event failed."""
    succeeded: Callable[[ZoneHandle, Event, Any], None]
    """Runs on the loop with the result of `work`, before those who wait are told."""
    is_network: Callable[[ZoneHandle], bool] = lambda _zone: False
    """Whether the work waits for other servers."""
    failed: Callable[[ZoneHandle, Event, Exception], None] = lambda _zone, _event, _error: None
    """Runs on the loop when `work` raised, after the failure was reported and before those who wait are told."""
    is_brief: bool = False
    """Whether the work, where it does not wait for other servers, is a small commit."""
    work_many: "Callable[[Sequence[Claim]], Sequence[Any]] | None" = None
    """Does the work of several events; returns of each what `work` would return, or the exception it would raise."""
    group_of: Callable[[ZoneHandle, Event], Hashable] = lambda _zone, _event: ()
    """Events that are done together have the same group; those whose group is None are done alone."""
    gives_way: bool = False
    """Whether such events let others begin first while nobody waits for them."""


Done = Callable[[Any, Exception | None], None]
Execute = Callable[[Callable[[], Any], Done], None]
"""Begin some work elsewhere and call the second argument on the loop with its result or its exception."""


class Lane:
    """Workers that take events in the order in which these become due."""

    __slots__ = ("execute", "later", "ready", "running", "taken", "workers")

    def __init__(self, execute: Execute, workers: int) -> None:
        self.execute, self.workers = execute, workers
        self.running = self.taken = 0
        self.ready: deque[Claim] = deque()
        self.later: deque[Claim] = deque()
        """Events that give way to those in `ready`."""

    def pending(self) -> int:
        """Return how many events wait for a worker."""
        return sum(event.queued for _, event in (*self.ready, *self.later))

    def is_waited_for(self, due: float) -> bool:
        """Whether an event can begin; one that gives way can if it was due at `due`."""
        return self.running < self.workers and (bool(self.ready) or self._has_later(due))

    def _has_later(self, due: float) -> bool:
        return bool(self.later) and self.later[0][1].due <= due

    def share(self, queue: deque[Claim]) -> int:
        """Return how many events of a queue one worker takes: those that give way all it can, of others its share."""
        if queue is self.later:
            return TOGETHER_MAX
        return max(1, min(TOGETHER_MAX, len(queue) // self.workers))

    def next_queue(self, due: float) -> deque[Claim]:
        """Return the queue whose turn it is when an event can begin; it is not empty."""
        self.taken += 1
        if not self._has_later(due) or (self.ready and self.taken % TURN):
            return self.ready
        return self.later
