# SPDX-License-Identifier: Apache-2.0
"""Reading requests without believing them."""

import contextlib

import dns.flags
import dns.message
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.wire.request import Malformed, read_request, without_sig0

KEYRING = dns.tsigkeyring.from_text({"Key.example.": "c2VjcmV0"})


def query(name: str = "www.example.", rtype: str = "A", **options: object) -> dns.message.QueryMessage:
    return dns.message.make_query(name, rtype, **options)  # type: ignore[arg-type]


def signed(message: dns.message.Message) -> bytes:
    message.use_tsig(KEYRING, "key.example.")
    return message.to_wire()


def sig0_record() -> bytes:
    rdata = b"\0\0\x0d\0" + b"\0" * 14 + b"\0" + b"x" * 8
    return b"\0" + (24).to_bytes(2, "big") + b"\0\xff" + b"\0\0\0\0" + len(rdata).to_bytes(2, "big") + rdata


def with_sig0(wire: bytes) -> bytes:
    return wire[:10] + (int.from_bytes(wire[10:12], "big") + 1).to_bytes(2, "big") + wire[12:] + sig0_record()


def test_plain_query() -> None:
    """Question, opcode and the absence of everything else are seen."""
    wire = query().to_wire()
    request = read_request(wire)
    assert request.question == wire[12:]
    assert (request.opcode, request.qtype, request.tsig, request.sig0_at, request.edns_flags) == (
        0,
        1,
        None,
        None,
        None,
    )


def test_edns_flags() -> None:
    """OPT is found in the additional section with its flags."""
    assert read_request(query(want_dnssec=True).to_wire()).edns_flags == 0x8000
    assert read_request(query(use_edns=0).to_wire()).edns_flags == 0


def test_tsig() -> None:
    """A TSIG record at the end is taken apart."""
    tsig = read_request(signed(query())).tsig
    assert tsig is not None
    assert tsig.key_name == b"\3key\7example\0"
    assert tsig.algorithm == b"\x0bhmac-sha256\0"


def test_tsig_must_be_last() -> None:
    """A TSIG record that is not the last one makes the message malformed."""
    wire = signed(query())
    with pytest.raises(Malformed):
        read_request(with_sig0(wire))


def test_update_sections() -> None:
    """The sections of an UPDATE are walked, compressed names included."""
    update = dns.update.UpdateMessage("example.")
    update.add("a.example.", 300, "A", "192.0.2.1")
    update.add("b.example.", 300, "A", "192.0.2.1")
    request = read_request(update.to_wire())
    assert (request.opcode, request.qtype) == (5, 6)


def test_sig0_is_taken_off() -> None:
    """A SIG(0) record at the end is found and taken off."""
    wire = query(use_edns=0).to_wire()
    request = read_request(with_sig0(wire))
    assert without_sig0(with_sig0(wire), request) == wire


@pytest.mark.parametrize(
    "body",
    [
        b"\0\0\0\0\0\1\0\0\0\0\0\0",  # a question is announced, none is there
        b"\0\0\0\0\0\2\0\0\0\0\0\0" + b"\0\0\1\0\1" * 2,  # two questions
        b"\0\0\0\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1",  # a pointer to itself
        b"\0\0\0\0\0\1\0\0\0\0\0\0\xc0",  # half a pointer
        b"\0\0\0\0\0\1\0\0\0\0\0\0\x40a\0\0\1\0\1",  # a label type that does not exist
        b"\0\0\0\0\0\1\0\0\0\0\0\0" + b"\x3faaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" * 5,
        b"\0\0\0\0\0\1\0\0\0\0\0\0\0\0\1\0\1x",  # an octet too many
        b"\0\0\0\0\0\1\0\0\0\0\0\2\0\0\1\0\1" + b"\0\0\x29\4\0\0\0\0\0\0\0" * 2,  # two OPT
        b"\0\0\0\0\0\1\0\0\0\0\0\1\0\0\1\0\1" + b"\0\0\x29\4\0\0\0\0\0\0\5",  # rdata longer than the message
    ],
)
def test_malformed(body: bytes) -> None:
    """What breaks the format is refused."""
    with pytest.raises(Malformed):
        read_request(body)


@given(st.binary(min_size=12, max_size=300))
def test_any_octets(message: bytes) -> None:
    """Any octets are either read or refused."""
    with contextlib.suppress(Malformed):
        read_request(message)


@given(st.integers(0, 200), st.integers(0, 255))
def test_changed_octet(at: int, octet: int) -> None:
    """A signed message with one octet changed is either read or refused."""
    wire = bytearray(signed(query(use_edns=0)))
    wire[at % len(wire)] = octet
    with contextlib.suppress(Malformed):
        read_request(bytes(wire))
