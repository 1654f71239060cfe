# SPDX-License-Identifier: Apache-2.0
"""xdpdns-journalprint: shows the journal of a zone from the store, also while the daemon runs."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from control.errors import StoreError
from control.store.environment import Transaction
from control.store.inspect import open_snapshot
from control.store.journal import JournalState, get_journal, list_journals
from control.store.keys import name_text
from control.store.zones import get_zone
from control.update.history import changeset_lines, find_faults, select_heads, summary_line
from pyxdp_dns.errors import EngineError

SERIAL_MAX = (1 << 32) - 1
COLOURS = {";; Removed": "\x1b[31m", ";; Added": "\x1b[32m"}
RESET, HEADING = "\x1b[0m", "\x1b[33m"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="xdpdns-journalprint", description="Show the journal of a zone.")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("-c", "--config", metavar="FILE", help="configuration file that names the store")
    place.add_argument("-C", "--confdb", metavar="DIR", help="configuration database that names the store")
    place.add_argument("-D", "--dir", metavar="PATH", help="directory of the store")
    parser.add_argument("-z", "--zone-list", action="store_true", help="list the zones that have a journal")
    parser.add_argument("-l", "--limit", type=limit_number, metavar="NUM", help="show only the NUM newest changesets")
    parser.add_argument(
        "-s", "--serial", type=serial_number, metavar="SOA", help="begin with the changeset from this serial"
    )
    parser.add_argument("-H", "--check", action="store_true", help="check the chain of changesets as well")
    parser.add_argument("-d", "--debug", action="store_true", help="show numbers instead of records")
    parser.add_argument("-x", "--mono", action="store_true", help="without colours")
    parser.add_argument("-X", "--color", action="store_true", help="with colours, also into a pipe")
    parser.add_argument("zone", nargs="?", help="name of the zone")
    return parser


def limit_number(text: str) -> int:
    """Return a number of changesets, at least one. Raises ValueError."""
    if (number := int(text)) < 1:
        raise ValueError
    return number


def serial_number(text: str) -> int:
    """Return a serial. Raises ValueError."""
    if not 0 <= (number := int(text)) <= SERIAL_MAX:
        raise ValueError
    return number


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status."""
    parser = make_parser()
    args = parser.parse_args(argv)
    if bool(args.zone) == args.zone_list:
        parser.error("name one zone, or give -z")
    try:
        with open_snapshot(store_path(args)) as txn:
            status = list_zones(txn) if args.zone_list else show_zone(txn, args)
            sys.stdout.flush()
            return status
    except BrokenPipeError:  # Whoever reads has seen enough; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (StoreError, EngineError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def store_path(args: argparse.Namespace) -> Path:
    """Return the directory of the store. Raises ValueError or OSError."""
    if args.dir is not None:
        return Path(args.dir)
    from control.conf.errors import ConfigurationError
    from control.conf.source import find_source, load_source

    try:
        loaded = load_source(find_source(args.config, args.confdb))
    except ConfigurationError as error:
        raise ValueError(str(error)) from error
    if loaded.database is not None:
        loaded.database.close()
    return Path(loaded.config.database.journal_db)


def list_zones(txn: Transaction) -> int:
    """Print the zones that have a journal."""
    for apex, _ in list_journals(txn):
        print(name_text(apex))
    return 0


def show_zone(txn: Transaction, args: argparse.Namespace) -> int:
    """Print the journal of one zone; the status is 1 when there is none or the check finds something."""
    from control.conf.values import name_to_wire

    apex = name_to_wire(args.zone if args.zone.endswith(".") else f"{args.zone}.").lower()
    state = get_journal(txn, apex)
    if state is None:
        print(f"error: zone {name_text(apex)} has no journal in the store", file=sys.stderr)
        return 1
    colour = args.color or (sys.stdout.isatty() and not args.mono)
    for line in _lines(txn, apex, state, args):
        print(_coloured(line) if colour else line)
    faults = list(find_faults(txn, state)) if args.check else []
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _lines(txn: Transaction, apex: bytes, state: JournalState, args: argparse.Namespace) -> Iterator[str]:
    zone = get_zone(txn, apex)
    if state.holds_zone and zone is not None and args.serial is None:
        yield f"Zone-in-journal {zone.serial}"
    heads = select_heads(txn, state, args.serial, args.limit)
    skipped = state.depth - len(heads) if args.serial is None else 0
    for number, head in enumerate(heads, 1 + skipped):
        if args.debug:
            yield summary_line(txn, state, head, int(time.time()))
        else:
            yield from changeset_lines(txn, state, head, number)
    if not heads:
        yield "The journal is empty"
    elif args.debug:
        yield f"Total number of changesets:  {state.depth}"
        yield f"Occupied this zone (approx): {_kib(state.octets)} KiB"
        yield f"Occupied all zones together: {_kib(sum(other.octets for _, other in list_journals(txn)))} KiB"


def _kib(octets: int) -> int:
    return (octets + 1023) // 1024


def _coloured(line: str) -> str:
    return f"{COLOURS.get(line, HEADING)}{line}{RESET}" if line.startswith(";;") else line


if __name__ == "__main__":
    sys.exit(main())
