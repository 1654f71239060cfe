# SPDX-License-Identifier: Apache-2.0
"""What requests get that the engine hands off."""

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest

from control.server.special import reply_to

KEYRING = dns.tsigkeyring.from_text({"key.example.": "c2VjcmV0"})
SIG0_RDATA = b"\0\0\x0d\0" + b"\0" * 14 + b"\0" + b"x" * 8
SIG0 = b"\0\0\x18\0\xff\0\0\0\0" + len(SIG0_RDATA).to_bytes(2, "big") + SIG0_RDATA


def no_answer(message: bytes) -> None:
    """An answer function that must not be asked."""
    raise AssertionError(message)


def rcode_of(wire: bytes) -> dns.rcode.Rcode:
    reply = reply_to(wire, no_answer)
    assert reply is not None
    message = dns.message.from_wire(reply, ignore_trailing=False)
    assert message.flags & dns.flags.QR
    assert reply[:2] == wire[:2]
    return message.rcode()


@pytest.mark.parametrize("rtype", ["AXFR", "IXFR"])
def test_transfers_are_refused(rtype: str) -> None:
    """Transfers are answered REFUSED with their question."""
    query = dns.message.make_query("example.", rtype, use_edns=0)
    reply = reply_to(query.to_wire(), no_answer)
    assert reply is not None
    message = dns.message.from_wire(reply)
    assert message.rcode() == dns.rcode.REFUSED
    assert message.question == query.question
    assert message.edns == 0


def test_update_and_notify_are_not_implemented() -> None:
    """UPDATE and NOTIFY are answered NOTIMP under their own opcode."""
    update = dns.update.UpdateMessage("example.")
    update.add("a.example.", 300, "A", "192.0.2.1")
    notify = dns.message.make_query("example.", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    for wire in (update.to_wire(), notify.to_wire()):
        assert rcode_of(wire) == dns.rcode.NOTIMP
        reply = reply_to(wire, no_answer)
        assert reply is not None
        assert (reply[2] ^ wire[2]) & 0x78 == 0


@pytest.mark.parametrize("rtype", ["A", "AXFR"])
def test_unknown_key(rtype: str) -> None:
    """A signed request gets NOTAUTH, TSIG error BADKEY and an empty MAC."""
    query = dns.message.make_query("example.", rtype, use_edns=0)
    query.use_tsig(KEYRING, "key.example.")
    reply = reply_to(query.to_wire(), no_answer)
    assert reply is not None
    with pytest.raises(dns.tsig.PeerBadKey):
        dns.message.from_wire(reply, keyring=KEYRING, request_mac=query.mac)
    assert reply[3] & 0xF == dns.rcode.NOTAUTH
    assert reply[-4:] == b"\0\x11\0\0"


def test_sig0_is_not_required_to_be_checked() -> None:
    """A plain query with SIG(0) is answered as it is without."""
    plain = dns.message.make_query("example.", "A").to_wire()
    signed = plain[:10] + b"\0\1" + plain[12:] + SIG0
    asked: list[bytes] = []

    def answer(message: bytes) -> bytes:
        asked.append(message)
        return b"answer"

    assert reply_to(signed, answer) == b"answer"
    assert asked == [plain]


def test_malformed_request() -> None:
    """A request that breaks the format gets FORMERR, with the question if that can be read."""
    wire = dns.message.make_query("example.", "AXFR").to_wire()
    assert rcode_of(wire + b"x") == dns.rcode.FORMERR
    assert rcode_of(wire[:14]) == dns.rcode.FORMERR


def test_no_reply() -> None:
    """Responses and what has no header get no reply."""
    response = bytearray(dns.message.make_query("example.", "AXFR").to_wire())
    response[2] |= 0x80
    assert reply_to(bytes(response), no_answer) is None
    assert reply_to(b"\0" * 11, no_answer) is None
