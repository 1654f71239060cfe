# SPDX-License-Identifier: Apache-2.0
"""A secondary forwards updates to its primary, a knotd, and relays the reply."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import peers
from tests.support.daemon import wait_for
from tests.support.peers import Peer
from tests.support.update_cases import ZONE
from tests.support.updated_daemon import KEY_NAME, RULES, UpdatedDaemon

NOERROR, SERVFAIL, YXDOMAIN = 0, 2, 6
PRIMARY_RULES = "acl:\n  - id: all\n    address: 127.0.0.1\n    action: [update, transfer]\n"

pytestmark = pytest.mark.peer("knotd", "nsupdate")


class Secondary(UpdatedDaemon):
    """A daemon whose zone comes from a primary on this host."""

    def __init__(self, base: Path, port: int) -> None:
        self.rules = f"remote:\n  - id: primary\n    address: 127.0.0.1@{port}\n{self.rules}    master: primary\n"
        super().__init__(base)
        (self.base / "example.com.zone").unlink()


class Keyless(Secondary):
    """It knows no key, and takes unsigned updates."""

    rules = RULES[RULES.index("acl:") :].replace(f"    key: {KEY_NAME}\n", "    address: 192.0.2.1\n")


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Peer]:
    """A knotd with the zone that takes updates."""
    path = tmp_path / "primary.zone"
    path.write_text(ZONE)
    with peers.knot(
        {"example.com.": path}, sections=PRIMARY_RULES, template="    acl: all\n", journal="changes"
    ) as peer:
        yield peer


@pytest.fixture
def secondary(tmp_path: Path, primary: Peer) -> Iterator[Secondary]:
    """A secondary of it, with the zone."""
    daemon = Secondary(tmp_path, primary.port)
    daemon.start()
    try:
        wait_for(lambda: daemon.serial() == "10", "the zone is transferred")
        yield daemon
    finally:
        daemon.close()


def test_update_is_forwarded(primary: Peer, secondary: Secondary) -> None:
    """What a client of the secondary asks for is done by the primary; a signed client gets a signed reply."""
    done = secondary.nsupdate("add new.example.com. 60 A 192.0.2.9", "-v")
    assert (done.returncode, done.stderr) == (0, "")
    secondary.expect("DDNS, forwarding 1 updates", "DDNS, outgoing, remote 127.0.0.1@", "successfully forwarded")
    wait_for(lambda: "DDNS, finished, serial 10 -> 11" in primary.log, "the primary has done it")


def test_foreign_signature_is_kept(tmp_path: Path) -> None:
    """A key that only the primary knows: the update reaches it with the client's signature, and the reply its own."""
    (tmp_path / "primary.zone").write_text(ZONE)
    key, _, _ = RULES.partition("acl:")
    rules = f"{key}acl:\n  - id: signed\n    key: {KEY_NAME}\n    action: update\n"
    rules += "  - id: all\n    address: 127.0.0.1\n    action: transfer\n"
    files = {"example.com.": tmp_path / "primary.zone"}
    with peers.knot(files, sections=rules, template="    acl: [signed, all]\n", journal="changes") as primary:
        daemon = Keyless(tmp_path, primary.port)
        daemon.start()
        try:
            wait_for(lambda: daemon.serial() == "10", "the zone is transferred")
            done = daemon.nsupdate("add new.example.com. 60 A 192.0.2.9", "-v")
            assert (done.returncode, done.stderr) == (0, "")
            wait_for(lambda: "DDNS, finished, serial 10 -> 11" in primary.log, "the primary has done it")
        finally:
            daemon.close()


def test_rcode_is_relayed(secondary: Secondary) -> None:
    """What the primary refuses is refused."""
    assert secondary.send_update("new 60 IN A 192.0.2.9", prerequisites=("www 0 NONE ANY",)) == YXDOMAIN


def test_primary_away(tmp_path: Path, primary: Peer, secondary: Secondary) -> None:
    """When the primary is not reached the client is answered SERVFAIL; when it is back updates are forwarded again."""
    peers.stop(primary)
    assert secondary.send_update("new 60 IN A 192.0.2.9") == SERVFAIL
    secondary.expect("DDNS, failed to forward updates (")
    files = {"example.com.": tmp_path / "primary.zone"}
    place = peers.Place(primary.address, primary.port)
    with peers.knot(files, place, sections=PRIMARY_RULES, template="    acl: all\n", journal="changes") as back:
        assert secondary.send_update("new 60 IN A 192.0.2.9") == NOERROR
        wait_for(lambda: "DDNS, finished, serial 10 -> 11" in back.log, "the primary has done it")
