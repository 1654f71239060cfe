# SPDX-License-Identifier: Apache-2.0
"""Incoming transfers: a large zone from the start of a secondary to its first answer, and one change of that zone.

The primary is knotd for all, on the client's core. Secondaries take turns, each alone, so that what else the machine
does meets them alike. A change is counted from the NOTIFY, which this program sends, to the first answer with it.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import dns.flags
import dns.message
import dns.opcode

from bench import contestants, mix, report, zones
from bench.generators import NoMeasurement
from tests.support import peers
from tests.support.peers import Peer, Place

FULL, QUICK = 1_000_000, 5_000
ROUNDS, CHANGES, QUICK_CHANGES = 2, 50, 5
TIMEOUT_S = 300.0
CHANGE_TIMEOUT_S = 20.0
PAUSE_S = 1.2
"""Between changes: what servers hold back after a NOTIFY is not what is measured."""
ANSWER_S = 0.5
PROBE_PAUSE_S = 0.0005
ZONE = zones.ORIGIN


def knot_text(directory: Path, place: Place, zone: str) -> str:
    """Return the configuration that knotd and xdpdnsd have in common; `zone` is what the zone has."""
    return (
        f"server:\n  rundir: {directory}\n  listen: {place.address}@{place.port}\n  udp-workers: 1\n"
        f"database:\n  storage: {directory}/db\n  journal-db-max-size: 1G\n"
        f"log:\n  - target: stderr\n    any: info\n"
        f"acl:\n  - id: all\n    address: 127.0.0.0/8\n    action: [transfer, notify]\n{zone}"
    )


@contextmanager
def primary(file: Path, directory: Path) -> Iterator[Peer]:
    """Run knotd as the primary."""
    place = Place(cpus=str(contestants.CLIENT_CPU)).settled()
    directory.mkdir()
    (directory / "db").mkdir()
    text = (
        f"zone:\n  - domain: {ZONE}\n    file: {file}\n    zonefile-sync: -1\n    acl: all\n    semantic-checks: off\n"
    )
    (directory / "knot.conf").write_text(
        knot_text(directory, place, text) + f"control:\n  listen: {directory}/control\n"
    )
    with peers._run("knot", ["knotd", "-c", str(directory / "knot.conf")], place, directory) as peer:
        peers.wait(peer, [ZONE], None, TIMEOUT_S)
        yield peer


def change(peer: Peer, number: int) -> None:
    """Change one record of the primary's zone."""
    for words in (
        ("zone-begin", ZONE),
        ("zone-unset", ZONE, "changing", "A"),
        ("zone-set", ZONE, "changing", "60", "A", f"192.0.2.{number % 256}"),
        ("zone-commit", ZONE),
    ):
        done = subprocess.run(["knotc", "-s", f"{peer.directory}/control", *words], capture_output=True, text=True)
        if done.returncode and words[0] != "zone-unset":
            raise NoMeasurement(f"knotc {' '.join(words)}: {done.stdout}{done.stderr}")


@contextmanager
def secondary(name: str, source: Peer) -> Iterator[Peer]:
    """Start a secondary that has nothing yet, on the server's core."""
    place = Place(cpus=str(contestants.SERVER_CPU)).settled()
    with tempfile.TemporaryDirectory(prefix="bench-secondary-", ignore_cleanup_errors=True) as text:
        directory = Path(text)
        (directory / "db").mkdir()
        if name == "nsd":
            with peers._run(name, nsd(place, source, directory), place, directory) as peer:
                yield peer
            return
        zone = (
            f"remote:\n  - id: primary\n    address: {source.address}@{source.port}\n"
            f"zone:\n  - domain: {ZONE}\n    file: {directory}/zone\n    master: primary\n    zonefile-sync: -1\n"
            f"    acl: all\n"
        )
        config = directory / "knot.conf"
        config.write_text(knot_text(directory, place, zone))
        if name == "knot":
            with peers._run(name, ["knotd", "-c", str(config)], place, directory) as peer:
                yield peer
            return
        with (directory / "log").open("wb") as log:
            process = subprocess.Popen(
                place.wrap([str(contestants.DAEMON), "-c", str(config)]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        own = contestants.Daemon(report.OURS, place.address, place.port, directory, process)
        try:
            yield own
        finally:
            peers.stop(own)


def nsd(place: Place, source: Peer, directory: Path) -> list[str]:
    """Return the command that runs nsd."""
    lines = [
        "server:", f"ip-address: {place.address}@{place.port}", f"port: {place.port}", "server-count: 1",
        'username: ""', 'chroot: ""', 'database: ""', f'zonesdir: "{directory}"', f'xfrdir: "{directory}"',
        f'pidfile: "{directory}/pid"', f'zonelistfile: "{directory}/zone.list"', f'xfrdfile: "{directory}/xfrd"',
        f'cookie-secret-file: "{directory}/cookies"', "verbosity: 1", "xfrd-reload-timeout: 0",
        "remote-control:", "control-enable: no", "zone:", f'name: "{ZONE}"', f'zonefile: "{directory}/zone"',
        "allow-notify: 127.0.0.0/8 NOKEY", f"request-xfr: {source.address}@{source.port} NOKEY",
    ]  # fmt: skip
    (directory / "nsd.conf").write_text("\n".join(lines) + "\n")
    return ["nsd", "-d", "-c", str(directory / "nsd.conf")]


def serial_at(sock: socket.socket, query: bytes) -> int | None:
    """Return the serial that a server answers; None when it has no answer."""
    try:
        sock.send(query)
        reply = dns.message.from_wire(sock.recv(65535))
    except OSError:
        return None
    return int(reply.answer[0][0].serial) if reply.answer else None


def ask(peer: Peer) -> socket.socket:
    """Return a socket that asks a server."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(ANSWER_S)
    sock.connect((peer.address, peer.port))
    return sock


def time_change(peer: Peer, serial: int) -> float:
    """Tell a secondary of a change; return the seconds to the first answer with it."""
    notify = dns.message.make_query(ZONE, "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    notify.flags = dns.flags.AA | dns.opcode.to_flags(dns.opcode.NOTIFY)
    query = dns.message.make_query(ZONE, "SOA").to_wire()
    with ask(peer) as sock, ask(peer) as teller:
        begin = time.monotonic()
        teller.send(notify.to_wire())
        while serial_at(sock, query) != serial:
            if time.monotonic() - begin > CHANGE_TIMEOUT_S:
                raise NoMeasurement(f"{peer.name}: serial {serial} is not answered\n{peer.log[-1500:]}")
            time.sleep(PROBE_PAUSE_S)
        return time.monotonic() - begin


def time_changes(peer: Peer, source: Peer, count: int) -> dict[str, float]:
    """Measure changes one after the other."""
    query = dns.message.make_query(ZONE, "SOA").to_wire()
    taken = []
    before = sum(peer.cpu_seconds())
    for number in range(count):
        time.sleep(PAUSE_S)
        change(source, number)
        with ask(source) as sock:
            serial = serial_at(sock, query)
        assert serial is not None
        taken.append(time_change(peer, serial))
    spent = sum(peer.cpu_seconds()) - before
    return {"median ms": median(taken) * 1e3, "worst ms": max(taken) * 1e3, "CPU ms each": spent / count * 1e3}


def measure(name: str, source: Peer, changes: int) -> tuple[dict[str, float], dict[str, float]]:
    """Let a secondary transfer the zone, and then follow changes."""
    begin = time.monotonic()
    with secondary(name, source) as peer:
        peers.wait(peer, [ZONE], None, TIMEOUT_S)
        whole = {"s": time.monotonic() - begin, "CPU s": sum(peer.cpu_seconds())}
        return whole, time_changes(peer, source, changes)


def main() -> int:
    """Read the command line, start the primary, measure in turn, print."""
    parser = argparse.ArgumentParser(description="Compare incoming transfers.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} delegations, {QUICK_CHANGES} changes")
    parser.add_argument("--count", type=int, default=FULL, help="delegations (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each server (default: %(default)s)")
    parser.add_argument("--changes", type=int, default=CHANGES, help="in each round (default: %(default)s)")
    arguments = parser.parse_args()
    count = QUICK if arguments.quick else arguments.count
    changes = QUICK_CHANGES if arguments.quick else arguments.changes
    file = mix.cache() / f"transfer-{count}.zone"
    if not file.exists():
        zones.write_delegations(file, count)
    os.sched_setaffinity(0, {contestants.CLIENT_CPU})
    wholes: dict[str, list[dict[str, float]]] = {}
    followed: dict[str, list[dict[str, float]]] = {}
    names = [report.OURS, *(name for name in ("knot", "nsd") if peers.missing(name) is None)]
    with (
        tempfile.TemporaryDirectory(prefix="bench-primary-") as directory,
        primary(file, Path(directory) / "knot") as source,
    ):
        for _ in range(arguments.rounds):
            for name in names:
                whole, change_ = measure(name, source, changes)
                wholes.setdefault(name, []).append(whole)
                followed.setdefault(name, []).append(change_)
    print(report.machine())
    report.compare(f"AXFR of {count} delegations, from the start of the secondary to its first answer", wholes)
    report.compare(f"IXFR of one change in {count} delegations, from the NOTIFY to the first answer with it", followed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
