# SPDX-License-Identifier: Apache-2.0
"""What a transfer that comes in may take of memory, disk and time, also when nothing is configured."""

import errno
from collections.abc import Iterator

import pytest

from control.clock import Clock
from control.conf.peers import PeerEndpoint, RemoteConf
from control.transfer import incoming
from control.transfer.busy import ClientStopped
from control.transfer.client import Client, ClientSettings, RemoteFailed
from control.transfer.gather import Gatherer
from control.transfer.incoming import Kind, TransferFailed, TransferIn
from pyxdp_dns.spill import Spill
from tests.support.hostile import (
    APEX,
    KEEP,
    TXT,
    Hostile,
    Sent,
    body,
    framed,
    good,
    message,
    record,
    soa,
    steps,
    whole,
    www,
)

SECOND_NS = 10**9


def test_changes_beyond_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of an IXFR count with what each takes of memory; a transfer of the whole zone may follow."""
    monkeypatch.setattr(incoming, "IXFR_MEMORY", 6 * (incoming.RECORD_OVERHEAD + 64))
    with TransferIn(APEX, 1) as transfer:
        assert transfer.feed(message(transfer.query(0), steps(1, 2)))
    with TransferIn(APEX, 1) as transfer, pytest.raises(TransferFailed) as failed:
        transfer.feed(message(transfer.query(0), [soa(2), soa(1), www(1), soa(2), *[www(2)] * 6, soa(2)]))
    assert failed.value.reason == "zone size exceeded"
    assert failed.value.fallback


def test_a_disk_that_gets_too_full_ends_it() -> None:
    """Parts of a zone go to files while merging them and others have room; then the reason is the system's."""
    gatherer = Gatherer(APEX, memory_bytes=0)
    gatherer._spill = Spill(free=lambda _: 600)
    with TransferIn(APEX, gatherer=gatherer) as transfer:
        query = transfer.query(0)
        for part in [soa(2), record(APEX, TXT, b"\xff" + bytes(255))]:
            transfer.feed(message(query, [part]))
        with pytest.raises(TransferFailed) as failed:
            transfer.feed(message(query, body(2)))
    assert failed.value.reason == "no space left on device"


def test_room_is_counted_over_all_parts() -> None:
    """The last part that fits leaves room for all of them."""
    gatherer, spill = Gatherer(APEX), Spill(free=lambda _: 1 << 20)
    transfer = TransferIn(APEX, gatherer=gatherer)
    assert transfer.feed(message(transfer.query(0), whole(2)))
    contents = transfer.take_contents()
    size = contents.bytes.nbytes + contents.offsets.nbytes
    spill._free = lambda _: 3 * size
    spill.add(contents)
    assert len(spill) == 1
    other = TransferIn(APEX)
    assert other.feed(message(other.query(0), whole(2)))
    with pytest.raises(OSError, match="No space") as failed:
        spill.add(other.take_contents())
    assert failed.value.errno == errno.ENOSPC
    spill.close()
    transfer.close()
    other.close()


def slowly(query: bytes) -> Iterator[bytes | float]:
    """Give a zone record by record."""
    for part in whole(2):
        yield framed(message(query, [part]))
    yield KEEP


@pytest.mark.parametrize(("step_s", "is_taken"), [(1, True), (40, False)])
def test_a_transfer_that_is_too_slow_ends(step_s: int, is_taken: bool) -> None:
    """Each message comes in time, all together do not: behind the grace there is a least pace."""
    now = [0]

    def tick() -> int:
        now[0] += step_s * SECOND_NS
        return now[0]

    client = Client(Clock(monotonic_ns=tick), ClientSettings(io_timeout_s=3600.0, transfer_grace_s=200.0))
    with Hostile(slowly).running() as primary, TransferIn(APEX) as transfer:
        remote = RemoteConf("slow", (PeerEndpoint(primary.address, primary.port),))
        if is_taken:
            assert client.transfer(remote, transfer).kind is Kind.AXFR
        else:
            with pytest.raises(RemoteFailed) as failed:
                client.transfer(remote, transfer)
            assert (failed.value.reason, failed.value.reached) == ("timed out", True)


def test_a_kept_connection_that_was_closed_is_replaced() -> None:
    """The other end closes it when it is used again: another is opened, once; what answers there counts."""
    client = Client(Clock(), ClientSettings(pool_limit=1, pool_timeout_s=60))
    with Hostile(good(2)).running() as primary:
        remote = RemoteConf("pool", (PeerEndpoint(primary.address, primary.port),))
        with client.open(remote) as session:
            session.query_soa(APEX)
        with client.open(remote) as session:
            assert session.query_soa(APEX).endpoint.endswith("/pool")
        assert primary.connections == 1
        closed = []

        def close_once(query: bytes) -> Sent:
            if closed:
                return good(3)(query)
            closed.append(True)
            return ()

        primary.behaviour = close_once
        with client.open(remote) as session:
            assert session.query_soa(APEX).serial == 3
        assert primary.connections == 2
        primary.behaviour = lambda query: ()
        with pytest.raises(RemoteFailed, match="connection reset"), client.open(remote) as session:
            session.query_soa(APEX)
        assert primary.connections == 3
    client.close()


@pytest.mark.parametrize("pool_limit", [0, 1])
def test_sessions_of_one_thread_share_a_connection(pool_limit: int) -> None:
    """One behind the other they use the same, which is kept beyond them only where connections are kept open."""
    client = Client(Clock(), ClientSettings(pool_limit=pool_limit, pool_timeout_s=60))
    with Hostile(good(2)).running() as primary:
        remote = RemoteConf("shared", (PeerEndpoint(primary.address, primary.port),))
        with client.sharing([]) as sharing:
            for _ in range(3):
                with sharing.open(remote) as session:
                    session.query_soa(APEX)
        assert primary.connections == 1
        with client.open(remote) as session:
            session.query_soa(APEX)
        assert primary.connections == 2 - pool_limit
    client.close()


def test_a_stopped_client_shares_nothing() -> None:
    """The end of the server ends those that share as well."""
    client = Client(Clock())
    with client.sharing([]) as sharing:
        client.stop()
        with pytest.raises(ClientStopped), sharing.open(RemoteConf("r", (PeerEndpoint("127.0.0.1", 9),))) as session:
            session.query_soa(APEX)


def test_a_connection_with_more_than_the_reply_is_not_used_again() -> None:
    """What is behind a reply would be taken for the next one."""
    client = Client(Clock(), ClientSettings(pool_limit=1, pool_timeout_s=60))

    def twice(query: bytes) -> Sent:
        reply = framed(message(query, [soa(2)]))
        return (reply + reply, KEEP)

    with Hostile(twice).running() as primary:
        remote = RemoteConf("pool", (PeerEndpoint(primary.address, primary.port),))
        for _ in range(2):
            with client.open(remote) as session:
                assert session.query_soa(APEX).serial == 2
        assert primary.connections == 2
    client.close()
