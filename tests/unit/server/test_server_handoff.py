# SPDX-License-Identifier: Apache-2.0
"""Datagrams of the hand-off channel, and replies over UDP."""

from pathlib import Path

import dns.flags
import dns.message
import pytest

from control.server.handoff import HandoffChannel, UdpReplier, read_datagram
from control.wire.request import read_request
from pyxdp_dns.handoff import HandoffMessage

QUERY = dns.message.make_query("example.", "IXFR").to_wire()
MESSAGE = HandoffMessage(bytes([192, 0, 2, 1]), 4000, bytes([192, 0, 2, 53]), 53, QUERY, 7)


class Channel(HandoffChannel):
    """Keeps what it would send."""

    def __init__(self, rundir: Path) -> None:
        self.counted: list[tuple[bytes, bytes, int]] = []
        self.replies: list[tuple[bytes, str]] = []
        super().__init__(str(rundir), lambda *_: None, lambda *counted: self.counted.append(counted))

    def send(self, datagram: bytes, to: str) -> None:
        self.replies.append((datagram, to))


def replier(channel: Channel, message: bytes = QUERY) -> UdpReplier:
    handed = read_datagram(HandoffMessage(MESSAGE.remote, 4000, MESSAGE.local, 53, message, 7).pack())
    assert handed is not None
    reply = UdpReplier(channel, handed, "engine")
    reply.request = read_request(message)
    return reply


def test_reply_goes_back_between_the_same_ends(tmp_path: Path) -> None:
    """The reply has the header of the request, with its own length, and is counted."""
    channel = Channel(tmp_path)
    replier(channel).send_now(b"reply")
    assert channel.replies == [(MESSAGE.reply(b"reply").pack(), "engine")]
    assert channel.counted == [(QUERY, b"reply", -1)]


def test_source() -> None:
    """A request comes from the address and port in its header."""
    handed = read_datagram(MESSAGE.pack())
    assert handed is not None
    assert str(handed.source) == "192.0.2.1@4000 UDP"
    assert handed.message == QUERY


def test_foreign_datagrams() -> None:
    """What is no datagram of the engine is passed over."""
    for datagram in (b"", MESSAGE.pack()[:-1], b"\0" + MESSAGE.pack()[1:]):
        assert read_datagram(datagram) is None


@pytest.mark.parametrize(("payload", "own", "limit"), [(None, 1232, 512), (4096, 1232, 1232), (600, 1232, 600)])
def test_long_reply_is_truncated(tmp_path: Path, payload: int | None, own: int, limit: int) -> None:
    """A reply longer than client and server allow goes without its records and with TC."""
    channel = Channel(tmp_path)
    channel.payload_bytes[4] = own
    query = dns.message.make_query("example.", "IXFR", use_edns=payload is not None, payload=payload or 0)
    reply = replier(channel, query.to_wire())
    assert reply.max_bytes == limit
    reply.send_now(query.to_wire() + bytes(limit))
    sent = dns.message.from_wire(channel.replies[0][0][48:])
    assert sent.flags & dns.flags.TC
    assert sent.question == query.question
    assert not sent.answer


def test_too_many_requests_are_dropped(tmp_path: Path) -> None:
    """Work that finds no place is dropped and counted."""
    channel = Channel(tmp_path)

    async def work() -> None:
        raise AssertionError

    channel.begin(work())
    assert channel.dropped == 1
