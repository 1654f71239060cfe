# SPDX-License-Identifier: Apache-2.0
"""Catalog zones that are made here of the zones that say they are their members."""

import time
from collections.abc import Iterable

from control.catalog.generate import GeneratedMember, catalog_changes, catalog_pairs
from control.conf.zone import ZoneConf
from control.events.kinds import Kind
from control.events.zone import ZoneHandle
from control.log import INFO
from control.server.keeper import Keeper
from control.store.contents import iterate_pairs
from control.store.zones import get_zone
from control.update.request import ZoneUpdate
from control.update.results import Outcome

GENERATE, MEMBER = "generate", "member"


class Generating:
    """Brings generated catalogs up to date: before they are loaded, and by loads when their members change."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def follow(self, zones: Iterable[ZoneConf]) -> None:
        """Have the catalogs looked at that zones which came, went or changed are or were members of."""
        names = {zone.catalog.zone for zone in zones if zone.catalog.role == MEMBER}
        for name in names:
            handle = self._keeper.directory.find(name)
            if handle is not None and handle.conf.catalog.role == GENERATE:
                self._keeper.scheduler.plan(handle, Kind.LOAD)

    def before_load(self, catalog: ZoneHandle) -> None:
        """Make the contents of a zone what its members say, if it is a generated catalog. Blocks."""
        if catalog.conf.catalog.role != GENERATE:
            return
        wanted = catalog_pairs(catalog.wire, self._members(catalog.name), int(time.time()))
        door = self._keeper.zones.door
        with self._keeper.zones.store.read() as txn:
            stored = get_zone(txn, catalog.wire)
            there = [] if stored is None or stored.expired else list(iterate_pairs(txn, stored))
        changes = catalog_changes(wanted, there)
        if not changes:
            return
        update = ZoneUpdate(catalog.wire, catalog.conf.settings, changes=changes, may_create=True)
        (result,) = door.commit([update])
        if result.outcome is Outcome.UPDATED:
            text = f"loaded, serial {result.old_serial} -> {result.new_serial}, {result.size} bytes"
            self._keeper.log.zone(INFO, catalog.name, text)

    def _members(self, name: str) -> Iterable[GeneratedMember]:
        for zone in self._keeper.directory.all():
            role = zone.conf.catalog
            if role.role == MEMBER and role.zone == name:
                yield GeneratedMember(zone.wire, role.group.encode())
