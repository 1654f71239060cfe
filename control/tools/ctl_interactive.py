# SPDX-License-Identifier: Apache-2.0
"""The interactive mode of xdpdnsctl: one command per line, completion with the tabulator, a history file."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from itertools import islice

from control.ctl.client import Client, ClientError
from control.ctl.completion import Completer
from control.ctl.errors import ItemTooLong
from control.ctl.table import EXIT_WORD
from control.ctl.unit import Unit
from control.tools.ctl_options import Settings
from control.tools.ctl_remote import socket_path

PROMPT = "xdpdnsctl> "
HISTORY = "~/.xdpdnsctl_history"
HISTORY_LINES = 1000
COMPLETION_TIMEOUT_S = 5.0
MAX_CANDIDATES = 2000


def interact(settings: Settings, run: Callable[[Settings, list[str]], int]) -> int:
    """Run commands until the end of the input; a command that fails does not end it. Returns 0."""
    terminal = sys.stdin.isatty()
    if terminal:
        with line_editing(settings):
            read_commands(settings, run, PROMPT)
    else:
        read_commands(settings, run, "")
    return 0


def read_commands(settings: Settings, run: Callable[[Settings, list[str]], int], prompt: str) -> None:
    """Read and run lines until the end of the input or the word exit."""
    while True:
        try:
            words = shlex.split(input(prompt))
        except EOFError:
            if prompt:
                print()
            return
        except KeyboardInterrupt:
            print()
            continue
        except ValueError as error:
            print(f"error: {str(error).lower()}", file=sys.stderr)
            continue
        if words == [EXIT_WORD]:
            return
        if words:
            with contextlib.suppress(SystemExit):
                run(settings, words)
            sys.stdout.flush()


@contextlib.contextmanager
def line_editing(settings: Settings) -> Iterator[None]:
    """Set the terminal's line editor up, and keep the history."""
    import readline

    path = os.path.expanduser(HISTORY)
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(HISTORY_LINES)
    readline.set_completer_delims(" \t\n")
    readline.set_completer(make_completer(settings))
    readline.parse_and_bind("tab: complete")
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            readline.write_history_file(path)


def make_completer(settings: Settings) -> Callable[[str, int], str | None]:
    """Return what readline calls for its n-th candidate."""
    import readline

    completer = Completer(lambda unit: ask(settings, unit))
    candidates: list[str] = []

    def complete(text: str, state: int) -> str | None:
        nonlocal candidates
        if state == 0:
            before = readline.get_line_buffer()[: readline.get_begidx()].split()
            candidates = completer.candidates(before, text)
        return candidates[state] if state < len(candidates) else None

    return complete


def ask(settings: Settings, unit: Unit) -> list[Unit]:
    """Return some units of an answer; none when the server cannot be asked."""
    try:
        with Client(socket_path(settings), COMPLETION_TIMEOUT_S) as client:
            return [unit for _, unit in islice(client.ask([unit]), MAX_CANDIDATES)]
    except (ClientError, ItemTooLong, ValueError):
        return []
