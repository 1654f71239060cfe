# SPDX-License-Identifier: Apache-2.0
"""Replies per second and CPU time per reply over UDP sockets, or TCP, one server core, `dnsperf` on the other."""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench import contestants, generators, mix, report
from bench.contestants import SERVER_CPU, Start
from tests.support.peers import Place

SECONDS = 5
ROUNDS = 2
WARM_S = 2

Load = Callable[..., generators.Load]


def measure(start: Start, zone: Path, load_with: Load, seconds: int, warm_s: int) -> dict[str, float]:
    """Start one server, warm it up, load it, and return what it did and spent."""
    with start({mix.ORIGIN: zone}, Place(cpus=str(SERVER_CPU))) as peer:
        if warm_s:
            load_with(peer, seconds=warm_s)
        before = contestants.usage(peer)
        load = load_with(peer, seconds=seconds)
        spent = contestants.usage(peer) - before
    return {"replies/s": load.rate, **contestants.per_reply(spent, load.replies)}


def compare(mode: str, quick: bool) -> None:
    """Run all contestants in turn, several rounds, on the plain zone and on the signed one with DO."""
    names, seconds, rounds, warm_s = (mix.QUICK, 2, 1, 0) if quick else (mix.FULL, SECONDS, ROUNDS, WARM_S)
    for variant, want_dnssec in (("plain", False), ("nsec", True)):
        prepared = mix.prepare(variant, names)
        load_with = partial(generators.dnsperf, questions=prepared.dnsperf, mode=mode, want_dnssec=want_dnssec)
        results: dict[str, list[dict[str, float]]] = {}
        for _ in range(rounds):
            for name, start in contestants.sockets().items():
                results.setdefault(name, []).append(measure(start, prepared.zone, load_with, seconds, warm_s))
        report.compare(
            f"{mode.upper()} sockets, {'signed zone, DO' if want_dnssec else 'plain'}, {names} names", results
        )


def main(mode: str = "udp") -> int:
    """Read the command line and compare."""
    parser = argparse.ArgumentParser(description=f"Compare answering over {mode.upper()} sockets.")
    parser.add_argument("--quick", action="store_true", help="a small zone, two seconds each")
    quick = parser.parse_args().quick
    print(report.machine())
    compare(mode, quick)
    return 0


if __name__ == "__main__":
    sys.exit(main())
