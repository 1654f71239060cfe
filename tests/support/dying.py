# SPDX-License-Identifier: Apache-2.0
"""xdpdnsd that kills itself at a named moment: python -m tests.support.dying OPTION...

The environment variable XDPDNS_TEST_DIES_AT names one of `MOMENTS`. The daemon lives until a file `armed` exists in the
directory of the environment variable XDPDNS_TEST_ARMED; from then on it dies at the next such moment.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

MOMENTS = ("before-commit", "after-commit", "before-rename", "after-rename", "after-conf-commit")
ARMED = Path(os.environ["XDPDNS_TEST_ARMED"]) / "armed"


def die() -> None:
    """Kill this process when the test wants it."""
    if ARMED.exists():
        os.kill(os.getpid(), signal.SIGKILL)


def before(function: Callable[..., Any]) -> Callable[..., Any]:
    """Die before what a function does."""

    def dying(*args: Any, **options: Any) -> Any:
        die()
        return function(*args, **options)

    return dying


def after(function: Callable[..., Any]) -> Callable[..., Any]:
    """Die after what a function does."""

    def dying(*args: Any, **options: Any) -> Any:
        result = function(*args, **options)
        die()
        return result

    return dying


def arrange(moment: str) -> None:
    """Put the death where it belongs."""
    from control.conf.database import ConfDatabase
    from control.store.environment import Store

    def inside(write: Callable[..., Any]) -> Callable[..., Any]:
        return lambda store, job: write(store, after(job))

    match moment:
        case "before-commit":
            Store.write = inside(Store.write)  # type: ignore[method-assign]
        case "after-commit":
            Store.write = after(Store.write)  # type: ignore[method-assign]
        case "before-rename":
            os.rename = before(os.rename)
        case "after-rename":
            os.rename = after(os.rename)
        case "after-conf-commit":
            ConfDatabase.write = after(ConfDatabase.write)  # type: ignore[method-assign]
        case _:
            raise SystemExit(f"no moment '{moment}'")


if __name__ == "__main__":
    arrange(os.environ["XDPDNS_TEST_DIES_AT"])
    from control.tools.xdpdnsd import main

    sys.exit(main())
