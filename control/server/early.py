# SPDX-License-Identifier: Apache-2.0
"""Signals that come while the daemon starts: kept until its loop can act on them.

Without this a SIGTERM between the engine's start and the loop's would end the daemon and leave the engine behind.
"""

import signal

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


class EarlySignals:
    """From its making on, signals are noted and nothing else; for the main thread."""

    def __init__(self) -> None:
        self.noted: list[int] = []
        for number in HANDLED:
            signal.signal(number, self._note)

    def _note(self, number: int, _frame: object) -> None:
        if number not in self.noted:
            self.noted.append(number)
