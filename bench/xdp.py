# SPDX-License-Identifier: Apache-2.0
"""Replies per second and CPU time per reply over AF_XDP: ours, ours reflecting queries (the floor), Knot's XDP mode.

A veth pair with one queue joins two namespaces; the server has one core, `kxdpgun` the other. kxdpgun sends more
than any of them can answer, so what counts is what comes back. The kernel delivers to a veth's receiver on the core
that sends, so part of the receiving is paid by the other side: `softirq` is what the server's core spent outside of
any process.
"""

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from bench import contestants, generators, mix, report
from bench.contestants import SERVER_CPU
from tests.support import netns, peers
from tests.support.netns import Wire
from tests.support.peers import Peer, Place

SECONDS = 5
ROUNDS = 2
WARM_S = 1
RATE = 600_000
"""Queries per second that are asked for; more than the generator can send from one core."""

Start = Callable[[Path, Wire], AbstractContextManager[Peer]]


def place(wire: Wire) -> Place:
    """Return where the server runs."""
    return Place(wire.server_v4, 53, wire.server, str(SERVER_CPU))


def start_ours(zone: Path, wire: Wire) -> AbstractContextManager[Peer]:
    """Run xdpdnsd on the wire."""
    return contestants.ours({mix.ORIGIN: zone}, place(wire), interface=wire.server_if, client=wire.client)


def start_floor(zone: Path, wire: Wire) -> AbstractContextManager[Peer]:
    """Run an engine that only reflects, on the wire; the zone is not looked at."""
    return contestants.reflecting(place(wire), wire.server_if)


def start_knot(zone: Path, wire: Wire) -> AbstractContextManager[Peer]:
    """Run knotd in XDP mode on the wire."""
    timeout = contestants.START_TIMEOUT_S
    return peers.knot_xdp({mix.ORIGIN: zone}, place(wire), wire.server_if, wire.client, start_timeout_s=timeout)


def measure(start: Start, zone: Path, questions: Path, seconds: int, rate: int, warm_s: int) -> dict[str, float]:
    """Start one server on a new wire, warm it up, load it, and return what it did and spent."""
    with netns.link() as wire, start(zone, wire) as peer:
        load = partial(generators.kxdpgun, peer, wire.client, wire.client_if, questions, rate)
        if warm_s:
            load(warm_s)
        before = contestants.usage(peer)
        done = load(seconds)
        spent = contestants.usage(peer) - before
    return {"queries/s": done.sent / seconds, "replies/s": done.rate, **contestants.per_reply(spent, done.replies)}


def compare(quick: bool, rate: int) -> None:
    """Run all contestants in turn, several rounds, on the plain zone and on the signed one with DO."""
    names, seconds, rounds, warm_s = (mix.QUICK, 1, 1, 0) if quick else (mix.FULL, SECONDS, ROUNDS, WARM_S)
    servers: dict[str, Start] = {report.OURS: start_ours, "reflect": start_floor}
    if contestants.available("knot"):
        servers["knot xdp"] = start_knot
    for variant, want_dnssec in (("plain", False), ("nsec", True)):
        prepared = mix.prepare(variant, names)
        questions = prepared.kxdpgun_do if want_dnssec else prepared.kxdpgun
        results: dict[str, list[dict[str, float]]] = {}
        for _ in range(rounds):
            for name, start in servers.items():
                results.setdefault(name, []).append(measure(start, prepared.zone, questions, seconds, rate, warm_s))
        report.compare(f"AF_XDP, {'signed zone, DO' if want_dnssec else 'plain'}, {names} names", results)


def main() -> int:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description="Compare answering over AF_XDP. Needs root.")
    parser.add_argument("--quick", action="store_true", help="a small zone and one second each")
    parser.add_argument("--rate", type=int, default=RATE, help="queries per second to ask for (default: %(default)s)")
    arguments = parser.parse_args()
    print(report.machine())
    compare(arguments.quick, arguments.rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
