# SPDX-License-Identifier: Apache-2.0
"""The XDP filter of the configured interfaces: loaded where it is not, unloaded again at stop.

Only what this daemon loaded is unloaded. That is remembered in the run directory, so that a daemon that adopts the
engine of a killed one also inherits its filters.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Coroutine
from typing import Any

from control.log import Log
from control.server.helper import LOAD, UNLOAD, Loader, run_loader
from control.server.loader import DONE, FAILED, THERE

INTERFACE_CHARS = 15
"""Longest name of an interface (IFNAMSIZ less the final zero)."""


def memory_path(rundir: str) -> str:
    """Return where a daemon remembers its filters."""
    return os.path.join(rundir, "filters.json")


def read_own(path: str) -> list[str]:
    """Return the interfaces whose filter was loaded by who remembers there."""
    try:
        with open(path) as stream:
            names = json.load(stream)
    except (OSError, ValueError):
        return []
    return [name for name in names if is_interface_name(name)] if isinstance(names, list) else []


def is_interface_name(name: object) -> bool:
    """Whether this can be the name of an interface."""
    return isinstance(name, str) and 0 < len(name) <= INTERFACE_CHARS and "/" not in name and name not in (".", "..")


class Filters:
    """What is loaded, and by whom. `run` loads and unloads, in a thread."""

    def __init__(self, path: str, log: Log, run: Loader = run_loader) -> None:
        """`path` is the file that remembers."""
        self.path, self.log, self.run = path, log, run
        self.own = read_own(path)

    def _write(self) -> None:
        with contextlib.suppress(OSError), open(self.path, "w") as stream:
            json.dump(self.own, stream)

    async def load(self, ports: dict[str, list[int]]) -> None:
        """Load the filter on the interfaces that have none."""
        for name, numbers in ports.items():
            await complete(self._load_one(name, numbers))

    async def _load_one(self, name: str, ports: list[int]) -> None:
        is_new = name not in self.own
        if is_new:  # noted before: a daemon killed meanwhile leaves it to the next one
            self.own.append(name)
            self._write()
        outcome, text = await asyncio.to_thread(self.run, LOAD, name, ports)
        if outcome == DONE:
            self.log.info(f"filter loaded on interface {name}{f', {text}' if text else ''}")
            return
        if is_new:
            self.own.remove(name)
            self._write()
        if outcome == THERE:
            self.log.info(f"filter on interface {name} is loaded")
        else:
            self.log.error(f"filter cannot be loaded on interface {name} ({text}), sockets answer instead")

    async def unload(self) -> None:
        """Unload what was loaded here."""
        for name in self.own:
            outcome, text = await asyncio.to_thread(self.run, UNLOAD, name, [])
            if outcome == DONE:
                self.log.info(f"filter unloaded from interface {name}")
            elif outcome == FAILED:
                self.log.warning(f"filter cannot be unloaded from interface {name} ({text})")
        self.own = []
        with contextlib.suppress(OSError):
            os.unlink(self.path)


async def complete(work: Coroutine[Any, Any, None]) -> None:
    """Await to the end also when cancelled: what a loader has begun to load can be unloaded only after that."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
