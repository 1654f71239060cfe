# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl load, unload, filters: the XDP filter on interfaces."""

import argparse
import json
import sys
from dataclasses import asdict
from typing import Any

from pyxdp_dns import filter as xdp

COLUMNS = ("interface", "mode", "program id", "queues", "ports", "state")
DIRECTORY_HELP = "bpffs to pin the filters in (default: $XDPDNS_BPFFS, else /sys/fs/bpf)"


def register(commands: Any) -> None:
    """Add the commands to the program's subparsers."""
    _register_load(commands.add_parser("load", help="load the XDP filter and attach it to an interface"))
    _register_unload(commands.add_parser("unload", help="take the XDP filter off an interface"))
    listing = commands.add_parser("filters", help="show the loaded filters and their counters")
    listing.add_argument("--json", action="store_true", help="print a JSON array instead of a table")
    listing.add_argument("--bpffs", metavar="DIR", help=DIRECTORY_HELP)
    listing.set_defaults(run=run_filters)


def _register_load(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("interface", metavar="IFACE")
    parser.add_argument(
        "--port", metavar="P", type=int, action="append", help="UDP port to take queries from; may repeat (default: 53)"
    )
    parser.add_argument(
        "--address", metavar="A", action="append", default=[], help="take queries to this address only; may repeat"
    )
    parser.add_argument(
        "--mode", choices=("native", "generic", "auto"), default="auto", help="auto: native if the driver can"
    )
    parser.add_argument(
        "--replace", action="store_true", help="exchange a loaded filter, or take off another XDP program"
    )
    parser.add_argument("--bpffs", metavar="DIR", help=DIRECTORY_HELP)
    parser.set_defaults(run=run_load)


def _register_unload(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("interface", metavar="IFACE", nargs="?")
    which.add_argument("--all", action="store_true", help="every filter, of every network namespace")
    parser.add_argument("--bpffs", metavar="DIR", help=DIRECTORY_HELP)
    parser.set_defaults(run=run_unload)


def run_load(arguments: argparse.Namespace) -> int:
    """Load, and say what was chosen."""
    loaded = xdp.load(
        arguments.interface,
        arguments.port or [53],
        arguments.address,
        arguments.mode,
        arguments.replace,
        arguments.bpffs,
    )
    if loaded.note:
        print(f"note: {loaded.note}", file=sys.stderr)
    ports = _join(loaded.ports)
    print(f"{loaded.interface}: filter loaded, {loaded.mode} mode, program id {loaded.program_id}, ports {ports}")
    return 0


def run_unload(arguments: argparse.Namespace) -> int:
    """Unload one filter or all."""
    if arguments.all:
        names = xdp.unload_all(arguments.bpffs)
    else:
        xdp.unload(arguments.interface, arguments.bpffs)
        names = [arguments.interface]
    for name in names:
        print(f"{name}: filter unloaded")
    return 0


def run_filters(arguments: argparse.Namespace) -> int:
    """Show all filters."""
    filters = xdp.list_filters(arguments.bpffs)
    if arguments.json:
        json.dump([_as_json(one) for one in filters], sys.stdout, indent=2)
        print()
    elif filters:
        print(format_table(filters))
    else:
        print("no filters are loaded")
    return 0


def _as_json(one: xdp.FilterStatus) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name not in ("path", "note")} | {
        "path": str(one.path),
        "name": one.name,
    }


def format_table(filters: list[xdp.FilterStatus]) -> str:
    """Return a table of the filters, below each row its addresses and the counters that are not zero."""
    rows = [COLUMNS, *(_row(one) for one in filters)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    table = [lines[0]]
    for line, one in zip(lines[1:], filters, strict=True):
        table.append(line)
        if one.addresses:
            table.append(f"    addresses {_join(one.addresses)}")
        table.extend(f"    {reason} {packets}" for reason, packets in one.counters.items() if packets)
    return "\n".join(table)


def _row(one: xdp.FilterStatus) -> tuple[str, ...]:
    program = str(one.program_id or "-")
    return one.name, one.mode or "-", program, str(one.queues or "-"), _join(one.ports) or "-", one.state


def _join(values: tuple[Any, ...]) -> str:
    return ",".join(map(str, values))
