# SPDX-License-Identifier: Apache-2.0
"""What a changed block is part of: the zones that have something of it by reference."""

from collections.abc import Collection, Iterator, Mapping

from control.conf.document import Block
from control.conf.draft import Draft
from control.conf.schema import SECTIONS, Item
from control.conf.values import Reference
from control.conf.zones import DEFAULT_TEMPLATE

LINKS = ("key", "remote", "remotes", "acl", "keystore", "submission", "policy", "template")
"""Sections whose blocks end up in zones, each after those it refers to."""

Name = tuple[str, str | None]
"""Section and identifier of a block."""


def template_of(block: Block) -> str:
    """Return the template of a zone."""
    return str(block.values.get("template") or DEFAULT_TEMPLATE)


def touches_links(draft: Draft) -> bool:
    """Whether a draft changes a block that zones may have something of."""
    return any(draft.changes.get(section) for section in LINKS)


def dependents(draft: Draft) -> Iterator[Block]:
    """Yield the zones, and other blocks of `LINKS`, that refer, also by way of others, to what a draft changes."""
    changed: set[Name] = {(section, block_id) for section in LINKS for block_id in draft.changes.get(section, ())}
    if not changed:
        return
    for section in LINKS:
        items = _linking(section)
        for block in draft.each(section) if items else ():
            if _refers(block, items, changed):
                changed.add((section, block.id))
                yield block
    items = _linking("zone")
    for block in draft.each("zone"):
        if ("template", template_of(block)) in changed or (block.values and _refers(block, items, changed)):
            yield block


def _linking(section: str) -> dict[str, tuple[Item, Reference]]:
    """The items of a section by which it refers to such blocks."""
    items = SECTIONS[section].items.values()
    return {
        item.name: (item, item.type)
        for item in items
        if isinstance(item.type, Reference) and not set(LINKS).isdisjoint(item.type.sections)
    }


def _refers(block: Block, items: Mapping[str, tuple[Item, Reference]], changed: Collection[Name]) -> bool:
    """Whether a block names one of those changed, also one that need not be there."""
    for name, value in block.values.items():
        if name in items:
            item, kind = items[name]
            for one in value if item.multi else (value,):
                if any((section, one) in changed for section in kind.sections):
                    return True
    return False
