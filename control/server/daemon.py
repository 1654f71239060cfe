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
import time
from collections.abc import Callable, Iterable

from control.clock import Clock
from control.conf.dynamic import ActiveConfiguration
from control.conf.model import ControlConf, ServerConf
from control.conf.zone import ZoneConf
from control.ctl.connection import Limits
from control.ctl.server import ControlServer
from control.events.zone import ZoneHandle
from control.log import Log
from control.server.answerer import TableAnswerer
from control.server.bind import Listeners
from control.server.commands import make_commands
from control.server.dbus import Signals
from control.server.dnssec.service import Dnssec
from control.server.engine import Supervisor
from control.server.filters import Filters, memory_path
from control.server.handoff import HandoffChannel
from control.server.identity import read_tls, state_of_files
from control.server.inbound import Inbound
from control.server.keeper import Keeper
from control.server.launch import EngineLauncher, Running
from control.server.operations import Operations
from control.server.reloading import Origin, Reloading
from control.server.replication.catalogs import Catalogs
from control.server.replication.generating import Generating
from control.server.replication.service import Replication
from control.server.service import Service
from control.server.tcp import TcpLimits, TcpServer
from control.server.transactions import Transactions
from control.server.workers import Workers
from control.server.zones import Zones
from control.transfer.client import Client, ClientSettings
from control.transfer.credentials import CredentialProblem, TlsSettings, server_context
from control.transfer.secure import make_context
from pyxdp_dns.errors import EngineError
from pyxdp_dns.shm import SharedRegion

SYNC_IDLE_S = 1.0
"""The table is written to disk when it has not changed for this long."""
SECRETS_LOOK_S = 60.0
"""How often is looked whether secrets are due, for a clock that is set."""
NETWORK_WORKERS_MIN, NETWORK_WORKERS_FACTOR = 16, 4
"""Events that wait for other servers run on so many threads at least, and on so many for each background worker."""
STOP_WAIT_S = 10.0
"""How long running events may take at stop before they are given up; the store then keeps the old versions."""


def tcp_limits(server: ServerConf) -> TcpLimits:
    """The limits of TCP connections."""
    return TcpLimits(server.tcp_idle_timeout_s, server.tcp_io_timeout_ms / 1000, server.tcp_max_clients)


def client_settings(server: ServerConf, tls: TlsSettings) -> ClientSettings:
    """What the client of other servers is told."""
    return ClientSettings(
        io_timeout_s=server.tcp_remote_io_timeout_ms / 1000,
        pool_limit=server.remote_pool_limit,
        pool_timeout_s=server.remote_pool_timeout_s,
        retry_delay_s=server.remote_retry_delay_ms / 1000,
        tls=tls,
    )


def control_limits(control: ControlConf) -> Limits:
    """The limits of control connections."""
    return Limits(backlog=control.backlog, timeout_s=control.timeout_s or None)


class Daemon:
    """One running daemon; made inside its loop. `running` is an engine that lives."""

    def __init__(
        self,
        active: ActiveConfiguration,
        log: Log,
        launcher: EngineLauncher,
        listeners: Listeners,
        tls: TlsSettings,
        running: Running | None,
        service: Service | None = None,
        origin: Origin | None = None,
    ) -> None:
        config = active.config
        self.service = Service() if service is None else service
        self.active, self.boot_config, self.log = active, config, log
        self.loop = asyncio.get_running_loop()
        self.listeners, self.launcher = listeners, launcher
        self.supervisor = Supervisor(launcher, log)
        self.first_engine = running
        self.shm: SharedRegion | None = None
        self.stopping = asyncio.Event()
        self.requested = asyncio.Event()
        self.reload_whole = False
        self.changed = asyncio.Event()
        self.zones = Zones(config, log)
        self.writer = Workers(self.loop, 1, "table")
        background = config.server.background_workers
        self.workers = Workers(self.loop, background, "event")
        self.network = Workers(self.loop, max(NETWORK_WORKERS_MIN, NETWORK_WORKERS_FACTOR * background), "network")
        self.answerer = TableAnswerer()
        self.inbound = Inbound(self._find_zone, self.answerer.answer_permitted, log, time.time)
        self.tcp = TcpServer(self.loop, self.answerer, self.inbound.handle, tcp_limits(config.server), log)
        self.handoff = HandoffChannel(config.server.rundir, self.inbound.handle, self.answerer.count_reply)
        self.filters = Filters(memory_path(config.server.rundir), log, launcher.loader())
        self.keeper = Keeper(self.zones, log, self.workers, background, self.network, self.changed.set, Clock())
        self.replication = Replication(self.keeper, Client(Clock(), client_settings(config.server, tls)))
        self.signals = Signals(log, config.server.dbus_events, config.server.dbus_init_delay_s)
        self.dnssec = Dnssec(self.keeper, self.replication.client, self.signals, self.replication.expirations.note)
        self.transactions = Transactions(self.keeper.scheduler, lambda: active.transaction is not None)
        self.reloading = Reloading(active, self.keeper, self.transactions, self.writer, log, origin)
        self.generating = Generating(self.keeper)
        self.catalogs = Catalogs(self.keeper, self.transactions, active.member)
        self.catalogs.on_members = self._members_changed
        self.keeper.before_load = self.generating.before_load
        self.keeper.scheduler.contents_changed = self._contents_changed
        self.reloading.on_zones = self._publish_counted
        self.reloading.on_configured = self._zones_configured
        self.reloading.on_change = self._use_configuration
        self.tls, self.tls_files = TlsSettings(), state_of_files(config)
        operations = Operations(active, self.keeper, self.tcp, self.reloading, self.stopping.set, self._certificate_pin)
        commands = make_commands(
            active,
            self.keeper,
            self.transactions,
            self.reloading,
            operations,
            self.catalogs.forget_members,
            self.replication,
            self.dnssec,
        )
        self.counting = operations.counting
        self.inbound.handlers.update(self.replication.handlers)
        self.control = ControlServer(commands, log, control_limits(config.control))
        self._use_requests()
        self._use_tls(tls)

    def _find_zone(self, apex: bytes) -> ZoneHandle | None:
        return self.keeper.directory.find_wire(apex)

    def _contents_changed(self, zone: ZoneHandle) -> None:
        self.catalogs.contents_changed(zone)
        self.signals.zone_updated(zone)

    def _use_requests(self) -> None:
        """Take over what the configuration says of requests that are not answered from the table."""
        config = self.active.config
        self.inbound.keys = config.keys
        self.handoff.payload_bytes = {4: config.server.udp_max_payload_ipv4, 16: config.server.udp_max_payload_ipv6}

    def _use_configuration(self) -> None:
        """Take over what a changed configuration says of connections and statistics."""
        config = self.active.config
        self.counting.configure(config)
        self.tcp.limits = tcp_limits(config.server)
        self._use_requests()
        self._read_tls()
        self.replication.client.settings = client_settings(config.server, self.tls)
        self.control.set_limits(control_limits(config.control))

    def _read_tls(self) -> None:
        """Read the files of certificates that have changed; what was in use stays when they cannot be used."""
        config, kept_key = self.active.config, self.boot_config.database.tls_key
        make_context.cache_clear()
        state = state_of_files(config)
        if state == self.tls_files:
            return
        try:
            self._use_tls(read_tls(config, listens=bool(self.boot_config.server.listen_tls), kept_key=kept_key))
            self.tls_files = state
        except CredentialProblem as error:
            self.tls_files = ()
            self.log.error(f"{error}, the certificate in use stays")

    def _use_tls(self, tls: TlsSettings) -> None:
        """Show other clients another certificate; raises CredentialProblem."""
        old, self.tls = self.tls, tls
        if tls.credentials is None or not self.boot_config.server.listen_tls:
            return
        self.tcp.tls = server_context(tls.credentials)
        if old.credentials is None or old.credentials.pin != tls.credentials.pin:
            self.log.info(f"QUIC/TLS, certificate public key {tls.credentials.pin_text}")

    def _certificate_pin(self) -> str | None:
        return None if self.tls.credentials is None else self.tls.credentials.pin_text

    def _zones_configured(self, zones: Iterable[ZoneConf]) -> None:
        """Have catalogs follow a configuration that came into use; `zones` as they are and as they were."""
        self.catalogs.configured()
        self.generating.follow(zones)

    async def _members_changed(self, zones: Iterable[ZoneConf]) -> None:
        self.generating.follow(zones)
        await self._publish_counted()

    async def run(self, noted: Iterable[int] = ()) -> None:
        """Serve until a signal ends it, or one of those `noted` before; raises what keeps the daemon from serving."""
        actions: dict[int, Callable[[], None]] = {
            signal.SIGTERM: self.stopping.set,
            signal.SIGINT: self.stopping.set,
            signal.SIGHUP: lambda: self._request_reload(True),
            signal.SIGUSR1: lambda: self._request_reload(False),
        }
        for number, action in actions.items():
            self.loop.add_signal_handler(number, action)
        for number in noted:
            actions[number]()
        self.supervisor.on_start = self._engine_started
        self.supervisor.on_failure = self._check_table
        if self.first_engine is not None:
            self.supervisor.take(self.first_engine)  # here, for a signal that came already ends it too
        self.handoff.start(self.loop)
        tasks = [
            asyncio.create_task(work)
            for work in (self._boot(), self._filters(), self._sync_when_idle(), self._publish_secrets())
        ]
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
            await self._engine_started()
        fresh = await self.writer.run(self.zones.open)
        config = self.active.config
        await self.writer.run(lambda: self.zones.publish_server(config))
        await self.writer.run(lambda: self.zones.publish_access(config.zones.values(), may_open=False))
        self.keeper.configure(config)
        await self.catalogs.restore()
        self.counting.configure(config)
        await self._listen(config.control)
        if fresh:
            await self._fill(config.server.async_start)
        else:
            await self.keeper.start()
            if self.supervisor.running is None:
                await self.supervisor.restart()
        await self._publish_counted()
        confs = self.keeper.confs()
        await self.writer.run(lambda: self.zones.publish_access(confs))
        self.replication.start()
        self.catalogs.start()
        await asyncio.gather(self._sweep(), self._reload_on_request())

    async def _sweep(self) -> None:
        """Remove what a daemon before this one left in the store; each step is a job, so that others get their turn."""
        while not await self.writer.run(self.zones.sweep_some):
            pass

    async def _listen(self, control: ControlConf) -> None:
        try:
            await self.control.start(control.listen)
        except OSError as error:
            reason = f"control socket '{error.filename}' cannot be bound ({error.strerror}), set control.listen"
            raise OSError(reason) from error

    async def _fill(self, start_first: bool) -> None:
        """Fill a new table; the engine starts after it, or before when `start_first`."""
        confs = self.keeper.confs()
        await self.writer.run(lambda: self.zones.publish_empty(confs))
        if start_first:
            await self.supervisor.restart()
        await self.keeper.start()
        if not start_first:
            await self.supervisor.restart()

    async def _publish_counted(self) -> None:
        """Have zones counted as the configuration says."""
        config, confs = self.active.config, self.keeper.confs()
        await self.writer.run(lambda: self.zones.with_table(lambda table: self.counting.publish(table, config, confs)))

    async def _publish_secrets(self) -> None:
        """Publish new secrets of DNS cookies whenever the old ones have been in use long enough."""
        while True:
            due = self.zones.secrets_due
            await asyncio.sleep(SECRETS_LOOK_S if due is None else max(0.0, min(due - time.time(), SECRETS_LOOK_S)))
            due = self.zones.secrets_due
            if due is not None and due <= time.time():
                await self.writer.run(lambda: self.zones.publish_server(self.active.config))

    async def _engine_started(self) -> None:
        try:
            await self._join_engine()
        except EngineError as error:
            self.log.error(f"TCP is not answered until the engine starts again ({error})")

    async def _join_engine(self) -> None:
        """Share reader slots with a new engine and answer TCP from the table it answers from."""
        old, shm = self.shm, SharedRegion(os.path.join(self.boot_config.server.rundir, "engine.shm"))
        self.shm = shm
        running = self.supervisor.running
        counted = self.counting.open(self.boot_config.server.rundir, 0 if running is None else running.pid)
        self.answerer.open(
            self.zones.table_path, shm.handle, shm.control_slot, None if counted is None else counted.handle
        )
        await self.writer.run(lambda: self.zones.set_readers(shm.handle))
        if old is not None:
            old.close()
        if self.listeners.tcp or self.listeners.tls:
            listeners, self.listeners = self.listeners, Listeners([], [])
            await self.tcp.start(listeners.tcp)
            if listeners.tls:
                await self.tcp.start_tls(listeners.tls)
            self.log.info("server started answering")
        self.service.ready()
        self.signals.started()

    async def _check_table(self) -> None:
        """The engine could not start: when that is because of the table, build a new one from the store."""
        confs = self.keeper.confs()
        if await self.writer.run(lambda: self.zones.rebuild_if_refused(self.active.config, confs)):
            await self._publish_counted()

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
        """Work off SIGHUP, and SIGUSR1 (only the zone files), one after the other."""
        while True:
            await self.requested.wait()
            self.requested.clear()
            self.service.reloading()
            if self.reload_whole:
                self.reload_whole = False
                await self.reloading.on_signal()
            else:
                await self.reloading.files()
            self.service.ready()

    def _request_reload(self, whole: bool) -> None:
        self.reload_whole = self.reload_whole or whole
        self.requested.set()

    async def _stop(self, keep_engine: bool) -> None:
        """End everything; after a failure the engine answers on, for the next daemon to adopt."""
        self.log.info("stopping server")
        self.service.stopping()
        self.signals.stopped()
        self.counting.stop()
        self.keeper.stop()
        self.catalogs.stop()
        await self.control.stop()
        await self.tcp.stop()
        self.listeners.close()
        if keep_engine or self.launcher.keeps_engine:
            self.supervisor.leave()
        else:
            await asyncio.to_thread(self.supervisor.stop)
            remove_engine_files(self.boot_config.server.rundir)
            await self.filters.unload()
        self.handoff.close()
        self.answerer.close()
        self.replication.client.stop()
        idle = await asyncio.to_thread(self.workers.close, STOP_WAIT_S)
        idle = await asyncio.to_thread(self.network.close, STOP_WAIT_S) and idle
        idle = await asyncio.to_thread(self.keeper.brief.close, STOP_WAIT_S) and idle
        idle = await asyncio.to_thread(self.writer.close, STOP_WAIT_S) and idle
        idle = await asyncio.to_thread(self.keeper.committer.close, STOP_WAIT_S) and idle
        await asyncio.to_thread(self.signals.stop)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_WAIT_S):
                await self.loop.shutdown_default_executor()
        self.replication.stop()
        if idle:
            self.zones.close()
            if self.shm is not None:
                self.shm.close()
        else:
            self.log.warning("an event of a zone still runs, it is given up")
        self.log.info("shutting down")


def remove_engine_files(rundir: str) -> None:
    """Remove what an engine that has ended leaves in the run directory; its lock file stays for the next one."""
    for name in ("engine.sock", "engine-reply.sock", "engine.shm", "zones.shm"):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(rundir, name))
