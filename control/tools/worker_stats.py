# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl worker-stats: what became of every message, worker by worker, read from the engine's shared region."""

import argparse
import json
import os
from dataclasses import asdict
from typing import Any

from control.conf.version import DEFAULT_CONFIG
from pyxdp_dns.counters import CounterRegion, WorkerCounters
from pyxdp_dns.errors import EngineError

REGION = "engine.shm"


def register(commands: Any) -> None:
    """Add the command to the program's subparsers."""
    parser = commands.add_parser("worker-stats", help="show the counters of the running engine's workers")
    parser.add_argument("-c", "--config", metavar="FILE", default=DEFAULT_CONFIG, help="configuration of the daemon")
    parser.add_argument("--json", action="store_true", help="print a JSON array instead of lines")
    parser.set_defaults(run=run_stats)


def run_stats(arguments: argparse.Namespace) -> int:
    """Print the counters that are not zero; with --json, all."""
    from control.conf.check import load_config
    from control.conf.errors import ConfigurationError

    try:
        path = os.path.join(load_config(arguments.config).server.rundir, REGION)
    except ConfigurationError as exc:
        raise EngineError(str(exc)) from exc
    except OSError as exc:
        raise EngineError(f"{arguments.config}: {exc.strerror}; name the daemon's configuration with -c") from exc
    try:
        with CounterRegion(path) as region:
            workers = region.workers()
    except OSError as exc:
        raise EngineError(f"{path}: {exc.strerror}; is the daemon running with {arguments.config}?") from exc
    if arguments.json:
        print(json.dumps([asdict(worker) for worker in workers]))
        return 0
    for worker in workers:
        print(describe(worker))
        for name, value in worker.counters.items():
            if value:
                print(f"    {name:<20} {value:>15}")
    return 0


def describe(worker: WorkerCounters) -> str:
    """Return one line that says which worker this is."""
    where = (
        f"{interface_name(worker.ifindex)} queue {worker.queue}" if worker.kind == "xdp" else f"worker {worker.queue}"
    )
    return f"{worker.kind} {where}" + (f", CPU {worker.cpu}" if worker.cpu >= 0 else "")


def interface_name(ifindex: int) -> str:
    """Return the interface's name, or its number when it is gone or in another namespace."""
    import socket

    try:
        return socket.if_indextoname(ifindex)
    except OSError:
        return f"interface {ifindex}"
