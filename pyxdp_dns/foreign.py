# SPDX-License-Identifier: Apache-2.0
"""Records of types the C scanner does not know, converted by dnspython."""

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
