# SPDX-License-Identifier: Apache-2.0
"""Commands of xdpdnsctl with options of their own: the XDP filter, and counters read from the engine itself.

Exit status: 0 done, 1 failed, 2 wrong usage; failures go to stderr as `error: ...`. Each module adds its parsers in
`register(commands)`, and sets as default `run` a function that takes the parsed arguments and returns the exit status.
"""

import argparse
import sys
from collections.abc import Sequence

from control.tools import filter_commands, worker_stats
from pyxdp_dns.errors import EngineError

MODULES = (filter_commands, worker_stats)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of these commands."""
    parser = argparse.ArgumentParser(prog="xdpdnsctl", description="The XDP filter and the engine's workers.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in MODULES:
        module.register(commands)
    return parser


def run(words: Sequence[str]) -> int:
    """Run the command of these words and return the exit status; raises SystemExit for wrong usage and help."""
    arguments = make_parser().parse_args(words)
    try:
        status: int = arguments.run(arguments)
    except EngineError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    return status
