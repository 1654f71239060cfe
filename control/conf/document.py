# SPDX-License-Identifier: Apache-2.0
"""What a configuration sets, before defaults: sections, blocks and values in reading order."""

from collections.abc import Iterator, Mapping
from typing import Any

from control.conf.errors import ConfigurationError
from control.conf.schema import SECTIONS

Values = Mapping[str, Any]
"""Item name to value, a tuple of values when the item takes several. Never changed once others can see it."""

NOTHING: dict[str, Any] = {}
"""The values of a block that sets nothing; shared and never changed."""


class Block:
    """The values set in one section, or in one block of a list section, and where they stand."""

    __slots__ = ("end", "file", "id", "section", "values")

    def __init__(self, section: str, block_id: str | None, file: str, values: dict[str, Any] = NOTHING) -> None:
        self.section = section
        self.id = block_id
        self.file = file
        self.end = 0
        self.values = values

    @property
    def title(self) -> str:
        """`section`, or `section[id]`."""
        return self.section if self.id is None else f"{self.section}[{self.id}]"

    def error(self, reason: str) -> ConfigurationError:
        """An error about the block as a whole, placed at the line after it."""
        return ConfigurationError(reason, self.file, line=self.end + 1 if self.end else None, section=self.title)


class Document:
    """What files or the database set: single sections by name, blocks of list sections by section and identifier."""

    def __init__(self) -> None:
        self.singles: dict[str, Block] = {}
        self.blocks: dict[str, dict[str, Block]] = {name: {} for name, section in SECTIONS.items() if section.id_item}
        self.files: list[str] = []
        self.notices: list[str] = []
        """What is accepted without effect."""

    def single(self, name: str) -> Values:
        """The values of a single-instance section; empty when it is not there."""
        block = self.singles.get(name)
        return NOTHING if block is None else block.values

    def get(self, section: str, block_id: str) -> Block | None:
        """The block of a list section."""
        return self.blocks[section].get(block_id)

    def each(self, section: str) -> Iterator[Block]:
        """The blocks of a section; of a single-instance section the one there is."""
        if section in self.blocks:
            yield from self.blocks[section].values()
        elif section in self.singles:
            yield self.singles[section]

    def clear(self, pattern: str) -> None:
        """Drop the sections whose name matches a shell pattern."""
        from fnmatch import fnmatchcase

        for name in [name for name in self.singles if fnmatchcase(name, pattern)]:
            del self.singles[name]
        for name, blocks in self.blocks.items():
            if fnmatchcase(name, pattern):
                blocks.clear()
