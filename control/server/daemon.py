# SPDX-License-Identifier: Apache-2.0
"""The daemon's life: what runs on the loop from the engine's start to the end, and in which order.

boot      serve TCP from the table that is there, open store and table, load zones; the engine runs from the
          start when there is a table, else from when zones are loaded
run       supervise the engine, answer TCP and hand-offs, reload on SIGHUP, write the table to disk when idle
stop      SIGTERM or SIGINT: TCP, engine, own filters, store, files; after a failure the engine answers on
"""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Iterable

from control.conf.check import load_config, warnings
from control.conf.errors import ConfigurationError
from control.conf.model import Config, ServerConf, ZoneConf, restart_items
from control.errors import ControlError
from control.log import Log
from control.server.answerer import TableAnswerer
from control.server.engine import Supervisor
from control.server.filters import Filters
from control.server.handoff import HandoffChannel
from control.server.launch import EngineLauncher, Running
from control.server.tcp import TcpLimits, TcpServer
from control.server.writer import Writer
from control.server.zones import Zones
from pyxdp_dns.errors import EngineError
from pyxdp_dns.shm import SharedRegion

SYNC_IDLE_S = 1.0
"""The table is written to disk when it has not changed for this long."""
STOP_WAIT_S = 10.0
"""How long a running load may take at stop before it is given up; the store then keeps the old version."""


def tcp_limits(server: ServerConf) -> TcpLimits:
    """The limits of TCP connections."""
    return TcpLimits(server.tcp_idle_timeout_s, server.tcp_io_timeout_ms / 1000, server.tcp_max_clients)


class Daemon:
    """One running daemon; made inside its loop. `listeners` are bound TCP sockets, `running` an engine that lives."""

    def __init__(
        self,
        config: Config,
        log: Log,
        launcher: EngineLauncher,
        listeners: list[socket.socket],
        running: Running | None,
    ) -> None:
        self.config, self.boot_config, self.log = config, config, log
        self.loop = asyncio.get_running_loop()
        self.listeners, self.launcher = listeners, launcher
        self.supervisor = Supervisor(launcher, log)
        self.first_engine = running
        self.zones = Zones(config.database.storage, config.database.map_bytes, log)
        self.writer = Writer(self.loop)
        self.answerer = TableAnswerer()
        self.tcp = TcpServer(self.loop, self.answerer, tcp_limits(config.server), log)
        self.handoff = HandoffChannel(config.server.rundir, self.answerer.answer_handed_off)
        self.filters = Filters(config.server.rundir, log)
        self.shm: SharedRegion | None = None
        self.stopping = asyncio.Event()
        self.reloading = asyncio.Event()
        self.changed = asyncio.Event()

    async def run(self) -> None:
        """Serve until a signal ends it; raises what keeps the daemon from serving at all."""
        self.loop.add_signal_handler(signal.SIGTERM, self.stopping.set)
        self.loop.add_signal_handler(signal.SIGINT, self.stopping.set)
        self.loop.add_signal_handler(signal.SIGHUP, self.reloading.set)
        self.supervisor.on_start = self._engine_started
        self.supervisor.on_failure = self._check_table
        self.handoff.start(self.loop)
        tasks = [asyncio.create_task(work) for work in (self._boot(), self._filters(), self._sync_when_idle())]
        tasks.append(asyncio.create_task(self.supervisor.run()))
        stop = asyncio.create_task(self.stopping.wait())
        try:
            await self._first_end([stop, *tasks])
        finally:
            for task in (stop, *tasks):
                task.cancel()
            await asyncio.gather(stop, *tasks, return_exceptions=True)
            await self._stop(keep_engine=not self.stopping.is_set())

    async def _first_end(self, tasks: "list[asyncio.Task[bool] | asyncio.Task[None]]") -> None:
        """Wait for the stop signal; a task that fails ends the daemon with its error."""
        pending = set(tasks)
        while not self.stopping.is_set():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()

    async def _boot(self) -> None:
        if self.first_engine is not None:
            self.supervisor.take(self.first_engine)
            await self._engine_started()
        fresh = await self.writer.run(self.zones.open)
        await self.writer.run(lambda: self.zones.publish_server(self.config))
        if fresh:
            await self._fill(self.boot_config.server.async_start)
        else:
            await self._load_all()
            if self.supervisor.running is None:
                await self.supervisor.restart()
        await self._reload_on_request()

    async def _fill(self, start_first: bool) -> None:
        """Fill a new table; the engine starts after it, or before when `start_first`."""
        await self.writer.run(lambda: self.zones.publish_empty(self.config.zones.values()))
        if start_first:
            await self.supervisor.restart()
        await self._load_all()
        if not start_first:
            await self.supervisor.restart()

    async def _load_all(self) -> None:
        config = self.config
        if not config.zones:
            self.log.warning("no zones loaded")
        else:
            self.log.info(f"loading {len(config.zones)} zones")
        await self._load(config.zones.values(), at_start=True)
        await self.writer.run(lambda: self.zones.drop_others(config))
        self.changed.set()

    async def _load(self, zones: Iterable[ZoneConf], *, at_start: bool) -> None:
        for zone in zones:
            await self.writer.run(lambda zone=zone: self.zones.load(zone, at_start=at_start))  # type: ignore[misc]
            self.changed.set()

    async def _engine_started(self) -> None:
        try:
            await self._join_engine()
        except EngineError as error:
            self.log.error(f"TCP is not answered until the engine starts again ({error})")

    async def _join_engine(self) -> None:
        """Share reader slots with a new engine and answer TCP from the table it answers from."""
        old, shm = self.shm, SharedRegion(os.path.join(self.boot_config.server.rundir, "engine.shm"))
        self.shm = shm
        self.answerer.open(self.zones.table_path, shm.handle, shm.control_slot)
        await self.writer.run(lambda: self.zones.set_readers(shm.handle))
        if old is not None:
            old.close()
        if self.listeners:
            listeners, self.listeners = self.listeners, []
            await self.tcp.start(listeners)
            self.log.info("server started answering")

    async def _check_table(self) -> None:
        """The engine could not start: when that is because of the table, build a new one from the store."""
        await self.writer.run(lambda: self.zones.rebuild_if_refused(self.config))

    async def _filters(self) -> None:
        await self.filters.load(self.launcher.ports)

    async def _sync_when_idle(self) -> None:
        while True:
            await self.changed.wait()
            while self.changed.is_set():
                self.changed.clear()
                await asyncio.sleep(SYNC_IDLE_S)
            try:
                await self.writer.run(self.zones.sync)
            except EngineError as error:
                self.log.error(f"{error}, free disk space")

    async def _reload_on_request(self) -> None:
        while True:
            await self.reloading.wait()
            self.reloading.clear()
            await self.reload()

    async def reload(self) -> bool:
        """Read the configuration again and follow it; on an error the old one stays. True when it was taken."""
        path = self.config.file
        self.log.info(f"reloading configuration file '{path}'")
        try:
            config = await asyncio.to_thread(load_config, path)
            self.log.configure(config.logs)
        except (ConfigurationError, OSError) as error:
            report_config_error(self.log, path, error)
            return False
        for item in restart_items(self.boot_config, config):
            self.log.warning(f"config, item '{item}' changed, restart the daemon to use it")
        for text in warnings(config):
            self.log.warning(text)
        self.config = config
        self.tcp.limits = tcp_limits(config.server)
        try:
            await self.writer.run(lambda: self.zones.publish_server(config))
            await self.writer.run(lambda: self.zones.publish_empty(config.zones.values()))
            await self._load(config.zones.values(), at_start=False)
            await self.writer.run(lambda: self.zones.drop_others(config))
        except (ControlError, EngineError) as error:
            self.log.error(f"reload failed ({error})")
            return False
        self.changed.set()
        self.log.info("configuration reloaded")
        return True

    async def _stop(self, keep_engine: bool) -> None:
        """End everything; after a failure the engine answers on, for the next daemon to adopt."""
        self.log.info("stopping server")
        self.zones.stopping = True
        await self.tcp.stop()
        for listener in self.listeners:
            listener.close()
        if keep_engine:
            self.supervisor.leave()
        else:
            await asyncio.to_thread(self.supervisor.stop)
            remove_engine_files(self.boot_config.server.rundir)
            await self.filters.unload()
        self.handoff.close()
        self.answerer.close()
        idle = await asyncio.to_thread(self.writer.close, STOP_WAIT_S)
        if idle:
            with contextlib.suppress(EngineError):
                await asyncio.to_thread(self.zones.sync)
            await asyncio.to_thread(self.zones.close)
            if self.shm is not None:
                self.shm.close()
        else:
            self.log.warning("a zone is still loading, its load is given up")
        self.log.info("shutting down")


def remove_engine_files(rundir: str) -> None:
    """Remove what an engine that has ended leaves in the run directory; its lock file stays for the next one."""
    for name in ("engine.sock", "engine-reply.sock", "engine.shm"):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(rundir, name))


def report_config_error(log: Log, path: str, error: ConfigurationError | OSError) -> None:
    """Log why a configuration was not taken, in Knot's two lines."""
    if isinstance(error, ConfigurationError):
        log.error(str(error))
        log.critical(f"failed to load configuration file '{path}' ({error.reason})")
    else:
        log.critical(f"failed to load configuration file '{path}' ({error.strerror or error})")
