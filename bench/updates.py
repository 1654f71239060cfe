# SPDX-License-Identifier: Apache-2.0
"""Dynamic updates: clients with one TCP connection each, every update acknowledged once it is on disk.

Each update adds one name to the same zone. All servers keep a journal and wait for the disk before they acknowledge;
none writes the zone file meanwhile. What they wait for, by strace: BIND two `fsync` of its journal for each update,
whatever the number of clients; Knot and ours one `fdatasync` and one synchronous write of LMDB's meta page for each
commit, of which with 16 clients nearly every one carries out 12 updates or more. So one client is answered at the pace
of the disk by all, and with many clients what a flush of the disk costs decides how BIND compares.

What queries lose while updates go on is measured at a rate that is offered whatever the server does, well below what
any of them can answer: which of them are answered, and after what time. As many as the server can answer would measure
how the cores are shared with the clients of the updates, which run on the same machine.
"""

import argparse
import selectors
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from bench import contestants, generators, load, report
from tests.support import peers
from tests.support.peers import Peer, Place
from tests.support.updates import build

ZONE = "updates.example."
NAMES = 1000
CLIENTS = 16
UPDATES, UPDATES_QUICK = 3_000, 200
QUERY_SECONDS, QUERY_SECONDS_QUICK = 5, 2
ROUNDS = 2
QUERY_RATE = 5_000
"""Queries offered per second."""
TIMEOUT_S = 60.0
RULE = "acl:\n  - id: local\n    address: 127.0.0.1\n    action: update\n"
OURS = f"{RULE}template:\n  - id: default\n    zonefile-sync: -1\n    journal-content: changes\n    acl: local\n"
NAMED = "allow-update { any; };"


def write_zone(path: Path) -> None:
    """Write the zone."""
    lines = ["$TTL 3600", "@ SOA ns hostmaster 1 3600 600 86400 300", "@ NS ns", "ns A 192.0.2.1"]
    lines += [f"n{number} A 192.0.2.2" for number in range(NAMES)]
    path.write_text("\n".join(lines) + "\n")


def started(name: str, path: Path, storage: Path) -> AbstractContextManager[Peer]:
    """Run a contestant that takes updates from this host."""
    files = {ZONE: path}
    if name == report.OURS:
        return contestants.ours(files, Place(), storage=storage, extra=OURS)
    if name == "knot":
        return peers.knot(files, sections=RULE, template="    acl: local\n", journal="changes")
    return peers.named(files, zone_options=NAMED)


class Client:
    """One connection with one update outstanding."""

    def __init__(self, peer: Peer, number: int, run: int) -> None:
        self.socket = socket.create_connection((peer.address, peer.port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._messages = self._make(number, run)

    def _make(self, number: int, run: int) -> Iterator[bytes]:
        label = f"u{run:02}-{number:02}-000000"
        message = build(ZONE, (), (f"{label} 60 IN A 192.0.2.3",))
        at = message.index(b"000000")
        framed = len(message).to_bytes(2, "big") + message
        for step in range(1_000_000):
            yield framed[: at + 2] + b"%06d" % step + framed[at + 8 :]

    def send(self) -> None:
        """Send the next update."""
        self.socket.sendall(next(self._messages))

    def receive(self) -> None:
        """Take the reply; RuntimeError when it is not NOERROR."""
        reply = self.socket.recv(4096)
        while len(reply) < 2 + int.from_bytes(reply[:2], "big"):
            more = self.socket.recv(4096)
            if not more:
                raise RuntimeError("the server closed the connection")
            reply += more
        if reply[5] & 0xF:
            raise RuntimeError(f"an update was answered with RCODE {reply[5] & 0xF}")


def run_updates(peer: Peer, clients: int, enough: "Stop", run: int) -> float:
    """Send updates until there are enough; return acknowledged ones per second."""
    selector = selectors.DefaultSelector()
    connections = [Client(peer, number, run) for number in range(clients)]
    begin = time.perf_counter()
    for client in connections:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.send()
    done = 0
    while not enough(done):
        for key, _ in selector.select(TIMEOUT_S):
            key.data.receive()
            done += 1
            key.data.send()
    rate = done / (time.perf_counter() - begin)
    for client in connections:
        client.receive()
        client.socket.close()
    return rate


class Stop:
    """Tells when to stop: after a number of updates, or when it is set."""

    def __init__(self, count: int | None = None) -> None:
        self.count, self.is_set = count, False

    def __call__(self, done: int) -> bool:
        return self.is_set or (self.count is not None and done >= self.count)


def queries_under_updates(peer: Peer, questions: Path, seconds: int, run: int) -> tuple[generators.Load, float]:
    """Send queries while updates go on; return what became of the queries, and the updates per second."""
    stop = Stop()
    rates: list[float] = []
    updater = threading.Thread(target=lambda: rates.append(run_updates(peer, CLIENTS, stop, run)))
    updater.start()
    try:
        load = generators.dnsperf_at(peer, questions, QUERY_RATE, seconds)
    finally:
        stop.is_set = True
        updater.join()
    return load, rates[0]


def measure(name: str, quick: bool) -> dict[str, float]:
    """Measure one contestant."""
    updates, seconds = (UPDATES_QUICK, QUERY_SECONDS_QUICK) if quick else (UPDATES, QUERY_SECONDS)
    with tempfile.TemporaryDirectory(prefix="bench-updates-") as directory:
        path, questions = Path(directory) / "zone", Path(directory) / "questions"
        write_zone(path)
        questions.write_text("".join(f"n{number}.{ZONE} A\n" for number in range(NAMES)))
        with started(name, path, Path(directory) / "storage") as peer:
            alone = run_updates(peer, 1, Stop(updates // 20), 1)
            together = run_updates(peer, CLIENTS, Stop(updates), 2)
            quiet = generators.dnsperf_at(peer, questions, QUERY_RATE, seconds)
            busy, meanwhile = queries_under_updates(peer, questions, seconds, 3)
    return {
        f"updates/s, {CLIENTS} clients": together,
        "updates/s, one client": alone,
        f"% of {QUERY_RATE} queries/s": 100 * quiet.replies / quiet.sent,
        "latency us": quiet.latency_us,
        "under updates: %": 100 * busy.replies / busy.sent,
        "under updates: us": busy.latency_us,
        "meanwhile updates/s": meanwhile,
    }


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description="Compare dynamic updates.")
    parser.add_argument("--quick", action="store_true", help="few updates, one round")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each is measured (default: %(default)s)")
    arguments = parser.parse_args()
    load.compile_packages()
    results: dict[str, list[dict[str, float]]] = {}
    for _ in range(1 if arguments.quick else arguments.rounds):
        for name in filter(contestants.available, (report.OURS, "knot", "named")):
            results.setdefault(name, []).append(measure(name, arguments.quick))
    print(report.machine())
    report.compare(f"Updates of one record each in a zone of {NAMES} names", results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
