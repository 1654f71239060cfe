# SPDX-License-Identifier: Apache-2.0
"""Signing: a zone from its unsigned file to signed answers, one change of it, and all its signatures made anew.

The zone is that of the query benchmarks. Every server makes its own keys, a KSK and a ZSK for ECDSA P-256, and has as
many cores as threads that sign. A server is done when names from all over the zone, and one that does not exist, have
signed answers: BIND answers from the zone while it signs it. CPU time is that of all its processes. BIND's server signs
small zones only here; its program dnssec-signzone stands for it, and ldns-signzone beside: they serve nothing.

Changes go over the control socket, each a transaction of its own that is on disk when it is committed, and are counted
from the commit to the signed answer. Memory is as bench.load has it, at its greatest while the zone is signed.
"""

import argparse
import sys
import time
from pathlib import Path
from statistics import median

import dns.message
import dns.rdatatype

from bench import contestants, load, mix, report, signers
from bench.control import Control
from bench.generators import NoMeasurement
from bench.signers import Plan, Signed
from bench.transfer_in import ask, serial_at
from tests.support.peers import Peer

ROUNDS = 1
CHANGES, QUICK_CHANGES = 50, 5
CHANGED = "ns1"
TIMEOUT_S = 600.0
PROBE_PAUSE_S = 0.0005
PLANS = tuple(Plan(variant, threads) for variant in ("nsec", "nsec3") for threads in (1, 2))


def costs(signed: Signed) -> dict[str, float]:
    """Return what is shown of signing."""
    return {
        "CPU s": signed.cpu_s,
        "wall s": signed.wall_s,
        "peak MB": signed.peak_bytes / 1e6,
        "peak MB, store's pages too": signed.resident_bytes / 1e6,
    }


def has_answer(peer: Peer, owner: str, address: str) -> bool:
    """Tell whether the server answers a name of the zone with this address, and a signature."""
    query = dns.message.make_query(f"{owner}.{mix.ORIGIN}", "A", want_dnssec=True).to_wire()
    with ask(peer) as sock:
        try:
            sock.send(query)
            reply = dns.message.from_wire(sock.recv(65535))
        except OSError:
            return False
    texts = {rdata.to_text() for rrset in reply.answer for rdata in rrset if rrset.rdtype == dns.rdatatype.A}
    return texts == {address} and any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in reply.answer)


def time_change(peer: Peer, control: Control, owner: str, address: str, *, is_new: bool) -> float:
    """Give a name an address; return the seconds from the commit to the signed answer."""
    control.run("zone-begin", zone=mix.ORIGIN)
    if not is_new:
        control.run("zone-unset", zone=mix.ORIGIN, owner=owner, type="A")
    control.run("zone-set", zone=mix.ORIGIN, owner=owner, ttl="300", type="A", data=address)
    begin = time.perf_counter()
    control.run("zone-commit", zone=mix.ORIGIN)
    while not has_answer(peer, owner, address):
        if time.perf_counter() > begin + TIMEOUT_S:
            raise NoMeasurement(f"{peer.name}: {owner} is not answered with {address}\n{peer.log[-1500:]}")
        time.sleep(PROBE_PAUSE_S)
    return time.perf_counter() - begin


def time_changes(peer: Peer, control: Control, count: int) -> dict[str, float]:
    """Change one address again and again, and add names."""
    before = sum(peer.cpu_seconds())
    changed = [
        time_change(peer, control, CHANGED, f"198.51.{number // 250}.{number % 250}", is_new=False)
        for number in range(count)
    ]
    spent = sum(peer.cpu_seconds()) - before
    added = [time_change(peer, control, f"added-{number}", "198.51.100.1", is_new=True) for number in range(count)]
    return {
        "address ms": median(changed) * 1e3,
        "slowest": max(changed) * 1e3,
        "CPU ms each": spent / count * 1e3,
        "new name ms": median(added) * 1e3,
        "slowest new": max(added) * 1e3,
    }


def sign_anew(peer: Peer, path: Path) -> dict[str, float]:
    """Have all signatures made anew; it is done when the serial that comes with them is answered."""
    query = dns.message.make_query(mix.ORIGIN, "SOA").to_wire()
    with ask(peer) as sock:
        serial, cpu_s, begin = serial_at(sock, query), sum(peer.cpu_seconds()), time.monotonic()
        with Control(path) as control:
            control.run("zone-sign", zone=mix.ORIGIN)
        while serial_at(sock, query) in (serial, None):
            if time.monotonic() > begin + TIMEOUT_S:
                raise NoMeasurement(f"{peer.name} has not signed the zone anew\n{peer.log[-1500:]}")
            time.sleep(signers.PAUSE_S)
        return {"CPU s": sum(peer.cpu_seconds()) - cpu_s, "wall s": time.monotonic() - begin}


def tell(name: str, measured: dict[str, float]) -> dict[str, float]:
    """Say what was measured, since large zones take long; return it."""
    print(f"{name}: {', '.join(f'{what} {report.show(value)}' for what, value in measured.items())}", file=sys.stderr)
    return measured


Results = dict[str, list[dict[str, float]]]


class Measurement:
    """What was measured of one zone."""

    def __init__(self, zone: Path, count: int, changes: int) -> None:
        self._zone, self._changes, self._names = zone, changes, signers.sample(count)
        self.signed: dict[Plan, Results] = {}
        self.changed: Results = {}
        self.anew: Results = {}

    def measure(self, name: str, plan: Plan) -> None:
        """Let a server sign the zone; the first time with one thread and NSEC, change it then and sign it anew."""
        begin = time.monotonic()
        with signers.started(name, self._zone, plan) as (peer, sock):
            signed = signers.wait_signed(peer, self._names, plan, begin)
            self.signed.setdefault(plan, {}).setdefault(name, []).append(tell(name, costs(signed)))
            if plan == Plan() and name != "named":
                with Control(sock) as control:
                    self.changed.setdefault(name, []).append(tell(name, time_changes(peer, control, self._changes)))
                self.anew.setdefault(name, []).append(tell(name, sign_anew(peer, sock)))

    def measure_program(self, name: str, plan: Plan) -> None:
        """Let a program sign the zone."""
        signed = signers.sign_by_program(name, self._zone, plan)
        self.signed.setdefault(plan, {}).setdefault(name, []).append(tell(name, costs(signed)))


def show(found: Measurement, count: int) -> None:
    """Print what was measured."""
    print(report.machine())
    for plan, results in found.signed.items():
        title = f"{count} names signed, {plan.variant.upper()}, signing-threads {plan.threads}, start to signed answers"
        report.compare(title, results)
    if found.changed:
        report.compare(f"One change in {count} signed names, commit to signed answer", found.changed)
        report.compare(f"All signatures of {count} names made anew (zone-sign)", found.anew)


def main() -> int:
    """Read the command line, measure in turn, print."""
    parser = argparse.ArgumentParser(description="Compare signing.")
    parser.add_argument("--quick", action="store_true", help=f"{mix.QUICK} names, {QUICK_CHANGES} changes")
    parser.add_argument("--names", type=int, default=mix.FULL, help="in the zone (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each server (default: %(default)s)")
    parser.add_argument("--changes", type=int, default=CHANGES, help="of each kind (default: %(default)s)")
    parser.add_argument("--plan", action="append", choices=[f"{v}-{t}" for v, t in PLANS], help="only this one")
    parser.add_argument("--server", action="append", choices=[*signers.NAMES, *signers.PROGRAMS], help="only this one")
    arguments = parser.parse_args()
    count, changes = (mix.QUICK, QUICK_CHANGES) if arguments.quick else (arguments.names, arguments.changes)
    wanted = arguments.server or signers.default(count)
    servers = [name for name in signers.NAMES if name in wanted and contestants.available(name)]
    programs = [name for name in signers.PROGRAMS if name in wanted and signers.has_program(name)]
    load.compile_packages()
    found = Measurement(mix.prepare("plain", count).zone, count, changes)
    for _ in range(arguments.rounds):
        for plan in PLANS:
            if arguments.plan and f"{plan.variant}-{plan.threads}" not in arguments.plan:
                continue
            for name in servers:
                if name != "named" or plan == Plan():
                    found.measure(name, plan)
            for name in programs:
                if name != "ldns-signzone" or plan.threads == 1:  # It has one thread only.
                    found.measure_program(name, plan)
    show(found, count)
    return 0


if __name__ == "__main__":
    sys.exit(main())
