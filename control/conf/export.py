# SPDX-License-Identifier: Apache-2.0
"""Configuration text out of what is set: every value in quotes, in an order that can be read again."""

from collections.abc import Iterator

from control.conf.document import Block, Document
from control.conf.draft import sorted_ids
from control.conf.item import texts_of
from control.conf.schema import EXPORTED, Section
from control.conf.version import PROGRAM, VERSION

HEADER = f"# Configuration export ({PROGRAM} {VERSION})\n"


def quoted(text: str) -> str:
    """Return a value as the parser reads it back."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _items(section: Section, block: Block, indent: str) -> Iterator[str]:
    for name, item in section.items.items():
        if name in block.values:
            texts = [quoted(text) for text in texts_of(item, block.values[name])]
            value = texts[0] if len(texts) == 1 else f"[ {', '.join(texts)} ]"
            yield f"{indent}{name}: {value}\n"


def _ordered_ids(document: Document, section: Section) -> list[str]:
    """Identifiers in order; templates that name others for catalog members after those."""
    ids = sorted_ids(section.name, document.blocks[section.name])
    return sorted(ids, key=lambda name: "catalog-template" in document.blocks[section.name][name].values)


def export_lines(document: Document) -> Iterator[str]:
    """Yield the lines of a file that sets what the document sets."""
    yield HEADER
    for name, section in EXPORTED.items():
        if section.id_item is None:
            if name in document.singles:
                yield f"\n{name}:\n"
                yield from _items(section, document.singles[name], "    ")
            continue
        if document.blocks[name]:
            yield f"\n{name}:\n"
        for index, block_id in enumerate(_ordered_ids(document, section)):
            yield f"{chr(10) if index else ''}  - {section.id_item.name}: {quoted(block_id)}\n"
            yield from _items(section, document.blocks[name][block_id], "    ")
