# SPDX-License-Identifier: Apache-2.0
"""The servers that sign a zone, each started with it unsigned: ECDSA P-256, keys of their own, NSEC or NSEC3."""

import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import dns.message
import dns.rdatatype

from bench import contestants, mix, report
from bench.load import resident_bytes
from bench.transfer_in import ask
from bench.zones import scatter, spell
from tests.support import peers
from tests.support.peers import Peer, Place

NAMES = (report.OURS, "knot", "named")
TIMEOUT_S = 1200.0
PAUSE_S = 0.02
SAMPLES = 32
NAMED_MOST = 10_000
"""Names that BIND's server is given: it signs in small steps, each in its journal, and takes many minutes for more."""
MISSING = f"no-such-name.{mix.ORIGIN}"


class Plan(NamedTuple):
    """How the zone is signed."""

    variant: str = "nsec"
    """Or `nsec3`, without salt and iterations."""
    threads: int = 1

    @property
    def cpus(self) -> str:
        """The cores the server has: one for each thread that signs."""
        return ",".join(str(contestants.SERVER_CPU - number) for number in range(self.threads))


class Signed(NamedTuple):
    """What it took from the start of the server to the last signed answer."""

    wall_s: float
    cpu_s: float
    peak_bytes: int
    """Greatest sum of the proportional set sizes of all processes, without the pages of our store's file."""
    resident_bytes: int
    """Sum of the greatest resident set sizes of all processes, with them."""


@contextmanager
def started(name: str, zone: Path, plan: Plan) -> Iterator[tuple[Peer, Path]]:
    """Run a server that begins to sign; give it and its control socket, which BIND does not have."""
    place, files = Place(cpus=plan.cpus), {mix.ORIGIN: zone}
    with tempfile.TemporaryDirectory(prefix="bench-signing-") as text:
        directory = Path(text)
        if name == report.OURS:
            extra = policy(plan) + "template:\n  - id: default\n    zonefile-sync: -1\n" + SIGNING
            with contestants.ours(files, place, storage=directory, wait=False, extra=extra) as peer:
                yield peer, peer.directory / "knot.sock"
        elif name == "knot":
            sections = policy(plan)
            with peers.knot(files, place, sections=sections, template=SIGNING, journal="changes", probes=()) as peer:
                yield peer, peer.directory / "control.sock"
        else:
            copy = directory / "zone"
            shutil.copyfile(zone, copy)
            files, options = (
                {mix.ORIGIN: copy},
                f'key-directory "{directory}"; dnssec-policy bench; inline-signing yes;',
            )
            with named(files, place, plan, options) as peer:
                yield peer, peer.directory


SIGNING = "    dnssec-signing: on\n    dnssec-policy: bench\n    journal-max-usage: 16G\n"
"""Knot writes all signatures to its journal: those of large zones take more than it may have by default."""


QUANTA = "sig-signing-nodes 10000; sig-signing-signatures 10000;"
"""BIND signs so much at once: with fewer, of which it has 10 by default, it spends its time on its journal."""


def policy(plan: Plan) -> str:
    """Return the policy of Knot and ours."""
    nsec3 = "    nsec3: on\n    nsec3-iterations: 0\n    nsec3-salt-length: 0\n" if plan.variant == "nsec3" else ""
    return f"policy:\n  - id: bench\n    algorithm: ecdsap256sha256\n    signing-threads: {plan.threads}\n{nsec3}"


@contextmanager
def named(zones: dict[str, Path], place: Place, plan: Plan, options: str) -> Iterator[Peer]:
    """Run BIND; its policy stands outside its options."""
    nsec3 = "nsec3param iterations 0 optout no salt-length 0;" if plan.variant == "nsec3" else ""
    keys = "ksk lifetime unlimited algorithm 13; zsk lifetime unlimited algorithm 13;"
    policy = f'}}; dnssec-policy "bench" {{ keys {{ {keys} }}; {nsec3}'
    with peers.named(
        zones, place, threads=plan.threads, options=f"minimal-responses yes; {policy}", zone_options=options, probes=()
    ) as peer:
        yield peer


def default(count: int) -> list[str]:
    """Return who signs a zone of so many names unless others are asked for."""
    return [*(NAMES if count <= NAMED_MOST else NAMES[:-1]), *PROGRAMS]


def sample(count: int) -> list[str]:
    """Return host names from all over the zone, the last one in canonical order among them."""
    labels = sorted(spell(scatter(index)) for index in range(count) if not mix.is_delegation(index))
    step = max(1, len(labels) // SAMPLES)
    return [f"{label}.{mix.ORIGIN}" for label in (*labels[::step], labels[-1])]


def has_signature(peer: Peer, name: str, rtype: str, covered: int) -> bool:
    """Tell whether an answer has a signature of a type, in any section."""
    query = dns.message.make_query(name, rtype, want_dnssec=True).to_wire()
    with ask(peer) as sock:
        try:
            sock.send(query)
            reply = dns.message.from_wire(sock.recv(65535))
        except OSError:
            return False
    return any(
        rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == covered
        for section in (reply.answer, reply.authority)
        for rrset in section
    )


def wait_signed(peer: Peer, names: list[str], plan: Plan, begin: float) -> Signed:
    """Return once all of these names, and one that does not exist, have signed answers."""
    without = "/store/" if peer.name == report.OURS else None
    denial = dns.rdatatype.NSEC3 if plan.variant == "nsec3" else dns.rdatatype.NSEC
    waiting = [(name, "A", int(dns.rdatatype.A)) for name in names] + [(MISSING, "A", int(denial))]
    peak = 0
    while waiting:
        if peer.process.poll() is not None or time.monotonic() > begin + TIMEOUT_S:
            raise peer.failed(f"has no signed answer for {waiting[0][0]}")
        peak = max(peak, sum(resident(pid, without) for pid in peer.pids()))
        while waiting and has_signature(peer, *waiting[-1]):
            waiting.pop()
        if waiting:
            time.sleep(PAUSE_S)
    wall = time.monotonic() - begin
    return Signed(wall, sum(peer.cpu_seconds()), peak, sum(greatest(pid) for pid in peer.pids()))


def resident(pid: int, without: str | None) -> int:
    """Return the proportional set size of a process, 0 when it has ended."""
    try:
        return resident_bytes(pid, without)
    except OSError:
        return 0


def greatest(pid: int) -> int:
    """Return the greatest resident set size that a process had so far."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def by_ldns(zone: Path, directory: Path, plan: Plan) -> None:
    """Sign the zone with ldns-signzone."""
    mix.sign(zone, directory / "signed", mix.NSEC3_FLAGS if plan.variant == "nsec3" else ())


def by_bind(zone: Path, directory: Path, plan: Plan) -> None:
    """Sign the zone with dnssec-signzone, which would verify the result if it was let."""
    keys = ["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", str(directory)]
    nsec3 = ["-3", "-", "-H", "0"] if plan.variant == "nsec3" else []
    signing = ["-S", "-P", "-n", str(plan.threads), "-K", str(directory), "-o", mix.ORIGIN, "-f", f"{directory}/signed"]
    for argv in (
        [*keys, mix.ORIGIN],
        [*keys, "-f", "KSK", mix.ORIGIN],
        ["taskset", "-c", plan.cpus, "dnssec-signzone", *signing, *nsec3, str(zone)],
    ):
        subprocess.run(argv, check=True, capture_output=True, cwd=directory)


PROGRAMS: dict[str, Callable[[Path, Path, Plan], None]] = {"ldns-signzone": by_ldns, "dnssec-signzone": by_bind}
"""Programs that sign a zone file and serve nothing."""


def sign_by_program(name: str, zone: Path, plan: Plan) -> Signed:
    """Let one of the programs sign the zone."""
    with tempfile.TemporaryDirectory(prefix="bench-signing-") as text:
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        PROGRAMS[name](zone, Path(text), plan)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Signed(time.monotonic() - begin, spent, 0, 0)


def has_program(name: str) -> bool:
    """Tell whether a program can run here; say so when not."""
    found = shutil.which(name) is not None
    if not found:
        print(f"{name} is left out: it is not installed")
    return found
