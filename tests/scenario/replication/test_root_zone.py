# SPDX-License-Identifier: Apache-2.0
"""The root zone taken from other name servers and given to them: record by record, and by what is answered from it."""

import re
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import pytest

from tests.scenario.replication import primaries
from tests.support import zones
from tests.support.daemon import wait_for
from tests.support.driven import Driven
from tests.support.exchange import Udp
from tests.support.peers import Peer
from tests.support.signed_secondaries import ALGORITHM, KEY_NAME, SECRET, secondary
from tests.support.transfers import Row, receive_until_silent, rows_of_messages

DELEGATIONS = 400
"""Top-level names more, for a transfer of several messages."""
SILENCE_S = 0.3
SYNC_S = 30.0
AXFR, SOA = 252, 6
FIRST_SERIAL = "2024010100"
PRIMARIES: dict[str, Callable[..., AbstractContextManager[Peer]]] = {
    "knot": primaries.knot,
    "nsd": primaries.nsd,
    "named": primaries.named,
}
KINDS = [
    pytest.param("knot", marks=pytest.mark.peer("knotd")),
    pytest.param("nsd", marks=pytest.mark.peer("nsd")),
    pytest.param("named", marks=pytest.mark.peer("named")),
]
QUESTIONS = [
    (".", "SOA"), (".", "NS"), (".", "DNSKEY"), (".", "A"), (".", "DS"), ("com.", "DS"), ("www.com.", "A"),
    ("com.", "NS"), ("ns.com.", "A"), ("unsigned.", "DS"), ("www.unsigned.", "A"), ("tld7.", "NS"),
    ("deep.below.tld399.", "TXT"), ("a.root-servers.test.", "AAAA"), ("no.such.name.", "A"), ("zz.", "A"),
    ("b.c.", "A"), ("any.wild.", "A"), ("alias.", "TXT"), ("x.dn.", "A"), ("\\000.", "A"),
]  # fmt: skip
"""Of the apex, delegations, glue, names that are not there, wildcards, aliases and names of odd octets."""


@pytest.fixture(scope="module")
def signed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small root zone of the tests with further delegations, signed with NSEC."""
    if reason := zones.missing():
        pytest.skip(reason)
    directory = tmp_path_factory.mktemp("signing")
    text = zones.source(".").read_text() + "c.root-servers.invalid. 518400 A 198.51.100.12\n"
    for number in range(DELEGATIONS):
        text += f"tld{number}. 172800 NS ns.tld{number}.\nns.tld{number}. 172800 A 198.51.100.{number % 256}\n"
        text += f"tld{number}. 86400 DS {number} 13 2 {number:064x}\n" if number % 2 else ""
    (directory / "unsigned").write_text(text)
    zones.sign(".", "nsec", directory / "unsigned", directory / "signed", directory)
    return (directory / "signed").read_text()


@dataclass(frozen=True, slots=True)
class Root:
    """The zone file of a primary."""

    path: Path
    text: str

    def write(self, serial: int) -> None:
        """Write a version: the glue of `com.` has the serial as its last octet, and no signature is made anew."""
        text = self.text.replace(FIRST_SERIAL, str(serial))
        self.path.write_text(re.sub(r"(ns\.com\.\s.*\s198\.51\.100\.)\d+", rf"\g<1>{serial}", text))


@pytest.fixture
def root(tmp_path: Path, signed: str) -> Root:
    """The zone at serial 1."""
    made = Root(tmp_path / "root.zone", signed)
    made.write(1)
    return made


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Driven]:
    """A daemon that is not started yet."""
    under_test = Driven(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()


def rows_of_file(path: Path) -> list[Row]:
    """Return the records of the zone file as dnspython reads them, sorted."""
    zone = zones.read(".", path)
    return sorted(
        Row(name.to_digestable(), int(rdataset.rdtype), rdataset.ttl, rdata.to_digestable())
        for name, rdataset in zone.iterate_rdatasets()
        for rdata in rdataset
    )


def transferred(address: str, port: int) -> list[Row]:
    """Return the records of a server's root zone, sorted; the SOA that ends a transfer is left out."""
    query = dns.message.make_query(".", AXFR).to_wire()
    rows = rows_of_messages(receive_until_silent((address, port), query, SILENCE_S))
    assert len(rows) > 1, "no transfer"
    assert (rows[0], rows[0].type) == (rows[-1], SOA)
    return sorted(rows[:-1])


def replies(address: str, port: int) -> list[dns.message.Message]:
    """Return what a server replies to the questions."""
    queries = [dns.message.make_query(name, rtype, want_dnssec=True).to_wire() for name, rtype in QUESTIONS]
    found = Udp(address, port)(queries)
    return [dns.message.from_wire(reply) for reply in found if reply is not None]


def answers(address: str, port: int) -> list[str]:
    """Return what a server answers; in AUTHORITY only what is no addition to an answer."""
    found = []
    for question, reply in zip(QUESTIONS, replies(address, port), strict=True):
        records = reply.answer or reply.authority
        texts = sorted(line for rrset in records for line in rrset.to_text().splitlines())
        found.append(f"{question}: {dns.rcode.to_text(reply.rcode())}, {dns.flags.to_text(reply.flags)}: {texts}")
    return found


def glue(daemon: Driven) -> set[str]:
    """Return the addresses that come with the delegation of `com.`."""
    return {str(rdata) for rrset in daemon.ask("www.com.").additional for rdata in rrset}


def serial_at(address: str, port: int) -> int | None:
    """Return the serial of a server's root zone, None when it has none."""
    (reply,) = Udp(address, port)([dns.message.make_query(".", "SOA").to_wire()])
    answer = dns.message.from_wire(reply).answer if reply is not None else []
    return answer[0][0].serial if answer else None


def at_serial(daemon: Driven, serial: int) -> None:
    """Wait until the daemon answers from a version of the root zone."""

    wait_for(lambda: serial_at(daemon.address, daemon.port) == serial, f"serial {serial}\n{daemon.all_output()}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_root_zone_is_taken(daemon: Driven, root: Root, kind: str) -> None:
    """Whole, then by its changes, and kept over a restart: the records and answers are those of the primary."""
    with PRIMARIES[kind]({".": root.path}) as peer:
        daemon.write_config(
            extra=f"remote:\n  - id: peer\n    address: {peer.address}@{peer.port}\n"
            f"acl:\n  - id: open\n    address: {daemon.address}\n    action: transfer\n"
            f"zone:\n  - domain: .\n    storage: {daemon.base}/taken\n    master: peer\n    acl: open\n"
        )
        (daemon.base / "taken").mkdir()
        daemon.process = daemon.spawn()
        daemon.expect("[.] AXFR, incoming")
        at_serial(daemon, 1)
        assert transferred(daemon.address, daemon.port) == rows_of_file(root.path)
        assert answers(daemon.address, daemon.port) == answers(peer.address, peer.port)
        root.write(2)
        peer.process.send_signal(signal.SIGHUP)
        wait_for(lambda: serial_at(peer.address, peer.port) == 2, f"serial 2 at {kind}\n{peer.log}")
        daemon.do("zone-refresh", zone=".", flags="B")
        at_serial(daemon, 2)
        assert "[.] IXFR, incoming" in daemon.all_output()
        assert transferred(daemon.address, daemon.port) == rows_of_file(root.path)
        assert answers(daemon.address, daemon.port) == answers(peer.address, peer.port)
        assert "198.51.100.2" in glue(daemon)
        daemon.do("zone-flush", zone=".", flags="B")
        (file,) = (daemon.base / "taken").iterdir()
        assert rows_of_file(file) == rows_of_file(root.path)
    assert daemon.stop() == 0
    daemon.up()
    at_serial(daemon, 2)
    assert transferred(daemon.address, daemon.port) == rows_of_file(root.path)


@pytest.mark.parametrize("kind", KINDS)
def test_the_root_zone_is_given(daemon: Driven, root: Root, kind: str) -> None:
    """Whole, then by its changes: the secondary has each record, and answers as the daemon does."""
    daemon.write_config(
        extra=f"key:\n  - id: {KEY_NAME}\n    algorithm: {ALGORITHM}\n    secret: {SECRET}\n"
        f"acl:\n  - id: signed\n    key: {KEY_NAME}\n    action: transfer\n"
        f"zone:\n  - domain: .\n    file: {root.path}\n    acl: signed\n"
        "    zonefile-load: difference\n    zonefile-sync: -1\n"
    )
    daemon.up()
    with secondary(kind, ".", (daemon.address, daemon.port)) as peer:
        for serial in (1, 2):
            if serial > 1:
                root.write(serial)
                daemon.do("zone-reload", zone=".", flags="B")
            wait_for(lambda serial=serial: serial_at(peer.address, peer.port) == serial, peer.log, SYNC_S)  # type: ignore[misc]
            assert transferred(peer.address, peer.port) == rows_of_file(root.path)
            assert answers(peer.address, peer.port) == answers(daemon.address, daemon.port)
    assert "[.] IXFR, outgoing, remote 127.0.0.1@" in daemon.all_output()
