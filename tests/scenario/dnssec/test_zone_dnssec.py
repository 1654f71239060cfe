# SPDX-License-Identifier: Apache-2.0
"""The report of a zone that a daemon signs, asked for with xdpdnsctl."""

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import dns.dnssec
import dns.message
import dns.name
import dns.query
import dns.rdatatype
import pytest

from tests.support.operator import Operated

SIGNED = "policy:\n  - id: p\ntemplate:\n  - id: signed\n    dnssec-signing: on\n    dnssec-policy: p\n"
ZONES = "zone:\n  - domain: example.com\n    storage: {base}\n    template: signed\n  - domain: plain.test\n"


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A daemon with a zone that it signs and one that it does not."""
    daemon = Operated(tmp_path, "xdpdnsctl")
    daemon.write_config(extra=SIGNED + ZONES.format(base=tmp_path))
    daemon.start()
    yield daemon
    daemon.close()


def test_the_report_of_a_new_zone(operated: Operated, tmp_path: Path) -> None:
    """Its key waits for its DS record, and the one for the registrar is that of the DNSKEY that is answered."""
    text = operated.run("zone-dnssec", "example.com")
    assert "Policy      p, automatic\n" in text
    assert "to be confirmed with zone-ksk-submitted\n" in text
    query = dns.message.make_query("example.com", "DNSKEY")
    keys = dns.query.tcp(query, operated.address, port=operated.port, timeout=10).answer[0]
    key = next(rdata for rdata in keys if rdata.flags == 257)
    ds = dns.dnssec.make_ds(dns.name.from_text("example.com"), key, "SHA256")
    assert f"{ds.key_tag} 13 2 {ds.digest.hex().upper()}" in text
    assert f"KSK {ds.key_tag}" in text
    units = json.loads(operated.run("--json", "zone-dnssec", "example.com"))
    assert str(ds.key_tag) in [unit["data"] for unit in units if unit["item"] == "waiting"]
    picture = tmp_path / "keys.svg"
    assert operated.run("zone-dnssec", "example.com", "--svg", str(picture)) == ""
    assert f"KSK {ds.key_tag}" in [element.text for element in ElementTree.parse(picture).iter()]


def test_a_confirmed_key_waits_no_more(operated: Operated) -> None:
    """The report follows what an operator does."""
    operated.ok("-b zone-ksk-submitted example.com")
    text = operated.run("zone-dnssec", "example.com")
    assert "waits for its DS record" not in text
    assert ", active\n    DS" in text


def test_zones_without_keys(operated: Operated) -> None:
    """One that is not signed here, and one that is not here."""
    assert operated.run("zone-dnssec", "plain.test") == "plain.test. is not signed here"
    assert operated.fails("zone-dnssec none.test") == "error: (no such zone found) [none.test]"
