# SPDX-License-Identifier: Apache-2.0
"""The daemon as a unit of a service manager: its states, and the watchdog that the loop feeds while it turns."""

import asyncio
import time
from collections.abc import Callable

from pyxdp_dns.notify import Notifier


class Service:
    """Tells the service manager what the daemon does. `monotonic_us` is the time its reload began, for the manager."""

    def __init__(
        self,
        notifier: Notifier | None = None,
        monotonic_us: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000,
    ) -> None:
        self.notifier = Notifier({}) if notifier is None else notifier
        self.monotonic_us = monotonic_us

    def ready(self) -> None:
        """Queries are answered, or a reload has ended."""
        self.notifier.send("READY=1", "STATUS=answering")

    def reloading(self) -> None:
        """A reload begins."""
        self.notifier.send("RELOADING=1", f"MONOTONIC_USEC={self.monotonic_us()}", "STATUS=reloading")

    def stopping(self) -> None:
        """The end begins."""
        self.notifier.send("STOPPING=1", "STATUS=stopping")

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Feed the watchdog from the loop, twice in its time, from now on; a loop that does not turn feeds nothing."""
        if not self.notifier.watchdog_s:
            return
        self.notifier.send("WATCHDOG=1")
        loop.call_later(self.notifier.watchdog_s / 2, self.watch, loop)
