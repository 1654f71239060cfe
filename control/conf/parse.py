# SPDX-License-Identifier: Apache-2.0
"""The parser of knot.conf: a strict subset of YAML, read line by line and checked against the schema as it goes.

The result keeps sections and blocks in reading order; `control.conf.model` turns it into the typed configuration.
"""

import os
from typing import Any

from control.conf import foreign
from control.conf.errors import (
    INVALID_PARAMETER,
    NOT_SUPPORTED,
    PARSER_FAILED,
    ConfigurationError,
    ValueProblem,
)
from control.conf.scan import ORDINARY, BadLine, scan_line
from control.conf.schema import SECTIONS, Item, Section
from control.conf.values import Reference

INCLUDE_DEPTH_MAX = 16


class Block:
    """The values set in one section, or in one block of a list section: item name to value (list when multi)."""

    __slots__ = ("end", "file", "id", "section", "values")

    def __init__(self, section: str, block_id: str | None, file: str) -> None:
        self.section = section
        self.id = block_id
        self.file = file
        self.end = 0
        self.values: dict[str, Any] = {}

    def error(self, reason: str) -> ConfigurationError:
        """An error about the block as a whole, placed at the line after it."""
        name = self.section if self.id is None else f"{self.section}[{self.id}]"
        return ConfigurationError(reason, self.file, line=self.end + 1, section=name)


class Document:
    """What the files set: single sections by name, blocks of list sections by section and identifier."""

    def __init__(self) -> None:
        self.singles: dict[str, Block] = {}
        self.blocks: dict[str, dict[str, Block]] = {name: {} for name, section in SECTIONS.items() if section.id_item}
        self.files: list[str] = []

    def single(self, name: str) -> dict[str, Any]:
        """The values of a single-instance section; empty when it is not there."""
        block = self.singles.get(name)
        return {} if block is None else block.values

    def clear(self, pattern: str) -> None:
        """Drop the sections whose name matches a shell pattern."""
        from fnmatch import fnmatchcase

        for name in [name for name in self.singles if fnmatchcase(name, pattern)]:
            del self.singles[name]
        for name, blocks in self.blocks.items():
            if fnmatchcase(name, pattern):
                blocks.clear()


def parse_text(text: str, file: str, document: Document | None = None, depth: int = 0) -> Document:
    """Parse configuration text; `file` names it in errors and is what includes are relative to."""
    document = document or Document()
    document.files.append(file)
    _Parser(document, file, depth).run(text)
    return document


def parse_file(path: str, document: Document | None = None, depth: int = 0) -> Document:
    """Parse a configuration file and what it includes; raise `ConfigurationError` (or OSError for `path` itself)."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n") as stream:
        return parse_text(stream.read(), path, document, depth)


class _Parser:
    """The state of reading one file: the open section and block, and the columns they use."""

    def __init__(self, document: Document, file: str, depth: int) -> None:
        self.document, self.file, self.depth = document, file, depth
        self.line = 0
        self.section: Section | None = None
        self.block: Block | None = None
        self.dash_column: int | None = None
        self.item_column: int | None = None

    def fail(self, reason: str, item: str | None = None, value: str | None = None) -> ConfigurationError:
        return ConfigurationError(reason, self.file, line=self.line, item=item, value=value)

    def run(self, text: str) -> None:
        ordinary = ORDINARY.fullmatch
        for self.line, line in enumerate(text.split("\n"), 1):
            found = ordinary(line)
            if found is not None:
                indent, dash, name, value = found.groups()
                if dash is None and value and self.block and self.section and len(indent) == self.item_column:
                    self.set_values(self.section, name, (value,))
                    continue
                self.entry(len(indent), None if dash is None else len(dash), name, (value,) if value else (), False)
            elif line:
                self.unusual(line)

    def unusual(self, text: str) -> None:
        try:
            line = scan_line(text)
        except BadLine as bad:
            raise self.fail(bad.reason, bad.item, bad.value) from None
        if line is not None:
            self.entry(*line)

    def entry(self, indent: int, dash: int | None, name: str, values: tuple[str, ...], is_list: bool) -> None:
        if indent == 0 and dash is None:
            self.top(name, values)
            return
        section = self.section
        if section is None:
            raise self.fail("invalid indentation", name)
        if section.id_item is None:
            self.single_item(section, indent, dash, name, values)
        elif dash is not None:
            self.open_block(section, indent, dash, name, values, is_list)
        else:
            self.block_item(section, indent, name, values)

    def top(self, name: str, values: tuple[str, ...]) -> None:
        if name in ("include", "clear"):
            self.directive(name, values)
            self.section = self.block = None
            return
        section = SECTIONS.get(name)
        value = values[0] if values else None
        if section is None:
            raise self.fail(NOT_SUPPORTED if name in foreign.SECTIONS else "invalid item", name, value)
        if value is not None:
            raise self.fail("value not supported", name, value)
        self.section, self.block = section, None
        self.dash_column = self.item_column = None
        if section.id_item is None:
            self.block = self.document.singles.setdefault(name, Block(name, None, self.file))
            self.block.end = self.line

    def directive(self, name: str, values: tuple[str, ...]) -> None:
        if len(values) != 1 or not values[0]:
            raise self.fail(PARSER_FAILED, name)
        if name == "clear":
            self.document.clear(values[0])
            return
        for path in self.included(values[0]):
            if self.depth >= INCLUDE_DEPTH_MAX:
                raise self.fail("files include each other too deeply", name, values[0])
            try:
                parse_file(path, self.document, self.depth + 1)
            except OSError:
                raise self.fail("file error", name, values[0]) from None

    def included(self, pattern: str) -> list[str]:
        path = os.path.join(os.path.dirname(self.file), pattern)
        if not any(char in pattern for char in "*?["):
            return [path]
        from glob import glob

        return sorted(glob(path))

    def single_item(self, section: Section, indent: int, dash: int | None, name: str, values: tuple[str, ...]) -> None:
        if dash is not None:
            raise self.fail("invalid identifier", name, values[0] if values else None)
        if self.item_column is None:
            self.item_column = indent
        elif self.item_column != indent:
            raise self.fail("invalid indentation")
        self.set_values(section, name, values)

    def open_block(
        self, section: Section, indent: int, dash: int, name: str, values: tuple[str, ...], is_list: bool
    ) -> None:
        if self.dash_column is None:
            self.dash_column = indent
        elif self.dash_column != indent:
            raise self.fail("invalid indentation")
        id_item = section.id_item
        assert id_item is not None
        value = values[0] if values else None
        if name != id_item.name:
            self.known(section, name, value)
            raise self.fail("missing identifier", name, value)
        if value is None or is_list:
            raise self.fail(PARSER_FAILED, name)
        if not value:
            raise self.fail("missing value", name)
        self.item_column = indent + 1 + dash
        block_id = self.convert(id_item, value)
        blocks = self.document.blocks[section.name]
        if block_id in blocks:
            raise self.fail("duplicate identifier", name, value)
        self.block = blocks[block_id] = Block(section.name, block_id, self.file)
        self.block.end = self.line

    def block_item(self, section: Section, indent: int, name: str, values: tuple[str, ...]) -> None:
        if self.block is None:
            raise self.fail("missing identifier", name, values[0] if values else None)
        if indent != self.item_column:
            raise self.fail("invalid indentation")
        self.set_values(section, name, values)

    def set_values(self, section: Section, name: str, values: tuple[str, ...]) -> None:
        block = self.block
        assert block is not None
        item = section.items.get(name) or self.known(section, name, values[0] if values else None)
        if item is section.id_item:
            raise self.fail("identifier not supported", name, values[0] if values else None)
        block.end = self.line
        if not item.multi and len(values) == 1:
            block.values[name] = self.convert(item, values[0])
            return
        for value in values or ("",):
            converted = self.convert(item, value)
            if item.multi:
                block.values.setdefault(name, []).append(converted)
            else:
                block.values[name] = converted

    def known(self, section: Section, name: str, value: str | None) -> Item:
        item = section.items.get(name)
        if item is None:
            reason = NOT_SUPPORTED if name in foreign.ITEMS.get(section.name, ()) else "invalid item"
            raise self.fail(reason, name, value)
        return item

    def convert(self, item: Item, text: str) -> Any:
        try:
            value = item.type.convert(text)
        except ValueProblem as problem:
            raise self.fail(str(problem) or INVALID_PARAMETER, item.name, text) from None
        if item.only and value not in [item.type.convert(only) for only in item.only]:
            raise self.fail(NOT_SUPPORTED, item.name, text)
        if type(item.type) is Reference and value not in self.document.blocks[item.type.section]:
            raise self.fail("invalid reference", item.name, text)
        return value
