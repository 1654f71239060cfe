# SPDX-License-Identifier: Apache-2.0
"""The zones by name and in canonical order: the configured ones and the members of catalogs.

Belongs to the loop's thread.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from control.conf.model import ZoneConf
from control.conf.values import name_to_wire
from control.events.zone import ZoneHandle
from control.store.keys import owner_key
from control.wire.name import name_text


class Difference(NamedTuple):
    """What another configuration changes of the zones."""

    added: list[ZoneHandle]
    removed: list[ZoneHandle]
    changed: list[ZoneHandle]
    """Their `conf` is the new one already."""


def canonical(zone: ZoneHandle) -> bytes:
    """The key by which zones are in canonical order."""
    return owner_key(zone.wire)


class Directory:
    """Zone handles; their order is kept, so that one zone of many can come and go at little cost."""

    def __init__(self) -> None:
        self._by_name: dict[str, ZoneHandle] = {}
        self._order: list[ZoneHandle] = []

    def __len__(self) -> int:
        return len(self._order)

    def all(self) -> Iterator[ZoneHandle]:
        """Yield every zone in canonical order; zones removed meanwhile are left out, others may be added."""
        return (zone for zone in list(self._order) if not zone.removed)

    def find(self, name: str) -> ZoneHandle | None:
        """Return a zone by its name in lower case with the final dot."""
        return self._by_name.get(name)

    def find_wire(self, apex: bytes) -> ZoneHandle | None:
        """Return a zone by its name in wire form and lower case."""
        return self._by_name.get(name_text(apex))

    def follow(self, zones: Mapping[str, ZoneConf]) -> Difference:
        """Become the zones of a configuration; return what that changed."""
        gone = [name for name in self._by_name if name not in zones]
        changed = [
            name
            for name, handle in self._by_name.items()
            if (conf := zones.get(name)) is not None and conf is not handle.conf and conf != handle.conf
        ]
        added = [name for name in zones if name not in self._by_name]
        return self.apply(zones, added, gone, changed)

    def apply(
        self, zones: Mapping[str, ZoneConf], added: Iterable[str], removed: Iterable[str], changed: Iterable[str]
    ) -> Difference:
        """Become the zones of a configuration of which it is known what it changes.

        A zone that is added and is there already, as the member of a catalog, is changed.
        """
        added = list(added)
        there = [name for name in added if name in self._by_name]
        difference = Difference(
            added=[make_handle(zones[name]) for name in added if name not in self._by_name],
            removed=[self._by_name[name] for name in removed if name in self._by_name],
            changed=[self._by_name[name] for name in (*changed, *there) if name in self._by_name],
        )
        for handle in difference.changed:
            handle.conf = zones[handle.name]
        self._remove(difference.removed)
        self._add(difference.added)
        return difference

    def _add(self, handles: Iterable[ZoneHandle]) -> None:
        handles = list(handles)
        self._by_name.update((handle.name, handle) for handle in handles)
        if len(handles) * 8 > len(self._order):
            self._order = sorted([*self._order, *handles], key=canonical)
        else:
            for handle in handles:
                insort(self._order, handle, key=canonical)

    def _remove(self, handles: Iterable[ZoneHandle]) -> None:
        handles = list(handles)
        for handle in handles:
            del self._by_name[handle.name]
        if len(handles) * 8 > len(self._order):
            self._order = [handle for handle in self._order if handle.name in self._by_name]
        else:
            for handle in handles:
                del self._order[bisect_left(self._order, canonical(handle), key=canonical)]


def make_handle(conf: ZoneConf) -> ZoneHandle:
    """Return the handle of a newly configured zone."""
    return ZoneHandle(conf.name, name_to_wire(conf.name), conf)
