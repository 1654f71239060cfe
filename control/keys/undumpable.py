# SPDX-License-Identifier: Apache-2.0
"""A process that has private keys in its memory leaves none of it in a core dump (prctl(2), PR_SET_DUMPABLE)."""

import ctypes
from functools import cache

PR_SET_DUMPABLE = 4


@cache
def leave_no_core() -> None:
    """Let this process leave no core dump from now on, whatever limits and patterns say."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
