# SPDX-License-Identifier: Apache-2.0
"""Catalog zones are closed to queries, but for whom a rule lets in."""

from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import pytest

from tests.support.daemon import DaemonUnderTest

SECRET = "c2VjcmV0IG9mIHRoZSBzZXJ2ZXI="
CATALOG = '@ 300 SOA invalid. h 1 3600 600 86400 60\n@ 300 NS invalid.\nversion 300 TXT "2"\n'
CONFIG = """\
server:
  rundir: {base}/run
  listen: 127.0.0.1@{port}
  udp-workers: 1
database:
  storage: {base}/db
  journal-db-max-size: 64M
log:
  - target: {base}/log
    any: debug
key:
  - id: k
    secret: {secret}
acl:
  - id: here
    address: 127.0.0.1
    action: query
  - id: key
    key: k
    action: transfer
zone:
  - domain: example.com
    storage: {base}
  - domain: catalog.test
    file: {base}/catalog.zone
{items}
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonUnderTest]:
    one = DaemonUnderTest(tmp_path)
    (tmp_path / "catalog.zone").write_text(CATALOG)
    try:
        yield one
    finally:
        one.close()


def configure(daemon: DaemonUnderTest, items: str) -> None:
    daemon.config.write_text(CONFIG.format(base=daemon.base, port=daemon.port, secret=SECRET, items=items))


def rcodes(daemon: DaemonUnderTest, key: dns.tsig.Key | None = None) -> set[str]:
    """Ask over UDP and TCP."""
    found = set()
    for function in (dns.query.udp, dns.query.tcp):
        query = dns.message.make_query("catalog.test.", "SOA")
        if key is not None:
            query.use_tsig(key)
        reply = function(query, daemon.address, port=daemon.port, timeout=2)
        found.add(dns.rcode.to_text(reply.rcode()))
    return found


def test_catalog_is_closed_but_to_those_allowed(daemon: DaemonUnderTest) -> None:
    """Queries of a catalog zone get NOTAUTH unless address or key is let in; a reload changes it."""
    key = dns.tsig.Key("k.", SECRET, "hmac-sha256")
    role = "    catalog-role: generate\n"
    configure(daemon, "")
    daemon.start()
    assert rcodes(daemon) == {"NOERROR"}
    configure(daemon, f"{role}    acl: key\n")
    daemon.reload()
    assert rcodes(daemon) == {"NOTAUTH"}
    assert rcodes(daemon, key) == {"NOERROR"}
    configure(daemon, f"{role}    acl: [here, key]\n")
    daemon.reload()
    assert rcodes(daemon) == {"NOERROR"}
    configure(daemon, f"{role}    acl: key\n")
    daemon.stop()
    daemon.start()
    assert rcodes(daemon) == {"NOTAUTH"}
    configure(daemon, "")
    daemon.reload()
    assert rcodes(daemon) == {"NOERROR"}
