# SPDX-License-Identifier: Apache-2.0
"""Transfers from Knot DNS, NSD and BIND into the store: record by record what their zone files have."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.peers import NO_REPLICATION, PeerEndpoint, RemoteConf
from control.conf.zone import ZoneSettings
from control.store.contents import iterate_pairs
from control.store.environment import Store
from control.store.keys import Pair
from control.store.zones import get_zone
from control.transfer.client import Client, ClientSettings, RemoteFailed
from control.transfer.incoming import Kind, TransferFailed, TransferIn
from control.update.door import Door
from control.update.results import ChangeResult, Outcome
from pyxdp_dns.scan import scan_zone_file
from pyxdp_dns.table import Table
from tests.scenario.replication import primaries
from tests.support.peers import Peer

MIB = 1 << 20
ZONES = Path(__file__).parents[2] / "zones"
NAMES = ("plain.test", "wild.test", "extra.test", "alias.test", "cut.test", "odd.test")
PRIMARIES: dict[str, tuple[str, Callable[..., AbstractContextManager[Peer]]]] = {
    "knot": ("knotd", primaries.knot),
    "nsd": ("nsd", primaries.nsd),
    "named": ("named", primaries.named),
}
CASES = [
    pytest.param(run, is_signed, id=f"{name}{'-tsig' if is_signed else ''}", marks=pytest.mark.peer(program))
    for name, (program, run) in PRIMARIES.items()
    for is_signed in (False, True)
]
SETTINGS = ZoneSettings(journal_content="changes", zonefile_sync_s=-1)
APEX = b"\7example\0"
SOA = "example. 3600 IN SOA ns.example. host.example. {serial} 3600 900 604800 300\n"
BODY = "example. 3600 IN NS ns.example.\nns.example. 3600 IN A 192.0.2.1\n"

Run = Callable[..., AbstractContextManager[Peer]]


def wire(text: str) -> bytes:
    """Return a name in wire form."""
    return b"".join(bytes((len(label),)) + label.encode() for label in text.split(".") if label) + b"\0"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 256 * MIB, 1) as store:
        yield store


@pytest.fixture
def door(store: Store, tmp_path: Path) -> Iterator[Door]:
    with Table.create(tmp_path / "table") as table:
        yield Door(store, table, Clock())


@pytest.fixture
def client() -> Iterator[Client]:
    client = Client(Clock(), ClientSettings(pool_limit=2))
    yield client
    client.close()


def remote_of(peer: Peer, *, is_signed: bool = False) -> RemoteConf:
    """Return the peer as a remote."""
    return RemoteConf("peer", (PeerEndpoint(peer.address, peer.port),), key=primaries.KEY if is_signed else None)


def transfer(
    client: Client, door: Door, remote: RemoteConf, zone: bytes, serial: int | None = None
) -> tuple[Kind, ChangeResult]:
    """Transfer a zone into the door."""
    with client.open(remote) as session, TransferIn(zone, serial) as incoming:
        found = session.query_soa(zone)
        result = session.transfer(incoming)
        assert result.serial == found.serial
        return result.kind, door.transfer(incoming, SETTINGS, NO_REPLICATION)


def stored_pairs(store: Store, zone: bytes) -> list[Pair]:
    """Return the contents in the store without the zone id."""
    with store.read() as txn:
        known = get_zone(txn, zone)
        assert known is not None
        return [(key[4:], value) for key, value in iterate_pairs(txn, known)]


def file_pairs(path: Path, zone: bytes) -> list[Pair]:
    """Return the contents of a zone file in the same form."""
    with scan_zone_file(path, zone, 1) as scanned:
        return [(key[4:], value) for key, value in scanned]


@pytest.mark.parametrize(("run", "is_signed"), CASES)
def test_axfr_brings_every_record(run: Run, is_signed: bool, client: Client, door: Door, store: Store) -> None:
    """Zones of all kinds arrive as their zone files have them, over connections that are used again."""
    files = {f"{name}.": ZONES / f"{name}.zone" for name in NAMES}
    with run(files, is_signed=is_signed) as peer:
        remote = remote_of(peer, is_signed=is_signed)
        for name, path in files.items():
            kind, change = transfer(client, door, remote, wire(name))
            assert (kind, change.outcome) == (Kind.AXFR, Outcome.LOADED)
            assert stored_pairs(store, wire(name)) == file_pairs(path, wire(name)), name


@pytest.mark.parametrize(("run", "is_signed"), CASES)
def test_ixfr_follows(run: Run, is_signed: bool, client: Client, door: Door, store: Store, tmp_path: Path) -> None:
    """Changes of a zone file arrive as changesets, and the contents are those of the file."""
    path = tmp_path / "example.zone"
    path.write_text(SOA.format(serial=1) + BODY + "a.example. 60 IN TXT one\ngone.example. 60 IN A 192.0.2.9\n")
    with run({"example.": path}, is_signed=is_signed) as peer:
        remote = remote_of(peer, is_signed=is_signed)
        transfer(client, door, remote, APEX)
        for serial in (2, 3):
            reload(peer, client, remote, path, SOA.format(serial=serial) + BODY + f"a.example. 60 IN TXT t{serial}\n")
        kind, change = transfer(client, door, remote, APEX, 1)
        assert kind is Kind.IXFR
        assert (change.old_serial, change.new_serial) == (1, 3)
        assert stored_pairs(store, APEX) == file_pairs(path, APEX)
        with TransferIn(APEX, 3) as incoming:
            assert client.transfer(remote, incoming).kind is Kind.UP_TO_DATE


def reload(peer: Peer, client: Client, remote: RemoteConf, path: Path, text: str) -> None:
    """Change the zone file and wait until the primary answers from it."""
    before = client.query_soa(remote, APEX).serial
    path.write_text(text)
    deadline = time.monotonic() + 20
    while client.query_soa(remote, APEX).serial == before:
        assert time.monotonic() < deadline, peer.log
        peer.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)


@pytest.mark.peer("knotd")
def test_refusals_are_told(client: Client, door: Door, store: Store) -> None:
    """A zone that is not there, a missing or wrong key and a closed port give their reasons; nothing is stored."""
    path = ZONES / "plain.test.zone"
    with primaries.knot({"plain.test.": path}, is_signed=True) as peer:
        signed, unsigned = remote_of(peer, is_signed=True), remote_of(peer)
        with TransferIn(wire("plain.test")) as incoming, pytest.raises(TransferFailed, match="NOTAUTH"):
            client.transfer(unsigned, incoming)
        with pytest.raises(RemoteFailed) as refused:
            client.query_soa(signed, wire("other.test"))
        assert refused.value.reason == "server responded with error 'REFUSED'"
        wrong = signed._replace(key=primaries.KEY._replace(secret=bytes(32)))
        with pytest.raises(RemoteFailed) as refused:
            client.query_soa(wrong, wire("plain.test"))
        assert "BADSIG" in refused.value.reason
    with pytest.raises(RemoteFailed) as refused, client.open(unsigned) as session:
        session.query_soa(APEX)
    assert refused.value.reason == "connection refused"
    assert not refused.value.reached
    with store.read() as txn:
        assert get_zone(txn, wire("plain.test")) is None


@pytest.mark.peer("knotd")
def test_next_address_is_tried(client: Client, door: Door) -> None:
    """An address where nothing listens is passed over; the next one answers, from the source that goes with it."""
    path = ZONES / "plain.test.zone"
    with primaries.knot({"plain.test.": path}) as peer:
        via = (PeerEndpoint("127.0.0.1"), PeerEndpoint("127.0.0.7"))
        remote = RemoteConf("two", (PeerEndpoint("127.0.0.1", 9), PeerEndpoint(peer.address, peer.port)), via)
        _, change = transfer(client, door, remote, wire("plain.test"))
        assert change.outcome is Outcome.LOADED
        assert "127.0.0.7@" in peer.log


@pytest.mark.peer("knotd")
def test_notify_is_answered(client: Client) -> None:
    """The reply to a NOTIFY is handed back, also one with an error."""
    with primaries.knot({"plain.test.": ZONES / "plain.test.zone"}) as peer:
        reply = client.notify(remote_of(peer), wire("plain.test"), None)
        assert reply.rcode == 9
        assert reply.endpoint == f"{peer.address}@{peer.port} TCP"
