# SPDX-License-Identifier: Apache-2.0
"""UPDATE messages from text, also such as no client would send.

A record is one line: owner, TTL, class, type, data. The owner is relative to the zone unless it ends with a dot, `@` is
the apex; classes and types are mnemonics or CLASSnnn and TYPEnnn; data is presentation form, or any octets as ! and
hexadecimal digits; nothing at all makes an empty one.
"""

import struct
from collections.abc import Sequence
from typing import NamedTuple

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

UPDATE_FLAGS = 5 << 11
SOA, IN = 6, 1
HEADER = struct.Struct(">HHHHHH")
FIXED = struct.Struct(">HHIH")


class Case(NamedTuple):
    """One message to a zone as it is at the beginning."""

    name: str
    prerequisites: tuple[str, ...]
    changes: tuple[str, ...]


def build(
    apex: str,
    prerequisites: Sequence[str] = (),
    changes: Sequence[str] = (),
    *,
    message_id: int = 4711,
    zone_type: int = SOA,
    zone_class: int = IN,
    additional: bytes = b"",
    additional_count: int = 0,
) -> bytes:
    """Return an UPDATE message in wire form."""
    origin = dns.name.from_text(apex)
    parts = [HEADER.pack(message_id, UPDATE_FLAGS, 1, len(prerequisites), len(changes), additional_count)]
    parts.append((origin.to_wire() or b"") + struct.pack(">HH", zone_type, zone_class))
    parts += (record(line, origin) for line in (*prerequisites, *changes))
    return b"".join(parts) + additional


def record(line: str, origin: dns.name.Name) -> bytes:
    """Return one record in wire form."""
    owner, ttl, class_text, type_text, *rest = line.split(None, 4)
    rdclass, rdtype = dns.rdataclass.from_text(class_text), dns.rdatatype.from_text(type_text)
    data = b""
    if rest and rest[0].startswith("!"):
        data = bytes.fromhex(rest[0][1:])
    elif rest:
        wire = dns.rdata.from_text(dns.rdataclass.IN, rdtype, rest[0], origin=origin, relativize=False).to_wire()
        data = wire or b""
    return (
        (dns.name.from_text(owner, origin).to_wire() or b"") + FIXED.pack(rdtype, rdclass, int(ttl), len(data)) + data
    )
