# SPDX-License-Identifier: Apache-2.0
"""AXFR of a large zone to a receiver that only counts: seconds, records per second, CPU time of the server.

The receiver is the same for all, on the client's core, and the servers take turns, so that what else the machine does
meets them alike.
"""

import argparse
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench import contestants, mix, report, zones
from bench.generators import NoMeasurement
from tests.support.peers import Peer, Place

FULL, QUICK = 1_000_000, 5_000
ROUNDS = 3
BUFFER_BYTES = 1 << 20
TIMEOUT_S = 120
SLOW_S = 10
"""A server whose first transfer takes longer is not measured again."""
HEADER_BYTES = 12
RULES = """\
acl:
  - id: clients
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    acl: clients
"""


class Received(NamedTuple):
    """What came, and in how many seconds."""

    seconds: float
    messages: int
    records: int
    octets: int


def messages_of(sock: socket.socket) -> Iterator[tuple[int, int]]:
    """Yield octets and number of answers of each message that comes."""
    buffer = bytearray(BUFFER_BYTES)
    view, have = memoryview(buffer), 0
    while received := sock.recv_into(view[have:]):
        have += received
        at = 0
        while have - at >= 2 + HEADER_BYTES:
            end = at + 2 + (buffer[at] << 8 | buffer[at + 1])
            if end > have:
                break
            yield end - at, buffer[at + 8] << 8 | buffer[at + 9]
            at = end
        view[: have - at] = view[at:have]
        have -= at


def receive(peer: Peer, zone: str, expected: int) -> Received:
    """Transfer the zone of so many records, the last SOA included; NoMeasurement when others come."""
    question = b"".join(bytes((len(label),)) + label.encode() for label in zone.split(".")) + b"\0\xfc\0\1"
    query = b"\0\1\0\0\0\1\0\0\0\0\0\0" + question
    messages = records = octets = 0
    with socket.create_connection((peer.address, peer.port), TIMEOUT_S) as sock:
        begin = time.monotonic()
        sock.sendall(len(query).to_bytes(2, "big") + query)
        for size, answers in messages_of(sock):
            messages, records, octets = messages + 1, records + answers, octets + size
            if records >= expected:
                break
        seconds = time.monotonic() - begin
    if records != expected:
        raise NoMeasurement(f"{peer.name}: {records} records of {expected}\n{peer.log[-1500:]}")
    return Received(seconds, messages, records, octets)


def start(name: str, files: Mapping[str, Path]) -> AbstractContextManager[Peer]:
    """Start a contestant that lets the receiver transfer its zone, on the server's core."""
    place = Place(cpus=str(contestants.SERVER_CPU))
    if name == report.OURS:
        return contestants.ours(files, place, extra=RULES)
    more = {"named": {"options": "allow-transfer { any; };"}}.get(name, {"transfers": True})
    return partial(contestants.sockets((name,))[name], **more)(files, place)


def measure(peer: Peer, expected: int) -> dict[str, float]:
    """Transfer once."""
    before = peer.cpu_seconds()
    got = receive(peer, zones.ORIGIN, expected)
    spent = sum(peer.cpu_seconds()) - sum(before)
    return {
        "s": got.seconds,
        "records/s": got.records / got.seconds,
        "CPU s": spent,
        "messages": got.messages,
        "MB": got.octets / 1e6,
    }


def main() -> int:
    """Read the command line, start all servers, measure in turn, print."""
    parser = argparse.ArgumentParser(description="Compare outgoing transfers.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} delegations")
    parser.add_argument("--count", type=int, default=FULL, help="delegations (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="transfers of each server (default: %(default)s)")
    arguments = parser.parse_args()
    count = QUICK if arguments.quick else arguments.count
    file = mix.cache() / f"transfer-{count}.zone"
    if not file.exists():
        zones.write_delegations(file, count)
    with file.open("rb") as lines:
        expected = sum(1 for _ in lines) + 1
    os.sched_setaffinity(0, {contestants.CLIENT_CPU})
    results: dict[str, list[dict[str, float]]] = {}
    with ExitStack() as running:
        servers = {}
        for name in contestants.sockets():
            begin = time.monotonic()
            servers[name] = running.enter_context(start(name, {zones.ORIGIN: file}))
            print(f"{name} answers after {time.monotonic() - begin:.1f} s", file=sys.stderr)
        for _ in range(arguments.rounds):
            for name, peer in servers.items():
                if name in results and results[name][0]["s"] > SLOW_S:
                    continue
                results.setdefault(name, []).append(measure(peer, expected))
    print(report.machine())
    report.compare(f"AXFR of {expected} records", results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
