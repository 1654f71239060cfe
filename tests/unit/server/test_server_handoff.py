# SPDX-License-Identifier: Apache-2.0
"""Datagrams of the hand-off channel."""

from control.server.handoff import answer_datagram
from pyxdp_dns.handoff import HandoffMessage

MESSAGE = HandoffMessage(bytes([192, 0, 2, 1]), 4000, bytes([192, 0, 2, 53]), 53, b"request", 7)


def test_reply_goes_back_between_the_same_ends() -> None:
    """The reply has the header of the request, with its own length."""
    reply = answer_datagram(MESSAGE.pack(), lambda family, message: b"%d:" % family + message)
    assert reply == MESSAGE.reply(b"4:request").pack()


def test_no_reply() -> None:
    """Where there is no reply, and for what is no datagram of the engine, nothing goes back."""
    assert answer_datagram(MESSAGE.pack(), lambda family, message: None) is None
    for datagram in (b"", MESSAGE.pack()[:-1], b"\0" + MESSAGE.pack()[1:]):
        assert answer_datagram(datagram, lambda family, message: message) is None
