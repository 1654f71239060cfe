# SPDX-License-Identifier: Apache-2.0
"""A catalog of many small zones and those who follow it: from start to the last answer, one member more, restart.

Every primary has the zones and the catalog. A consumer starts with nothing, transfers the catalog and every member, and
is ready when it answers for all of them. Then the catalog gets one member more and the consumer is told to refresh it.
At last it is stopped and started again on what it has stored.
"""

import argparse
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import dns.message
import dns.query

from bench import contestants, load, many, report
from tests.support import peers
from tests.support.peers import Peer, Place

FULL, QUICK = 10_000, 300
CATALOG = "catalog.example."
PRIMARIES = ("knot", "named", report.OURS)
CONSUMERS = (report.OURS, "knot")
PROBE_S, PAUSE_S = 0.2, 0.01
HEAD = '@ 0 SOA invalid. invalid. {serial} 3600 600 2147483646 0\n@ 0 NS invalid.\nversion 0 TXT "2"\n'
RULES = """\
acl:
  - id: clients
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    acl: clients
    zonefile-sync: -1
"""
"""Zone files are shared with the other servers, and the catalog is edited there."""
TOOL = Path(sys.executable).parent / "xdpdnsctl"


def write_catalog(path: Path, zones: Iterable[str], serial: int) -> None:
    """Write the catalog of some zones."""
    members = (f"u{number}.zones 0 PTR {zone}\n" for number, zone in enumerate(zones))
    path.write_text(HEAD.format(serial=serial) + "".join(members))


def start_primary(name: str, files: Mapping[str, Path]) -> AbstractContextManager[Peer]:
    """Start a server that has all zones and lets them be transferred."""
    if name == report.OURS:
        return contestants.ours(files, Place(), extra=RULES)
    more = {"named": {"options": "allow-transfer { any; }; transfers-out 1000;"}}.get(name, {"transfers": True})
    return partial(contestants.sockets((name,))[name], **more)(files, Place())


def consumer_text(primary: int, storage: Path) -> tuple[str, str]:
    """Return the sections before `zone`, and the zones, of a server that follows the catalog; Knot reads them too."""
    sections = (
        f"remote:\n  - id: primary\n    address: 127.0.0.1@{primary}\n"
        f"template:\n  - id: default\n    storage: {storage}\n"
        f"  - id: member\n    storage: {storage}\n    master: primary\n"
    )
    zones = f"  - domain: {CATALOG}\n    master: primary\n    catalog-role: interpret\n    catalog-template: member\n"
    return sections, zones


def start_consumer(name: str, primary: int, storage: Path) -> AbstractContextManager[Peer]:
    """Start a server that follows the catalog; nothing is waited for."""
    sections, zones = consumer_text(primary, storage)
    if name == report.OURS:
        return contestants.ours({}, Place(), storage=storage, wait=False, extra=sections, more_zones=zones)

    def write(directory: Path, place: Place) -> str:
        return (
            f"server:\n    rundir: {directory}\n    listen: {place.address}@{place.port}\n    udp-workers: 1\n"
            f"control:\n    listen: {directory}/knot.sock\nlog:\n  - target: stderr\n    any: info\n"
            f"database:\n    storage: {storage}\n{sections}zone:\n{zones}"
        )

    return peers.configured(name, write, Place())


def last_answer(peer: Peer, zones: Iterable[str]) -> None:
    """Return when the server answers for every zone. Raises PeerFailed."""
    deadline = time.monotonic() + contestants.START_TIMEOUT_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(PROBE_S)
        sock.connect((peer.address, peer.port))
        for number, query in enumerate(zones_queries(zones)):
            while not has_answer(sock, query):
                if peer.process.poll() is not None or time.monotonic() > deadline:
                    raise peer.failed(f"does not answer for zone {number} of the catalog")
                time.sleep(PAUSE_S)


def zones_queries(zones: Iterable[str]) -> list[bytes]:
    """Return an SOA query for each zone, with ids of their own."""
    return [dns.message.make_query(zone, "SOA", id=number & 0xFFFF).to_wire() for number, zone in enumerate(zones)]


def has_answer(sock: socket.socket, query: bytes) -> bool:
    """Ask once; tell whether the answer is of a zone with contents."""
    try:
        sock.send(query)
        reply = sock.recv(4096)
        while reply[:2] != query[:2]:
            reply = sock.recv(4096)
    except OSError:
        return False
    return reply[2] & 4 != 0 and reply[3] & 15 == 0


def refresh(peer: Peer) -> None:
    """Have the consumer look at the catalog now."""
    words = [str(TOOL)] if peer.name == report.OURS else ["knotc"]
    subprocess.run(
        [*words, "-s", str(peer.directory / "knot.sock"), "zone-refresh", CATALOG], check=True, capture_output=True
    )


def reload_primary(peer: Peer) -> None:
    """Have the primary read its zone files again, and wait for the new catalog."""
    if peer.name == "knot":
        command = ["knotc", "-s", str(peer.directory / "control.sock"), "-b", "zone-reload", CATALOG]
    elif peer.name == report.OURS:
        command = [str(TOOL), "-s", str(peer.directory / "knot.sock"), "-b", "zone-reload", CATALOG]
    else:
        command = ["kill", "-HUP", str(peer.process.pid)]
    subprocess.run(command, check=True, capture_output=True)
    query = dns.message.make_query(CATALOG, "SOA")
    deadline = time.monotonic() + contestants.START_TIMEOUT_S
    while peer.name == "named" and time.monotonic() < deadline:
        answer = dns.query.tcp(query, peer.address, port=peer.port, timeout=5).answer
        if answer and answer[0][0].serial > 1:
            return
        time.sleep(PAUSE_S)


def measure(name: str, primary: Peer, catalog: Path, zones: list[str]) -> dict[str, float]:
    """Let a consumer with an empty store follow the catalog; the last zone becomes a member later."""
    members, added = zones[:-1], zones[-1]
    results: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-catalog-") as directory:
        storage = Path(directory)
        begin = time.monotonic()
        with start_consumer(name, primary.port, storage) as peer:
            last_answer(peer, [members[0]])
            results["first s"] = time.monotonic() - begin
            last_answer(peer, members)
            results["last s"] = time.monotonic() - begin
            results["CPU s"] = sum(peer.cpu_seconds())
            results["MB"] = load.memory(peer, f"{directory}/store/") / 1e6
            write_catalog(catalog, zones, 2)
            reload_primary(primary)
            begin = time.monotonic()
            refresh(peer)
            last_answer(peer, [added])
            results["one more s"] = time.monotonic() - begin
        begin = time.monotonic()
        with start_consumer(name, primary.port, storage) as peer:
            last_answer(peer, zones)
            results["restart s"] = time.monotonic() - begin
    return results


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description="Compare servers that follow a catalog zone.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} members")
    parser.add_argument("--count", type=int, default=FULL, help="members (default: %(default)s)")
    parser.add_argument("--primaries", nargs="*", default=PRIMARIES, choices=PRIMARIES, help="which (default: all)")
    parser.add_argument("--consumers", nargs="*", default=CONSUMERS, choices=CONSUMERS, help="which (default: all)")
    arguments = parser.parse_args()
    files = dict(many.zone_files((QUICK if arguments.quick else arguments.count) + 1))
    zones = list(files)
    load.compile_packages()
    print(report.machine())
    for name in filter(contestants.available, arguments.primaries):
        results: dict[str, list[dict[str, float]]] = {}
        for consumer in filter(contestants.available, arguments.consumers):
            with tempfile.TemporaryDirectory(prefix="bench-catalog-") as directory:
                catalog = Path(directory) / "catalog.zone"
                write_catalog(catalog, zones[:-1], 1)
                with start_primary(name, {**files, CATALOG: catalog}) as primary:
                    results[consumer] = [measure(consumer, primary, catalog, zones)]
        report.compare(f"a catalog of {len(zones)} zones at {name}", results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
