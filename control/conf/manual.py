# SPDX-License-Identifier: Apache-2.0
"""Prints docs/reference.md, the reference of the configuration, from the schema: `python -m control.conf.manual`."""

from collections.abc import Iterator

from control.conf.schema import SECTIONS, Item, Reload, Section

INTRODUCTION = """\
# Configuration reference

The configuration file has the format of Knot DNS's `knot.conf`. An item is listed here only when it acts; every other
item of Knot DNS is refused with file, line and item. This page is printed by `python -m control.conf.manual`.

- Sections `server`, `xdp` and `database` hold `item: value` lines; the others are lists of blocks that start with
  `- id: value`.
- An item that takes several values is written `[a, b]` on one line, or repeated.
- `include: FILE` (or a pattern) at the top level reads other files in place; `clear: PATTERN` drops the sections read
  so far whose name matches.
- TIME takes one of the suffixes s m h d w M (30 days) y (365 days); SIZE takes B K M G.
- Column *Change*: `reload` takes effect on SIGHUP, `restart` needs a restart of the daemon.
- `comment: STR` is allowed in every section and block.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _row(item: Item, change: str) -> str:
    syntax = item.type.syntax + (" ..." if item.multi else "")
    if item.only:
        syntax += f" (only {', '.join(item.only)})"
    text = item.help + (" Not an item of Knot DNS." if item.extension else "")
    return f"| {item.name} | {_cell(syntax)} | {_cell(item.default)} | {change} | {_cell(text)} |"


def _section(section: Section) -> Iterator[str]:
    yield f"## {section.name}"
    yield ""
    yield section.help
    yield ""
    yield "| Item | Type | Default | Change | Meaning |"
    yield "|---|---|---|---|---|"
    for item in section.items.values():
        if item.name != "comment":
            yield _row(item, "restart" if item.reload is Reload.RESTART else "reload")
    yield ""


def render() -> str:
    """The whole page."""
    lines = [INTRODUCTION]
    for section in SECTIONS.values():
        lines.extend(_section(section))
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    print(render(), end="")
