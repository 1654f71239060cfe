# SPDX-License-Identifier: Apache-2.0
"""The clock as an argument: what decides by time gets one, so that a test can move it."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """Wall clock and monotonic clock in nanoseconds."""

    now_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns
