# SPDX-License-Identifier: Apache-2.0
"""Turns of threads with much to do in Python: side by side they would only take the interpreter from each other."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from control.clock import Clock

SLOW_NS = 100_000_000
"""Who has had the turn for so long waits for something else, and the next one begins beside it."""


class Turns:
    """Lets one after the other begin, each when the one before has ended or turned out slow."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._turn: object | None = None
        self._since_ns = 0

    @contextmanager
    def take(self) -> Iterator[None]:
        """Wait for a turn and have it. Blocks."""
        turn = object()
        with self._changed:
            while (left_ns := self._left_ns()) > 0:
                self._changed.wait(left_ns / 1e9)
            self._turn, self._since_ns = turn, self._clock.monotonic_ns()
        try:
            yield
        finally:
            with self._changed:
                if self._turn is turn:
                    self._turn = None
                    self._changed.notify()

    def _left_ns(self) -> int:
        if self._turn is None:
            return 0
        return self._since_ns + SLOW_NS - self._clock.monotonic_ns()
