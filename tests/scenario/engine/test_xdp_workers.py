# SPDX-License-Identifier: Apache-2.0
"""AF_XDP workers on a veth pair: what they answer, drop and count."""

import struct
from dataclasses import replace
from pathlib import Path

import pytest

from pyxdp_dns.counters import fates
from tests.scenario.engine.conftest import QUEUES, XdpBench, wait_for
from tests.support import frames

pytestmark = [pytest.mark.root, pytest.mark.xdp]

TAGS = {"plain": (), "vlan": ((0x8100, 100),), "qinq": ((0x88A8, 200), (0x8100, 100))}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("tags", TAGS.values(), ids=TAGS.keys())
def test_reply_keeps_tags_and_swaps_ends(bench: XdpBench, family: int, tags: tuple[tuple[int, int], ...]) -> None:
    """A query is answered by AF_XDP from the address asked, to who asked, with its VLAN tags and right checksums."""
    query = replace(bench.ask4 if family == 4 else bench.ask6, tags=tags)
    (reply,) = bench.packets.exchange([query.build()], 1)
    assert (reply.source, reply.destination) == (query.destination, query.source)
    assert (reply.source_port, reply.destination_port) == (53, query.source_port)
    assert (reply.source_mac, reply.destination_mac) == (query.destination_mac, query.source_mac)
    assert reply.tags == tags
    assert struct.unpack_from("!4H", reply.message) == (1, 0x8400, 1, 1)
    bench.engine.expect("xdp", "tx_packets", 1)
    assert bench.engine.total("udp", "rx_packets") == 0


def test_every_queue_answers(bench: XdpBench) -> None:
    """Queries on all queues are answered, each by the worker of its queue, and every packet is counted once."""
    count = 400
    sent = [bench.ask4.with_message(frames.question("www.example.", ident=i), 20000 + i).build() for i in range(count)]
    replies = [reply for frame in sent for reply in bench.packets.exchange([frame], 1)]
    assert sorted(struct.unpack_from("!H", reply.message)[0] for reply in replies) == list(range(count))
    workers = bench.engine.workers("xdp")
    assert len(workers) == QUEUES
    assert all(worker.counters["rx_packets"] > 0 for worker in workers)
    assert sum(worker.counters["rx_packets"] for worker in workers) == count
    assert [fates(worker.counters) for worker in workers] == [worker.counters["rx_packets"] for worker in workers]


def test_wrong_checksums_are_dropped_and_counted(bench: XdpBench) -> None:
    """A query with a wrong IPv4 header or UDP checksum gets no reply and is counted under its reason."""
    good = bench.ask4.with_message(frames.question("www.example.", ident=7))
    spoiled = [bench.ask4.build(spoil_ip=True), bench.ask4.build(spoil_udp=True), bench.ask6.build(spoil_udp=True)]
    replies = bench.packets.exchange([*spoiled, good.build()], 1)
    assert [reply.message[:2] for reply in replies] == [b"\0\7"]
    wait_for(lambda: bench.engine.total("xdp", "rx_packets") == 4, "all received")
    bench.engine.expect("xdp", "drop_ip_checksum", 1)
    bench.engine.expect("xdp", "drop_udp_checksum", 2)
    bench.engine.expect("xdp", "rcode_noerror", 1)


def test_sources_that_cannot_be_answered_are_dropped(bench: XdpBench) -> None:
    """Queries from port 0, from loopback and from the address asked are dropped and counted."""
    odd = [replace(bench.ask4, source_port=0), replace(bench.ask4, source="127.0.0.1"),
           replace(bench.ask4, source=bench.ask4.destination)]  # fmt: skip
    bench.packets.exchange([frame.build() for frame in odd], 0)
    wait_for(lambda: bench.engine.total("xdp", "drop_source") == len(odd), "all dropped")
    assert bench.engine.total("xdp", "tx_packets") == 0


@pytest.mark.parametrize("family", [4, 6])
def test_answers_as_large_as_the_mtu(bench: XdpBench, family: int) -> None:
    """An answer of over 1 100 octets comes whole; what exceeds the MTU is truncated with TC set."""
    query = bench.ask4 if family == 4 else bench.ask6
    whole = query.with_message(frames.question("mid.example.", 16, payload=4096)).build()
    (reply,) = bench.packets.exchange([whole], 1)
    assert len(reply.message) > 1100
    assert not reply.message[2] & 2
    (reply,) = bench.packets.exchange(
        [query.with_message(frames.question("big.example.", 16, payload=4096)).build()], 1
    )
    assert reply.message[2] & 2
    assert len(reply.message) < 1500
    bench.engine.expect("xdp", "truncated", 1)


@pytest.mark.peer("kxdpgun")
def test_no_frame_is_lost_under_load(bench: XdpBench, tmp_path: Path) -> None:
    """After hundreds of thousands of queries every UMEM frame is accounted for, and so is every packet."""
    queries = tmp_path / "queries"
    queries.write_text("www.example. A\nnone.example. A\nmid.example. TXT\n")
    while bench.engine.total("xdp", "rx_packets") < 200_000:
        before = bench.engine.total("xdp", "rx_packets")
        command = ("kxdpgun", "-t", "1", "-Q", "200000", "-i", str(queries), bench.wire.server_v4)
        bench.wire.client.run(*command)
        assert bench.engine.total("xdp", "rx_packets") > before
    wait_for(lambda: all(q["frames_sending"] == 0 for q in bench.engine.status().queues), "everything sent")
    for queue in bench.engine.status().queues:
        assert queue["frames_free"] + queue["frames_receiving"] == queue["frames"]
    for worker in bench.engine.workers("xdp"):
        assert fates(worker.counters) == worker.counters["rx_packets"]
    (reply,) = bench.packets.exchange([bench.ask4.build()], 1)
    assert reply.message[3] & 15 == 0
