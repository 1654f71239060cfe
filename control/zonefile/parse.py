# SPDX-License-Identifier: Apache-2.0
"""The parts of a record as an operator writes them on the command line, into wire form.

Each part is read on its own, so that no text of one of them can be taken for another, or for a further line.
"""

import re

from control.zonefile.refusal import RecordRefused, Refusal
from pyxdp_dns.errors import ZoneRefused
from pyxdp_dns.scan import scan_zone_text
from pyxdp_dns.text import parse_name, type_number, type_text

TTL_MAX = 0x7FFFFFFF
"""RFC 2181, section 8."""
LINE_END = re.compile("[\r\n\0]")
NOT_IN_NAMES = re.compile(r'(?<!\\)[\s;()"]')
"""What ends a name in a zone file unless it is escaped."""
QUESTION_TYPES = {"OPT": 41, "TKEY": 249, "TSIG": 250, "IXFR": 251, "AXFR": 252, "MAILB": 253, "MAILA": 254, "ANY": 255}
"""Types that no record of a zone has."""
CLASS_IN = "IN"
TYPE_MAX = 0xFFFF
SOA = 6


def parse_owner(text: str, apex: bytes, outside: Refusal = Refusal.NOT_IN_ZONE) -> bytes:
    """Return the wire name in lower case of an owner: absolute, or relative to the apex; `@` or nothing is the apex.

    Raises RecordRefused when it is no name, and with `outside` when it is not within the zone.
    """
    try:
        owner = parse_name(text or "@", apex).lower()
    except ValueError as exc:
        raise RecordRefused(Refusal.INVALID_PARAMETER, str(exc)) from exc
    if not is_within(owner, apex):
        raise RecordRefused(outside)
    return owner


def parse_type(text: str) -> int:
    """Return the number of a record type: a mnemonic, without case, or TYPEnnn. Raises RecordRefused."""
    number = type_number(text)
    if number is None or number == 0:
        raise RecordRefused(Refusal.INVALID_PARAMETER, f"unknown record type {text}")
    return number


def parse_wanted_type(text: str) -> int:
    """Return the number of a type to look for, one of questions included. Raises RecordRefused."""
    return QUESTION_TYPES.get(text.upper()) or parse_type(text)


def parse_record(
    owner: str, ttl: str | None, rtype: str, data: str, apex: bytes
) -> tuple[bytes, int, int | None, bytes]:
    """Return wire owner, type, TTL (None without one) and data of a record; the class IN may stand before the type.

    Raises RecordRefused: NOT_IN_ZONE, NOT_ALLOWED for a SOA beneath the apex, else PARSER_FAILED and what is wrong.
    """
    if rtype.upper() == CLASS_IN:
        rtype, _, data = data.strip().partition(" ")
    try:
        if NOT_IN_NAMES.search(owner):
            raise RecordRefused(Refusal.PARSER_FAILED, f'blanks and ;()" in the name {owner} need a backslash')
        wire = parse_owner(owner, apex)
        number = parse_type(rtype)
        seconds = None if not ttl else parse_ttl(ttl)
    except RecordRefused as exc:
        if exc.refusal is not Refusal.INVALID_PARAMETER:
            raise
        raise RecordRefused(Refusal.PARSER_FAILED, exc.detail) from exc
    if number == SOA and wire != apex:
        raise RecordRefused(Refusal.NOT_ALLOWED)
    return wire, number, seconds, parse_rdata(number, data, apex)


def parse_ttl(text: str) -> int:
    """Return a TTL written as a decimal number of seconds. Raises RecordRefused."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(TTL_MAX)) and int(text) <= TTL_MAX):
        raise RecordRefused(Refusal.INVALID_PARAMETER, f"TTL {text} is not a number from 0 to {TTL_MAX}")
    return int(text)


def parse_rdata(rtype: int, text: str, apex: bytes) -> bytes:
    """Return record data in canonical wire form; relative names in it are completed by the apex.

    Raises RecordRefused with the scanner's reason.
    """
    if LINE_END.search(text):
        raise RecordRefused(Refusal.PARSER_FAILED, "line end or NUL in record data; write it as \\DDD")
    line = f"@ 0 {type_text(rtype)} {text}".encode("utf-8", "surrogateescape")
    try:
        with scan_zone_text(line, apex, 0) as scanned:
            value = scanned.only_value()
    except ZoneRefused as exc:
        errors = getattr(exc, "errors", ())
        raise RecordRefused(Refusal.PARSER_FAILED, errors[0][2] if errors else str(exc)) from exc
    if value is None:
        raise RecordRefused(Refusal.PARSER_FAILED, "one record expected")
    return value[8:]


def is_within(name: bytes, apex: bytes) -> bool:
    """Tell whether a well-formed wire name is `apex` or beneath it, both in lower case."""
    while len(name) > len(apex):
        name = name[1 + name[0] :]
    return name == apex
