# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Zone bootstrapping on secondary" and "Zone expiration"."""

import dns.rcode
import pytest

from tests.support.daemon import wait_for
from tests.support.operated_pair import TAKEN, OperatedPair, rows, seconds, start_secondary

pytestmark = pytest.mark.peer("knotc")

SHORT = """\
$TTL 60
@ SOA ns hostmaster 1 2 1 4 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
"""
JITTER_S = 30


def waits_for(pair: OperatedPair) -> int:
    """Return in how many seconds the secondary tries again."""
    wait_for(lambda: rows(pair.secondary).get("refresh", "").startswith("+"), "a planned refresh")
    return seconds(rows(pair.secondary)["refresh"])


def test_bootstrap(pair: OperatedPair) -> None:
    """Tries are 5 n^2 to 5 n^2 + 30 seconds apart; the count begins anew when an operator asks, and at a restart."""
    start_secondary(pair.secondary)
    assert list(rows(pair.secondary)) == ["role", "serial", "refresh"]
    assert rows(pair.secondary)["serial"] == "-"
    assert 3 <= waits_for(pair) <= 5 + JITTER_S
    for line in ("zone-refresh example.com", "zone-retransfer", "-f zone-purge example.com +timers"):
        pair.secondary.mark()
        pair.secondary.ok(line)
        pair.secondary.expect("zone event 'refresh' failed")
        assert 3 <= waits_for(pair) <= 5 + JITTER_S
    assert pair.secondary.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    pair.secondary.stop()
    pair.configure(taken=TAKEN + "    retry-min-interval: 90\n    retry-max-interval: 120\n")
    start_secondary(pair.secondary)
    assert 85 <= waits_for(pair) <= 90
    pair.primary.start()
    pair.follows("1")


def test_expiration(pair: OperatedPair) -> None:
    """An expired zone is not answered, its file and journal are kept, and it is back after the next transfer."""
    (pair.primary.base / "example.com.zone").write_text(SHORT)
    pair.configure(taken=TAKEN + "    retry-max-interval: 1\n")
    pair.start()
    pair.secondary.wait_flushed("192.0.2.2")
    pair.edit("added", "192.0.2.9")
    pair.follows("2")
    pair.secondary.wait_flushed("192.0.2.9")
    assert seconds(rows(pair.secondary)["expiration"]) <= 4
    pair.primary.stop()
    pair.secondary.expect("zone expired")
    assert pair.secondary.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    shown = rows(pair.secondary)
    assert (shown["serial"], "expiration" in shown) == ("-", False)
    assert "192.0.2.9" in pair.secondary.file_text()
    pair.secondary.stop()
    start_secondary(pair.secondary)
    assert pair.secondary.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    pair.primary.start()
    pair.follows("2")
    assert pair.secondary.address_of("added.example.com") == "192.0.2.9"


def test_expiring_by_hand(pair: OperatedPair) -> None:
    """A secondary zone is refreshed at once; one of a primary is valid again after a reload or a restart."""
    pair.start()
    pair.secondary.mark()
    assert pair.secondary.run("-f", "zone-purge", "example.com", "+expire") == "OK"
    pair.secondary.expect("zone expired")
    pair.secondary.expect("serial none -> 1")
    pair.follows("1")
    for again in (lambda: pair.primary.run("reload"), pair.primary.restart):
        assert pair.primary.run("-f", "zone-purge", "example.com", "+expire") == "OK"
        assert rows(pair.primary)["serial"] == "-"
        assert pair.primary.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
        again()
        wait_for(lambda: rows(pair.primary)["serial"] == "1", "a zone that is valid again")
        assert pair.primary.address_of() == "192.0.2.2"
