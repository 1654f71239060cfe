# SPDX-License-Identifier: Apache-2.0
"""One planned event of a zone, and what can be said of it."""

from collections.abc import Callable, Hashable
from enum import Enum
from typing import NamedTuple

from control.events.kinds import Kind

Waiter = Callable[[Exception | None], None]
"""Called on the loop with None when the event succeeded, else with why it failed."""


class Phase(Enum):
    """Where an event stands."""

    PLANNED = "planned"
    """Its time has not come."""
    PENDING = "pending"
    """It waits for a worker, or for another event of its zone."""
    RUNNING = "running"
    FROZEN = "frozen"
    """Its time has come, but it is held until the zone is thawed."""


class EventStatus(NamedTuple):
    """What `zone-status` says of one event. `time`: when it was due; while it runs, when it began."""

    phase: Phase
    time: float


class Event:
    """A planned event. Several plans of one kind are one event with the earliest of their times."""

    __slots__ = ("due", "forced", "kind", "queued", "requests", "ticket", "waiters")

    def __init__(self, kind: Kind, due: float) -> None:
        self.kind, self.due = kind, due
        self.forced = False
        """Asked for by an operator: runs although the zone is frozen."""
        self.requests: tuple[Hashable, ...] = ()
        """What the plans asked for in particular; the runner knows what it means."""
        self.waiters: tuple[Waiter, ...] = ()
        self.ticket = -1
        """Of the entry in the heap that counts; -1 when there is none."""
        self.queued = False
        """Whether it is due and waits for a worker."""

    def merge(self, due: float, forced: bool, request: Hashable | None, waiter: Waiter | None) -> None:
        """Take up another plan of the same kind."""
        self.due = min(self.due, due)
        self.forced = self.forced or forced
        if request is not None and request not in self.requests:
            self.requests += (request,)
        if waiter is not None:
            self.waiters += (waiter,)

    def settle(self, error: Exception | None) -> None:
        """Tell those who wait."""
        waiters, self.waiters = self.waiters, ()
        for waiter in waiters:
            waiter(error)
