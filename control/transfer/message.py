# SPDX-License-Identifier: Apache-2.0
"""Requests to other servers, and what their replies say."""

from typing import NamedTuple

from control.transfer.connection import RemoteFailed
from control.wire.request import Malformed, question_of
from pyxdp_dns.message import MessageRecord, MessageRefused, Section, read_records

HEADER_BYTES = 12
QUERY, NOTIFY, UPDATE = 0, 4, 5
SOA, OPT = 6, 41
CLASS_IN = 1
RESPONSE, AUTHORITATIVE, TRUNCATED, OPCODE, RCODE = 0x8000, 0x0400, 0x0200, 0x7800, 0x000F
RECURSE = 0x0100
DNSSEC_OK = 0x8000
"""Of the flags in the TTL of an OPT record."""
EXPIRE = 9
"""EDNS option (RFC 7314)."""
EXPIRE_BYTES = 4
MALFORMED = "malformed data"


class Edns(NamedTuple):
    """What the OPT record of a request asks for."""

    flags: int = 0
    options: bytes = b""


PLAIN_EDNS = Edns()
ASK_EXPIRE = Edns(0, EXPIRE.to_bytes(2, "big") + b"\0\0")
ASK_DNSSEC = Edns(DNSSEC_OK)
"""Signatures come along (RFC 3225)."""


def make_query(zone: bytes, qtype: int, opcode: int, answer: bytes = b"", *, recurse: bool = False) -> bytes:
    """Return a request with the id 0 about a zone, with one record in the answer section or none."""
    flags = opcode << 11 | (AUTHORITATIVE if opcode == NOTIFY else 0) | (RECURSE if recurse else 0)
    counts = b"\0\1" + bool(answer).to_bytes(2, "big") + b"\0\0\0\0"
    question = zone + qtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
    return b"\0\0" + flags.to_bytes(2, "big") + counts + question + answer


def soa_record(rdata: bytes | None) -> bytes:
    """Return the SOA of the zone in question; nothing without data."""
    if rdata is None:
        return b""
    return b"\xc0\x0c\0\6\0\1\0\0\0\0" + len(rdata).to_bytes(2, "big") + rdata


def with_id(message: bytes, message_id: bytes) -> bytes:
    """Return the message under another id."""
    return message_id + message[2:]


def add_edns(query: bytes, udp_payload: int, edns: Edns = ASK_EXPIRE) -> bytes:
    """Return a request without additional records with an OPT record."""
    opt = b"\0" + OPT.to_bytes(2, "big") + udp_payload.to_bytes(2, "big") + edns.flags.to_bytes(4, "big")
    opt += len(edns.options).to_bytes(2, "big") + edns.options
    return query[:10] + b"\0\1" + query[HEADER_BYTES:] + opt


def flags_of(message: bytes) -> int:
    """Return the flags of a message."""
    return int.from_bytes(message[2:4], "big")


def rcode_of(reply: bytes) -> int:
    """Return the RCODE of a reply, with the upper bits that are in its OPT record (RFC 6891, section 6.1.3)."""
    rcode = flags_of(reply) & RCODE
    for record in read_reply(reply, Section.ADDITIONAL, Section.ADDITIONAL):
        if record.type == OPT:
            return (record.ttl >> 24) << 4 | rcode
    return rcode


def check_reply(reply: bytes, query: bytes, endpoint: str) -> None:
    """Check that a reply is one to the request. Raises RemoteFailed.

    The question may be missing in a reply with an error, or to an update (RFC 2136, section 3.8).
    """
    is_reply = len(reply) >= HEADER_BYTES and bool(flags_of(reply) & RESPONSE) and reply[:2] == query[:2]
    is_same = is_reply and not (flags_of(reply) ^ flags_of(query)) & OPCODE
    may_lack = bool(flags_of(reply) & RCODE) or (flags_of(query) & OPCODE) >> 11 == UPDATE
    if is_same and (int.from_bytes(reply[4:6], "big") or not may_lack):
        is_same = _question(reply) == _question(query)
    if not is_same:
        raise RemoteFailed(MALFORMED, endpoint, reached=True)


def answer_soa(reply: bytes, zone: bytes) -> bytes | None:
    """Return the data of the zone's SOA in the answer section, or None."""
    for record in read_reply(reply, Section.ANSWER, Section.ANSWER):
        if record.owner == zone and record.type == SOA and record.rclass == CLASS_IN:
            return record.rdata
    return None


def expire_of(reply: bytes) -> int | None:
    """Return the EXPIRE option of a reply, in seconds; None without one."""
    if not int.from_bytes(reply[10:12], "big"):
        return None
    for record in read_reply(reply, Section.ADDITIONAL, Section.ADDITIONAL):
        if record.type == OPT:
            return _find_expire(record.rdata)
    return None


def _find_expire(options: bytes) -> int | None:
    at = 0
    while at + 4 <= len(options):
        code, size = int.from_bytes(options[at : at + 2], "big"), int.from_bytes(options[at + 2 : at + 4], "big")
        value = options[at + 4 : at + 4 + size]
        if code == EXPIRE and len(value) == EXPIRE_BYTES:
            return int.from_bytes(value, "big")
        at += 4 + size
    return None


def read_reply(message: bytes, first: Section, last: Section) -> list[MessageRecord]:
    """Return the records of sections of a reply; none when it is malformed."""
    try:
        return read_records(message, first, last)
    except MessageRefused:
        return []


def _question(message: bytes) -> bytes:
    try:
        return question_of(message)[0].lower()
    except Malformed:
        return b""
