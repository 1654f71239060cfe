# SPDX-License-Identifier: Apache-2.0
"""Prints docs/reference.md, the reference of the configuration, from the schema: `python -m control.conf.manual`."""

from collections.abc import Iterator

from control.conf.schema import SECTIONS, Item, Section

INTRODUCTION = """\
# Configuration reference

The configuration file has the format of Knot DNS's `knot.conf`. Every item of the format is listed here; those in a
table *Not supported* are read and checked, and then refused with file, line and item. `xdpdnsctl conf-check --all FILE`
lists all of them in a file. This page is printed by `python -m control.conf.manual`.

- Sections `server`, `xdp`, `control`, `statistics` and `database` hold `item: value` lines; the others are lists of
  blocks that start with `- id: value`.
- An item that takes several values (...) is written `[a, b]` on one line, or repeated.
- `include: FILE` (or a pattern) at the top level reads other files in place; `clear: PATTERN` drops the sections read
  so far whose name matches.
- TIME takes one of the suffixes s m h d w M (30 days) y (365 days); SIZE takes B K M G.
- Column *Change*: `reload` takes effect on SIGHUP and on `conf-commit`, `restart` needs a restart of the daemon.
- A block can be named only after it was defined.
- `comment: STR` is allowed in nearly every section and block.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _syntax(item: Item) -> str:
    syntax = item.type.syntax + (" ..." if item.multi else "")
    return _cell(f"{syntax} (only {', '.join(item.only)})" if item.only else syntax)


def _row(item: Item) -> str:
    text = item.help + (" Not an item of Knot DNS." if item.extension else "")
    return f"| {item.name} | {_syntax(item)} | {_cell(item.default)} | {item.reload.value} | {_cell(text)} |"


def _absent_row(item: Item) -> str:
    return f"| {item.name} | {_syntax(item)} | {_cell(item.help)} |"


def _section(section: Section) -> Iterator[str]:
    items = [item for item in section.items.values() if item.name != "comment"]
    there = [item for item in items if section.supported and item.supported and not item.obsolete]
    absent = [item for item in items if not item.obsolete and item not in there]
    yield from (f"## {section.name}", "", section.help if section.supported else f"{section.help} Not supported.", "")
    if there:
        yield from ("| Item | Type | Default | Change | Meaning |", "|---|---|---|---|---|", *map(_row, there), "")
    if absent:
        yield from ("Not supported:", "", "| Item | Type | Meaning |", "|---|---|---|", *map(_absent_row, absent), "")
    obsolete = ", ".join(item.name for item in items if item.obsolete)
    if obsolete:
        yield from (f"Obsolete, without effect: {obsolete}.", "")


def render() -> str:
    """The whole page."""
    lines = [INTRODUCTION]
    for section in SECTIONS.values():
        lines.extend(_section(section))
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    print(render(), end="")
