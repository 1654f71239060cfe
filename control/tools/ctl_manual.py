# SPDX-License-Identifier: Apache-2.0
"""docs/commands.md, made from the tables of commands and options: `python -m control.tools.ctl_manual > FILE`."""

from collections.abc import Iterator

from control.ctl.table import SPECS, CommandSpec, Where
from control.tools.ctl_options import OPTIONS

INTRODUCTION = """\
# Commands

Made from the table of commands by `python -m control.tools.ctl_manual`; docs/control.md says how they work together.

    xdpdnsctl [options] <command> [arguments]
"""
GROUPS = (
    (Where.SERVER, "Commands for the daemon", "They go over the control socket. *waits*: with `-b`, for the event."),
    (Where.LOCAL, "Commands that need no daemon", "They work on configuration and files."),
    (Where.TOOL, "Commands for interfaces and workers", "They have options of their own: `xdpdnsctl COMMAND --help`."),
)
ABSENT = "Commands of Knot DNS that this server does not have are refused by name; docs/unsupported.md lists them."


def manual() -> str:
    """Return the text."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    yield from ("| option | meaning |", "|---|---|")
    for option in OPTIONS:
        yield f"| `{f'-{option.short}, --{option.long} {option.argument}'.rstrip()}` | {option.help} |"
    for where, title, text in GROUPS:
        yield from ("", f"## {title}", "", text, "", "| command | arguments | does |", "|---|---|---|")
        yield from (_row(spec) for spec in SPECS if spec.where is where)
    yield from ("", ABSENT)


def _row(spec: CommandSpec) -> str:
    notes = [note for note, applies in (("waits", spec.blocking), ("needs `-f`", spec.force)) if applies]
    suffix = f" ({', '.join(notes)})" if notes else ""
    arguments = f"`{spec.synopsis}`".replace("|", "\\|") if spec.synopsis else ""
    return f"| `{spec.name}` | {arguments} | {spec.help}{suffix} |"


if __name__ == "__main__":
    print(manual(), end="")
