# SPDX-License-Identifier: Apache-2.0
"""Many small zones: from process start to the last answer, reload with one zone more, and memory.

Each zone has a file of its own with eight records. After the start every server is asked for zones spread over the
whole configuration; it is ready when it answers for all of them. The reload adds one zone to the configuration and
sends SIGHUP; it is done when that zone is answered.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from bench import contestants, load, mix, report
from tests.support import peers
from tests.support.peers import Peer, Place

FULL = 100_000
QUICK = 500
ROUNDS = 1
PROBES = 200
PER_DIRECTORY = 1000
ZONE = """\
$TTL 3600
@ SOA ns1 hostmaster 2024010100 10800 3600 604800 300
@ NS ns1
@ NS ns2
@ MX 10 mail
ns1 A 192.0.2.1
ns2 A 192.0.2.2
mail A 192.0.2.3
www A 192.0.2.4
"""
ADDED = "added.example."
CONFIGS = {
    report.OURS: ("xdpdnsd.conf", 'zone:\n  - domain: "{name}"\n    file: "{path}"\n'),
    "knot": ("knot.conf", 'zone:\n  - domain: "{name}"\n    file: "{path}"\n'),
    "named": ("named.conf", 'zone "{name}" {{ type primary; file "{path}"; check-integrity no; }};\n'),
}
"""By contestant: its configuration file and what adds a zone at its end. NSD does not read it again on a signal."""


def zone_files(count: int) -> dict[str, Path]:
    """Return the files of `count` zones by name; they are kept between runs."""
    base = mix.cache() / f"many-{count}"
    files = {f"zone{i:06d}.example.": base / str(i // PER_DIRECTORY) / f"{i:06d}.zone" for i in range(count)}
    if not (base / "complete").exists():
        for path in files.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(ZONE)
        (base / "complete").touch()
    return files


def spread(names: list[str]) -> list[str]:
    """Return zones from everywhere, the last one included."""
    return [*names[:: max(1, len(names) // PROBES)], names[-1]]


def start(name: str, files: Mapping[str, Path], storage: Path) -> AbstractContextManager[Peer]:
    """Start a contestant that is waited for by its probes."""
    if name == report.OURS:
        return contestants.ours(files, Place(), storage=storage, wait=False)
    start_peer = contestants.sockets((name,))[name]
    return partial(start_peer, probes=spread(list(files)))(files, Place())  # type: ignore[call-arg]


def add_zone(name: str, peer: Peer, path: Path) -> float:
    """Add one zone to the configuration of a running server; return the seconds until it is answered."""
    file, text = CONFIGS[name]
    with (peer.directory / file).open("a") as config:
        config.write(text.format(name=ADDED, path=path))
    begin = time.monotonic()
    peer.process.send_signal(signal.SIGHUP)
    peers.wait(peer, [ADDED], None, contestants.START_TIMEOUT_S)
    return time.monotonic() - begin


def measure(name: str, files: Mapping[str, Path]) -> dict[str, float]:
    """Start one server on all zones, measure, add a zone, start it again."""
    with tempfile.TemporaryDirectory(prefix="bench-many-") as directory:
        storage = Path(directory)
        times = []
        for restarted in (False, True):
            begin = time.monotonic()
            with start(name, files, storage) as peer:
                peers.wait(peer, spread(list(files)), None, contestants.START_TIMEOUT_S)
                times.append(time.monotonic() - begin)
                if not restarted:
                    used = load.memory(peer, f"{directory}/store/")
                    reloaded = add_zone(name, peer, next(iter(files.values()))) if name in CONFIGS else 0.0
        return {"load s": times[0], "restart s": times[1], "MB": used / 1e6, "one more zone s": reloaded}


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description="Compare loading many small zones.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} zones")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each server loads (default: %(default)s)")
    arguments = parser.parse_args()
    files = zone_files(QUICK if arguments.quick else FULL)
    load.compile_packages()
    results: dict[str, list[dict[str, float]]] = {}
    for _ in range(arguments.rounds):
        for name in contestants.sockets():
            results.setdefault(name, []).append(measure(name, files))
    print(report.machine())
    report.compare(f"{len(files)} zones of 8 records", results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
