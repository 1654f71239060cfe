# SPDX-License-Identifier: Apache-2.0
"""A daemon signs a zone, puts the DS record of its key into the parent zone, finds it there and goes on."""

from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests.support import peers
from tests.support.bus import Listener, running_bus
from tests.support.operator import Operated
from tests.support.peers import Peer

PARENT = "$TTL 7\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nexample NS ns.example\n"
RULES = "acl:\n  - id: all\n    address: 127.0.0.1\n    action: update\n"
CONFIG = """\
remote:
  - id: parent
    address: 127.0.0.1@{port}
submission:
  - id: look
    parent: parent
    check-interval: 1
policy:
  - id: p
    propagation-delay: 1
    dnskey-ttl: 9
    ksk-submission: look
    ds-push: parent
zone:
  - domain: example.com
    storage: {base}
    dnssec-signing: on
    dnssec-policy: p
"""

pytestmark = pytest.mark.peer("knotd", "dbus-daemon")


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[Peer]:
    """A knotd with the parent zone."""
    zone = tmp_path / "com.zone"
    zone.write_text(PARENT)
    with peers.knot({"com.": zone}, sections=RULES, template="    acl: all\n", journal="changes") as peer:
        yield peer


@pytest.fixture
def operated(tmp_path: Path, parent: Peer) -> Iterator[Operated]:
    """A daemon that is configured, and not started."""
    daemon = Operated(tmp_path, "xdpdnsctl")
    daemon.server_items = ["dbus-event: ksk-submission", "dbus-init-delay: 0"]
    daemon.write_config(extra=CONFIG.format(port=parent.port, base=tmp_path))
    yield daemon
    daemon.close()


def test_from_the_first_key_to_its_confirmation(
    operated: Operated, parent: Peer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an operator, who is told on D-Bus all the same."""
    where = f"outgoing, remote 127.0.0.1@{parent.port} TCP"
    with running_bus(tmp_path) as bus:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus)
        listener = Listener(bus)
        operated.start()
        operated.expect(f"[example.com.] DS push, {where}, success")
        operated.expect(f"[example.com.] DS check, {where}, KSK submission check: positive")
        operated.expect("[example.com.] DNSSEC, KSK submission, confirmed")
        told = listener.next()
        listener.close()
    query = dns.message.make_query("example.com", "DS")
    ds = dns.query.udp(query, parent.address, port=parent.port, timeout=peers.STOP_TIMEOUT_S).answer[0]
    assert ds.ttl == 9
    assert told.member == "zone_ksk_submission"
    assert told.values[:2] == ("example.com.", ds[0].key_tag)
    assert "waits for its DS record" not in operated.run("zone-dnssec", "example.com")


def test_a_push_that_is_due_outlives_the_daemon(operated: Operated, parent: Peer, tmp_path: Path) -> None:
    """The parent's server is away, the daemon is started again, and the push is still planned."""
    peers.stop(parent)
    operated.start()
    operated.expect("[example.com.] DS push, outgoing, ", "connection refused")
    operated.expect("failed (connection refused)")
    before = operated.run("zone-dnssec", "example.com")
    assert "told of the DS records " in before
    assert operated.stop() == 0
    operated.start()
    assert "told of the DS records " in operated.run("zone-dnssec", "example.com")
