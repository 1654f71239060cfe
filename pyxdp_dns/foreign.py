# SPDX-License-Identifier: Apache-2.0
"""Records of types the C scanner does not know, converted by dnspython, both ways."""

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.tokenizer

# What malformed text makes dnspython's parsers raise, besides its own errors.
PARSE_ERRORS = (dns.exception.DNSException, ValueError, KeyError, IndexError, OverflowError, AssertionError, OSError)


class ForeignError(Exception):
    """The record cannot be converted; the text is the reason."""


def convert_record(type_text: str, rdata_text: str, origin: bytes) -> tuple[int, bytes]:
    """Return the number of a type and the canonical wire form of record data.

    `rdata_text` may have comments and parentheses; relative names in it are completed by `origin` (wire form).
    """
    try:
        number = dns.rdatatype.from_text(type_text)
    except (dns.exception.DNSException, ValueError):
        raise ForeignError(f"unknown record type {type_text}") from None
    if dns.rdatatype.is_metatype(number):
        raise ForeignError(f"type {type_text} cannot be in a zone")
    apex, _ = dns.name.from_wire(origin, 0)
    try:
        tokens = dns.tokenizer.Tokenizer(rdata_text)
        rdata = dns.rdata.from_text(dns.rdataclass.IN, number, tokens, origin=apex, relativize=False)
        return int(number), rdata.to_digestable(apex)
    except PARSE_ERRORS as exc:
        raise ForeignError(f"malformed data of type {type_text}: {exc}") from exc


def print_record(rtype: int, rdata: bytes) -> str:
    """Return record data in presentation form; empty when dnspython has none that reads back as the same octets."""
    try:
        kind = dns.rdatatype.RdataType.make(rtype)
        text = dns.rdata.from_wire(dns.rdataclass.IN, kind, rdata, 0, len(rdata)).to_text()
        if not text.isascii() or not text.isprintable() or text.startswith("\\#"):
            return ""
        return text if convert_record(dns.rdatatype.to_text(kind), text, b"\0") == (rtype, rdata) else ""
    except (*PARSE_ERRORS, ForeignError):
        return ""
