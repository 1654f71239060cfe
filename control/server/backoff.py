# SPDX-License-Identifier: Apache-2.0
"""When to start an engine that ended again: at once, unless it keeps ending. Pure: the clock is an argument."""

QUICK_STARTS = 3
WINDOW_S = 10.0
FIRST_DELAY_S = 0.5
LAST_DELAY_S = 30.0


class Backoff:
    """Counts deaths; `QUICK_STARTS` within `WINDOW_S` are healed at once, further ones after doubling delays."""

    def __init__(self) -> None:
        self._deaths: list[float] = []
        self._delay = FIRST_DELAY_S

    def died(self, now: float) -> float:
        """Record a death; return the seconds to wait before the next start."""
        self._deaths = [death for death in self._deaths if now - death < WINDOW_S] + [now]
        if len(self._deaths) <= QUICK_STARTS:
            self._delay = FIRST_DELAY_S
            return 0.0
        delay, self._delay = self._delay, min(self._delay * 2, LAST_DELAY_S)
        return delay
