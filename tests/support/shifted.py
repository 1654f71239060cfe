# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd whose wall clock a test sets: python -m tests.support.shifted OPTION...

The environment variable XDPDNS_TEST_CLOCK names a file with the seconds to add. Clocks that count from the start of the
machine, and the time stamps of files, go on as they are.
"""

import os
import sys
import time
from pathlib import Path

FILE = Path(os.environ["XDPDNS_TEST_CLOCK"])
_time_ns = time.time_ns


def shifted_ns() -> int:
    """The time of day as the test wants it."""
    return _time_ns() + int(FILE.read_text()) * 10**9


if __name__ == "__main__":
    time.time_ns = shifted_ns
    time.time = lambda: shifted_ns() / 1e9
    from control.tools.xdpdnsd import main

    sys.exit(main())
