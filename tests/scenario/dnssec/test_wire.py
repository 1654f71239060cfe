# SPDX-License-Identifier: Apache-2.0
"""A bump in the wire: unsigned from a primary, signed here, given to a secondary; NOTIFY, IXFR, restart, expiry."""

from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import pytest

from tests.support import primaries, secondaries
from tests.support.daemon import wait_for
from tests.support.operated_pair import start_secondary
from tests.support.peers import Peer, Place
from tests.support.primaries import Primary
from tests.support.signed_daemon import SignedDaemon, check_zone, section, transfer, wait_serial

pytestmark = pytest.mark.peer("knotd", "named", "knotc", "ldns-verify-zone")


class Wire:
    """A primary, the daemon, and the place of a knotd that validates what it transfers."""

    def __init__(self, daemon: SignedDaemon, directory: Path, kind: str, times: str = "3600 600 86400") -> None:
        self.daemon, self.directory = daemon, directory
        self.primary: Primary = primaries.make(kind, directory, (daemon.address, daemon.port))
        self.primary.times = times
        self.primary.write(1)
        self.place = Place().settled()
        (daemon.base / "example.com.zone").unlink()
        where = self.primary.place
        remotes = section("remote", "primary", address=f"{where.address}@{where.port}")
        remotes += f"  - id: secondary\n    address: 127.0.0.1@{self.place.port}\n"
        daemon.configure(
            {"nsec3": "on"}, remotes, master="primary", notify="secondary", notify_delay="0", zonefile_sync="-1",
            zonefile_load="none", journal_content="all", retry_max_interval="1",
        )  # fmt: skip

    def start(self) -> None:
        """Start the daemon and wait until it has the zone."""
        start_secondary(self.daemon)
        self.daemon.expect("DNSSEC, successfully signed")
        wait_for(lambda: self.daemon.ask("example.com", "SOA").rcode() == dns.rcode.NOERROR, "the zone")

    def follows(self, peer: Peer, last: int) -> None:
        """Wait until the secondary has the version of the primary with this serial; it is the same there as here."""
        wait_for(lambda: self.address_at(peer) == f"192.0.2.{last}", f"version {last} at the secondary")
        here, there = (self.daemon.address, self.daemon.port), (peer.address, peer.port)
        wait_serial(there, self.daemon.fetch("example.com", "SOA").answer[0][0].serial)
        assert transfer(there) == transfer(here)
        check_zone(self.daemon, self.directory)
        assert "DNSSEC validation failed" not in peer.log

    @staticmethod
    def address_at(peer: Peer) -> str:
        """Return what the secondary has for www."""
        query = dns.message.make_query("www.example.com", "A")
        answer = dns.query.udp(query, peer.address, port=peer.port, timeout=5).answer
        return str(answer[0][0]) if answer else ""


@pytest.mark.parametrize("kind", ["knot", "named"])
def test_changes_pass_through(daemon: SignedDaemon, tmp_path: Path, kind: str) -> None:
    """Each version comes by IXFR, is signed where it changed, and goes on by IXFR, over restarts as well."""
    wire = Wire(daemon, tmp_path, kind)
    with wire.primary.running() as primary:
        wire.start()
        with secondaries.running("validating", wire.place, (daemon.address, daemon.port)) as secondary:
            wire.follows(secondary, 1)
            wire.primary.change(primary, 2)
            wire.follows(secondary, 2)
            assert "IXFR, incoming" in daemon.logged()
            assert "DNSSEC, incrementally signed" in daemon.logged()
            assert "IXFR, incoming" in secondary.log
            serial = daemon.serial()
            daemon.stop()
            start_secondary(daemon)
            assert daemon.serial() == serial
            wire.primary.change(primary, 3)
            wire.follows(secondary, 3)
            daemon.ok("-b zone-sign example.com")
            wire.follows(secondary, 3)
            daemon.ok("-b zone-retransfer example.com")
            wire.follows(secondary, 3)
            assert daemon.stop() == 0


def test_a_zone_that_expires(daemon: SignedDaemon, tmp_path: Path) -> None:
    """Without its primary it is not answered when its time is over; it comes back signed, with the keys it had."""
    wire = Wire(daemon, tmp_path, "knot", "1 1 4")
    with wire.primary.running():
        wire.start()
        keys = [key.id for key in daemon.stored_keys()]
    daemon.expect("zone expired")
    assert daemon.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    daemon.mark()
    wire.primary.write(2)
    with (
        wire.primary.running(),
        secondaries.running("validating", wire.place, (daemon.address, daemon.port)) as secondary,
    ):
        wire.follows(secondary, 2)
        assert [key.id for key in daemon.stored_keys()] == keys
        assert daemon.stop() == 0
