# SPDX-License-Identifier: Apache-2.0
"""One name changed in a large zone: how long until it is answered from the table, and after a reload of the file.

The first is one transaction of the table: begin, update the owner, commit, answer. The second is a zone file with one
changed record and SIGHUP, which every server has to read anew.
"""

import argparse
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import dns.message
import dns.name

from bench import contestants, load, report, zones
from bench.instructions import DRIVER, ROOT
from pyxdp_dns.table import Responder, Table, Transport
from tests.support.peers import Peer, Place

UPDATES = 200
PAUSE_S = 0.002
NAME = dns.name.from_text(f"ns-update.{zones.ORIGIN}")
ADDRESS = "192.0.2.{}"


def store_key(name: dns.name.Name, rdtype: int) -> bytes:
    """Return the store key of a name whose labels need no escapes (csrc/pairs.h), in zone 0."""
    owner = b"".join(label + b"\0" for label in reversed(name.labels[:-1]))
    return bytes(4) + owner + b"\0" + struct.pack("!H", rdtype)


def update_table(path: Path) -> list[float]:
    """Change one address again and again in the table at `path`; return the seconds until each was answered."""
    apex, owner = dns.name.from_text(zones.ORIGIN).to_digestable(), NAME.to_digestable()
    query = dns.message.make_query(NAME, "A", id=1).to_wire()
    seconds = []
    with Table.open_writer(path) as table, Responder(table) as responder:
        for number in range(UPDATES):
            address = bytes((10, 0, number >> 8, number & 255))
            value = struct.pack("!IHH", 300, 1, 4) + address
            begin = time.perf_counter()
            with table.transaction() as txn:
                txn.update_owner(apex, number + 2, owner, [(store_key(NAME, 1), value)])
            responder.enter()
            reply = responder.answer(Transport.UDP4, query)
            seconds.append(time.perf_counter() - begin)
            assert reply.data.endswith(address), "the answer is not the new one"
    return seconds


def answered(peer: Peer, address: str) -> bool:
    """Return whether the server answers the changed name with the address."""
    query = dns.message.make_query(NAME, "A", id=2).to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1.0)
        sock.connect((peer.address, peer.port))
        try:
            sock.send(query)
            reply = dns.message.from_wire(sock.recv(512))
        except OSError:
            return False
    return any(rdata.to_text() == address for rrset in reply.answer for rdata in rrset)


def with_address(source: Path, target: Path, number: int) -> str:
    """Write the zone with the changed name's address and a newer serial; return the address."""
    address = ADDRESS.format(number)
    shutil.copyfile(source, target)
    with target.open("r+b") as file:
        head = file.read(4096)
        file.seek(0)
        file.write(head.replace(b"2024010100", b"%d" % (2024010100 + number), 1))
        file.seek(0, os.SEEK_END)
        file.write(f"{NAME}\t300\tIN\tA\t{address}\n".encode())
    return address


def reload_file(name: str, source: Path) -> dict[str, float]:
    """Start a server, change the file, send SIGHUP; return the seconds until the new address is answered."""
    with tempfile.TemporaryDirectory(prefix="bench-update-") as directory:
        path = Path(directory) / "zone"
        with_address(source, path, 1)
        with contestants.sockets((name,))[name]({zones.ORIGIN: path}, Place()) as peer:
            time.sleep(load.SETTLE_S)  # NSD reads changed files once more right after its start.
            address = with_address(source, path.with_suffix(".new"), 2)
            path.with_suffix(".new").replace(path)
            begin = time.monotonic()
            peer.process.send_signal(signal.SIGHUP)
            while not answered(peer, address):
                if time.monotonic() > begin + contestants.START_TIMEOUT_S:
                    raise TimeoutError(f"{name} does not answer the change: {peer.log[-1500:]}")
                time.sleep(PAUSE_S)
            return {"reload s": time.monotonic() - begin}


def main() -> int:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description="How long one changed name takes to be answered.")
    parser.add_argument("--quick", action="store_true", help=f"a zone of {load.QUICK} names")
    names = load.QUICK if parser.parse_args().quick else load.FULL
    path, _ = load.zone_file(names)
    print(report.machine())
    apex = dns.name.from_text(zones.ORIGIN).to_digestable().hex()
    with tempfile.TemporaryDirectory(prefix="bench-update-") as directory:
        table = Path(directory) / "table"
        subprocess.run(["make", "-s", str(DRIVER.relative_to(ROOT))], cwd=ROOT, check=True)
        subprocess.run([str(DRIVER), "build", str(table), apex, str(path)], check=True, capture_output=True)
        seconds = update_table(table)
    middle, worst = median(seconds) * 1000, max(seconds) * 1000
    print(f"\nOne name changed in the table of {names} names: median {middle:.3f} ms, slowest {worst:.3f} ms")
    results = {name: [reload_file(name, path)] for name in contestants.sockets()}
    report.compare(f"One name changed in the file of {names} names, SIGHUP to answer", results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
