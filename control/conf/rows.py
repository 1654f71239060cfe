# SPDX-License-Identifier: Apache-2.0
"""What a configuration says, as rows in the order and words of the control protocol."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from control.conf.document import Block, Document, Values
from control.conf.draft import Draft, sorted_ids
from control.conf.errors import (
    IDENTIFIER_NOT_SUPPORTED,
    INVALID_IDENTIFIER,
    INVALID_ITEM,
    INVALID_PARAMETER,
    OPERATION_NOT_SUPPORTED,
    EditError,
    ValueProblem,
)
from control.conf.item import texts_of
from control.conf.schema import DIRECTIVES, SECTIONS, Item, Section
from control.conf.values import Choice, canonical_key


class Row(NamedTuple):
    """One answer of a `conf-*` command. The identifier of a block itself is the value of its id item, without `id`."""

    section: str
    id: str | None = None
    item: str | None = None
    values: tuple[str, ...] = ()
    sign: str = ""
    """`+` or `-` in a difference."""


class Key(NamedTuple):
    """What a command is about, found in the schema: a section, one or all of its blocks, one or all items."""

    section: Section
    id: str | None
    item: Item | None


def find_key(section: str, block_id: str | None, item: str | None) -> Key:
    """Look a key up in the schema; an empty identifier or item is none. Raises EditError in Knot's words."""
    block_id, item = block_id or None, item or None
    found = SECTIONS.get(section)
    if found is None:
        raise EditError(OPERATION_NOT_SUPPORTED if section in DIRECTIVES else INVALID_ITEM, section, block_id, item)
    known = found.items.get(item) if item is not None else None
    if item is not None and known is None:
        raise EditError(INVALID_ITEM, section, block_id, item)
    if block_id is None:
        return Key(found, None, known)
    if found.id_item is None:
        raise EditError(IDENTIFIER_NOT_SUPPORTED, section, block_id, item)
    try:
        return Key(found, found.id_item.type.convert(block_id), known)
    except ValueProblem as problem:
        raise EditError(str(problem) or INVALID_PARAMETER, section, block_id, item) from None


def _item_rows(section: Section, block_id: str | None, values: Values, item: Item | None, sign: str) -> Iterator[Row]:
    for name, known in section.items.items() if item is None else ((item.name, item),):
        if name in values:
            yield Row(section.name, block_id, name, texts_of(known, values[name]), sign)


def _block_rows(section: Section, block: Block, item: Item | None, sign: str = "") -> Iterator[Row]:
    """The rows of one block, or of one item of it; the identifier comes first."""
    id_item = section.id_item
    if id_item is not None and item in (None, id_item):
        yield Row(section.name, None, id_item.name, (block.id or "",), sign)
    yield from _item_rows(section, block.id, block.values, item, sign)


def read_rows(view: Draft, section: str | None = None, id: str | None = None, item: str | None = None) -> Iterator[Row]:
    """Return what is set, of everything or of one key. Raises EditError before the first row."""
    if section is None:
        return (row for name in SECTIONS for row in read_rows(view, name))
    key = find_key(section, id, item)
    if key.id is not None and view.block(section, key.id) is None:
        raise EditError(INVALID_IDENTIFIER, section, id, item)
    return _read(view, key)


def _ids(view: Draft, key: Key) -> list[str] | list[None]:
    if key.section.id_item is None:
        return [None]
    return [key.id] if key.id is not None else sorted_ids(key.section.name, view.ids(key.section.name))


def _read(view: Draft, key: Key) -> Iterator[Row]:
    for block_id in _ids(view, key):
        block = view.block(key.section.name, block_id)
        if block is not None:
            yield from _block_rows(key.section, block, key.item)


def diff_rows(view: Draft, section: str | None = None, id: str | None = None, item: str | None = None) -> Iterator[Row]:
    """Return what a draft changes, old values before new ones and new blocks after all others of their section.

    Raises EditError before the first row.
    """
    if section is None:
        return (row for name in SECTIONS for row in diff_rows(view, name))
    key = find_key(section, id, item)
    if key.id is not None and view.block(section, key.id) is None and view.before(section, key.id) is None:
        raise EditError(INVALID_IDENTIFIER, section, id, item)
    return _diff(view, key)


def _diff(view: Draft, key: Key) -> Iterator[Row]:
    section, changed = key.section, view.changes.get(key.section.name, {})
    touched: Iterable[str | None] = changed
    if section.id_item is not None:
        names = sorted_ids(section.name, (name for name in changed if name is not None))
        touched = sorted(names, key=lambda name: view.before(section.name, name) is None)
    for block_id in touched:
        if key.id in (None, block_id):
            yield from _block_diff(section, view.before(section.name, block_id), changed[block_id], key.item)


def _block_diff(section: Section, old: Block | None, new: Block | None, item: Item | None) -> Iterator[Row]:
    if old is None or new is None:
        there, sign = (old, "-") if new is None else (new, "+")
        if there is not None:
            yield from _block_rows(section, there, item, sign)
        return
    for known in section.items.values() if item is None else (item,):
        before, after = old.values.get(known.name), new.values.get(known.name)
        if before != after:
            yield from _item_rows(section, old.id, old.values, known, "-")
            yield from _item_rows(section, new.id, new.values, known, "+")


def schema_rows(section: str | None = None, id: str | None = None, item: str | None = None) -> Iterator[Row]:
    """Return the sections, the items of a section, or the words an item may have. Raises EditError before."""
    if section is None:
        names = [name for name in SECTIONS if not name.startswith("mod-")]
        modules = [name for name in SECTIONS if name.startswith("mod-")]
        return (Row(name) for name in (*names, *DIRECTIVES, *modules))
    if section in DIRECTIVES:
        return iter(())
    key = find_key(section, id, item)
    if key.item is None:
        return (Row(section, None, name) for name in key.section.items)
    words = key.item.type.words if isinstance(key.item.type, Choice) else ()
    return (Row(section, None, key.item.name, (word,)) for word in words)


def list_rows(view: Draft, section: str | None = None, id: str | None = None, item: str | None = None) -> Iterator[Row]:
    """Return the sections, the identifiers of a section, or the values of an item. Raises EditError before."""
    if section is None or section in DIRECTIVES:
        return schema_rows(section)
    key = find_key(section, id, item)
    id_item = key.section.id_item
    if key.id is None and id_item is not None:
        ids = sorted_ids(section, view.ids(section))
        if key.item is None:
            return (Row(section, name) for name in ids)
        if key.item is id_item:
            return (Row(section, None, None, (name,)) for name in ids)
    return read_rows(view, section, id, item)


def zone_rows(document: Document, members: Iterable[str] = ()) -> Iterator[Row]:
    """Return the configured zones, and `members` of catalogs, in canonical order."""
    return (Row("zone", name) for name in sorted({*document.blocks["zone"], *members}, key=canonical_key))
