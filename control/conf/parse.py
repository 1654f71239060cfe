# SPDX-License-Identifier: Apache-2.0
"""The parser of knot.conf: a strict subset of YAML, read line by line and checked against the schema as it goes.

The result keeps sections and blocks in reading order; `control.conf.model` turns it into the typed configuration.
"""

import errno
import os
import re
import stat
from collections.abc import Collection, Container
from typing import Any

from control.conf.document import NOTHING, Block, Document
from control.conf.errors import (
    DUPLICATE_IDENTIFIER,
    FILE_ERROR,
    IDENTIFIER_NOT_SUPPORTED,
    INVALID_IDENTIFIER,
    INVALID_ITEM,
    INVALID_PARAMETER,
    MISSING_IDENTIFIER,
    MISSING_VALUE,
    NOT_SUPPORTED,
    PARSER_FAILED,
    VALUE_NOT_SUPPORTED,
    ConfigurationError,
    ValueProblem,
)
from control.conf.item import acts
from control.conf.scan import HEAD, BadLine, scan_line
from control.conf.schema import DIRECTIVES, SECTIONS, Item, Section

INCLUDE_DEPTH_MAX = 16
TOP = re.compile(r"^([A-Za-z0-9_][A-Za-z0-9_-]*) *:", re.ASCII | re.MULTILINE)
"""A line that begins a section, or is a directive."""
PROBLEMS_MAX = 10_000
"""Problems that are collected; a file of other content would have one in every line."""


def parse_text(
    text: str, file: str, document: Document | None = None, problems: list[ConfigurationError] | None = None
) -> Document:
    """Parse configuration text; `file` names it in errors and is what includes are relative to.

    Raises the first `ConfigurationError`; with `problems`, appends every error to it and reads on.
    """
    document = document or Document()
    _Parser(document, file, problems, 0).run(text)
    return document


def parse_sections(path: str, names: Collection[str]) -> Document:
    """Parse only some single-instance sections of a configuration file and what it includes; the rest may be wrong.

    Raises the first `ConfigurationError` in them; OSError when `path` itself cannot be read.
    """
    document = Document()
    kept = frozenset((*names, *DIRECTIVES))
    _Parser(document, path, None, 0, kept).run(read_text(path))
    return document


def parse_file(
    path: str, document: Document | None = None, problems: list[ConfigurationError] | None = None
) -> Document:
    """Parse a configuration file and what it includes, as `parse_text`; OSError when `path` itself cannot be read."""
    return parse_text(read_text(path), path, document, problems)


def include_files(pattern: str, document: Document) -> None:
    """Read the files an `include` with this value reads, relative to the working directory, into a document."""
    _Parser(document, "", None, 0).directive("include", (pattern,))


def blank_others(text: str, kept: Container[str]) -> str:
    """Return text with all lines of sections that are not kept empty, so that lines keep their numbers."""
    marks = [(found.start(), found[1]) for found in TOP.finditer(text)]
    ends = [at for at, _ in marks[1:]] + [len(text)]
    parts = [text[: marks[0][0]] if marks else text]
    for (begin, name), end in zip(marks, ends, strict=True):
        parts.append(text[begin:end] if name in kept else "\n" * text.count("\n", begin, end))
    return "".join(parts)


def read_text(path: str) -> str:
    """Return the text of a configuration file; octets that are not UTF-8 are kept. OSError also for what is no file."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="\n", opener=_open_file) as stream:
        return stream.read()


def _open_file(path: str, flags: int) -> int:
    """Open without waiting for the writer of a FIFO; devices have no end."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return descriptor


class _Parser:
    """The state of reading one file: the open section and block, and the columns they use."""

    def __init__(
        self,
        document: Document,
        file: str,
        problems: list[ConfigurationError] | None,
        depth: int,
        kept: frozenset[str] | None = None,
    ) -> None:
        """`kept`: the sections and directives to read; None: all."""
        self.document, self.file, self.problems, self.depth = document, file, problems, depth
        self.kept = kept
        document.files.append(file)
        self.line = 0
        self.section: Section | None = None
        self.block: Block | None = None
        self.dash_column: int | None = None
        self.item_column: int | None = None
        self.passed: set[tuple[str, Any]] = set()
        """Values of the open section that need not be looked at again."""
        self.skipping = False
        """Inside a section that is not known, after its error."""

    def fail(self, reason: str, item: str | None = None, value: str | None = None) -> ConfigurationError:
        return ConfigurationError(reason, self.file, line=self.line, item=item, value=value)

    def refuse(self, reason: str, item: str | None = None, value: str | None = None) -> None:
        """Refuse something that does not keep the rest from being read."""
        self.report(self.fail(reason, item, value))

    def report(self, error: ConfigurationError) -> None:
        if self.problems is None:
            raise error
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(error)

    def run(self, text: str) -> None:
        head = HEAD.match
        if self.kept is not None:
            text = blank_others(text, self.kept)
        for self.line, line in enumerate(text.split("\n"), 1):
            found = head(line)
            try:
                if found is not None and found.end() == len(line):
                    indent, dash, name, _, value = found.groups()
                    if dash is None and value and self.block and self.section and len(indent) == self.item_column:
                        self.set_values(self.section, name, (value,))
                        continue
                    words = (value,) if value else ()
                    self.entry(len(indent), None if dash is None else len(dash), name, words, False)
                elif line:
                    self.unusual(line)
            except ConfigurationError as error:
                self.report(error)

    def unusual(self, text: str) -> None:
        try:
            line = scan_line(text)
        except BadLine as bad:
            raise self.fail(bad.reason, bad.item, bad.value) from None
        if line is not None:
            self.entry(*line)

    def entry(self, indent: int, dash: int | None, name: str, values: tuple[str, ...], is_list: bool) -> None:
        if indent == 0 and dash is None:
            self.skipping = False
            self.top(name, values)
            return
        if self.skipping:
            return
        section = self.section
        if section is None:
            raise self.fail("invalid indentation", name, values[0] if values else None)
        if section.id_item is None:
            self.single_item(section, indent, dash, name, values)
        elif dash is not None:
            self.open_block(section, indent, dash, name, values, is_list)
        else:
            self.block_item(section, indent, name, values)

    def top(self, name: str, values: tuple[str, ...]) -> None:
        self.section = self.block = None
        self.dash_column = self.item_column = None
        value = values[0] if values else None
        if name in DIRECTIVES:
            self.directive(name, values)
            return
        section = SECTIONS.get(name)
        if section is None:
            self.skipping = True
            raise self.fail("unknown module" if name.startswith("mod-") else INVALID_ITEM, name, value)
        if value is not None:
            self.skipping = True
            raise self.fail(VALUE_NOT_SUPPORTED, name, value)
        self.section = section
        self.passed.clear()
        if section.id_item is None:
            self.block = self.document.singles.setdefault(name, Block(name, None, self.file))
            self.block.end = self.line
        if not section.supported:
            self.refuse(NOT_SUPPORTED, name)

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
                text = read_text(path)
            except OSError:
                raise self.fail(FILE_ERROR, name, values[0]) from None
            _Parser(self.document, path, self.problems, self.depth + 1, self.kept).run(text)

    def included(self, pattern: str) -> list[str]:
        path = os.path.join(os.path.dirname(self.file), pattern)
        if not any(char in pattern for char in "*?["):
            return [path]
        from glob import glob

        return sorted(glob(path))

    def single_item(self, section: Section, indent: int, dash: int | None, name: str, values: tuple[str, ...]) -> None:
        if dash is not None:
            reason = INVALID_IDENTIFIER if name in section.items else INVALID_ITEM
            raise self.fail(reason, name, values[0] if values else None)
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
            raise self.fail(MISSING_IDENTIFIER, name, value)
        if value is None or is_list:
            raise self.fail(PARSER_FAILED, name)
        if not value:
            raise self.fail(MISSING_VALUE, name)
        self.item_column = indent + 1 + dash
        self.block = Block(section.name, None, self.file)  # after an error the block's items are still checked
        block_id = self.convert(id_item, value)
        blocks = self.document.blocks[section.name]
        if block_id in blocks:
            raise self.fail(DUPLICATE_IDENTIFIER, name, value)
        self.block.id = block_id
        self.block.end = self.line
        blocks[block_id] = self.block

    def block_item(self, section: Section, indent: int, name: str, values: tuple[str, ...]) -> None:
        if self.block is None:
            raise self.fail(MISSING_IDENTIFIER, name, values[0] if values else None)
        if indent != self.item_column:
            raise self.fail("invalid indentation")
        self.set_values(section, name, values)

    def set_values(self, section: Section, name: str, values: tuple[str, ...]) -> None:
        block = self.block
        assert block is not None
        item = section.items.get(name) or self.known(section, name, values[0] if values else None)
        if item is section.id_item:
            raise self.fail(IDENTIFIER_NOT_SUPPORTED, name, values[0] if values else None)
        block.end = self.line
        if item.obsolete:
            self.document.notices.append(
                f"config, line {self.line}, option '{section.name}.{name}' is obsolete and has no effect"
            )
            return
        for text in values or ("",):
            value = self.convert(item, text)
            if item.multi:
                there = block.values.get(name, ())
                value = there if value in there else (*there, value)
            if block.values is NOTHING:
                block.values = {}
            block.values[name] = value

    def known(self, section: Section, name: str, value: str | None) -> Item:
        item = section.items.get(name)
        if item is None:
            raise self.fail(INVALID_ITEM, name, value)
        return item

    def convert(self, item: Item, text: str) -> Any:
        kind = item.type
        try:
            value = kind.convert(text)
        except ValueProblem as problem:
            raise self.fail(str(problem) or INVALID_PARAMETER, item.name, text) from None
        if (kind.refers or item.only or not item.supported) and (item.name, value) not in self.passed:
            self.admit(item, text, value)
        return value

    def admit(self, item: Item, text: str, value: Any) -> None:
        """Check what a value refers to and whether this server does what it says."""
        kind, blocks = item.type, self.document.blocks
        targets = kind.targets(value)
        if targets and not any(block_id in blocks[section] for section, block_id in targets):
            raise self.fail(kind.missing, item.name, text)
        if acts(item, value):
            self.passed.add((item.name, value))
        elif self.section is None or self.section.supported:
            self.refuse(NOT_SUPPORTED, item.name, text)
