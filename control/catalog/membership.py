# SPDX-License-Identifier: Apache-2.0
"""What changes when a catalog's contents do: its members compared with those that are known. Pure."""

from collections.abc import Callable, Container, Iterable, Mapping
from typing import NamedTuple

from control.catalog.read import CatalogContents
from control.store.members import Member

Successor = Callable[[Member], bytes | None]
"""Tells which catalog the catalog of a known member lets take it over."""


class MembershipChange(NamedTuple):
    """What is to be done, in this order. A member with another label is removed and added: its state is reset."""

    removed: tuple[Member, ...]
    """As they were known."""
    added: tuple[Member, ...]
    changed: tuple[Member, ...]
    """As they are to be known: another group, or another catalog that took over a member under the same label."""
    ignored: tuple[bytes, ...]
    """Zones that are configured, or members of another catalog."""

    @property
    def size(self) -> int:
        """How many members change."""
        return len({member.zone for member in (*self.removed, *self.added)}) + len(self.changed)


def compare(
    catalog: bytes,
    contents: CatalogContents,
    known: Mapping[bytes, Member],
    configured: Container[bytes],
    successor: Successor,
) -> MembershipChange:
    """Compare a catalog's contents with the members known of all catalogs; `configured` are zones that are no members.

    A member of another catalog is taken over when that one names this one as its successor; under the same label it
    keeps its state (RFC 9432, section 4.4.1).
    """
    removed = [member for member in known.values() if member.catalog == catalog and member.zone not in contents.members]
    added, changed, ignored = [], [], []
    for zone, member in contents.members.items():
        before = known.get(zone)
        if before == member:
            continue
        if zone in configured:
            ignored.append(zone)
        elif before is None:
            added.append(member)
        elif before.catalog != catalog and successor(before) != catalog:
            ignored.append(zone)
        elif before.unique != member.unique:
            removed.append(before)
            added.append(member)
        else:
            changed.append(member)
    return MembershipChange(tuple(removed), tuple(added), tuple(changed), tuple(ignored))


def choose_template(group: bytes, templates: Iterable[str]) -> str:
    """Return the template of a member: the one its group names, else the first."""
    templates = tuple(templates)
    name = group.decode("utf-8", "replace")
    return name if name in templates else templates[0]
