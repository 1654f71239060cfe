# SPDX-License-Identifier: Apache-2.0
"""Where the records of a request are, once `read_request` has taken it; and the serial in a request for changes."""

from collections.abc import Iterator
from typing import NamedTuple

from control.wire.request import HEADER_BYTES, SOA, question_of

AUTHORITY = 2
COUNTS_AT = 4
FIXED_BYTES = 10
SOA_NUMBERS_BYTES = 20
SOA_LEAST_BYTES = 2 + SOA_NUMBERS_BYTES
"""Two names of the root, and the numbers."""


class Span(NamedTuple):
    """A record: its section (1: answer, 2: authority, 3: additional), type, and data as it stands there."""

    section: int
    type: int
    data: bytes


def iterate_spans(message: bytes) -> Iterator[Span]:
    """Yield the records of a message that was read before, which has at most one question."""
    at = _name_end(message, HEADER_BYTES) + 4 if question_of(message)[0] else HEADER_BYTES
    for section in (1, 2, 3):
        count_at = COUNTS_AT + 2 * section
        for _ in range(int.from_bytes(message[count_at : count_at + 2], "big")):
            at = _name_end(message, at)
            start = at + FIXED_BYTES
            rtype, size = int.from_bytes(message[at : at + 2], "big"), int.from_bytes(message[start - 2 : start], "big")
            at = start + size
            yield Span(section, rtype, message[start:at])


def authority_serial(message: bytes) -> int | None:
    """Return the serial of the SOA in the authority section (RFC 1995, section 3); None when there is none."""
    for span in iterate_spans(message):
        if span.section == AUTHORITY and span.type == SOA and len(span.data) >= SOA_LEAST_BYTES:
            return int.from_bytes(span.data[-SOA_NUMBERS_BYTES:][:4], "big")
    return None


def _name_end(message: bytes, at: int) -> int:
    while at < len(message) and 0 < message[at] < 0xC0:
        at += 1 + message[at]
    return at + 1 if at >= len(message) or message[at] == 0 else at + 2
