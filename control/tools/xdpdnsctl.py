# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl: one command per run. Exit status: 0 done, 1 failed, 2 wrong usage; failures go to stderr as `error: ...`.

The commands are in modules of their own; each adds its parsers in `register(commands)`, and sets as default `run` a
function that takes the parsed arguments and returns the exit status.
"""

import argparse
import os
import sys
from collections.abc import Sequence

from control.tools import filter_commands, stats_command
from pyxdp_dns.errors import EngineError

COMMAND_MODULES = (filter_commands, stats_command)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(prog="xdpdnsctl", description="Control of the DNS server and its XDP filters.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in COMMAND_MODULES:
        module.register(commands)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command of `argv` (the process' arguments by default) and return the exit status."""
    arguments = make_parser().parse_args(argv)
    try:
        status: int = arguments.run(arguments)
        sys.stdout.flush()
    except EngineError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        # The reader of the output has gone; the interpreter must not complain of it once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    return status


if __name__ == "__main__":
    sys.exit(main())
