# SPDX-License-Identifier: Apache-2.0
"""xdpdns-catalogprint: shows which zones are members of catalogs, from the store, also while the daemon runs."""

import argparse
import os
import sys
from collections.abc import Sequence

from control.catalog.read import ZONES_LABEL
from control.conf.version import PROGRAM, VERSION
from control.errors import StoreError
from control.store.environment import Transaction
from control.store.inspect import open_snapshot
from control.store.keys import name_text
from control.store.members import Member, list_members
from control.tools.journalprint import store_path
from pyxdp_dns.errors import EngineError

HEADING = ";; <member zone> <record owner> <catalog zone> <group>"


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="xdpdns-catalogprint", description="Show the members of catalog zones.")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("-c", "--config", metavar="FILE", help="configuration file that names the store")
    place.add_argument("-C", "--confdb", metavar="DIR", help="configuration database that names the store")
    place.add_argument("-D", "--dir", metavar="PATH", help="directory of the store")
    parser.add_argument("-a", "--catalog", metavar="NAME", type=zone_name, help="show only members of this catalog")
    parser.add_argument("-m", "--member", metavar="NAME", type=zone_name, help="show only this member")
    parser.add_argument("-V", "--version", action="version", version=f"xdpdns-catalogprint ({PROGRAM}), {VERSION}")
    return parser


def zone_name(text: str) -> bytes:
    """Return the wire name of a zone. Raises ArgumentTypeError."""
    from control.conf.errors import ValueProblem
    from control.conf.values import name_to_wire, parse_name

    try:
        return name_to_wire(parse_name(text))
    except (ValueProblem, IndexError) as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a zone") from error


def row(member: Member) -> str:
    """Return the line of a member."""
    owner = bytes((len(member.unique),)) + member.unique + ZONES_LABEL + member.catalog
    names = (name_text(name) for name in (member.zone, owner, member.catalog))
    return "  ".join((*names, member.group.decode("utf-8", "replace")))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program; return its exit status."""
    args = make_parser().parse_args(argv)
    try:
        with open_snapshot(store_path(args)) as txn:
            print(HEADING)
            print(f"Total records: {show(txn, args)}")
        sys.stdout.flush()
    except BrokenPipeError:  # Whoever reads has seen enough; what is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (StoreError, EngineError, OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def show(txn: Transaction, args: argparse.Namespace) -> int:
    """Print the members that are asked for; return how many they are."""
    count = 0
    for member in list_members(txn):
        if args.catalog in (None, member.catalog) and args.member in (None, member.zone):
            print(row(member))
            count += 1
    return count


if __name__ == "__main__":
    sys.exit(main())
