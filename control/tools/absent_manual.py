# SPDX-License-Identifier: Apache-2.0
"""docs/unsupported.md, made from schema and table of commands: `python -m control.tools.absent_manual > FILE`."""

from collections.abc import Iterator

from control.conf.item import Item, Section
from control.conf.schema import SECTIONS
from control.ctl.table import SPECS, Where

INTRODUCTION = """\
# Not supported

What Knot DNS's configuration and control program have and this server does not. Nothing of it is ignored: such an item
in a configuration is an error with file, line and item, such a command is refused by name. `xdpdnsctl conf-check --all
FILE` lists what a file has of it. This page is printed by `python -m control.tools.absent_manual`.
"""


def manual() -> str:
    """Return the text."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from ("## Commands", "", _listed(spec.name for spec in SPECS if spec.where is Where.ABSENT), "")
    sections = SECTIONS.values()
    yield from ("## Whole sections", "", _listed(section.name for section in sections if not section.supported), "")
    yield from ("## Items of the other sections", "", "| section | items |", "|---|---|")
    yield from (f"| {section.name} | {_listed(names)} |" for section in sections if (names := _absent(section)))
    yield from ("", "## Items with one value", "", "| item | the value that is supported |", "|---|---|")
    yield from (f"| {section.name}.{item.name} | {', '.join(item.only)} |" for section, item in _restricted())


def _listed(names: Iterator[str] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _absent(section: Section) -> list[str]:
    if not section.supported:
        return []
    return [item.name for item in section.items.values() if not item.supported and not item.obsolete]


def _restricted() -> Iterator[tuple[Section, Item]]:
    for section in SECTIONS.values():
        if section.supported:
            yield from ((section, item) for item in section.items.values() if item.supported and item.only)


if __name__ == "__main__":
    print(manual(), end="")
