# SPDX-License-Identifier: Apache-2.0
"""Commands that do something with zones: reload, flush, freeze, thaw, purge."""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress

from control.conf.policy import KeystoreConf
from control.ctl.command import Command, Reply, Request, letters_of, normalise_zone, zone_command
from control.ctl.errors import CommandError, Reason
from control.ctl.unit import Unit
from control.events.kinds import Kind
from control.events.lane import Runner
from control.events.zone import Freeze, ZoneHandle
from control.log import INFO, NOTICE, WARNING
from control.server.keeper import Keeper
from control.server.replication.planning import is_secondary, may_expire, plan_expiration
from control.server.replication.service import Replication
from control.server.runners import NEVER, REREAD, OutputDirectory, RewriteFile
from control.server.transactions import Transactions
from control.server.waiting import alone, make_waiter, run_event

EXPIRE, ZONE_FILE, JOURNAL, TIMERS, KASP, CATALOG, ORPHAN, KEYS = "efjtkcoy"
PURGED_BY_DEFAULT = frozenset((EXPIRE, ZONE_FILE, JOURNAL, TIMERS, KASP, CATALOG))
PURGE_LETTERS = PURGED_BY_DEFAULT | {ORPHAN, KEYS}
TO_DIRECTORY = "d"
SYNC_DISABLED = "zonefile synchronization disabled, use force command to override it"

FreezeOrThaw = Callable[..., None]
ForgetMembers = Callable[[ZoneHandle], None]
Keystores = Callable[[], Iterable[KeystoreConf]]


def nothing(*_what: object) -> None:
    """A purge runs outside the workers and leads to no other event."""


class ZoneActions:
    """What the commands do; one instance per daemon."""

    def __init__(
        self,
        keeper: Keeper,
        transactions: Transactions,
        replication: Replication,
        forget_members: ForgetMembers,
        keystores: Keystores,
    ) -> None:
        """`forget_members` lets the members of a catalog go; `keystores` are those of the configuration in use."""
        self.keeper, self.transactions, self.replication = keeper, transactions, replication
        self._forget_members, self._keystores = forget_members, keystores
        self.scheduler, self.log = keeper.scheduler, keeper.log
        keeper.runs[Kind.PURGE] = Runner(nothing, nothing)

    async def reload(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Read the zone file whatever its times say. An open transaction of the zone is aborted."""
        self.transactions.abort_if_open(zone)
        await run_event(self.scheduler, zone, Kind.LOAD, request, reply, REREAD)

    async def flush(self, zone: ZoneHandle, operand: Unit, request: Request, reply: Reply) -> None:
        """Write the zone file, or a copy into a directory."""
        if TO_DIRECTORY in letters_of(operand):
            if not operand.data:
                raise CommandError(Reason.MISSING_PARAMETER)
            asked = OutputDirectory(os.path.abspath(operand.data))
            await run_event(self.scheduler, zone, Kind.FLUSH, request, reply, asked)
        elif zone.conf.settings.zonefile_sync_s == NEVER and not request.force:
            self.log.zone(WARNING, zone.name, SYNC_DISABLED)
        else:
            await run_event(self.scheduler, zone, Kind.FLUSH, request, reply, RewriteFile())

    async def freeze(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Hold changes from now on."""
        self.log.zone(INFO, zone.name, "zone updates frozen")
        await self._with_waiter(self.scheduler.freeze, zone, request, reply)

    async def thaw(self, zone: ZoneHandle, _operand: Unit, request: Request, reply: Reply) -> None:
        """Let changes go on."""
        if zone.freeze is not Freeze.NONE:
            self.log.zone(INFO, zone.name, "zone updates unfrozen")
        await self._with_waiter(self.scheduler.thaw, zone, request, reply)

    async def _with_waiter(self, change: FreezeOrThaw, zone: ZoneHandle, request: Request, reply: Reply) -> None:
        if not request.blocking:
            change(zone)
            return
        waiter, future = make_waiter()
        change(zone, waiter)
        await reply.wait(future)

    async def purge(self, zone: ZoneHandle, operand: Unit, _request: Request, _reply: Reply) -> None:
        """Remove what the letters name of a zone, after its running event."""
        letters = letters_of(operand) & PURGE_LETTERS or PURGED_BY_DEFAULT
        async with alone(self.scheduler, zone, Kind.PURGE):
            await self._purge_alone(zone, letters)

    async def _purge_alone(self, zone: ZoneHandle, letters: frozenset[str]) -> None:
        if EXPIRE in letters:
            self.transactions.abort_if_open(zone)
            self.scheduler.cancel(zone, Kind.FLUSH)
        keystores = self._named_keystores(letters)
        await self.keeper.workers.run(lambda: self._purge(zone, letters, keystores))
        if EXPIRE in letters:
            self.replication.expirations.note(zone)
            if may_expire(zone.conf):
                self.replication.timers.set(zone, zone.timers._replace(expires_s=int(self.keeper.now())))
        if TIMERS in letters:
            self.replication.timers.purge(zone)
        self.log.zone(
            NOTICE, zone.name, "zone purged" if letters >= PURGED_BY_DEFAULT else "requested zone data purged"
        )
        if CATALOG in letters:
            self._forget_members(zone)
        if is_secondary(zone.conf) and letters & {EXPIRE, TIMERS}:
            self.scheduler.plan(zone, Kind.REFRESH)
            plan_expiration(self.scheduler, zone, self.keeper.now())
        self.keeper.changed()

    def _purge(self, zone: ZoneHandle, letters: frozenset[str], keystores: tuple[KeystoreConf, ...] | None) -> None:
        """Blocks. The order leaves what can be loaded again, should the daemon end in the middle.

        Private keys are removed from `keystores`, where there are any.
        """
        door = self.keeper.zones.door
        if letters & {KASP, KEYS}:
            self.keeper.zones.purge_keys(zone.wire, keystores)
        if EXPIRE in letters:
            door.expire(zone.wire)
        if ZONE_FILE in letters:
            with suppress(FileNotFoundError):
                os.unlink(zone.conf.file)
        if JOURNAL in letters:
            door.purge_journal(zone.wire)
            if EXPIRE in letters:
                door.drop(zone.wire)
                door.publish_empty(zone.wire)

    async def purge_orphan(self, operand: Unit) -> None:
        """Remove all the store has of a zone that is not configured; nothing is done for one that is."""
        name = normalise_zone(operand.zone or "")
        if self.keeper.directory.find(name) is None:
            await self.keeper.purge_orphans([name], self._named_keystores(letters_of(operand)))

    async def purge_all_orphans(self, operand: Unit) -> None:
        """Remove all the store has of zones that are not configured."""
        await self.keeper.purge_orphans(None, self._named_keystores(letters_of(operand)))

    def _named_keystores(self, letters: frozenset[str]) -> tuple[KeystoreConf, ...] | None:
        """What private keys are removed from: nothing, unless that is asked for by name."""
        return tuple(self._keystores()) if KEYS in letters else None

    def purge_command(self) -> Command:
        """zone-purge: with `+orphan` zones are those that are not configured."""
        plain = zone_command("zone-purge", self.keeper.directory, self.purge, exclusive=True)

        async def run(request: Request, reply: Reply) -> None:
            if ORPHAN not in request.letters:
                await plain.run(request, reply)
            elif request.first.zone is None:
                await self.purge_all_orphans(request.first)
            else:
                for operand in request.operands:
                    await self.purge_orphan(operand)

        return plain._replace(run=run)

    def commands(self) -> Iterable[Command]:
        """Return the commands."""
        zones = self.keeper.directory
        return (
            zone_command("zone-reload", zones, self.reload),
            zone_command("zone-flush", zones, self.flush),
            zone_command("zone-freeze", zones, self.freeze),
            zone_command("zone-thaw", zones, self.thaw),
            self.purge_command(),
        )
