# SPDX-License-Identifier: Apache-2.0
"""A secondary that validates what a signing knotd gives: valid versions are taken, tampered ones never served."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.rcode
import pytest

from tests.support import peers
from tests.support.daemon import wait_for
from tests.support.driven import Refused, ask
from tests.support.hostile import Hostile, Sent, framed
from tests.support.operated_pair import start_secondary
from tests.support.peers import Peer
from tests.support.signed_daemon import (
    LOCAL_RULES,
    SignedDaemon,
    section,
    send_update,
    signers,
    transfer,
    wait_serial,
)
from tests.support.transfers import receive_until_silent

pytestmark = pytest.mark.peer("knotd", "knotc", "nsupdate")

ZONE = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n*.w TXT any\n"
GOOD, FORGED = bytes((192, 0, 2, 2)), bytes((192, 0, 2, 66))
SILENCE_S = 0.3


class Between:
    """Passes on what the primary says, with one address changed while it `forges`."""

    def __init__(self, primary: Peer) -> None:
        self.primary, self.forges = primary, False
        self.hostile = Hostile(self.answer)

    def answer(self, query: bytes) -> Sent:
        """Return the reply of the primary."""
        for message in receive_until_silent((self.primary.address, self.primary.port), query, SILENCE_S):
            yield framed(message.replace(GOOD, FORGED) if self.forges else message)


@contextmanager
def between(directory: Path, kind: str) -> Iterator[Between]:
    """Run a knotd that signs the zone with NSEC or NSEC3, and who is between it and its secondary."""
    zone = directory / "primary.zone"
    zone.write_text(ZONE)
    sections = LOCAL_RULES + section("policy", "p", nsec3="on" if kind == "nsec3" else "off")
    template = "    acl: local\n    dnssec-signing: on\n    dnssec-policy: p\n"
    with peers.knot({"example.com.": zone}, sections=sections, template=template, journal="changes") as primary:
        middle = Between(primary)
        with middle.hostile.running():
            yield middle


def configure(daemon: SignedDaemon, middle: Between, validation: str) -> None:
    """Let the daemon be a secondary."""
    remotes = section("remote", "primary", address=f"127.0.0.1@{middle.hostile.port}")
    daemon.configure(
        {}, remotes, master="primary", dnssec_signing="off", dnssec_validation=validation, zonefile_sync="-1",
        zonefile_load="none", journal_content="all",
    )  # fmt: skip


def serial_of(middle: Between) -> int:
    """Return the serial that the primary has."""
    lines = transfer((middle.primary.address, middle.primary.port))
    return int(next(line for line in lines if " SOA " in line and "RRSIG" not in line).split()[6])


def change(middle: Between, script: str) -> None:
    """Change the zone at the primary."""
    send_update((middle.primary.address, middle.primary.port), "example.com.", script)


@pytest.mark.parametrize("kind", ["nsec", "nsec3"])
def test_only_valid_versions_are_served(daemon: SignedDaemon, tmp_path: Path, kind: str) -> None:
    """Whole or in changes, what was tampered with is refused and the version before stays, also over a restart."""
    with between(tmp_path, kind) as middle:
        configure(daemon, middle, "on")
        start_secondary(daemon)
        here = (daemon.address, daemon.port)
        wait_serial(here, serial_of(middle))
        change(middle, "update add new.example.com. 60 A 192.0.2.9")
        daemon.ok("-b zone-refresh example.com")
        serial = serial_of(middle)
        wait_serial(here, serial)
        middle.forges = True
        change(middle, "update add again.example.com. 60 A 192.0.2.2")
        daemon.mark()
        for command in ("zone-refresh", "zone-retransfer"):
            daemon.fails(f"-b {command} example.com")
            assert "DNSSEC validation failed" in daemon.logged()
            wait_serial(here, serial)
            daemon.mark()
        assert daemon.address_of() == "192.0.2.2"
        daemon.stop()
        start_secondary(daemon)
        wait_serial(here, serial)
        middle.forges = False
        daemon.ok("-b zone-refresh example.com")
        wait_serial(here, serial_of(middle))
        assert transfer(here) == transfer((middle.primary.address, middle.primary.port))
        ask(daemon.rundir / "knot.sock", "zone-validate", zone="example.com", flags="B")
        assert "DNSSEC, validation successful, checked RRSIGs " in daemon.logged()
        assert len(signers(daemon, "again.example.com")) == 1
        assert daemon.stop() == 0


def test_validation_by_hand(daemon: SignedDaemon, tmp_path: Path) -> None:
    """A bogus version is served where nobody wants validation; once it is wanted the zone expires."""
    with between(tmp_path, "nsec") as middle:
        middle.forges = True
        configure(daemon, middle, "off")
        start_secondary(daemon)
        wait_serial((daemon.address, daemon.port), serial_of(middle))
        validation_fails(daemon)
        assert daemon.address_of() == "192.0.2.66"
        configure(daemon, middle, "on")
        daemon.reload()
        daemon.expect("DNSSEC, validation failed (")
        wait_for(lambda: daemon.ask("www.example.com").rcode() == dns.rcode.SERVFAIL, "the zone is gone")
        middle.forges = False
        daemon.ok("-b zone-retransfer example.com")
        assert daemon.address_of() == "192.0.2.2"
        assert daemon.stop() == 0


def validation_fails(daemon: SignedDaemon) -> None:
    """Have the zone validated, which fails."""
    daemon.mark()
    with pytest.raises(Refused, match="DNSSEC validation failed"):
        ask(daemon.rundir / "knot.sock", "zone-validate", zone="example.com", flags="B")
    assert "DNSSEC, validation failed (" in daemon.logged()
