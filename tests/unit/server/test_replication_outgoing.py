# SPDX-License-Identifier: Apache-2.0
"""Handlers of outgoing transfers, with a reply that keeps what it gets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dns.message
import dns.rrset
import pytest

from control.access.acl import Source
from control.clock import Clock
from control.conf.zone import DEFAULT_SETTINGS, ZoneConf
from control.events.zone import ZoneHandle
from control.server.inbound import InboundRequest
from control.server.replication.outgoing import OutgoingTransfers
from control.store.changeset import Changeset
from control.store.environment import Store, Transaction
from control.store.journal import append_changeset, open_journal, put_journal
from control.store.keys import pack_rrset
from control.store.zones import zone_key
from control.wire.request import read_request
from tests.support.stored import StoredZones
from tests.support.transfers import rows_of_messages

APEX = b"\7example\0"
ZONE = "$TTL 60\n@ SOA ns hostmaster 13 1 1 86400 300\n@ NS ns\nns A 192.0.2.1\n"
FORMERR, SERVFAIL, REFUSED = 1, 2, 5
MANY = "".join(f'n{number} TXT "{"x" * 200}"\n' for number in range(9000))


class Kept:
    """A reply: `room` is waited for behind each message, or behind some that are sent together."""

    is_udp = False
    max_bytes = 65535

    def __init__(self, room: Callable[[], Awaitable[None]] | None = None) -> None:
        self.room = room
        self.messages: list[bytes] = []
        self.rcodes: list[int] = []
        self.aborted = False

    async def send(self, message: bytes) -> None:
        self.messages.append(message)
        if self.room is not None:
            await self.room()

    async def send_all(self, messages: Iterable[bytes]) -> None:
        self.messages += messages
        if self.room is not None:
            await self.room()

    def refuse(self, rcode: int) -> None:
        self.rcodes.append(rcode)

    def abort(self) -> None:
        self.aborted = True


class Lines:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def zone(self, _severity: int, _zone: str, text: str) -> None:
        self.lines.append(text)


class Stage:
    """A store with one zone, its handle, and requests for it."""

    def __init__(self, store: Store) -> None:
        self.store, self.log, self.now_s = store, Lines(), 0.0
        self.zone = ZoneHandle("example.", APEX, ZoneConf("example.", "", DEFAULT_SETTINGS))
        self.zone.serial = 13

    def transfers(self) -> OutgoingTransfers:
        zones: Any = SimpleNamespace(store=self.store)
        log: Any = self.log
        return OutgoingTransfers(zones, log, Clock(monotonic_ns=lambda: int(self.now_s * 1e9)), lambda _zone: None)

    def request(self, kind: str, serial: int | None = None) -> InboundRequest:
        query = dns.message.make_query("example.", kind, use_edns=False)
        if serial is not None:
            query.authority.append(dns.rrset.from_text("example.", 0, "IN", "SOA", f". . {serial} 1 1 1 1"))
        message = query.to_wire()
        source = Source(b"\x7f\0\0\1", "tcp", None, 5353)
        return InboundRequest(message, read_request(message), self.zone, source, None)

    def run(self, kind: str, reply: Any, serial: int | None = None) -> None:
        """Have one request handled to its end."""

        async def main() -> None:
            transfers = self.transfers()
            handler = transfers.axfr if kind == "AXFR" else transfers.ixfr
            await handler(self.request(kind, serial), reply)
            transfers.stop()

        asyncio.run(main())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose store has the zone."""
    with Store(tmp_path / "store", 1 << 26, 1) as store:
        StoredZones(store).put(APEX, ZONE)
        yield Stage(store)


def test_a_transfer_is_logged_from_start_to_end(stage: Stage) -> None:
    """The lines name the remote, the serial, and what was sent."""
    reply = Kept()
    stage.run("AXFR", reply)
    octets = sum(map(len, reply.messages))
    assert stage.log.lines == [
        "AXFR, outgoing, remote 127.0.0.1@5353 TCP, started, serial 13",
        f"AXFR, outgoing, remote 127.0.0.1@5353 TCP, finished, 0.00 seconds, 1 messages, {octets} bytes",
    ]


def test_a_client_that_is_too_slow_is_given_up(tmp_path: Path) -> None:
    """Its snapshot keeps the store from using pages again; ten minutes are allowed at any pace."""
    with Store(tmp_path / "store", 1 << 28, 1) as store:
        StoredZones(store).put(APEX, ZONE + MANY)
        stage = Stage(store)

        async def room() -> None:
            stage.now_s += 700

        reply = Kept(room)
        stage.run("AXFR", reply)
        assert reply.aborted
        assert stage.now_s == 2 * 700
        assert stage.log.lines[-1].endswith("failed (timed out)")


def test_frozen_transfers_are_refused(stage: Stage) -> None:
    """While transfers of the zone are frozen both kinds are refused."""
    stage.zone.timers = stage.zone.timers._replace(xfr_frozen=True)
    reply = Kept()
    stage.run("AXFR", reply)
    stage.run("IXFR", reply, 12)
    assert reply.rcodes == [REFUSED, REFUSED]
    assert stage.log.lines[0].endswith("outgoing AXFR frozen")


def test_a_zone_without_contents_cannot_be_transferred(stage: Stage) -> None:
    """What the store does not have, or has expired, is SERVFAIL."""
    stage.zone.wire = b"\5other\0"
    reply = Kept()
    stage.run("AXFR", reply)
    assert reply.rcodes == [SERVFAIL]


def test_a_request_for_changes_without_serial_is_malformed(stage: Stage) -> None:
    """IXFR without an SOA in the authority section is FORMERR."""
    reply = Kept()
    stage.run("IXFR", reply)
    assert reply.rcodes == [FORMERR]


def test_without_history_the_zone_is_sent(stage: Stage) -> None:
    """IXFR from a serial the journal does not have is answered by the zone, and said to be."""
    reply = Kept()
    stage.run("IXFR", reply, 9)
    assert len(rows_of_messages(reply.messages)) == 4
    assert stage.log.lines[0].endswith("incomplete history, serial 9, fallback to AXFR")


@pytest.mark.parametrize("damaged", ["journal", "changeset"])
def test_with_a_damaged_journal_the_zone_is_sent(stage: Stage, damaged: str) -> None:
    """IXFR is answered by the zone when the journal cannot be read, and when its first changeset cannot."""

    def keep(txn: Transaction) -> None:
        state = open_journal(txn, APEX)
        entry = (b"example\0", 16, pack_rrset(1, [b"\1x"]))
        put_journal(txn, APEX, append_changeset(txn, state, Changeset(12, 13, 0, (entry,), (entry,))))
        if damaged == "journal":
            txn.put(txn.journals, zone_key(APEX), b"x")

    stage.store.write(keep)
    reply = Kept()
    stage.run("IXFR", reply, 12)
    assert len(rows_of_messages(reply.messages)) == 4
    assert stage.log.lines[-3].endswith("damaged journal, serial 12, fallback to AXFR")


def test_a_record_that_fits_no_message_ends_the_transfer(stage: Stage) -> None:
    """Before the first message that is SERVFAIL; behind it the client sees an abort."""
    StoredZones(stage.store).put(APEX, f"{ZONE}b TYPE65280 \\# 65535 {'ab' * 65535}\n")
    early, late = Kept(), Kept()
    stage.run("AXFR", early)
    StoredZones(stage.store).put(APEX, f"{ZONE}{MANY}zz TYPE65280 \\# 65535 {'ab' * 65535}\n")
    stage.run("AXFR", late)
    assert (early.rcodes, early.aborted) == ([SERVFAIL], False)
    assert (late.rcodes, late.aborted) == ([], True)
    assert "is larger than a message" in stage.log.lines[-1]


def test_a_client_that_leaves_gives_the_snapshot_back(stage: Stage) -> None:
    """A transfer that is cancelled in the middle holds no snapshot of the store any more."""
    StoredZones(stage.store).put(APEX, f"{ZONE}{MANY}")

    async def main() -> None:
        transfers = stage.transfers()
        stuck = asyncio.Event()

        async def never() -> None:
            stuck.set()
            await asyncio.Event().wait()

        reply: Any = Kept(never)
        task = asyncio.ensure_future(transfers.axfr(stage.request("AXFR"), reply))
        await stuck.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not transfers.open
        transfers.stop()

    asyncio.run(main())
    assert stage.log.lines[-1].endswith("failed (connection closed)")


def test_stopping_ends_what_is_under_way(stage: Stage) -> None:
    """After the stop a transfer ends without another message, and holds no snapshot."""
    StoredZones(stage.store).put(APEX, f"{ZONE}{MANY}")

    async def main() -> None:
        transfers = stage.transfers()

        async def stop() -> None:
            await asyncio.to_thread(transfers.stop)

        reply = Kept(stop)
        wanted: Any = reply
        await asyncio.gather(transfers.axfr(stage.request("AXFR"), wanted), return_exceptions=True)
        assert not transfers.open
        assert len(reply.messages) < 100

    asyncio.run(main())
