# SPDX-License-Identifier: Apache-2.0
"""Zone load: from process start to the first answer, restart with an unchanged zone, and memory per record.

The zone is a registry's: delegations with two NS records each. Memory is the proportional set size of all of a
server's processes, without the page cache of our store, which the kernel takes back when it needs it.
"""

import argparse
import compileall
import socket
import sys
import tempfile
import time
from pathlib import Path

import dns.message

import control
import pyxdp_dns
from bench import contestants, mix, report, zones
from bench.contestants import START_TIMEOUT_S
from tests.support.peers import Peer, Place

FULL = 1_000_000
QUICK = 5_000
ROUNDS = 2
SETTLE_S = 2.0
PROBE_S = 0.002


def zone_file(count: int) -> tuple[Path, int]:
    """Return a zone of `count` delegations, kept between runs, and the number of its records."""
    path = mix.cache() / f"delegations-{count}.zone"
    counted = path.with_suffix(".records")
    if not counted.exists():
        counted.write_text(str(zones.write_delegations(path, count)))
    return path, int(counted.read_text())


def first_answer(peer: Peer) -> None:
    """Return when the server answers for the zone; TimeoutError with its log when it does not in time."""
    query = dns.message.make_query(zones.ORIGIN, "SOA", id=0).to_wire()
    deadline = time.monotonic() + START_TIMEOUT_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((peer.address, peer.port))
        sock.settimeout(PROBE_S)
        while time.monotonic() < deadline:
            try:
                sock.send(query)
                reply = sock.recv(512)
            except OSError:
                time.sleep(PROBE_S)
                continue
            if reply[3] & 0x0F == 0 and reply[2] & 0x04:
                return
    raise TimeoutError(f"{peer.name} does not answer: {peer.log[-1500:]}")


def resident_bytes(pid: int, without: str | None) -> int:
    """Return the proportional set size of a process, leaving out files whose path contains `without`."""
    total, counted = 0, True
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        words = line.split()
        if "-" in words[0] and not words[0].endswith(":"):
            counted = without is None or without not in line
        elif words[0] == "Pss:" and counted:
            total += int(words[1]) * 1024
    return total


def memory(peer: Peer, without: str | None = None) -> int:
    """Return the memory of all processes of a server, in bytes, once it is at rest."""
    time.sleep(SETTLE_S)
    return sum(resident_bytes(pid, without) for pid in peer.pids())


def measure_peer(name: str, path: Path, records: int) -> dict[str, float]:
    """Load the zone into a peer."""
    begin = time.monotonic()
    with contestants.sockets((name,))[name]({zones.ORIGIN: path}, Place()) as peer:
        loaded = time.monotonic() - begin
        return {"load s": loaded, "bytes/record": memory(peer) / records}


def compile_packages() -> None:
    """Store the byte code of our packages, as an installation does: compiling them at each start takes 50 ms."""
    for package in (control, pyxdp_dns):
        compileall.compile_dir(package.__path__[0], quiet=1)


def measure_ours(path: Path, records: int) -> tuple[dict[str, float], float]:
    """Load the zone into ours, then start it again on the same store; return the measures and the restart's seconds."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as directory:
        seconds = []
        for _ in range(2):
            begin = time.monotonic()
            with contestants.ours({zones.ORIGIN: path}, Place(), storage=Path(directory), wait=False) as peer:
                first_answer(peer)
                seconds.append(time.monotonic() - begin)
                if len(seconds) == 1:
                    used = memory(peer, f"{directory}/store/")
        return {"load s": seconds[0], "bytes/record": used / records}, seconds[1]


def main() -> int:
    """Read the command line, load in turn, print."""
    parser = argparse.ArgumentParser(description="Compare loading a zone of many delegations.")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} names, one round")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="how often each server loads (default: %(default)s)")
    arguments = parser.parse_args()
    names, rounds = (QUICK, 1) if arguments.quick else (FULL, arguments.rounds)
    path, records = zone_file(names)
    compile_packages()
    results: dict[str, list[dict[str, float]]] = {}
    restarts = []
    for _ in range(rounds):
        for name in contestants.sockets():
            if name == report.OURS:
                done, restart = measure_ours(path, records)
                restarts.append(restart)
            else:
                done = measure_peer(name, path, records)
            results.setdefault(name, []).append(done)
    print(report.machine())
    report.compare(f"Zone of {names} delegations, {records} records", results)
    if restarts:
        print(f"Restart with the zone unchanged, start to first answer: {min(restarts) * 1000:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
