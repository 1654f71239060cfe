# SPDX-License-Identifier: Apache-2.0
"""Replies that carry an RCODE and nothing else but what the request's own form asks for: question, OPT, TSIG error."""

from control.wire.request import ANY_CLASS, OPT, QUERY, TSIG, Request, Tsig, question_of

NOERROR, FORMERR, SERVFAIL, NOTIMP, REFUSED, NOTAUTH = 0, 1, 2, 4, 5, 9
BADSIG, BADKEY, BADTIME, BADTRUNC = 16, 17, 18, 22

QR, RD = 0x8000, 0x0100
TC = 0x02
"""In the third octet."""
OPCODE_MASK = 0x7800
EDNS_PAYLOAD = 1232
DO = 0x8000


def _flags(request_flags: int, rcode: int) -> bytes:
    kept = request_flags & OPCODE_MASK
    if kept >> 11 == QUERY:
        kept |= request_flags & RD
    return (QR | kept | rcode).to_bytes(2, "big")


def _header(message_id: bytes, flags: int, rcode: int, question: bytes, additional: int) -> bytes:
    counts = bytes((0, 1 if question else 0, 0, 0, 0, 0, 0, additional))
    return message_id + _flags(flags, rcode) + counts


def _opt(edns_flags: int) -> bytes:
    # RFC 3225, section 3: DO is copied; RFC 6891, section 6.1.3: the rest is ours
    flags = edns_flags & DO
    return (
        b"\0" + OPT.to_bytes(2, "big") + EDNS_PAYLOAD.to_bytes(2, "big") + b"\0\0" + flags.to_bytes(2, "big") + b"\0\0"
    )


def _tsig_error(tsig: Tsig, error: int) -> bytes:
    """An unsigned TSIG record: the MAC is empty (RFC 8945, section 5.3.2)."""
    rdata = (
        tsig.algorithm + tsig.time_signed + tsig.fudge + b"\0\0" + tsig.original_id + error.to_bytes(2, "big") + b"\0\0"
    )
    fixed = TSIG.to_bytes(2, "big") + ANY_CLASS.to_bytes(2, "big") + b"\0\0\0\0" + len(rdata).to_bytes(2, "big")
    return tsig.key_name + fixed + rdata


def refuse(request: Request, rcode: int) -> bytes:
    """Reply with an RCODE, the question, and OPT when the request had one (RFC 6891, section 6.1.1)."""
    opt = b"" if request.edns_flags is None else _opt(request.edns_flags)
    return _header(request.id, request.flags, rcode, request.question, bool(opt)) + request.question + opt


def refuse_tsig(request: Request, error: int) -> bytes:
    """Reply NOTAUTH, unsigned, with a TSIG error: BADKEY or BADSIG (RFC 8945, section 5.3.2)."""
    assert request.tsig is not None
    opt = b"" if request.edns_flags is None else _opt(request.edns_flags)
    header = _header(request.id, request.flags, NOTAUTH, request.question, 1 + bool(opt))
    return header + request.question + opt + _tsig_error(request.tsig, error)


def truncate(request: Request, rcode: int) -> bytes:
    """Reply with the question alone and TC, for a reply that has no room."""
    reply = refuse(request, rcode)
    return reply[:2] + bytes((reply[2] | TC,)) + reply[3:]


def refuse_malformed(message: bytes) -> bytes:
    """Reply FORMERR to a message of at least a header, with its question when that can be read."""
    question, _ = question_of(message)
    return _header(message[:2], int.from_bytes(message[2:4], "big"), FORMERR, question, 0) + question
