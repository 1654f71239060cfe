# SPDX-License-Identifier: Apache-2.0
"""What the schema says about one item and one section."""

from enum import Enum
from typing import Any, NamedTuple

from control.conf.values import Text, ValueType


class Reload(Enum):
    """When a changed value takes effect."""

    LIVE = "reload"
    RESTART = "restart"


class Item(NamedTuple):
    """One item: its type, what it is without being set, and what it does.

    `only` lists the values of the type that are supported, as text; others are refused by name. Not `supported`: read,
    checked, and refused by name. `obsolete`: accepted with a notice, without effect. `extension`: not in Knot DNS.
    """

    name: str
    type: ValueType
    default: str
    help: str
    reload: Reload = Reload.LIVE
    multi: bool = False
    only: tuple[str, ...] = ()
    extension: bool = False
    supported: bool = True
    obsolete: bool = False


class Section(NamedTuple):
    """One section; `id_item` names the identifier of a section that is a list of blocks."""

    name: str
    help: str
    items: dict[str, Item]
    id_item: Item | None = None
    supported: bool = True


R = Reload.RESTART

COMMENT = Item("comment", Text(), "-", "A remark; no effect.")


def acts(item: Item, value: Any) -> bool:
    """Whether this server does what an item says with a value of its type."""
    if not item.supported:
        return False
    if item.only and value not in [item.type.convert(text) for text in item.only]:
        return False
    return item.type.acts(value)


def texts_of(item: Item, value: Any) -> tuple[str, ...]:
    """Return the normalised texts of an item's value."""
    return tuple(map(item.type.text, value)) if item.multi else (item.type.text(value),)


def absent(name: str, kind: ValueType, default: str, help_text: str, *, multi: bool = False) -> Item:
    """An item of Knot DNS that this server does not have yet."""
    return Item(name, kind, default, help_text, multi=multi, supported=False)


def obsolete(name: str, kind: ValueType) -> Item:
    """An item that older configurations have and that says nothing any more."""
    return Item(name, kind, "-", "Obsolete; no effect.", obsolete=True)


def section(
    name: str,
    help_text: str,
    *items: Item,
    id_item: Item | None = None,
    supported: bool = True,
    comment: bool = True,
) -> Section:
    """A section of these items and, where `comment`, a remark."""
    known = items if id_item is None else (id_item, *items)
    if comment:
        known = (*known, COMMENT)
    return Section(name, help_text, {item.name: item for item in known}, id_item, supported)


def identifier(help_text: str) -> Item:
    """The `id` of a list section."""
    return Item("id", Text(), "-", help_text)
