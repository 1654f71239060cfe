# SPDX-License-Identifier: Apache-2.0
"""xdpdns-keymgr: the keys of zones, in store and keystores, also while the daemon runs.

Exit status 0: done; 1: failed or wrong usage, with `error: ...` on standard error.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from control.conf.version import PROGRAM as SERVER
from control.conf.version import VERSION
from control.errors import ControlError, KaspDamaged
from control.log import printable
from control.tools.keymgr_options import (
    ALL_ZONES,
    PROGRAM,
    Settings,
    WrongOption,
    command_name,
    help_text,
    parse_options,
)
from control.tools.keymgr_refusal import Refusal
from control.tools.keymgr_table import ABSENT, BY_NAME, CommandSpec

if TYPE_CHECKING:
    from control.tools.keymgr_listing import Look


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program with the words of `argv`, by default those of the process; return its exit status."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")
    try:
        status = run(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BrokenPipeError:  # Whoever reads has seen enough; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 1
    return status


def run(argv: list[str]) -> int:
    """Do what the words ask for; every failure has been printed."""
    try:
        settings, words = parse_options(argv)
        for line in start(settings, words):
            print(line)
    except WrongOption as error:
        print(help_text(), end="")
        return fail(f"{PROGRAM}: {error}")
    except Refusal as refusal:
        return fail(*(f"error: {line}" for line in refusal.lines))
    except KaspDamaged as error:
        from control.store.keys import name_text

        return fail(f"error: [{name_text(error.zone)}] {error}")
    except ControlError as error:
        return fail(f"error: {error}")
    return 0


def fail(*lines: str) -> int:
    """Print lines to standard error and return the exit status; nothing in them ends or forges a line."""
    sys.stdout.flush()
    print(*map(printable, lines), sep="\n", file=sys.stderr)
    return 1


def start(settings: Settings, words: list[str]) -> Iterator[str]:
    """Yield the lines of what is asked for; raise Refusal or ControlError."""
    if settings.show:
        yield about(settings.show)
    elif settings.tsig is not None:
        yield from make_tsig(settings.tsig, words)
    elif settings.list_zones:
        yield from list_zones(settings)
    elif len(words) < 2:
        yield help_text().removesuffix("\n")
        raise Refusal("zone name or command not specified")
    else:
        yield from run_command(settings, words[0], command_of(words), words[2:])


def about(what: str) -> str:
    """Return help, version or build summary."""
    if what == "build":
        from control.ctl.summary import build_summary

        return build_summary()
    return help_text().removesuffix("\n") if what == "help" else f"{PROGRAM} ({SERVER}), {VERSION}"


def make_tsig(name: str, options: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a new TSIG key."""
    from control.tools.keymgr_tsig import tsig_lines

    lines, warning = tsig_lines(name, options)
    if warning is not None:
        print(f"warning: {warning}", file=sys.stderr)
    yield from lines


def command_of(words: Sequence[str]) -> CommandSpec:
    """Return what the table has of the command, whose first argument is there if it needs one; raise Refusal."""
    name = command_name(words[1])
    if name in ABSENT:
        raise Refusal(f"command '{name}' is not supported by this server, which has no {ABSENT[name]}")
    spec = BY_NAME.get(name)
    if spec is None:
        raise Refusal(f"invalid command '{words[1]}'")
    if spec.missing and len(words) < 3:
        raise Refusal(spec.missing)
    return spec


def run_command(settings: Settings, zone: str, spec: CommandSpec, words: Sequence[str]) -> Iterator[str]:
    """Yield the lines of a command on a zone, all zones or a keystore."""
    from control.store.shared import open_shared
    from control.tools.keymgr_commands import OF_KEYSTORE, OF_ZONE
    from control.tools.keymgr_place import enter, find_place, zone_wire
    from control.tools.keymgr_session import Session

    if spec.of_keystore:
        place = find_place(settings)
        enter(place)
        yield from OF_KEYSTORE[spec.name](place, zone, words)
        return
    if zone == ALL_ZONES and not spec.all_zones:
        raise Refusal(f"command '{spec.name}' needs the name of a zone")
    apex = None if zone == ALL_ZONES else zone_wire(zone)
    place = find_place(settings)
    enter(place)
    with open_shared(place.store, place.max_bytes, time.time_ns()) as store:
        yield from OF_ZONE[spec.name](Session(place, store, apex, look_of(settings)), words)


def list_zones(settings: Settings) -> Iterator[str]:
    """Yield the zones that have keys."""
    from control.store.inspect import open_snapshot
    from control.store.kasp_tables import list_key_zones
    from control.store.keys import name_text
    from control.tools.keymgr_listing import zone_lines
    from control.tools.keymgr_place import enter, find_place

    place = find_place(settings)
    enter(place)
    with open_snapshot(place.store) as txn:
        zones = [name_text(apex) for apex in list_key_zones(txn)]
    yield from zone_lines(zones, look_of(settings).form)


def look_of(settings: Settings) -> "Look":
    """Return how keys are shown, now."""
    from control.tools.keymgr_listing import Form, Look

    form = Form.JSON if settings.json else Form.FULL if settings.extended else Form.BRIEF
    colour = sys.stdout.isatty() if settings.colour is None else settings.colour
    return Look(form, now_s=int(time.time()), colour=colour)


if __name__ == "__main__":
    sys.exit(main())
