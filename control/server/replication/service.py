# SPDX-License-Identifier: Apache-2.0
"""What a daemon has for the replication of zones, put together."""

import random
import time
from collections.abc import Sequence

from control.ctl.command import ZoneDirectory
from control.events.kinds import Kind
from control.events.zone import ZoneHandle
from control.server.inbound import Handler
from control.server.keeper import Keeper
from control.server.replication.accepting import Arrival
from control.server.replication.commands import ReplicationCommands
from control.server.replication.expiration import Expirations
from control.server.replication.notify import Notifies, NotifyHandler
from control.server.replication.outgoing import OutgoingTransfers
from control.server.replication.planning import may_expire
from control.server.replication.refresh import Refreshes
from control.server.replication.timers import write_at_end
from control.server.replication.updates import Updates
from control.transfer.client import Client
from control.update.door import Transfer
from control.update.results import ChangeResult


class Replication:
    """The runners of the events refresh, expiration, notify and update, and what belongs to them."""

    def __init__(self, keeper: Keeper, client: Client) -> None:
        zones, log, scheduler, clock = keeper.zones, keeper.log, keeper.scheduler, keeper.clock
        self.keeper, self.timers, self.client = keeper, keeper.timers, client
        loop_time = keeper.loop.time
        self.refreshes = Refreshes(
            zones, log, scheduler, self.timers, client, self._accept, clock, loop_time, random.random, keeper.changed
        )
        self.expirations = Expirations(zones, log, scheduler, clock, keeper.changed)
        self.notifies = Notifies(zones, log, scheduler, self.timers, client)
        self.updates = Updates(keeper.loop, scheduler, log, zones, client, time.monotonic, keeper.changed)
        keeper.runs[Kind.UPDATE] = self.updates.runner()
        self.outgoing = OutgoingTransfers(zones, log, clock, self._expires)
        self.handlers: dict[str, Handler] = {
            "notify": NotifyHandler(log, scheduler, loop_time),
            "axfr": self.outgoing.axfr,
            "ixfr": self.outgoing.ixfr,
            "update": self.updates.handle,
        }
        """Of requests, by their kind."""
        keeper.runs[Kind.REFRESH] = self.refreshes.runner()
        keeper.runs[Kind.EXPIRATION] = self.expirations.runner()
        keeper.runs[Kind.NOTIFY] = self.notifies.runner()

    def _expires(self, zone: ZoneHandle) -> int | None:
        """Return after how many seconds a zone expires; None for one that does not."""
        if not may_expire(zone.conf) or not zone.timers.expires_s:
            return None
        return max(0, int(zone.timers.expires_s - self.keeper.now()))

    def _accept(self, arrivals: Sequence[Arrival]) -> Sequence[ChangeResult | Exception]:
        """Make transfers the contents of their zones. Blocks."""
        transfers = [
            Transfer(incoming, zone.conf.settings, zone.conf.replication, also, early)
            for incoming, zone, also, early in arrivals
        ]
        results: list[ChangeResult | Exception] = self.keeper.zones.door.transfer_many(transfers)
        return results

    def commands(self, zones: ZoneDirectory[ZoneHandle]) -> ReplicationCommands:
        """Return the commands."""
        return ReplicationCommands(zones, self.keeper.scheduler, self.timers, self.keeper.log)

    def start(self) -> None:
        """The server answers: others may be told of changed zones."""
        self.notifies.start(self.keeper.directory.all())

    def stop(self) -> None:
        """End transfers and write the timers, after the last event. Blocks."""
        self.outgoing.stop()
        write_at_end(self.timers, self.keeper.log)
        self.client.close()
