# SPDX-License-Identifier: Apache-2.0
"""Dynamic updates of signed zones: the same RCODE as of a knotd that signs, the same records, and all of it signed."""

from pathlib import Path

import pytest

from tests.support import peers
from tests.support.signed_daemon import LOCAL_RULES, SignedDaemon, check_zone, section, transfer
from tests.support.updated_daemon import UpdateClient
from tests.support.updates import build

pytestmark = pytest.mark.peer("knotd", "knotc", "ldns-verify-zone")

ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::2
alias CNAME www
sub NS ns.sub
ns.sub A 192.0.2.4
*.wild TXT any
deep.below.nothing TXT one
"""
DS = "4711 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766"
KEY = "257 3 13 ZZGT+2pPQ4m6yoAsCa4nVYXrPlUN3bFmvFUJxhYxsMzrCFNDJ4qpYpDlhaCqvSCkKOQfTAaoCO4M5P1c8ECP4g=="
UPDATES: tuple[tuple[str, ...], ...] = (
    ("new 60 IN A 192.0.2.9",),
    ("a.b.c 60 IN TXT x", "a.b.d 60 IN TXT y"),
    ("a.b.c 0 ANY ANY",),
    ("deep.below.nothing 0 NONE TXT one",),
    ("sub 300 IN DS " + DS,),
    ("sub 0 ANY NS",),
    ("other 60 IN NS ns.other", "ns.other 60 IN A 192.0.2.5"),
    ("www 0 ANY AAAA", "www 60 IN MX 10 ns"),
    ("alias 0 ANY CNAME", "alias 60 IN A 192.0.2.6"),
    ("below.alias 60 IN A 192.0.2.6",),
    ("tree 60 IN DNAME www",),
    ("*.wild 0 ANY ANY", "x.wild 60 IN TXT x"),
    ("@ 60 IN SOA ns hostmaster 1000 3600 600 86400 30",),
    ("www 0 ANY RRSIG",),
    ("@ 0 ANY DNSKEY",),
    ("@ 60 IN MX 10 ns",),
    ("@ 0 ANY ANY",),
    ("nothing 0 ANY ANY",),
)
"""Each is sent when the one before has been answered."""
MADE = {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY"}


@pytest.mark.parametrize("kind", ["nsec", "nsec3"])
def test_updates_are_signed(daemon: SignedDaemon, tmp_path: Path, kind: str) -> None:
    """After each update the zone validates, signed where it changed."""
    policy = {"nsec3": "on", "nsec3_opt_out": "on"} if kind == "nsec3" else {"nsec3": "off"}
    daemon.write_zone("example.com", 1, text=ZONE)
    daemon.configure(policy, zonefile_sync="-1", zonefile_load="difference-no-serial", journal_content="all")
    daemon.start()
    template = "    acl: local\n    dnssec-signing: on\n    dnssec-policy: p\n"
    sections = LOCAL_RULES + section("policy", "p", **policy)
    zones = {"example.com.": daemon.base / "example.com.zone"}
    with peers.knot(zones, sections=sections, template=template, journal="changes") as knot:
        ours, theirs = (daemon.address, daemon.port), (knot.address, knot.port)
        for changes in UPDATES:
            rcodes = [send(where, changes) for where in (theirs, ours)]
            assert rcodes[0] == rcodes[1], changes
            assert contents(ours) == contents(theirs), changes
            check_zone(daemon, tmp_path)
    assert daemon.logged().count("DNSSEC, successfully signed") <= 2
    assert daemon.logged().count("DNSSEC, incrementally signed") > len(UPDATES) // 2
    assert daemon.stop() == 0


def send(where: tuple[str, int], changes: tuple[str, ...]) -> int:
    """Send an update; return the RCODE."""
    with UpdateClient(*where) as client:
        return client.send(build("example.com.", (), changes))


def contents(where: tuple[str, int]) -> list[str]:
    """Return the records that signing does not make, without the serial of the SOA."""
    lines = [line.split() for line in transfer(where)]
    return sorted(" ".join(words[:6] if words[3] == "SOA" else words) for words in lines if words[3] not in MADE)
