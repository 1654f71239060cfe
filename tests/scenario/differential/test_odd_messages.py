# SPDX-License-Identifier: Apache-2.0
"""Messages out of the ordinary: what is answered, with which RCODE, what is dropped or left to the control plane."""

import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyxdp_dns.table import Responder, Transport, Verdict
from tests.support import ask, inprocess, zones

NAME = ask.name_wire("www.plain.test.")
QUERY = ask.query(NAME, 1)
OPT = ask.opt()
TOO_LONG = (b"\x3f" + b"b" * 63) * 3 + b"\x3e" + b"c" * 62 + b"\0"
NOERROR, FORMERR, NOTIMP, REFUSED, BADVERS = 0, 1, 4, 5, 16


@pytest.fixture(scope="module")
def responder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Responder]:
    """Answer from the unsigned zones."""
    directory = tmp_path_factory.mktemp("odd")
    files = zones.prepare(["plain.test."], "unsigned", directory).files
    with inprocess.responder(files, directory) as answerer:
        yield answerer


def _counts(message: bytes, questions: int, additional: int) -> bytes:
    return message[:4] + struct.pack("!4H", questions, 0, 0, additional) + message[12:]


def _record(rdtype: int, data: bytes = b"") -> bytes:
    return b"\0" + struct.pack("!HHIH", rdtype, 255, 0, len(data)) + data


ANSWERED = {
    "RD is copied": (ask.query(NAME, 1, flags=ask.RD), NOERROR),
    "AA, TC, RA, Z, AD and CD of a query mean nothing": (
        ask.query(NAME, 1, flags=ask.AA | ask.TC | ask.RA | ask.Z | ask.AD | ask.CD),
        NOERROR,
    ),
    "no question": (_counts(QUERY[:12], 0, 0), FORMERR),
    "two questions": (_counts(QUERY + QUERY[12:], 2, 0), FORMERR),
    "a question that ends early": (QUERY[:-1], FORMERR),
    "a name that runs past the end": (QUERY[:12] + b"\x3fabc", FORMERR),
    "a label type that is not there": (QUERY[:12] + b"\x41" + QUERY[13:], FORMERR),
    "a compressed question": (QUERY[:12] + b"\xc0\x0c\0\1\0\1", FORMERR),
    "a name of 256 octets": (ask.query(TOO_LONG, 1), FORMERR),
    "class CHAOS, a name of no server": (ask.query(NAME, 16, 3), REFUSED),
    "class ANY": (ask.query(NAME, 1, 255), REFUSED),
    "a name of no zone here": (ask.query(ask.name_wire("www.elsewhere.invalid."), 1), REFUSED),
    "opcode IQUERY": (ask.query(NAME, 1, opcode=1), NOTIMP),
    "opcode STATUS": (ask.query(NAME, 1, opcode=2), NOTIMP),
    "opcode 15": (ask.query(NAME, 1, opcode=15), NOTIMP),
    "EDNS version 1": (ask.query(NAME, 1, edns=ask.opt(version=1)), BADVERS),
    "EDNS size 0": (ask.query(NAME, 1, edns=ask.opt(0)), NOERROR),
    "EDNS size 65535": (ask.query(NAME, 1, edns=ask.opt(65535)), NOERROR),
    "an unknown option": (ask.query(NAME, 1, edns=ask.opt(options=ask.option(65001, b"abc"))), NOERROR),
    "a cookie": (ask.query(NAME, 1, edns=ask.opt(options=ask.option(10, b"12345678"))), NOERROR),
    "an option longer than OPT": (ask.query(NAME, 1, edns=ask.opt(options=b"\0\x03\0\x09a")), FORMERR),
    "two OPT": (_counts(QUERY + OPT + OPT, 1, 2), FORMERR),
    "OPT not at the root": (_counts(QUERY + b"\1a" + OPT, 1, 1), FORMERR),
    "OPT before another record": (_counts(QUERY + OPT + _record(65280), 1, 2), NOERROR),
    "a record fewer than counted": (_counts(QUERY + OPT, 1, 2), FORMERR),
    "TSIG before another record": (_counts(QUERY + _record(250) + OPT, 1, 2), FORMERR),
    "type OPT": (ask.query(NAME, 41), FORMERR),
    "type MAILA": (ask.query(NAME, 254), NOTIMP),
}  # fmt: skip
"""What is asked, and the RCODE: RFC 1035 section 4.1.1, RFC 6891 section 6.1, RFC 8945 section 5.1, RFC 9619."""


@pytest.mark.parametrize("case", ANSWERED)
@pytest.mark.parametrize("transport", [Transport.UDP4, Transport.UDP6, Transport.TCP])
def test_odd_query_is_answered(responder: Responder, case: str, transport: Transport) -> None:
    """Each odd query gets its RCODE, the id and RD of the query, no flag of the query else, and OPT only for OPT."""
    message, rcode = ANSWERED[case]
    message = b"\xab\xcd" + message[2:]
    answered = responder.answer(transport, message)
    assert answered.verdict is Verdict.REPLY
    reply = ask.parse(answered.data)
    assert (reply.id, reply.rcode) == (0xABCD, rcode)
    assert reply.opcode == message[2] >> 3 & 15
    assert reply.flags & ask.RD == int.from_bytes(message[2:4], "big") & ask.RD
    assert not reply.flags & (ask.RA | ask.Z | ask.AD | ask.CD | ask.TC)
    assert bool(reply.flags & ask.AA) == (rcode == NOERROR)
    assert (reply.answer != frozenset()) == (rcode == NOERROR)
    if rcode in (NOERROR, BADVERS):
        assert (reply.edns is not None) == (b"\0\0\x29" in message[12 + len(NAME) :])
        assert reply.edns is None or (reply.edns.version, reply.edns.options) == (0, ())


NOT_ANSWERED = {
    "a response": (ask.query(NAME, 1, flags=ask.QR), Verdict.DROP),
    "half a header": (QUERY[:11], Verdict.DROP),
    "nothing": (b"", Verdict.DROP),
    "an UPDATE": (ask.query(NAME, 6, opcode=5), Verdict.HANDOFF),
    "a NOTIFY": (ask.query(NAME, 6, opcode=4), Verdict.HANDOFF),
    "AXFR": (ask.query(NAME, 252), Verdict.HANDOFF),
    "IXFR": (ask.query(NAME, 251), Verdict.HANDOFF),
    "a signed query": (_counts(QUERY + _record(250), 1, 1), Verdict.HANDOFF),
}


@pytest.mark.parametrize("case", NOT_ANSWERED)
def test_odd_message_is_not_answered(responder: Responder, case: str) -> None:
    """Responses and what is no message get no reply; what the table cannot answer goes to the control plane."""
    message, verdict = NOT_ANSWERED[case]
    assert responder.answer(Transport.UDP4, message).verdict is verdict


@pytest.mark.parametrize("length", range(12, len(QUERY + OPT)))
def test_a_query_cut_off_anywhere_is_answered_formerr(responder: Responder, length: int) -> None:
    """A query that ends before its last record does is a format error, wherever it is cut."""
    message = _counts(QUERY + OPT, 1, 1)[:length]
    assert responder.answer(Transport.UDP4, message).rcode == FORMERR


def test_trailing_octets_are_ignored_or_refused(responder: Responder) -> None:
    """Octets behind the last record make no difference to the answer, or a format error; never another answer."""
    plain = responder.answer(Transport.UDP4, QUERY)
    trailing = responder.answer(Transport.UDP4, QUERY + b"garbage")
    assert trailing.rcode == FORMERR or trailing.data == plain.data


def test_empty_table_refuses(tmp_path: Path) -> None:
    """An empty table refuses every name."""
    with inprocess.responder({}, tmp_path) as answerer:
        assert answerer.answer(Transport.UDP4, QUERY).rcode == REFUSED
