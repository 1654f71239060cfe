# SPDX-License-Identifier: Apache-2.0
"""Following a configuration that was read again, or was changed by the control socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from control.conf.check import load, warnings
from control.conf.document import Document
from control.conf.dynamic import ActiveConfiguration, Difference
from control.conf.errors import ConfigurationError, file_reason
from control.conf.model import Config, restart_items
from control.conf.zone import ZoneConf
from control.ctl.errors import CommandError, Reason, reason_of
from control.errors import ControlError
from control.log import Log
from control.server.keeper import Keeper, Pending
from control.server.transactions import Transactions
from control.server.workers import Workers
from pyxdp_dns.errors import EngineError


class Origin(NamedTuple):
    """Where the configuration comes from: its name in the log, and what reads it again."""

    name: str
    read: Callable[[], tuple[Document, Config]]


def file_origin(path: str) -> Origin:
    """Return a configuration file as origin."""
    return Origin(f"configuration file '{path}'", lambda: load(path))


def affected(difference: Difference) -> list[ZoneConf]:
    """Return the zones that differ, as they were and as they are."""
    names = (*difference.added, *difference.removed, *difference.changed)
    return [zones[name] for zones in (difference.old.zones, difference.new.zones) for name in names if name in zones]


class Reloading:
    """Reloads one after the other; `on_change` is called when another configuration is in use."""

    def __init__(
        self,
        active: ActiveConfiguration,
        keeper: Keeper,
        transactions: Transactions,
        writer: Workers,
        log: Log,
        origin: Origin | None = None,
    ) -> None:
        self.origin = file_origin(active.config.file) if origin is None else origin
        self.active, self.keeper, self.transactions = active, keeper, transactions
        self.boot_config = active.config
        self.writer, self.log = writer, log
        self.on_change: Callable[[], None] = lambda: None
        self.on_configured: Callable[[list[ZoneConf]], None] = lambda _zones: None
        """Called with the zones that were added, changed or removed, as they were and as they are."""
        self.on_zones: Callable[[], Awaitable[None]] | None = None
        """Called when zones were added, changed or removed and the table has what is configured."""
        self._one = asyncio.Lock()
        self._ending: set[asyncio.Future[object]] = set()

    async def on_signal(self) -> None:
        """Reload; what is refused is logged. Ends when what the reload began has ended."""
        try:
            await self._finish(await self._reload())
        except CommandError as error:
            self.log.error(f"reload failed ({error})")

    async def on_command(self) -> None:
        """Reload; raises `CommandError` when it is refused. What it began goes on."""
        self._later(self._finish(await self._reload()))

    async def commit(self) -> None:
        """Commit the configuration's transaction and follow it. Raises EditError or what its database raises."""
        async with self._one:
            difference = await asyncio.to_thread(self.active.commit)
            restart = restart_items(self.boot_config, difference.new)
            self._later(
                asyncio.gather(*await self.use(difference._replace(restart=tuple(restart))), return_exceptions=True)
            )

    async def files(self) -> None:
        """Read the changed zone files again."""
        self.log.info("reloading zone files")
        try:
            await asyncio.gather(*await self.keeper.follow_files(), return_exceptions=True)
        except (ControlError, EngineError) as error:
            self.log.error(f"reload failed ({error})")

    async def use(self, difference: Difference) -> Pending:
        """Follow a configuration that is in use now: all that differs, and nothing else."""
        config = difference.new
        zones = self.keeper.directory.apply(config.zones, difference.added, difference.removed, difference.changed)
        if difference.old.logs != config.logs:
            self._open_logs()
        for item in difference.restart:
            self.log.warning(f"config, item '{item}' changed, restart the daemon to use it")
        self.on_change()
        if difference.old._replace(zones={}) != config._replace(zones={}):
            await self._publish_server(config)
        begun = await self.keeper.follow(zones)
        self.on_configured(affected(difference))
        if self.on_zones is not None:
            await self.on_zones()
        return begun

    async def _publish_server(self, config: Config) -> None:
        """Publish what the server says of itself; the zones are followed even when that fails."""
        try:
            await self.writer.run(lambda: self.keeper.zones.publish_server(config))
        except EngineError as error:
            self.log.error(f"server information cannot be published ({error})")

    async def _reload(self) -> Pending:
        async with self._one:
            self.transactions.refuse_if_open()
            if self.active.transaction is not None:
                raise CommandError(Reason.TOO_MANY_TRANSACTIONS)
            self.log.info(f"reloading {self.origin.name}")
            difference = await self._read()
            for text in warnings(difference.new):
                self.log.warning(text)
            try:
                return await self.use(difference)
            except (ControlError, EngineError, OSError) as error:
                raise CommandError(reason_of(error) or Reason.FAILED) from error

    async def _read(self) -> Difference:
        try:
            document, config = await asyncio.to_thread(self.origin.read)
            self.log.configure(config.logs)
        except ConfigurationError as error:
            self.log.error(str(error))
            self.log.critical(f"failed to load {self.origin.name} ({error.outcome})")
            raise CommandError(error.outcome) from error
        except OSError as error:
            self.log.critical(f"failed to load {self.origin.name} ({file_reason(error)})")
            raise CommandError(reason_of(error) or Reason.FAILED) from error
        self.transactions.refuse_if_open()
        found = self.active.replace(document, config)
        return found._replace(restart=tuple(restart_items(self.boot_config, config)))

    def _open_logs(self) -> None:
        """Open the log targets anew; the old ones stay when that fails."""
        try:
            self.log.configure(self.active.config.logs)
        except OSError as error:
            self.log.error(f"log target '{error.filename}' cannot be opened ({error.strerror}), set log.target")

    async def _finish(self, begun: Pending) -> None:
        """Read the zone files that have changed, and wait for that and what had begun."""
        try:
            begun += await self.keeper.follow_files()
        except (ControlError, EngineError) as error:
            self.log.error(f"zone files are not read ({error})")
        await asyncio.gather(*begun, return_exceptions=True)
        self.log.info("configuration reloaded")

    def _later(self, work: Awaitable[object]) -> None:
        """Let something come to its end by itself."""
        task = asyncio.ensure_future(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
