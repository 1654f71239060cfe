# SPDX-License-Identifier: Apache-2.0
"""What a unit of a service manager runs beside the daemon: the engine, and the loader of its filters."""

import os
import time

from control.conf.model import Config
from control.log import Log
from control.server.launch import EngineLauncher, make_shared_spec, wanted_path
from control.server.user import User
from pyxdp_dns.engine_client import execute
from pyxdp_dns.errors import EngineError

ENGINE, LOAD_FILTERS = "engine", "load-filters"
POLL_SECONDS = 0.05


def run_role(role: str, config: Config, log: Log, user: User | None) -> int:
    """Do what the unit is for; return the exit status. Does not return as an engine."""
    try:
        launcher = EngineLauncher(config, user)
        if role == ENGINE:
            wait_for_table(launcher, log)
            execute(launcher.spec, make_shared_spec(config, launcher.ports).digest())
        return run_filters(role, launcher, log)
    except (EngineError, OSError) as error:
        log.critical(str(error))
        return 1


def wait_for_table(launcher: EngineLauncher, log: Log) -> None:
    """Return when there is a table to answer from: at once after the first start of all."""
    wanted = wanted_path(launcher.spec.rundir)
    if not os.path.exists(launcher.table):
        log.info("engine waits for the response table")
        while not (os.path.exists(launcher.table) and os.path.exists(wanted)):
            time.sleep(POLL_SECONDS)


def run_filters(role: str, launcher: EngineLauncher, log: Log) -> int:
    """Load the filters of the configuration, or unload those that were loaded so; return the exit status.

    They are remembered beside the run directory: that may be another user's, this is root.
    """
    import asyncio

    from control.server.filters import Filters

    async def run() -> None:
        filters = Filters(f"{launcher.spec.rundir}.filters.json", log)
        await (filters.load(launcher.ports) if role == LOAD_FILTERS else filters.unload())

    asyncio.run(run())
    return 0
