# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl: control of the daemon, of its configuration and of the XDP filter.

Exit status 0: done; 1: failed or wrong usage. What the server refuses is printed to standard output, what fails here to
standard error, both as `error: ...`. Commands with options of their own exit with 2 when they are used wrongly.
"""

import os
import sys
from collections.abc import Sequence

from control.conf.version import PROGRAM, VERSION
from control.ctl.arguments import UsageError, parse
from control.ctl.client import ClientError
from control.ctl.errors import ItemTooLong
from control.ctl.table import BY_NAME, CommandSpec, Where
from control.tools.ctl_options import Settings, help_text, parse_options, take_trailing


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command of `argv` (the process' arguments by default) and return the exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        settings, words = parse_options(list(sys.argv[1:] if argv is None else argv))
    except UsageError as error:
        print(f"xdpdnsctl: {error}", file=sys.stderr)
        print(help_text(), end="")
        return 1
    try:
        status = start(settings, words)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader of the output has gone; the interpreter must not complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return status


def start(settings: Settings, words: list[str]) -> int:
    """Do what options and words ask for."""
    if settings.show:
        print_about(settings.show)
        return 0
    if words:
        if settings != Settings() and words[0] in BY_NAME and BY_NAME[words[0]].where is Where.TOOL:
            print(f"error: options of '{words[0]}' follow it", file=sys.stderr)
            return 1
        return run(settings, words)
    from control.tools.ctl_interactive import interact

    return interact(settings, run)


def print_about(what: str) -> None:
    """Print help, version or build summary."""
    if what == "build":
        from control.ctl.summary import build_summary

        print(build_summary())
    else:
        print(help_text() if what == "help" else f"xdpdnsctl, {PROGRAM} {VERSION}", end="" if what == "help" else "\n")


def run(settings: Settings, words: list[str]) -> int:
    """Run one command and return its exit status; every failure has been printed."""
    try:
        return dispatch(settings, words)
    except (UsageError, ClientError, ItemTooLong) as error:
        sys.stdout.flush()
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 1


def dispatch(settings: Settings, words: list[str]) -> int:
    """Let the command be carried out by whom it belongs to; raises `UsageError`.

    A command that reads its options itself raises SystemExit when they are wrong.
    """
    spec = BY_NAME.get(words[0])
    if spec is None:
        raise UsageError(f"invalid command '{words[0]}'")
    if spec.where is Where.ABSENT:
        raise UsageError(f"command '{spec.name}' is not supported by this server")
    if spec.where is Where.TOOL:
        from control.tools import tool_commands

        return tool_commands.run(words)
    settings, rest = take_trailing(settings, words[1:])
    if spec.where is Where.LOCAL:
        return run_local(settings, spec, rest)
    from control.tools.ctl_remote import run_remote

    return run_remote(settings, spec, rest)


def run_local(settings: Settings, spec: CommandSpec, words: list[str]) -> int:
    """Run a command that needs no daemon."""
    from control.tools.ctl_local import COMMANDS

    command = COMMANDS.get(spec.name)
    if command is None:
        raise UsageError(f"command '{spec.name}' is not supported by this server")
    return command(settings, parse(spec, words))


if __name__ == "__main__":
    sys.exit(main())
