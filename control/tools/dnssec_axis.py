# SPDX-License-Identifier: Apache-2.0
"""Ticks of a time axis: round times in UTC, from seconds to years, and what is written at them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

MOST_TICKS = 9
MINUTE, HOUR, DAY = 60, 3600, 86400
STEPS = (
    1, 2, 5, 10, 30, MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR,
    12 * HOUR, DAY, 2 * DAY, 5 * DAY, 10 * DAY, 30 * DAY, 60 * DAY, 180 * DAY, 365 * DAY, 730 * DAY, 1825 * DAY,
)  # fmt: skip
"""Distances of ticks in seconds."""


class Tick(NamedTuple):
    """A tick: the time of day, or the date where ticks are days apart; and the date where it is another one."""

    time: int
    label: str
    date: str


def ticks_of(start: int, end: int) -> Iterator[Tick]:
    """Yield the ticks between two Unix times."""
    step = next((step for step in STEPS if (end - start) / step <= MOST_TICKS), (end - start) // MOST_TICKS + 1)
    date_before = ""
    for time in range(-(-start // step) * step, end + 1, step):
        moment = datetime.fromtimestamp(time, UTC)
        if step >= DAY:
            label, date = f"{moment.day} {moment:%b}", f"{moment:%Y}"
        else:
            label, date = f"{moment:%H:%M:%S}" if step < MINUTE else f"{moment:%H:%M}", f"{moment.day} {moment:%b %Y}"
        yield Tick(time, label, "" if date == date_before else date)
        date_before = date
