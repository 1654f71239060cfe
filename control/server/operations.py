# SPDX-License-Identifier: Apache-2.0
"""What the daemon does and tells for the commands that concern it as a whole."""

import asyncio
import struct
from collections.abc import Callable, Iterable, Iterator

from control.conf.dynamic import ActiveConfiguration
from control.ctl.command import Command, Reply, Request, zone_command
from control.ctl.server_commands import WorkerCounts
from control.ctl.stats import Counter, send_counters
from control.ctl.unit import Unit
from control.events.kinds import Kind
from control.events.zone import ZoneHandle
from control.server.counting import Counting
from control.server.exported import ZoneState
from control.server.keeper import Keeper
from control.server.reloading import Reloading
from control.server.tcp import TcpServer
from control.store.contents import get_rrset, iterate_pairs
from control.store.keys import unpack_rdatas, unpack_ttl
from control.store.zones import get_zone

ZONE = "zone"
SOA = 6
SOA_TIMERS = struct.Struct(">III")
SOA_TIMERS_FROM_END = 16
"""REFRESH, RETRY and EXPIRE stand so far before the end of an SOA's data, where MINIMUM follows them."""


class Operations:
    """Implements `ServerOperations`."""

    def __init__(
        self,
        active: ActiveConfiguration,
        keeper: Keeper,
        tcp: TcpServer,
        reloading: Reloading,
        stop: Callable[[], None],
        pin: Callable[[], str | None] = lambda: None,
    ) -> None:
        """`pin` is that of the certificate in use."""
        self.certificate_pin = pin
        self._active, self._keeper, self._tcp, self._reloading, self._stop = active, keeper, tcp, reloading, stop
        self.counting = Counting(self.server_values, keeper.directory.all, self.exported_states, keeper.log)

    def loading(self) -> bool:
        """Tell whether zones are still loaded after the start."""
        return self._keeper.loading > 0

    def workers(self) -> WorkerCounts:
        """Count the workers."""
        server, scheduler = self._reloading.boot_config.server, self._keeper.scheduler
        return WorkerCounts(
            udp=server.udp_workers if server.listen else 0,
            tcp=1,
            xdp=self.counting.xdp_workers(),
            background=scheduler.background.workers,
            running=scheduler.background.running,
            pending=scheduler.background.pending(),
        )

    async def reload(self, force: bool) -> None:
        """Read the configuration again and follow it; raises `CommandError`."""
        await self._reloading.on_command()

    def stop(self) -> None:
        """Begin to stop the daemon."""
        self._stop()

    def server_values(self) -> dict[str, int]:
        """Return the counters of section server, by item."""
        tcp = self._tcp.counters
        return {
            "zone-count": len(self._keeper.directory),
            "tcp-io-timeout": tcp.io_timeouts,
            "tcp-idle-timeout": tcp.idle_timeouts,
            "zone-update-error": self._keeper.scheduler.failures,
        }

    def zone_counters(self, zone: ZoneHandle) -> Iterable[Counter]:
        """Return the counters of a zone and its modules. Blocks: the greatest TTL is looked for in all its records."""
        with self._keeper.zones.store.read() as txn:
            stored = None if zone.serial is None else get_zone(txn, zone.wire)
            size = 0 if stored is None else stored.size
            ttl = 0
            if stored is not None:
                ttl = max((unpack_ttl(value) for _, value in iterate_pairs(txn, stored)), default=0)
        own = [Counter(ZONE, "size", None, zone.name, size), Counter(ZONE, "max-ttl", None, zone.name, ttl)]
        return [*own, *self.counting.zone_counters(zone)]

    def exported_states(self) -> Iterator[ZoneState]:
        """Yield what the exporter tells of each zone. Blocks."""
        for zone in self._keeper.directory.all():
            timers = None
            if zone.serial is not None:
                with self._keeper.zones.store.read() as txn:
                    stored = get_zone(txn, zone.wire)
                    value = None if stored is None else get_rrset(txn, stored, zone.wire, SOA)
                if value is not None:
                    timers = SOA_TIMERS.unpack(unpack_rdatas(value)[0][-SOA_TIMERS_FROM_END:][: SOA_TIMERS.size])
            refresh, expiration = self._due_in_s(zone, Kind.REFRESH), self._due_in_s(zone, Kind.EXPIRATION)
            yield ZoneState(zone.name, zone.serial, refresh, expiration, timers)

    def _due_in_s(self, zone: ZoneHandle, kind: Kind) -> int | None:
        """Return in how many seconds an event takes place, 0 when it is due or runs, None when there is none."""
        status = self._keeper.scheduler.status(zone, kind)
        return None if status is None else max(0, int(status.time - self._keeper.scheduler.now()))

    def commands(self) -> Iterable[Command]:
        """Return stats and zone-stats."""

        async def stats(request: Request, reply: Reply) -> None:
            await send_counters(self.counting.server_counters(), request.first, request.force, reply)

        async def zone_stats(zone: ZoneHandle, operand: Unit, request: Request, reply: Reply) -> None:
            counters = await asyncio.to_thread(self.zone_counters, zone)
            await send_counters(counters, operand, request.force, reply)

        return Command("stats", stats), zone_command("zone-stats", self._keeper.directory, zone_stats)
