# SPDX-License-Identifier: Apache-2.0
"""The XDP filter of the configured interfaces: loaded by the loader program where it is not, unloaded again at stop.

Only what this daemon loaded is unloaded. That is remembered in the run directory, so that a daemon that adopts the
engine of a killed one also inherits its filters.
"""

import asyncio
import contextlib
import json
import os
import sys

from control.log import Log
from pyxdp_dns.errors import EngineError
from pyxdp_dns.filter.layout import PIN_LINK
from pyxdp_dns.filter.status import ATTACHED, directory, find_filter

LOADER = (sys.executable, "-m", "control.tools.xdpdnsctl")
LOAD_TIMEOUT_S = 60.0


class Filters:
    """What is loaded, and by whom."""

    def __init__(self, rundir: str, log: Log) -> None:
        self.path = os.path.join(rundir, "filters.json")
        self.log = log
        self.own: list[str] = self._read()

    def _read(self) -> list[str]:
        try:
            with open(self.path) as stream:
                names = json.load(stream)
        except (OSError, ValueError):
            return []
        return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []

    def _write(self) -> None:
        with contextlib.suppress(OSError), open(self.path, "w") as stream:
            json.dump(self.own, stream)

    async def load(self, ports: dict[str, list[int]]) -> None:
        """Load the filter on the interfaces that have none."""
        for name, numbers in ports.items():
            if is_loaded(name):
                self.log.info(f"filter on interface {name} is loaded")
                continue
            arguments = ["load", name, *(word for number in numbers for word in ("--port", str(number)))]
            self.own.append(name)
            self._write()
            ok, text = await run_loader(arguments)
            if ok:
                self.log.info(f"filter loaded on interface {name}{f', {text}' if text else ''}")
            else:
                self.own.remove(name)
                self._write()
                self.log.error(f"filter cannot be loaded on interface {name} ({text}), sockets answer instead")

    async def unload(self) -> None:
        """Unload what was loaded here."""
        for name in self.own:
            if not (directory(name) / PIN_LINK).exists():
                continue
            ok, text = await run_loader(["unload", name])
            if ok:
                self.log.info(f"filter unloaded from interface {name}")
            else:
                self.log.warning(f"filter cannot be unloaded from interface {name} ({text})")
        self.own = []
        with contextlib.suppress(OSError):
            os.unlink(self.path)


def is_loaded(interface: str) -> bool:
    """Return whether a filter that can be used is on the interface."""
    try:
        return find_filter(interface).state == ATTACHED
    except EngineError:
        return False


async def run_loader(arguments: list[str]) -> tuple[bool, str]:
    """Run the loader; return whether it succeeded and what it said, on one line."""
    process = await asyncio.create_subprocess_exec(
        *LOADER,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), LOAD_TIMEOUT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        return False, f"the loader took more than {LOAD_TIMEOUT_S:g} s"
    except asyncio.CancelledError:
        await process.wait()  # what it has begun to load is there to be unloaded only after its end
        raise
    text = " ".join(output.decode("utf-8", "replace").split())
    return process.returncode == 0, text
