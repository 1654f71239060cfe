# SPDX-License-Identifier: Apache-2.0
"""The control socket under load: one record changed in a large zone, commits per second, reading a whole zone.

Both servers are driven by the same client over their control sockets. The zone file is never written
(zonefile-sync -1) and changes go to the journal; both wait for the disk at each commit.
"""

import argparse
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from bench import contestants, load, many, report, zones
from bench.update import answered
from control.ctl.unit import Decoder, Kind, Unit, encode
from tests.support import peers
from tests.support.peers import Peer, Place

CONTESTANTS = (report.OURS, "knot")
EDITS = 50
CLIENTS = 4
ZONES_AT_ONCE = 16
COMMITS = 2_000
COMMITS_QUICK = 40
SMALL_ZONES = 64
TIMEOUT_S = 120.0
RECEIVE_BYTES = 1 << 16
SETTINGS = "template:\n  - id: default\n    zonefile-sync: -1\n    journal-content: changes\n"


class Control:
    """One connection to a control socket."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(path))
        self.decoder = Decoder(1 << 40)

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *exc: object) -> None:
        self.sock.sendall(bytes((Kind.END,)))
        self.sock.close()

    def run(self, command: str, **items: str) -> int:
        """Run a command and return how many units it answered; RuntimeError when one is an error."""
        return self.run_all(command, [items])

    def run_all(self, command: str, operands: Iterable[dict[str, str]]) -> int:
        """Do the same with several operands in one block."""
        block = b"".join(encode(Kind.DATA, Unit(command, "", **items)) for items in operands)
        self.sock.sendall(block + bytes((Kind.BLOCK,)))
        units = 0
        while True:
            octets = self.sock.recv(RECEIVE_BYTES)
            if not octets:
                raise RuntimeError(f"{command}: the server has closed the connection")
            for kind, unit in self.decoder.feed(octets):
                if unit.error is not None:
                    raise RuntimeError(f"{command}: {unit.error} {unit.zone}")
                if kind == Kind.BLOCK:
                    return units
                units += 1

    def replace_address(self, zone: str, owner: str, address: str) -> None:
        """Change one record in a transaction of its own."""
        self.run("zone-begin", zone=zone)
        self.run("zone-unset", zone=zone, owner=owner, type="A")
        self.run("zone-set", zone=zone, owner=owner, ttl="300", type="A", data=address)
        self.run("zone-commit", zone=zone)

    def replace_addresses(self, zones: list[str], owner: str, address: str) -> None:
        """Do that in several zones: each command names all of them, and each zone gets a serial of its own."""
        named = [{"zone": zone} for zone in zones]
        self.run_all("zone-begin", named)
        self.run_all("zone-unset", [{**item, "owner": owner, "type": "A"} for item in named])
        record = {"owner": owner, "ttl": "300", "type": "A", "data": address}
        self.run_all("zone-set", [{**item, **record} for item in named])
        self.run_all("zone-commit", named)


@contextmanager
def started(name: str, files: dict[str, Path], storage: Path) -> Iterator[tuple[Peer, Path]]:
    """Run a contestant on zones; give it and its control socket once it answers for all of them."""
    if name == report.OURS:
        context = contestants.ours(files, Place(), storage=storage, wait=False, extra=SETTINGS)
        path = "knot.sock"
    else:
        context = partial(peers.knot, start_timeout_s=contestants.START_TIMEOUT_S, journal="changes")(files, Place())
        path = "control.sock"
    with context as peer:
        peers.wait(peer, list(files), None, contestants.START_TIMEOUT_S)
        yield peer, peer.directory / path


def edit_large(name: str, path: Path) -> dict[str, float]:
    """Change one record of the large zone again and again; then read the whole zone."""
    owner = "ns-update"
    seconds = []
    with (
        tempfile.TemporaryDirectory(prefix="bench-control-") as directory,
        started(name, {zones.ORIGIN: path}, Path(directory)) as (peer, sock),
        Control(sock) as control,
    ):
        for number in range(EDITS):
            address = f"192.0.2.{number + 1}"
            control.run("zone-begin", zone=zones.ORIGIN)
            if number:
                control.run("zone-unset", zone=zones.ORIGIN, owner=owner, type="A")
            control.run("zone-set", zone=zones.ORIGIN, owner=owner, ttl="300", type="A", data=address)
            begin = time.perf_counter()
            control.run("zone-commit", zone=zones.ORIGIN)
            while not answered(peer, address):
                pass
            seconds.append(time.perf_counter() - begin)
        before = load.memory(peer, f"{directory}/store/")
        begin = time.perf_counter()
        records = control.run("zone-read", zone=zones.ORIGIN)
        read = time.perf_counter() - begin
        grown = load.memory(peer, f"{directory}/store/") - before
    return {
        "commit ms": median(seconds) * 1000,
        "slowest ms": max(seconds) * 1000,
        "read records/s": records / read,
        "memory after reading MB": grown / 1e6,
    }


def commit_small(name: str, files: dict[str, Path], commits: int) -> dict[str, float]:
    """Let several clients change zones of their own; return the commits per second of all, and of one alone."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-control-") as directory,
        started(name, files, Path(directory)) as (_, sock),
    ):
        with Control(sock) as control:
            begin = time.perf_counter()
            work(control, list(files), commits // 4, 1)
            alone = commits // 4 / (time.perf_counter() - begin)
            begin = time.perf_counter()
            names, rounds = list(files)[:ZONES_AT_ONCE], commits // ZONES_AT_ONCE
            for number in range(rounds):
                control.replace_addresses(names, "www", f"10.0.{number >> 8}.{number & 255}")
            grouped = rounds * len(names) / (time.perf_counter() - begin)
        begin = time.perf_counter()
        done = in_parallel(sock, list(files), commits // CLIENTS)
        together = done / (time.perf_counter() - begin)
    return {
        "commits/s, one client": alone,
        f"commits/s, {CLIENTS} clients": together,
        f"commits/s, one client, {ZONES_AT_ONCE} zones in each command": grouped,
    }


def in_parallel(sock: Path, names: list[str], commits: int) -> int:
    """Run `CLIENTS` clients of `commits` commits each; return how many commits were acknowledged."""
    done = []

    def client(number: int) -> None:
        with Control(sock) as control:
            done.append(work(control, names[number::CLIENTS], commits, number + 2))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(done)


def work(control: Control, names: list[str], commits: int, seed: int) -> int:
    """Make commits, going round the zones; return how many."""
    for number in range(commits):
        address = f"10.{seed}.{number >> 8 & 255}.{number & 255}"
        control.replace_address(names[number % len(names)], "www", address)
    return commits


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description="Compare work over the control socket.")
    parser.add_argument("--quick", action="store_true", help="small zones, few commits")
    quick = parser.parse_args().quick
    path, records = load.zone_file(load.QUICK if quick else load.FULL)
    files = dict(list(many.zone_files(many.QUICK).items())[:SMALL_ZONES])
    load.compile_packages()
    names = [name for name in CONTESTANTS if contestants.available(name)]
    large = {name: [edit_large(name, path)] for name in names}
    small = {name: [commit_small(name, files, COMMITS_QUICK if quick else COMMITS)] for name in names}
    print(report.machine())
    report.compare(f"One record changed in a zone of {records} records, and the zone read", large)
    report.compare(f"Transactions of one changed record in {SMALL_ZONES} small zones", small)
    return 0


if __name__ == "__main__":
    sys.exit(main())
