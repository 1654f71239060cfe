# SPDX-License-Identifier: Apache-2.0
"""Changes of a draft: `conf-set` and `conf-unset`, with the errors operators of Knot DNS know."""

from collections.abc import Callable
from typing import Any

from control.conf.document import NOTHING, Block, Document
from control.conf.draft import Draft
from control.conf.errors import (
    DUPLICATE_IDENTIFIER,
    INVALID_IDENTIFIER,
    INVALID_PARAMETER,
    MISSING_IDENTIFIER,
    MISSING_VALUE,
    NOT_EXISTS,
    NOT_SUPPORTED,
    OPERATION_NOT_SUPPORTED,
    VALUE_NOT_SUPPORTED,
    ConfigurationError,
    EditError,
    ValueProblem,
)
from control.conf.item import acts
from control.conf.parse import include_files
from control.conf.rows import Key, find_key
from control.conf.schema import SECTIONS, Item


class Edit:
    """One change of a draft: the key and value as they were asked for, which errors repeat."""

    def __init__(
        self, draft: Draft, section: str, id: str | None = None, item: str | None = None, value: str | None = None
    ) -> None:
        self.draft, self.section = draft, section
        self.id, self.item, self.value = id or None, item or None, value

    def fail(self, reason: str) -> EditError:
        return EditError(reason, self.section, self.id, self.item, self.value)

    def key(self) -> Key:
        try:
            return find_key(self.section, self.id, self.item)
        except EditError as error:
            raise self.fail(error.reason) from None

    def set(self) -> None:
        """Create an identifier, set an item or append to it, or include a file."""
        if self.section == "include":
            self._include()
            return
        key = self.key()
        id_item = key.section.id_item
        if id_item is not None and key.item in (None, id_item):
            self._create(key, id_item)
        elif key.item is None:
            raise self.fail(OPERATION_NOT_SUPPORTED)
        elif self.value is None:
            raise self.fail(MISSING_VALUE)
        else:
            item, value = key.item, self._convert(key.item)
            if not key.section.supported or not acts(item, value):
                raise self.fail(NOT_SUPPORTED)
            if not item.obsolete:
                self._for_each(key, lambda values: self._add(values, item, value))

    def unset(self) -> None:
        """Remove a section, a block, an item or one value of it."""
        key = self.key()
        id_item = key.section.id_item
        if id_item is not None and key.item is id_item:
            key = self._remove_key(key, id_item)
        elif key.item is None and self.value is not None:
            raise self.fail(VALUE_NOT_SUPPORTED)
        if key.item is None:
            self._remove_blocks(key)
            return
        item = key.item
        value = None if self.value is None else self._convert(item, referring=False)
        self._for_each(key, lambda values: self._take(values, item, value, strict=self._one(key)))

    def _one(self, key: Key) -> bool:
        """Whether the key is about one block; else about each of a section."""
        return key.section.id_item is None or key.id is not None

    def _remove_key(self, key: Key, id_item: Item) -> Key:
        """The key of the block that `SECTION.id VALUE` or `SECTION[id].id` removes."""
        if self.value is None:
            return Key(key.section, key.id, None)
        if key.id is not None:
            raise self.fail(VALUE_NOT_SUPPORTED)
        return Key(key.section, self._convert(id_item), None)

    def _remove_blocks(self, key: Key) -> None:
        name = key.section.name
        if key.id is not None:
            if self.draft.block(name, key.id) is None:
                raise self.fail(INVALID_IDENTIFIER)
            self.draft.put(name, key.id, None)
            return
        names: list[str] | list[None] = [None] if key.section.id_item is None else self.draft.ids(name)
        for block_id in names:
            self.draft.put(name, block_id, None)

    def _create(self, key: Key, id_item: Item) -> None:
        if key.id is None:
            if key.item is None or not self.value:
                raise self.fail(MISSING_IDENTIFIER)
            block_id = self._convert(id_item)
        elif self.value is not None:
            raise self.fail(VALUE_NOT_SUPPORTED)
        else:
            block_id = key.id
        if not block_id.isprintable():
            raise self.fail(INVALID_PARAMETER)
        if not key.section.supported:
            raise self.fail(NOT_SUPPORTED)
        if self.draft.block(self.section, block_id) is not None:
            raise self.fail(DUPLICATE_IDENTIFIER)
        self.draft.put(self.section, block_id, Block(self.section, block_id, ""))

    def _convert(self, item: Item, *, referring: bool = True) -> Any:
        text = self.value or ""
        try:
            value = item.type.convert(text)
        except ValueProblem as problem:
            raise self.fail(str(problem) or INVALID_PARAMETER) from None
        if "\0" in text or "\n" in text:
            raise self.fail(INVALID_PARAMETER)
        targets = item.type.targets(value) if referring else ()
        if targets and not any(self.draft.get(*target) for target in targets):
            raise self.fail(NOT_EXISTS)
        return value

    def _for_each(self, key: Key, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        """Replace the values of the block, or of each block, a key is about."""
        name = key.section.name
        if key.id is not None:
            if self.draft.block(name, key.id) is None:
                raise self.fail(INVALID_IDENTIFIER)
            names: list[str] | list[None] = [key.id]
        else:
            names = [None] if key.section.id_item is None else self.draft.ids(name)
        for block_id in names:
            block = self.draft.block(name, block_id)
            old = NOTHING if block is None else block.values
            new = change(old)
            if block is None or new != old:
                self.draft.put(name, block_id, Block(name, block_id, "", new) if new or block_id else None)

    @staticmethod
    def _add(values: dict[str, Any], item: Item, value: Any) -> dict[str, Any]:
        if item.multi:
            there = values.get(item.name, ())
            value = there if value in there else (*there, value)
        return {**values, item.name: value}

    def _take(self, values: dict[str, Any], item: Item, value: Any, *, strict: bool) -> dict[str, Any]:
        there: Any = values.get(item.name)
        known = item.name in values and (value is None or (value in there if item.multi else value == there))
        if not known:
            if strict:
                raise self.fail(NOT_EXISTS)
            return values
        rest = {name: other for name, other in values.items() if name != item.name}
        if item.multi and value is not None and len(there) > 1:
            rest[item.name] = tuple(other for other in there if other != value)
        return rest or NOTHING

    def _include(self) -> None:
        if self.id or self.item:
            raise self.fail(INVALID_PARAMETER)
        if not self.value:
            raise self.fail(MISSING_VALUE)
        document = _Included(self.draft)
        try:
            include_files(self.value, document)
        except ConfigurationError as error:
            raise self.fail(error.reason) from error
        for section, block in document.singles.items():
            self.draft.put(section, None, block)
        for section, blocks in document.blocks.items():
            for block_id, block in blocks.items():
                self.draft.put(section, block_id, block)


class _Seen(dict[str, Block]):
    """The blocks an included file adds to a section; those of the draft are seen as well."""

    def __init__(self, draft: Draft, section: str) -> None:
        super().__init__()
        self.draft, self.section = draft, section

    def __contains__(self, block_id: object) -> bool:
        return super().__contains__(block_id) or self.draft.get(self.section, str(block_id)) is not None


class _Included(Document):
    """What is read from a file over a draft."""

    def __init__(self, draft: Draft) -> None:
        super().__init__()
        self.draft = draft
        self.blocks = {section: _Seen(draft, section) for section in self.blocks}
        for name, section in SECTIONS.items():
            block = None if section.id_item else draft.block(name, None)
            if block is not None:
                self.singles[name] = Block(name, None, block.file, dict(block.values))

    def clear(self, pattern: str) -> None:
        from fnmatch import fnmatchcase

        super().clear(pattern)
        for name in SECTIONS:
            if fnmatchcase(name, pattern):
                for block in list(self.draft.each(name)):
                    self.draft.put(name, block.id, None)


def set_value(
    draft: Draft, section: str, id: str | None = None, item: str | None = None, value: str | None = None
) -> None:
    """Do one `conf-set`; raises EditError, after which the draft is as the enclosing `step` leaves it."""
    Edit(draft, section, id, item, value).set()


def unset_value(
    draft: Draft, section: str | None = None, id: str | None = None, item: str | None = None, value: str | None = None
) -> None:
    """Do one `conf-unset`; without a section everything is removed. Raises EditError."""
    if section is None:
        for name in SECTIONS:
            Edit(draft, name).unset()
    else:
        Edit(draft, section, id, item, value).unset()
