# SPDX-License-Identifier: Apache-2.0
"""Catalog zones and dynamic updates as the operator's manual configures them: a catalog that is generated and one that
is interpreted, updates of a primary and through a secondary."""

import subprocess
import threading
from pathlib import Path

import dns.rcode
import pytest

from tests.support.daemon import ADDRESS, wait_for
from tests.support.operated_pair import SECRET, OperatedPair, rows, start_secondary

pytestmark = pytest.mark.peer("knotc", "nsupdate")

GENERATED = """\
template:
  - id: member
    storage: {base}
    notify: secondary
    acl: [give, change]
    catalog-role: member
    catalog-zone: catz
    catalog-group: red
zone:
  - domain: catz
    storage: {base}
    catalog-role: generate
    notify: secondary
    acl: give
  - domain: example.com
    template: member
"""
INTERPRETED = """\
template:
  - id: blue
    storage: {base}/blue
    master: primary
  - id: red
    storage: {base}
    master: primary
    acl: [notice, change]
zone:
  - domain: catz
    storage: {base}
    master: primary
    acl: notice
    catalog-role: interpret
    catalog-template: [blue, red]
"""


def update(port: int, *changes: str) -> str:
    """Send a signed update of example.com; return what nsupdate complains of."""
    lines = [f"server {ADDRESS} {port}", "zone example.com.", *changes, "send"]
    done = subprocess.run(
        ["nsupdate", "-v", "-t", "10", "-y", f"hmac-sha256:xfer:{SECRET}"],
        input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.stderr.strip()


def test_catalog(pair: OperatedPair) -> None:
    """Members come and go with their configuration, by their group's template; an expired catalog keeps them."""
    pair.configure(GENERATED, INTERPRETED)
    pair.primary.start()
    start_secondary(pair.secondary)
    wait_for(lambda: "[example.com.]" in pair.secondary.run("zone-status"), "the member")
    pair.follows("1")
    assert rows(pair.primary, "catz")["catalog"] == "generate"
    assert rows(pair.primary)["catalog"] == "@catz.#red"
    assert rows(pair.secondary, "catz")["catalog"] == "interpret"
    assert "expiration" not in rows(pair.secondary, "catz")
    shown = rows(pair.secondary)
    assert (shown["role"], shown["catalog"]) == ("slave", "catz.#red")
    assert pair.secondary.ask("version.catz", "TXT").rcode() == dns.rcode.NOTAUTH
    pair.primary.write_zone("more.test", 5)
    for line in ("conf-begin", "conf-set zone[more.test]", "conf-set zone[more.test].template member", "conf-commit"):
        pair.primary.ok(line)
    wait_for(lambda: "[more.test.]" in pair.secondary.run("zone-status"), "another member")
    pair.follows("5", "more.test")
    pair.edit("added", "192.0.2.9", "more.test")
    pair.follows("6", "more.test")
    pair.secondary.wait_flushed("192.0.2.9", "more.test")
    assert pair.primary.run("-f", "zone-purge", "catz", "+expire") == "OK"
    assert pair.secondary.run("-f", "zone-purge", "catz", "+expire") == "OK"
    assert pair.secondary.serial("more.test") == "6"
    assert pair.primary.run("reload") == "Reloaded"
    pair.follows(pair.primary.serial("catz"), "catz")
    wait_for(lambda: "[more.test.]" not in pair.secondary.run("zone-status"), "a member that is gone")
    wait_for(lambda: not (pair.secondary.base / "more.test.zone").exists(), "its file gone")
    assert pair.secondary.ask("www.more.test").rcode() == dns.rcode.REFUSED
    pair.secondary.stop()
    start_secondary(pair.secondary)
    wait_for(lambda: pair.secondary.run("zone-status", "example.com", "+serial").endswith("serial: 1"), "the member")
    assert Path(pair.secondary.base / "example.com.zone").exists()


def test_updates(pair: OperatedPair) -> None:
    """An update is carried out by the primary, also when it was sent to the secondary; in a frozen zone it waits."""
    pair.start()
    assert update(pair.primary.port, "add one.example.com. 60 A 192.0.2.11") == ""
    assert pair.primary.address_of("one.example.com") == "192.0.2.11"
    assert update(pair.secondary.port, "add two.example.com. 60 A 192.0.2.12") == ""
    assert pair.primary.address_of("two.example.com") == "192.0.2.12"
    pair.follows("3")
    assert pair.secondary.address_of("two.example.com") == "192.0.2.12"
    assert pair.primary.run("-b", "zone-freeze", "example.com") == "OK"
    said: list[str] = []
    port = pair.primary.port
    waiting = threading.Thread(target=lambda: said.append(update(port, "add three.example.com. 60 A 192.0.2.13")))
    waiting.start()
    wait_for(lambda: rows(pair.primary).get("update", "").startswith("frozen(-"), "an update that is held")
    pair.primary.ok("zone-thaw example.com")
    waiting.join()
    assert said == [""]
    pair.follows("4")
    assert "update" not in rows(pair.primary)
