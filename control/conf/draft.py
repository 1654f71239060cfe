# SPDX-License-Identifier: Apache-2.0
"""A configuration under change: blocks over those of a document, which stays as it is.

Blocks are never changed but replaced, so a draft over any number of zones holds those that were touched, and every step
can be undone.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from control.conf.document import NOTHING, Block, Document, Values
from control.conf.schema import SECTIONS
from control.conf.values import Name, name_to_wire

Changes = dict[str, dict[str | None, Block | None]]
"""Blocks by section and identifier (None: a single-instance section); a block that is None was removed."""

_UNTOUCHED = Block("", None, "")


def sorted_ids(section: str, ids: Iterable[str]) -> list[str]:
    """Return identifiers in the order they are listed in: names by their wire form, others by their octets."""
    id_item = SECTIONS[section].id_item
    if id_item is not None and isinstance(id_item.type, Name):
        return sorted(ids, key=name_to_wire)
    return sorted(ids, key=lambda text: text.encode("utf-8", "surrogateescape"))


class Draft:
    """Blocks of a document as changed so far. A single-instance section is the block of identifier None."""

    def __init__(self, base: Document) -> None:
        self.base = base
        self.changes: Changes = {}
        self._undo: list[tuple[str, str | None, Block | None]] = []

    def block(self, section: str, block_id: str | None) -> Block | None:
        """Return a block as it is now."""
        changed = self.changes.get(section)
        if changed:
            found = changed.get(block_id, _UNTOUCHED)
            if found is not _UNTOUCHED:
                return found
        return self.before(section, block_id)

    def before(self, section: str, block_id: str | None) -> Block | None:
        """Return a block as it is in the document."""
        if block_id is None:
            return self.base.singles.get(section)
        return self.base.get(section, block_id)

    def get(self, section: str, block_id: str) -> Block | None:
        """Return a block of a list section."""
        return self.block(section, block_id)

    def single(self, name: str) -> Values:
        """The values of a single-instance section; empty when it is not there."""
        block = self.block(name, None)
        return NOTHING if block is None else block.values

    def ids(self, section: str) -> list[str]:
        """Return the identifiers of a list section, in no particular order."""
        changed = self.changes.get(section)
        there = self.base.blocks[section]
        if not changed:
            return list(there)
        kept = [block_id for block_id in there if changed.get(block_id, _UNTOUCHED) is not None]
        return kept + [name for name, block in changed.items() if name is not None and block and name not in there]

    def each(self, section: str) -> Iterator[Block]:
        """The blocks of a section as they are now."""
        names: list[str] | list[None] = [None] if SECTIONS[section].id_item is None else self.ids(section)
        for name in names:
            block = self.block(section, name)
            if block is not None:
                yield block

    def put(self, section: str, block_id: str | None, block: Block | None) -> None:
        """Replace a block; None removes it. What ends as in the document counts as untouched."""
        changed = self.changes.setdefault(section, {})
        self._undo.append((section, block_id, changed.get(block_id, _UNTOUCHED)))
        before = self.before(section, block_id)
        if block is before or (block is not None and before is not None and block.values == before.values):
            changed.pop(block_id, None)
        else:
            changed[block_id] = block

    @contextmanager
    def step(self) -> Iterator[None]:
        """What is changed inside is undone when it ends with an exception."""
        self._undo.clear()
        try:
            yield
        except BaseException:
            for section, block_id, block in reversed(self._undo):
                if block is _UNTOUCHED:
                    self.changes[section].pop(block_id, None)
                else:
                    self.changes[section][block_id] = block
            raise
        finally:
            self._undo.clear()
