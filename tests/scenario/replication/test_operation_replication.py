# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Secondary mode", "Daemon controls" and "Statistics": what a secondary does and tells."""

import urllib.request

import pytest

from tests.support.daemon import ADDRESS, wait_for
from tests.support.operated_pair import OperatedPair, rows, seconds, start_secondary
from tests.support.operator import PROGRAMS
from tests.support.ports import free_port

pytestmark = pytest.mark.peer("knotc")
BOTH = pytest.mark.parametrize("pair", PROGRAMS, indirect=True)

WITHOUT_FILE = """\
zone:
  - domain: example.com
    storage: {base}
    master: primary
    acl: notice
    zonefile-sync: -1
    zonefile-load: none
    journal-content: all
"""


@BOTH
def test_secondary_mode(pair: OperatedPair) -> None:
    """The zone comes by itself, is stored in a zone file, and follows each change by a changeset in the journal."""
    pair.start()
    pair.secondary.wait_flushed("192.0.2.2")
    shown = rows(pair.secondary)
    assert list(shown) == ["role", "serial", "refresh", "expiration"]
    assert (shown["role"], shown["serial"]) == ("slave", "1")
    assert 3500 < seconds(shown["refresh"]) <= 3600
    assert 86300 < seconds(shown["expiration"]) <= 86400
    pair.edit("added", "192.0.2.9")
    pair.follows("2")
    for line in ("notify, incoming, remote", "IXFR, incoming, remote", "serial 1 -> 2, expires in 86400 seconds"):
        pair.secondary.expect(f"[example.com.] {line}" if "remote" in line else line)
    assert pair.secondary.address_of("added.example.com") == "192.0.2.9"
    wait_for(lambda: set(rows(pair.primary)) == {"role", "serial"}, "a primary with nothing to do")
    assert "192.0.2.9" in pair.secondary.run("zone-read", "example.com", "added")
    pair.secondary.wait_flushed("192.0.2.9")
    pair.secondary.restart()
    assert pair.secondary.serial() == "2"
    assert 3500 < seconds(rows(pair.secondary)["refresh"]) <= 3600


def test_refreshing_by_hand(pair: OperatedPair) -> None:
    """`zone-refresh` asks the primaries of all secondary zones; on a primary it has nothing to do."""
    pair.start()
    pair.secondary.mark()
    assert pair.secondary.run("-b", "zone-refresh") == "OK"
    pair.secondary.expect("zone is up-to-date")
    assert pair.secondary.run("-b", "zone-retransfer", "example.com") == "OK"
    pair.secondary.expect("AXFR, incoming, remote")
    assert pair.primary.run("-b", "zone-refresh") == "OK"
    expected = "error: (operation not supported) [example.com]"
    assert pair.primary.fails("zone-refresh example.com").replace("[example.com] (", "(") in (
        expected, "error: (operation not supported)",
    )  # fmt: skip
    pair.secondary.mark()
    assert pair.secondary.run("-b", "zone-reload", "example.com") == "OK"
    pair.secondary.expect("zone is up-to-date")


@BOTH
def test_frozen_secondary(pair: OperatedPair) -> None:
    """A frozen zone does not follow NOTIFY unless it is told to refresh; what it was told follows the thaw."""
    pair.start()
    assert pair.secondary.run("-b", "zone-freeze", "example.com") == "OK"
    assert rows(pair.secondary)["freeze"] == "yes"
    pair.secondary.mark()
    pair.edit("one", "192.0.2.11")
    pair.secondary.expect("notify, incoming")
    wait_for(lambda: rows(pair.secondary)["refresh"].startswith("frozen(-"), "a refresh that is held")
    assert pair.secondary.serial() == "1"
    assert pair.secondary.run("-b", "zone-refresh", "example.com") == "OK"
    assert pair.secondary.serial() == "2"
    pair.secondary.mark()
    pair.edit("two", "192.0.2.12")
    pair.secondary.expect("notify, incoming")
    assert pair.secondary.serial() == "2"
    pair.secondary.ok("zone-thaw example.com")
    pair.follows("3")
    assert "freeze" not in rows(pair.secondary)


def test_frozen_transfers(pair: OperatedPair) -> None:
    """A primary whose transfers are frozen gives none, also after a restart; queries are answered as before."""
    pair.start()
    pair.primary.ok("zone-xfr-freeze example.com")
    assert rows(pair.primary)["XFR-freeze"] == "yes"
    pair.secondary.mark()
    pair.edit("held", "192.0.2.13")
    pair.secondary.expect("zone event 'refresh' failed")
    assert "key xfer., server responded with error 'REFUSED'\n" in pair.secondary.logged()
    assert pair.primary.address_of("held.example.com") == "192.0.2.13"
    pair.primary.restart()
    assert rows(pair.primary)["XFR-freeze"] == "yes"
    assert pair.secondary.control("-b", "zone-retransfer", "example.com")[0] == 1
    assert pair.secondary.serial() == "1"
    pair.primary.ok("zone-xfr-thaw example.com")
    assert "XFR-freeze" not in rows(pair.primary)
    assert pair.secondary.run("-b", "zone-refresh", "example.com") == "OK"
    assert pair.secondary.serial() == "2"


def test_a_secondary_without_zone_file(pair: OperatedPair) -> None:
    """Contents that are in the journal alone outlive the daemon and are not transferred again."""
    pair.configure(taken=WITHOUT_FILE)
    pair.start()
    pair.edit("kept", "192.0.2.14")
    pair.follows("2")
    assert not (pair.secondary.base / "example.com.zone").exists()
    pair.primary.stop()
    pair.secondary.restart()
    assert pair.secondary.address_of("kept.example.com") == "192.0.2.14"
    assert pair.secondary.serial() == "2"


def test_purging_a_secondary(pair: OperatedPair) -> None:
    """A purged zone is transferred again, with its file; a purge of the timers has it refreshed."""
    pair.start()
    pair.secondary.wait_flushed("192.0.2.2")
    status, text = pair.secondary.control("zone-purge", "example.com", said_otherwise=True)
    assert (status, text) == (1, "error: force option required!")
    pair.secondary.mark()
    assert pair.secondary.run("-f", "zone-purge", "example.com", "+timers") == "OK"
    pair.secondary.expect("remote serial 1, zone is up-to-date, expires in 86400 seconds")
    pair.secondary.mark()
    assert pair.secondary.run("-b", "-f", "zone-purge", "example.com") == "OK"
    pair.follows("1")
    pair.secondary.expect("serial none -> 1")
    pair.secondary.wait_flushed("192.0.2.2")


def test_notify_is_tried_again(pair: OperatedPair) -> None:
    """A change that nobody could be told of is shown as a planned notify, at the interval of the SOA's RETRY."""
    pair.primary.start()
    wait_for(lambda: 500 < seconds(rows(pair.primary).get("notify", "")) <= 600, "another try of the notify")
    start_secondary(pair.secondary)
    pair.follows("1")
    pair.edit("late", "192.0.2.15")
    pair.follows("2")
    wait_for(lambda: "notify" not in rows(pair.primary), "nobody left to tell")
    pair.secondary.mark()
    assert pair.primary.run("-b", "zone-notify", "example.com") == "OK"
    pair.secondary.expect("notify, incoming")


def test_what_is_counted(pair: OperatedPair) -> None:
    """Failed events are counted; the metrics have the times of a secondary zone, and none of them for a primary."""
    for daemon in (pair.primary, pair.secondary):
        text = daemon.config.read_text()
        daemon.config.write_text(text + f"statistics:\n    prometheus-listen: {ADDRESS}@{free_port()}\n")
    pair.start()
    zone = '{zone="example.com."}'
    metrics = samples(pair.secondary.config.read_text())
    assert (metrics[f"knot_zone_serial{zone}"], metrics[f"knot_zone_retry_seconds{zone}"]) == (1, 600)
    assert 3500 < metrics[f"knot_zone_status_refresh_seconds{zone}"] <= 3600
    assert 86300 < metrics[f"knot_zone_status_expiration_seconds{zone}"] <= 86400
    own = samples(pair.primary.config.read_text())
    assert own[f"knot_zone_expiration_seconds{zone}"] == 86400
    assert not [name for name in own if name.startswith("knot_zone_status")]
    before = failures(pair)
    pair.primary.stop()
    assert pair.secondary.control("-b", "zone-refresh")[0] == 1
    assert failures(pair) == before + 1


def failures(pair: OperatedPair) -> int:
    """Return how many events of the secondary failed."""
    return int(pair.secondary.run("-f", "stats", "server.zone-update-error").replace("=", ":").rpartition(": ")[2])


def samples(config: str) -> dict[str, float]:
    """Return the metrics of the daemon with this configuration."""
    address, _, port = config.rpartition("prometheus-listen: ")[2].strip().partition("@")
    with urllib.request.urlopen(f"http://{address}:{port}/metrics", timeout=10) as response:
        lines = [line for line in response.read().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}
