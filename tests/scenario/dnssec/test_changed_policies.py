# SPDX-License-Identifier: Apache-2.0
"""Policies that change while zones are signed by them, beside a real parent: algorithm, scheme, the way out of DNSSEC,
and keys that zones share. A strict resolver never sees anything bogus."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.dnssec
import dns.message
import dns.query
import dns.rdatatype
import pytest

from tests.support.chain_watch import ChainWatch
from tests.support.daemon import wait_for
from tests.support.peers import Peer
from tests.support.signed_daemon import (
    LOCAL_RULES,
    TIMEOUT_S,
    SignedDaemon,
    check_zone,
    knot_parent,
    section,
    signers,
    transfer,
)

pytestmark = pytest.mark.peer("knotd", "knotc", "ldns-verify-zone")

ZONE = "$TTL 1\n@ SOA ns hostmaster 1 3600 600 86400 1\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
SCALED = {"propagation-delay": "2s", "dnskey-ttl": "1s", "zone-max-ttl": "1s", "ksk-lifetime": "0", "zsk-lifetime": "0"}
QUESTIONS = (("www", "A"), ("@", "SOA"), ("nothing", "A"))
ECDSA, ED25519 = 13, 15
QUIET = {"zonefile_sync": "-1", "zonefile_load": "difference-no-serial", "journal_content": "all"}
APEX = "example.com"


class Beside:
    """A daemon and its parent, which is told of DS records and asked for them; the policy may be changed."""

    def __init__(self, daemon: SignedDaemon, parent: Peer) -> None:
        self.daemon, self.parent = daemon, parent
        self.sections = section("remote", "parent", address=f"127.0.0.1@{parent.port}")
        self.sections += section("submission", "look", parent="parent", check_interval="1s", parent_delay="1s")

    def configure(self, policy: dict[str, str], **zone: str) -> None:
        """Write the configuration with more items of the policy."""
        items = SCALED | {"ksk-submission": "look", "ds-push": "parent"} | policy
        self.daemon.configure(items, self.sections, **(QUIET | zone))

    def ds(self) -> list[int]:
        """Return the tags of the DS records at the parent."""
        query = dns.message.make_query(APEX, "DS")
        answer = dns.query.udp(query, self.parent.address, port=self.parent.port, timeout=TIMEOUT_S).answer
        return sorted(data.key_tag for rrset in answer for data in rrset)

    def settles(self, ksks: int, zsks: int, algorithm: int = ECDSA) -> None:
        """Wait until the zone has so many keys, all of an algorithm, and the parent the DS of those that it should."""

        def is_settled() -> bool:
            keys = self.daemon.dnskeys()
            tags = sorted(dns.dnssec.key_id(key) for key in keys if key.flags & 1)
            counts = (len(tags), len(keys) - len(tags))
            signing = signers(self.daemon)
            return (
                counts == (ksks, zsks)
                and {key.algorithm for key in keys} == {algorithm}
                and self.ds() == tags
                and len(signing) == 1
            )

        wait_for(is_settled, f"{ksks} and {zsks} keys of algorithm {algorithm}", 60)


@pytest.fixture
def beside(daemon: SignedDaemon, tmp_path: Path) -> Iterator[Beside]:
    """A daemon that has signed the zone with a KSK and a ZSK, the DS records of which the parent has."""
    daemon.write_zone(APEX, 1, text=ZONE)
    with knot_parent(tmp_path) as parent:
        beside = Beside(daemon, parent)
        beside.configure({})
        daemon.start()
        daemon.expect("DNSSEC, KSK submission, confirmed")
        yield beside


@contextmanager
def watched(beside: Beside) -> Iterator[None]:
    """Let a strict resolver ask in the block, and fail when it finds something wrong or gets no answer."""
    daemon, parent = beside.daemon, beside.parent
    where = (daemon.address, daemon.port)
    with ChainWatch(APEX, where, (parent.address, parent.port), QUESTIONS).running() as watch:
        yield
    assert not watch.faults, "\n".join(watch.faults)
    assert watch.secure > 3
    assert watch.lost == 0


@pytest.mark.parametrize(
    ("policy", "ksks", "zsks", "algorithm", "told"),
    [
        ({"algorithm": "ed25519", "nsec3": "on"}, 1, 1, ED25519, "algorithm rollover started"),
        ({"single-type-signing": "on"}, 1, 0, ECDSA, "signing scheme rollover started"),
        ({"single-type-signing": "on", "algorithm": "ed25519"}, 1, 0, ED25519, "algorithm rollover started"),
    ],
    ids=["algorithm", "scheme", "both"],
)
def test_algorithm_and_scheme(
    beside: Beside, tmp_path: Path, policy: dict[str, str], ksks: int, zsks: int, algorithm: int, told: str
) -> None:
    """They are rolled over when the configuration is loaded anew; the parent follows; the old keys go last."""
    daemon = beside.daemon
    old = {key.id for key in daemon.stored_keys()}
    with watched(beside):
        beside.configure(policy)
        daemon.reload()
        daemon.expect(f"DNSSEC, {told}")
        beside.settles(ksks, zsks, algorithm)
        wait_for(lambda: not old & {key.id for key in daemon.stored_keys()}, "the old keys are gone")
        check_zone(daemon, tmp_path)
    assert daemon.stop() == 0
    assert daemon.all_output().count("rollover started") == 1


def test_the_way_out_of_dnssec(beside: Beside, tmp_path: Path) -> None:
    """The parent is told to drop its DS records; without signing the zone is that of its file, and nothing more."""
    daemon = beside.daemon
    with watched(beside):
        beside.configure({"cds-cdnskey-publish": "delete-dnssec"})
        daemon.reload()
        wait_for(lambda: not beside.ds(), "no DS record at the parent")
        told = {
            rdata.to_text()
            for rdtype in ("CDS", "CDNSKEY")
            for rrset in daemon.fetch(APEX, rdtype).answer
            if rrset.rdtype != dns.rdatatype.RRSIG
            for rdata in rrset
        }
        assert told == {"0 0 0 00", "0 3 0 AA=="}
        check_zone(daemon, tmp_path)
    beside.configure({}, dnssec_signing="off")
    daemon.reload()

    def is_plain() -> bool:
        types = {line.split()[3] for line in transfer((daemon.address, daemon.port))}
        return types == {"SOA", "NS", "A"}

    wait_for(is_plain, "a zone without DNSSEC")
    assert len(daemon.stored_keys()) == 2
    assert daemon.stop() == 0


def test_zones_that_share_a_key(daemon: SignedDaemon) -> None:
    """All zones of the policy begin with one KSK and ZSKs of their own; a new KSK is one for all again."""
    zones = ("one.test", "two.test", "three.test")
    text = LOCAL_RULES + section("policy", "p", ksk_shared="on", **{k.replace("-", "_"): v for k, v in SCALED.items()})
    items = {"storage": str(daemon.base), "dnssec_signing": "on", "dnssec_policy": "p", "acl": "local"} | QUIET
    text += section("zone", zones[0], **items)
    for zone in zones[1:]:
        text += section("zone", zone, **items).removeprefix("zone:\n")
    for zone in zones:
        daemon.write_zone(zone, 1, text=ZONE)
    daemon.write_config(extra=text)
    daemon.start()
    first = shared_key(daemon, zones)
    assert len({tuple(daemon.tags(256, zone)) for zone in zones}) == len(zones)
    for zone in zones:
        daemon.ok(f"-b zone-ksk-submitted {zone}")
        daemon.ok(f"zone-key-rollover {zone} ksk")
    wait_for(lambda: all(len(daemon.tags(257, zone)) == 2 for zone in zones), "new KSKs")
    (second,) = {tag for zone in zones for tag in daemon.tags(257, zone)} - {first}
    for zone in zones:
        wait_for(lambda zone=zone: daemon.control("-b", "zone-ksk-submitted", zone)[0] == 0, f"a ready key of {zone}")
        if zone != zones[-1]:
            assert len(list(daemon.storage.rglob("*.pem"))) == 2 + len(zones)
    assert shared_key(daemon, zones) == second
    assert daemon.stop() == 0


def shared_key(daemon: SignedDaemon, zones: tuple[str, ...]) -> int:
    """Return the tag of the only KSK of all zones."""
    wait_for(lambda: {len(daemon.tags(257, zone)) for zone in zones} == {1}, "one KSK in each zone")
    (tag,) = {tag for zone in zones for tag in daemon.tags(257, zone)}
    return tag
