# SPDX-License-Identifier: Apache-2.0
"""Transfers out of a daemon: to kdig, and to Knot DNS, NSD and BIND as secondaries, compared record by record."""

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import dns.edns
import dns.message
import dns.rrset
import pytest

from pyxdp_dns.scan import scan_zone_text
from tests.support import peers
from tests.support.daemon import DaemonUnderTest, wait_for
from tests.support.signed_secondaries import ALGORITHM, KEY_NAME, SECRET, secondary
from tests.support.transfers import Row, receive_until_silent, rows_of_messages, rows_of_pairs

APEX = b"\7example\3com\0"
SILENCE_S = 0.3
SYNC_S = 30.0
SOA, AXFR, IXFR = 6, 252, 251
LONG_NAME = ".".join(["x" * 63] * 3 + ["y" * 49])
ZONE = f"""\
$TTL 300
@ SOA ns hostmaster {{serial}} 1 1 86400 60
@ NS ns
@ MX 10 Mail
ns A 192.0.2.1
mail A 192.0.2.2
*.wild CNAME mail
{LONG_NAME} A 192.0.2.3
a\\000b\\.c TXT "\\000" ""
empty TYPE65280 \\# 0
signed 60 A 192.0.2.4
signed 60 TXT "two TTLs"
signed 30 AAAA 2001:db8::1
signed 60 RRSIG A 13 3 60 20370101000000 20200101000000 1 @ AAAA
signed 30 RRSIG AAAA 13 3 30 20370101000000 20200101000000 1 @ AAAA
{{more}}"""
REPLICATION = f"""\
key:
  - id: {KEY_NAME}
    algorithm: {ALGORITHM}
    secret: {SECRET}
acl:
  - id: open
    address: 127.0.0.1
    action: transfer
  - id: signed
    key: {KEY_NAME}
    action: transfer
template:
  - id: default
    acl: [open, signed]
    zonefile-load: difference
    zonefile-sync: -1
"""


def zone_text(serial: int, *more: str) -> str:
    """Return the zone at a serial, with more records."""
    return ZONE.format(serial=serial, more="".join(f"{line}\n" for line in more))


def rows_of_text(text: str) -> list[Row]:
    """Return the records of a zone file, sorted."""
    with scan_zone_text(text.encode(), APEX, 1) as scanned:
        return sorted(rows_of_pairs(list(scanned)))


MANY = tuple(f"n{number:04} TXT {'x' * 200}" for number in range(3000))
"""Records for some forty messages."""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonUnderTest]:
    """A daemon with the zone at serial 1 and many records."""
    running = DaemonUnderTest(tmp_path)
    running.write_zone("example.com", 1, text=zone_text(1, *MANY))
    running.write_config()
    zone = f"zone:\n  - domain: example.com\n    storage: {tmp_path}\n"
    running.config.write_text(running.config.read_text() + REPLICATION + zone)
    running.process = running.spawn()
    try:
        running.expect("loaded, serial none -> 1")
        yield running
    finally:
        running.close()


def change(daemon: DaemonUnderTest, serial: int, *more: str) -> list[Row]:
    """Load another version of the zone; return its records."""
    text = zone_text(serial, *more)
    daemon.write_zone("example.com", serial, text=text)
    daemon.mark()
    daemon.reload()
    daemon.expect(f"-> {serial}")
    return rows_of_text(text)


def ask(daemon: DaemonUnderTest, kind: int, serial: int | None = None, *options: dns.edns.Option) -> list[bytes]:
    """Return the messages of a transfer over TCP."""
    return receive_until_silent((daemon.address, daemon.port), question(kind, serial, *options), SILENCE_S)


def question(kind: int, serial: int | None = None, *options: dns.edns.Option) -> bytes:
    """Return a request for a transfer."""
    query = dns.message.make_query("example.com.", kind, use_edns=0 if options else False, options=list(options))  # type: ignore[arg-type]
    if serial is not None:
        query.authority.append(dns.rrset.from_text("example.com.", 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    return query.to_wire()


def serials(rows: list[Row]) -> list[int]:
    """Return the serials of the SOAs in order."""
    return [int.from_bytes(row.data[-20:-16], "big") for row in rows if row.type == SOA]


def test_a_zone_is_transferred_whole(daemon: DaemonUnderTest) -> None:
    """AXFR has every record of the zone file, and is logged with its messages and octets."""
    messages = ask(daemon, AXFR)
    rows = rows_of_messages(messages)
    assert sorted(rows[:-1]) == rows_of_text(zone_text(1, *MANY))
    octets = sum(map(len, messages))
    daemon.expect("AXFR, outgoing, remote 127.0.0.1@", "started, serial 1")
    wait_for(lambda: f"seconds, {len(messages)} messages, {octets} bytes" in daemon.logged(), "the line of the end")


def test_changes_are_transferred_from_the_journal(daemon: DaemonUnderTest) -> None:
    """IXFR leads through each version; a serial without history gets the zone, the current one its SOA."""
    change(daemon, 2, *MANY[1:])
    change(daemon, 3, *MANY[2:], "new A 192.0.2.9")
    rows = rows_of_messages(ask(daemon, IXFR, 1))
    assert serials(rows) == [3, 1, 2, 2, 3, 3]
    assert len(rows) == 6 + 3
    assert serials(rows_of_messages(ask(daemon, IXFR, 3))) == [3]
    assert serials(rows_of_messages(ask(daemon, IXFR, 4))) == [3]
    assert len(rows_of_messages(ask(daemon, IXFR, 0))) > len(MANY)
    for line in ("started, serial 1 -> 3", "incomplete history, serial 0, fallback to AXFR", "up-to-date, serial 3"):
        wait_for(lambda line=line: line in daemon.logged(), line)  # type: ignore[misc]


def test_changes_over_udp_are_the_soa(daemon: DaemonUnderTest) -> None:
    """Over UDP a client learns the serial and comes back by TCP, as from Knot DNS."""
    change(daemon, 2, *MANY[1:])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(question(IXFR, 1), (daemon.address, daemon.port))
        reply = sock.recv(65535)
    assert serials(rows_of_messages([reply])) == [2]


def test_expire_is_told(daemon: DaemonUnderTest) -> None:
    """A request with the option EXPIRE gets the zone's expire time in each message (RFC 7314)."""
    for message in ask(daemon, AXFR, None, dns.edns.GenericOption(9, b""))[:3]:
        options = dns.message.from_wire(message, one_rr_per_rrset=True).options
        assert [option.to_wire() for option in options] == [(86400).to_bytes(4, "big")]


def test_a_client_that_goes_away_leaves_nothing(daemon: DaemonUnderTest) -> None:
    """After many clients that left in the middle, transfers go on as before."""
    for _ in range(20):
        with socket.create_connection((daemon.address, daemon.port)) as sock:
            query = question(AXFR)
            sock.sendall(len(query).to_bytes(2, "big") + query)
            sock.recv(100)
    assert len(rows_of_messages(ask(daemon, AXFR))) > len(MANY)
    assert "fault of the program" not in daemon.all_output()


@pytest.mark.peer("kdig")
@pytest.mark.parametrize("key", [(), ("-y", f"{ALGORITHM}:{KEY_NAME}:{SECRET}")], ids=["plain", "signed"])
def test_kdig_takes_a_transfer(daemon: DaemonUnderTest, key: tuple[str, ...]) -> None:
    """The kdig of Knot DNS verifies the signature of each message and shows every record."""
    where = ["@127.0.0.1", "-p", str(daemon.port)]
    shown = subprocess.run(["kdig", *where, *key, "example.com.", "AXFR"], capture_output=True, text=True, check=True)
    expected = len(rows_of_text(zone_text(1, *MANY))) + 1
    assert f"{expected} records)" in shown.stdout
    assert "WARNING" not in shown.stderr


@pytest.mark.peer("knotd", "nsd", "named")
@pytest.mark.parametrize("name", ["knot", "nsd", "named"])
def test_secondaries_have_what_the_primary_has(daemon: DaemonUnderTest, name: str) -> None:
    """A secondary that fetches with TSIG has the zone by AXFR, and each later version by IXFR, record by record."""
    with secondary(name, "example.com", (daemon.address, daemon.port)) as peer:
        expect_zone(peer, rows_of_text(zone_text(1, *MANY)))
        expect_zone(peer, change(daemon, 2, *MANY[5:]))
        expect_zone(peer, change(daemon, 3, *MANY[9:], "new A 192.0.2.9", "mail A 192.0.2.10"))
    assert "IXFR, outgoing, remote 127.0.0.1@" in daemon.all_output()


def expect_zone(peer: peers.Peer, expected: list[Row]) -> None:
    """Wait until the peer has these records."""

    def has_it() -> bool:
        try:
            messages = receive_until_silent((peer.address, peer.port), question(AXFR), SILENCE_S)
            return sorted(rows_of_messages(messages)[:-1]) == expected
        except OSError:
            return False

    wait_for(has_it, f"the zone on {peer.name}", SYNC_S)
