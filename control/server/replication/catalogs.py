# SPDX-License-Identifier: Apache-2.0
"""Catalog zones whose members are served: members come, go and change with a catalog's contents.

The store's table of members says what was acted upon. A member is recorded before it is loaded and forgotten with the
last of its data, so what a crash leaves undone is found when the catalog is loaded again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache, partial

from control.catalog.membership import MembershipChange, choose_template, compare
from control.catalog.read import CatalogContents, read_catalog
from control.conf.errors import ValueProblem
from control.conf.peers import CatalogConf
from control.conf.policy import KeystoreConf
from control.conf.values import parse_name
from control.conf.zone import ZoneConf
from control.errors import CatalogRefused, ControlError
from control.events.zone import ZoneHandle
from control.log import ERROR, INFO, NOTICE
from control.server.keeper import Keeper
from control.server.replication.member_files import files_of, remove_file, with_own_files
from control.server.runners import NEVER
from control.server.transactions import Transactions
from control.server.waiting import make_waiter
from control.server.zone_log import log_catalog_refused
from control.store.contents import iterate_pairs
from control.store.environment import Transaction
from control.store.keys import name_text
from control.store.members import Member, list_members, put_members, remove_members
from control.store.zones import get_zone
from pyxdp_dns.errors import EngineError

INTERPRET = "interpret"
NAMES_KEPT = 1 << 14
"""A catalog's members are looked at several times, one after the other."""
AT_ONCE = 500
"""Members recorded or removed in one transaction."""

MakeConf = Callable[[str, str, str], ZoneConf]
"""Makes a member's configuration of its name, the template and the catalog's name; raises ValueProblem."""


@lru_cache(NAMES_KEPT)
def zone_text(wire: bytes) -> str:
    """Return the name of a zone as the configuration writes it."""
    return parse_name(name_text(wire))


class Catalogs:
    """Follows the catalogs. Belongs to the loop's thread; catalogs are looked at one after the other."""

    def __init__(self, keeper: Keeper, transactions: Transactions, make_conf: MakeConf) -> None:
        self._keeper, self._transactions, self._make_conf = keeper, transactions, make_conf
        self._known: dict[bytes, Member] = {}
        """What the table of members says, by zone."""
        self._successors: dict[bytes, dict[bytes, bytes]] = {}
        """What catalogs say of catalogs that may take members over."""
        self._ignored: dict[bytes, frozenset[bytes]] = {}
        """Zones that catalogs have and that are not their members here."""
        self._duplicates: dict[bytes, frozenset[bytes]] = {}
        """Zones that catalogs have more than once."""
        self._shared: dict[CatalogConf, CatalogConf] = {}
        self._due: dict[str, None] = {}
        """Catalogs to be looked at."""
        self._emptied: set[str] = set()
        """Catalogs whose members are to go."""
        self._reconfigured = self._started = False
        self._task: asyncio.Future[None] | None = None
        self._begun: set[asyncio.Future[list[BaseException | None]]] = set()
        self.on_members: Callable[[Iterable[ZoneConf]], Awaitable[None]] | None = None
        """Called with zones that have become or are no longer members, or are so in another way."""

    async def restore(self) -> None:
        """Add the members that were known at the end of the last run to the configured zones."""
        members = await self._keeper.workers.run(self._read_known)
        self._known = {member.zone: member for member in members}
        confs = {conf.name: conf for member in members if (conf := self._conf(member)) is not None}
        self._keeper.directory.apply(confs, [name for name in confs if not self._find(name)], (), ())
        self._reconfigured = True

    def start(self) -> None:
        """Begin to follow, once the zones known at the start are loaded."""
        self._started = True
        self._begin()

    def contents_changed(self, zone: ZoneHandle) -> None:
        """Look at a zone whose contents were loaded or changed, if it is a catalog."""
        if zone.conf.catalog.role == INTERPRET:
            self._due[zone.name] = None
            self._begin()

    def configured(self) -> None:
        """Follow a configuration that is in use now."""
        if self._known or self._ignored:
            self._reconfigured = True
            self._begin()

    def forget_members(self, zone: ZoneHandle) -> None:
        """Remove the members of a catalog, until it is loaded again."""
        if zone.conf.catalog.role == INTERPRET:
            self._emptied.add(zone.name)
            self._due[zone.name] = None
            self._begin()

    def stop(self) -> None:
        """Begin nothing any more."""
        if self._task is not None:
            self._task.cancel()

    def _find(self, name: str) -> ZoneHandle | None:
        return self._keeper.directory.find(name)

    def _begin(self) -> None:
        if self._started and self._task is None and not self._keeper.stopping:
            self._task = asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        try:
            while self._due or self._reconfigured:
                if self._reconfigured:
                    self._reconfigured = False
                    await self._attempt(self._follow_configuration(), None)
                else:
                    name = next(iter(self._due))
                    del self._due[name]
                    await self._attempt(self._follow_catalog(name), name)
        finally:
            self._task = None

    async def _attempt(self, work: Awaitable[None], catalog: str | None) -> None:
        log = self._keeper.log
        try:
            await work
        except CatalogRefused as error:
            log_catalog_refused(log, catalog or zone_text(error.zone), error)
        except (ControlError, EngineError, OSError) as error:
            if catalog is None:
                log.error(f"catalog, members cannot be followed ({error})")
            else:
                log.zone(ERROR, catalog, f"failed to process catalog zone ({error})")

    async def _follow_catalog(self, name: str) -> None:
        """Make the members of a catalog what its contents say."""
        catalog = self._find(name)
        if catalog is None or catalog.conf.catalog.role != INTERPRET:
            return
        contents: CatalogContents | None = CatalogContents()
        if name in self._emptied:
            self._emptied.discard(name)
        else:
            contents = await self._keeper.workers.run(lambda: self._read(catalog.wire))
        if contents is None or catalog.removed:
            return
        self._successors[catalog.wire] = contents.successors
        change = compare(catalog.wire, contents, self._known, _Configured(self), self._successor)
        self._log_ignored(catalog, contents, change)
        if change.size:
            self._keeper.log.zone(INFO, name, f"enqueued {change.size} catalog updates")
            self._keeper.log.info(f"catalog, updating, {change.size} changes")
            await self._remove(change.removed)
            await self._add(change.added, change.changed)
        self._look_again(but=catalog, offered=contents)

    def _look_again(self, but: ZoneHandle, offered: CatalogContents) -> None:
        """Look at catalogs that have zones which this one gave away or no longer has."""
        for catalog, ignored in list(self._ignored.items()):
            free = (zone for zone in ignored if zone not in self._known or offered.successors.get(zone) == catalog)
            handle = self._find(zone_text(catalog))
            if handle is not None and handle is not but and any(zone not in _Configured(self) for zone in free):
                self._due[handle.name] = None

    def _successor(self, member: Member) -> bytes | None:
        return self._successors.get(member.catalog, {}).get(member.zone)

    def _log_ignored(self, catalog: ZoneHandle, contents: CatalogContents, change: MembershipChange) -> None:
        log, before = self._keeper.log, self._ignored.get(catalog.wire, frozenset())
        for zone in change.ignored:
            if zone not in before:
                log.zone(ERROR, zone_text(zone), "member zone already configured, ignoring")
        self._ignored[catalog.wire] = frozenset(change.ignored)
        before = self._duplicates.get(catalog.wire, frozenset())
        for zone in contents.duplicates:
            if zone not in before:
                log.zone(ERROR, zone_text(zone), "duplicate addition of the member node, ignoring")
        self._duplicates[catalog.wire] = frozenset(contents.duplicates)

    async def _follow_configuration(self) -> None:
        """Give members the configuration of their templates; let those go that are configured or have no catalog."""
        gone, changed, confs = [], [], {}
        for number, member in enumerate(list(self._known.values())):
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
            handle, conf = self._find(zone_text(member.zone)), self._conf(member)
            if conf is None or handle is None or not handle.conf.catalog.interpreted_from:
                gone.append(member)
            elif handle.conf != conf:
                changed.append(conf.name)
                confs[conf.name] = conf
        for catalog in list(self._ignored):
            handle = self._find(zone_text(catalog))
            if handle is None or handle.conf.catalog.role != INTERPRET:
                for told in (self._ignored, self._duplicates, self._successors):
                    told.pop(catalog, None)
            else:
                self._due[handle.name] = None
        if not gone and not changed:
            return
        await self._record((), gone)
        leaving = [zone for member in gone if (zone := self._member(member)) is not None]
        left = [zone.conf for zone in leaving]
        for zone in leaving:
            self._transactions.abort_if_open(zone)
        difference = self._keeper.directory.apply(confs, (), [zone.name for zone in leaving], changed)
        self._later(await self._keeper.follow(difference))
        await self._tell([*left, *confs.values()])

    async def _remove(self, members: Iterable[Member]) -> None:
        """Let members go with all their data."""
        members = list(members)
        leaving = [zone for member in members if (zone := self._member(member)) is not None]
        for zone in leaving:
            self._transactions.abort_if_open(zone)
            self._keeper.scheduler.forget(zone)
            self._keeper.timers.purge(zone)
        self._keeper.directory.apply({}, (), [zone.name for zone in leaving], ())
        busy = []
        for zone in leaving:
            if zone.running is not None:
                waiter, idle = make_waiter()
                self._keeper.scheduler.when_idle(zone, waiter)
                busy.append(idle)
        await asyncio.gather(*busy)
        by_wire = {zone.wire: zone for zone in leaving}
        used = files_of(self._keeper.directory.all())
        for at in range(0, len(members), AT_ONCE):
            part = members[at : at + AT_ONCE]
            # A zone that was configured in the meantime keeps its data.
            ours = [member for member in part if self._find(zone_text(member.zone)) is None]
            zones = [by_wire[member.zone] for member in ours if member.zone in by_wire]
            unused = [zone for zone in zones if zone.conf.file not in used]
            keystores = dict.fromkeys(conf for zone in zones for conf in zone.conf.dnssec.policy.keystores)
            await self._keeper.workers.run(partial(self._purge, part, ours, unused, keystores))
            for member in part:
                self._known.pop(member.zone, None)
            for member in ours:
                self._keeper.log.zone(NOTICE, zone_text(member.zone), "zone purged")
        self._keeper.changed()
        await self._tell(zone.conf for zone in leaving)

    def _purge(
        self, gone: list[Member], members: list[Member], zones: list[ZoneHandle], keystores: Iterable[KeystoreConf]
    ) -> None:
        """Forget who is gone, and remove all data of `members` among them, the files of `zones`, and from `keystores`
        the private keys that no other zone has. Blocks."""
        for zone in zones:
            if zone.conf.settings.zonefile_sync_s != NEVER:
                remove_file(self._keeper.log, zone)
        names = [member.zone for member in members]
        keys = self._keeper.zones.door.purge(names, lambda txn: remove_members(txn, (member.zone for member in gone)))
        self._keeper.zones.release_keys(keys, keystores)

    async def _add(self, added: Iterable[Member], changed: Iterable[Member]) -> None:
        """Record and load new members, and members that are to be served otherwise."""
        used = files_of(self._keeper.directory.all())
        new = with_own_files(self._confs(added), used, self._keeper.log)
        other = with_own_files(self._confs(changed), used, self._keeper.log)
        await self._record((*new, *other), ())
        confs = {conf.name: conf for conf in (*new.values(), *other.values())}
        added_names = [conf.name for conf in new.values() if self._find(conf.name) is None]
        changed_names = [conf.name for member, conf in other.items() if self._member(member) is not None]
        difference = self._keeper.directory.apply(confs, added_names, (), changed_names)
        self._later(await self._keeper.follow(difference))
        for zone in difference.added:
            self._keeper.log.zone(INFO, zone.name, "zone added from catalog")
        await self._tell(confs.values())

    def _confs(self, members: Iterable[Member]) -> dict[Member, ZoneConf]:
        confs = ((member, self._conf(member)) for member in members)
        return {member: conf for member, conf in confs if conf is not None}

    def _conf(self, member: Member) -> ZoneConf | None:
        """Return the configuration of a member; None when its catalog is none any more."""
        catalog = self._find(zone_text(member.catalog))
        if catalog is None or catalog.conf.catalog.role != INTERPRET:
            return None
        template = choose_template(member.group, catalog.conf.catalog.templates)
        name = zone_text(member.zone)
        try:
            conf = self._make_conf(name, template, catalog.name)
        except ValueProblem as problem:
            self._keeper.log.zone(ERROR, name, f"member of catalog {catalog.name} cannot be served ({problem})")
            return None
        role = conf.catalog._replace(interpreted_group=member.group.decode("utf-8", "replace"))
        return conf._replace(catalog=self._shared.setdefault(role, role))

    def _member(self, member: Member) -> ZoneHandle | None:
        """Return the zone of a member, unless it is configured."""
        zone = self._find(zone_text(member.zone))
        return zone if zone is not None and zone.conf.catalog.interpreted_from else None

    async def _record(self, members: Iterable[Member], gone: Iterable[Member]) -> None:
        """Write to the table of members."""
        members, gone = list(members), list(gone)

        def job(txn: Transaction) -> None:
            put_members(txn, members)
            remove_members(txn, (member.zone for member in gone))

        if members or gone:
            await self._keeper.workers.run(lambda: self._keeper.zones.store.write(job))
        for member in gone:
            self._known.pop(member.zone, None)
        self._known.update((member.zone, member) for member in members)

    async def _tell(self, zones: Iterable[ZoneConf]) -> None:
        if self.on_members is not None:
            await self.on_members(zones)

    def _read_known(self) -> list[Member]:
        with self._keeper.zones.store.read() as txn:
            return list(list_members(txn))

    def _read(self, catalog: bytes) -> CatalogContents | None:
        """Blocks. None: the catalog has no contents, which says nothing of its members."""
        with self._keeper.zones.store.read() as txn:
            stored = get_zone(txn, catalog)
            if stored is None or stored.expired:
                return None
            return read_catalog(catalog, iterate_pairs(txn, stored))

    def _later(self, begun: "list[asyncio.Future[None]]") -> None:
        """Let what has begun come to its end by itself; what failed was logged."""
        if begun:
            ending: asyncio.Future[list[BaseException | None]] = asyncio.gather(*begun, return_exceptions=True)
            self._begun.add(ending)
            ending.add_done_callback(self._begun.discard)


class _Configured:
    """Zones that are there and are no members."""

    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs

    def __contains__(self, zone: object) -> bool:
        assert isinstance(zone, bytes)
        handle = self._catalogs._find(zone_text(zone))
        return handle is not None and not handle.conf.catalog.interpreted_from
