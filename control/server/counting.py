# SPDX-License-Identifier: Apache-2.0
"""What the daemon does about counters and modules, in one place: reading, telling, dumping, exporting.

Methods belong to the loop's thread but for `publish`, which is the writer thread's. Nothing here blocks the loop.
"""

import asyncio
import os
from collections.abc import Callable, Iterable
from typing import Any

from control.conf.model import Config
from control.conf.values import name_to_wire
from control.conf.zone import ZoneConf
from control.ctl.stats import Counter
from control.log import Log
from control.server.dump import Collected, Dump
from control.server.modules import zone_families
from control.server.statistics import CountedZone, ServerCounters, Statistics
from control.server.zone_rows import ZoneRows
from pyxdp_dns.errors import EngineError
from pyxdp_dns.statistics import ZoneStats
from pyxdp_dns.table import Table

LIMITED_LOG_PERIOD_S = 1.0

Zones = Callable[[], Iterable[CountedZone]]


class Counting:
    """`zones` gives the configured zones, in order, to any thread; `states` what the exporter tells of them."""

    def __init__(self, server: ServerCounters, zones: Zones, states: Callable[[], Iterable[Any]], log: Log) -> None:
        self.rows = ZoneRows()
        self.statistics = Statistics(server, self.rows, log)
        self._zones, self._states, self._log = zones, states, log
        self._dump = Dump(self._collect, log)
        self._exporter: Any = None
        self._file: ZoneStats | None = None
        self._pids: tuple[int, ...] = (os.getpid(),)
        self._timer: asyncio.TimerHandle | None = None

    def open(self, rundir: str, engine_pid: int) -> ZoneStats | None:
        """Read what the running engine counts; returns the file to give to answerers (its handle), None without one.

        An engine may take over the file of the one before; another file stays mapped, since readers hold it.
        """
        self._pids = (os.getpid(), engine_pid)
        try:
            self.statistics.open(os.path.join(rundir, "engine.shm"))
            path = os.path.join(rundir, "zones.shm")
            if self._file is None or self._file.inode != os.stat(path).st_ino:
                self._file = ZoneStats(path)
            self.rows.use(self._file)
        except (EngineError, OSError) as error:
            self._log.warning(f"stats, counters cannot be read ({error})")
        return self._file

    def publish(self, table: Table, config: Config, zones: Iterable[ZoneConf]) -> None:
        """Give the zones that the table has their rows; after every change of zones or of their modules."""
        wanted = {
            name_to_wire(zone.name): zone_families(config, zone.settings.modules)
            for zone in zones
            if zone.settings.modules
        }
        if not wanted and not self.rows.in_use:
            return
        self.rows.adopt(table)
        try:
            self.rows.follow(wanted)
        except EngineError as error:
            self._log.warning(f"stats, zones are not counted ({error})")

    def configure(self, config: Config) -> None:
        """Follow a configuration."""
        self.statistics.configure(config)
        self._dump.configure(config.statistics, config.server.identity)
        if config.statistics.prometheus_listen and self._exporter is None:
            self._exporter = self._make_exporter()
        if self._exporter is not None:
            self._exporter.listen(config.statistics.prometheus_listen)
        if self._timer is None:
            self._log_limited()

    def stop(self) -> None:
        """End the dump and the exporter."""
        self._dump.stop()
        if self._exporter is not None:
            self._exporter.stop()
        if self._timer is not None:
            self._timer.cancel()

    def xdp_workers(self) -> int:
        """Return how many AF_XDP workers the engine has."""
        return self.statistics.count_workers("xdp")

    def server_counters(self) -> Iterable[Counter]:
        """The counters of the server and its modules."""
        return self.statistics.server_counters()

    def zone_counters(self, zone: CountedZone) -> Iterable[Counter]:
        """The counters of a zone's modules."""
        return self.statistics.zone_counters(zone)

    def _collect(self) -> Collected:
        return self.statistics.server_counters(), self.statistics.zones_counters(self._zones())

    def _make_exporter(self) -> Any:
        from control.server.exporter import Exporter, Source

        source = Source(
            server_counters=self.statistics.server_counters,
            zone_counters=lambda: self.statistics.zones_counters(self._zones()),
            zones=self._states,
            pids=lambda: self._pids,
        )
        return Exporter(source, self._log)

    def _log_limited(self) -> None:
        self.statistics.log_limited()
        self._timer = asyncio.get_running_loop().call_later(LIMITED_LOG_PERIOD_S, self._log_limited)
