# SPDX-License-Identifier: Apache-2.0
"""Zones that are signed here, transferred by Knot DNS, NSD and BIND and looked at by validators: all agree."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import pytest

from tests.support import secondaries
from tests.support.peers import Peer, Place
from tests.support.signed_daemon import TIMEOUT_S, SignedDaemon, section, transfer, wait_serial

pytestmark = pytest.mark.peer(
    "knotd", "nsd", "named", "nsupdate", "knsupdate", "knotc", "delv", "dnssec-verify", "ldns-verify-zone"
)

ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
@ MX 10 mail
ns A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::2
mail A 192.0.2.3
alias CNAME www
tree DNAME www
*.wild TXT "any"
name.below.nothing TXT "deep"
secure NS ns.secure
secure DS 4711 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
ns.secure A 192.0.2.4
plain NS ns.plain
ns.plain A 192.0.2.5
lone.ent NS ns.elsewhere.test.
"""
POLICIES: dict[str, dict[str, str]] = {
    "nsec-rsa": {"algorithm": "rsasha256", "zsk-size": "1024", "ksk-size": "2048"},
    "nsec3-ecdsa": {"algorithm": "ecdsap384sha384", "nsec3": "on", "nsec3-iterations": "3", "nsec3-salt-length": "4"},
    "optout-csk-ed25519": {"algorithm": "ed25519", "single-type-signing": "on", "nsec3": "on", "nsec3-opt-out": "on"},
}
QUESTIONS = (
    ("www", "A", "fully validated"),
    ("@", "SOA", "fully validated"),
    ("@", "DNSKEY", "fully validated"),
    ("@", "CDS", "fully validated"),
    ("www", "MX", "ncache nxrrset"),
    ("missing", "A", "ncache nxdomain"),
    ("nothing", "A", "ncache nxrrset"),
    ("below", "TXT", "ncache nxdomain"),
    ("below.nothing", "A", "ncache nxrrset"),
    ("any.wild", "TXT", "fully validated"),
    ("any.wild", "A", "ncache nxrrset"),
    ("alias", "A", "fully validated"),
    ("x.tree", "A", ""),
    ("secure", "DS", "fully validated"),
    ("plain", "DS", "ncache nxrrset"),
    ("lone.ent", "DS", "ncache nxrrset"),
    ("www.secure", "A", ""),
    ("www.plain", "A", ""),
    ("ent", "A", ""),
)
"""Name, type and what delv says of the answer; nothing: the validator is not asked."""
CHANGES = 4
INSECURE_WITH_OPT_OUT = {("any.wild", "TXT")}
"""Where the proof that the name itself is missing opts out, the answer is insecure (RFC 5155, section 9.2)."""


@contextmanager
def serving(
    daemon: SignedDaemon, policy: Mapping[str, str], kinds: tuple[str, ...] = ("knot", "nsd", "named")
) -> Iterator[dict[str, Peer]]:
    """Run the daemon and secondaries of its zone, which it tells of changes."""
    places = {kind: Place().settled() for kind in kinds}
    remotes = "".join(section("remote", kind, address=f"127.0.0.1@{place.port}") for kind, place in places.items())
    daemon.write_zone("example.com", 1, text=ZONE)
    daemon.configure(dict(policy), merged(remotes), notify=f"[{', '.join(kinds)}]", notify_delay="0")
    daemon.start()
    with ExitStack() as stack:
        primary = (daemon.address, daemon.port)
        yield {kind: stack.enter_context(secondaries.running(kind, place, primary)) for kind, place in places.items()}


def merged(text: str) -> str:
    """Return sections with the entries of each under one name."""
    first, *rest = text.split("remote:\n")[1:]
    return "remote:\n" + first + "".join(rest)


@pytest.fixture(params=POLICIES)
def policy(request: pytest.FixtureRequest) -> str:
    """The name of a policy."""
    return str(request.param)


def test_secondaries_and_validators_agree(daemon: SignedDaemon, policy: str, tmp_path: Path) -> None:
    """The whole zone, changes by IXFR, signatures made anew: record by record and answer by answer."""
    with serving(daemon, POLICIES[policy]) as peers:
        compare(daemon, peers)
        validate(daemon, policy, tmp_path)
        daemon.nsupdate("update add new.example.com. 60 A 192.0.2.9\nupdate add a.b.c.example.com. 60 TXT x")
        compare(daemon, peers)
        fewer = "update del www.example.com.\nupdate del plain.example.com. NS"
        daemon.nsupdate(f"{fewer}\nupdate add x.wild.example.com. 9 A 192.0.2.8", "knsupdate")
        compare(daemon, peers)
        daemon.ok("-b zone-sign example.com")
        compare(daemon, peers)
        daemon.ok("zone-begin example.com")
        daemon.ok("zone-set example.com www 300 A 192.0.2.2")
        daemon.ok("zone-set example.com plain 300 NS ns.plain")
        daemon.ok("zone-unset example.com x.wild")
        daemon.ok("zone-commit example.com")
        compare(daemon, peers)
        validate(daemon, policy, tmp_path)
        sent = re.findall(r"IXFR, outgoing, .* finished", daemon.logged())
        assert len(sent) == CHANGES * len(peers), daemon.logged()
        assert daemon.stop() == 0


def compare(daemon: SignedDaemon, peers: Mapping[str, Peer]) -> None:
    """Wait for the secondaries, and fail where one of them has another record or gives another answer."""
    serial = daemon.fetch("example.com", "SOA").answer[0][0].serial
    here = (daemon.address, daemon.port)
    for peer in peers.values():
        wait_serial((peer.address, peer.port), serial)
    ours = transfer(here)
    answers = {question: answer_of(here, *question) for question in asked()}
    for kind, peer in peers.items():
        theirs = transfer((peer.address, peer.port))
        assert theirs == ours, (kind, set(theirs) ^ set(ours))
        for question, answer in answers.items():
            assert answer_of((peer.address, peer.port), *question) == answer, (kind, question)


def asked() -> list[tuple[str, str]]:
    """Return names and types to be asked for."""
    return [(name, rdtype) for name, rdtype, _ in QUESTIONS]


def answer_of(where: tuple[str, int], name: str, rdtype: str) -> tuple[str, bool, frozenset[str], frozenset[str]]:
    """Return RCODE, AA, answer and authority, without what is optional there: the NS of the zone."""
    owner = "example.com." if name == "@" else f"{name}.example.com."
    query = dns.message.make_query(owner, rdtype, want_dnssec=True)
    reply = dns.query.tcp(query, where[0], port=where[1], timeout=TIMEOUT_S)
    sections = []
    for rrsets in (reply.answer, reply.authority):
        texts = [line for rrset in rrsets for line in rrset.to_text().splitlines()]
        optional = re.compile(r"^example\.com\. \d+ IN (NS|RRSIG NS) ")
        sections.append(frozenset(text for text in texts if rrsets is reply.answer or not optional.match(text)))
    return dns.rcode.to_text(reply.rcode()), bool(reply.flags & dns.flags.AA), sections[0], sections[1]


def validate(daemon: SignedDaemon, policy: str, directory: Path) -> None:
    """Let the programs of others judge the zone file and answers."""
    anchors = directory / "anchors"
    anchors.write_text(daemon.anchor())
    for name, rdtype, verdict in QUESTIONS:
        if not verdict:
            continue
        if "optout" in policy and (name, rdtype) in INSECURE_WITH_OPT_OUT:
            verdict = "unsigned answer"
        owner = "example.com." if name == "@" else f"{name}.example.com."
        where = ["@127.0.0.1", "-p", str(daemon.port), "-a", str(anchors), "+root=example.com.", "+multi"]
        said = run("delv", *where, owner, rdtype)[1]
        assert verdict in said, (name, rdtype, said)
    file = directory / "flushed"
    file.write_text("\n".join(transfer((daemon.address, daemon.port))) + "\n")
    roles = ("-z",) if "csk" in policy else ()
    for words in (("dnssec-verify", "-q", *roles, "-o", "example.com.", str(file)), ("ldns-verify-zone", str(file))):
        status, said = run(*words)
        assert status == 0, (words, said)


def run(program: str, *words: str) -> tuple[int, str]:
    """Run a program; return its status and what it said."""
    path = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert path is not None
    done = subprocess.run([path, *words], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, done.stdout + done.stderr
