# SPDX-License-Identifier: Apache-2.0
"""Every counter there is to tell, of the server and of zones: for the control socket, the dump and the exporter."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from control.conf.model import Config
from control.ctl.stats import Counter
from control.log import NOTICE, Log
from control.server.modules import families_of
from control.server.zone_rows import ZoneRows
from pyxdp_dns.counters import CounterRegion
from pyxdp_dns.statistics import MODULES, NO_ROW, Named, module_counters, stats_counters

ServerCounters = Callable[[], Mapping[str, int]]
"""Gives the counters of section `server`, by item in the order they are told; may be called by any thread."""


class CountedZone(Protocol):
    """A configured zone."""

    @property
    def name(self) -> str:
        """Lower case, with final dot."""

    @property
    def wire(self) -> bytes:
        """The same in wire form."""


class Statistics:
    """What is counted, as the configuration in force wants it told.

    All but `configure` and `open` may be asked by any thread.
    """

    def __init__(self, server: ServerCounters, rows: ZoneRows, log: Log) -> None:
        self._server, self._rows, self._log = server, rows, log
        self._region: CounterRegion | None = None
        self._sections: tuple[str, ...] = ()
        self._families = 0
        self._told: dict[int, int] = {}
        self._refused_size = 0
        self._label = "mod-rrl"

    def configure(self, config: Config) -> None:
        """Tell the counters of this configuration's global modules."""
        self._families = families_of(config.modules[reference] for reference in config.global_modules)
        self._sections = tuple(dict.fromkeys(reference.partition("/")[0] for reference in config.global_modules))
        self._label = next((one for one in config.global_modules if one.partition("/")[0] == "mod-rrl"), "mod-rrl")

    def open(self, path: Path | str) -> None:
        """Read from the shared region of the running engine; raises what `CounterRegion` raises."""
        region = CounterRegion(path)
        self._region = region
        self._told = {slot: one.sequence for slot, one in enumerate(region.limited()) if one is not None}

    def count_workers(self, kind: str) -> int:
        """Return how many workers of a kind (`xdp`, `udp`) the running engine has; 0 without one."""
        return 0 if self._region is None else sum(worker.kind == kind for worker in self._region.workers())

    def server_counters(self) -> Iterator[Counter]:
        """Yield the counters of the server and its global modules."""
        for item, value in self._server().items():
            yield Counter("server", item, None, None, value)
        region = self._region
        row = region.statistics() if region is not None and self._sections else NO_ROW
        for section in self._sections:
            for one in module_counters(section, row) if section in MODULES else stats_counters(row, self._families):
                yield _counter(one, None)

    def zone_counters(self, zone: CountedZone) -> Iterator[Counter]:
        """Yield the counters of a zone's own modules."""
        families = self._rows.families(zone.wire)
        if families:
            for one in stats_counters(self._rows.values(zone.wire), families):
                yield _counter(one, zone.name)

    def zones_counters(self, zones: Iterable[CountedZone]) -> Iterator[tuple[str, list[Counter]]]:
        """Yield the zones that have counters of their own, each with those that are not zero."""
        for zone in zones:
            counters = [one for one in self.zone_counters(zone) if one.value]
            if counters:
                yield zone.name, counters

    def log_limited(self) -> None:
        """Log the sources that were limited since the last call; to be called every second or so.

        A limiter that lacks memory is logged as well, when that begins.
        """
        if self._region is None or "mod-rrl" not in self._sections:
            return
        self._log_refused(self._region.refused_size())
        for slot, one in enumerate(self._region.limited()):
            if one is None or self._told.get(slot) == one.sequence:
                continue
            self._told[slot] = one.sequence
            text = f"module '{self._label}', address/subnet {one.address}/{one.prefix_len} limited"
            self._log.limited("rrl", NOTICE, text)

    def _log_refused(self, size: int) -> None:
        if size and size != self._refused_size:
            self._log.error(
                f"module '{self._label}', no memory for a table of {size} sources, replies are not limited as "
                "configured; lower mod-rrl.table-size"
            )
        self._refused_size = size


def _counter(one: Named, zone: str | None) -> Counter:
    return Counter(one.section, one.item, one.id, zone, one.value)
