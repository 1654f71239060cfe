# SPDX-License-Identifier: Apache-2.0
"""What a request is about, read without believing it: header, question, EDNS, TSIG (RFC 8945) and SIG(0) (RFC 2931).

`read_request` walks a whole message once and keeps only what decides how it is refused or served. Compression pointers
must point backwards (RFC 1035, section 4.1.4).
"""

from typing import NamedTuple

from pyxdp_dns.request import RequestRefused, read_parts

HEADER_BYTES = 12
QUERY, NOTIFY, UPDATE = 0, 4, 5
SOA, SIG, OPT, TSIG, IXFR, AXFR = 6, 24, 41, 250, 251, 252
ANY_CLASS = 255

TSIG_HEAD = b"\0\xfa\0\xff\0\0\0\0"
"""Type, class and TTL of a TSIG record."""


class Malformed(ValueError):
    """The message breaks the format; it is answered FORMERR when its header can be read."""


class Tsig(NamedTuple):
    """A TSIG record: wire-form key name and algorithm as they were sent, and octets of the fields."""

    key_name: bytes
    algorithm: bytes
    time_signed: bytes
    fudge: bytes
    original_id: bytes
    mac: bytes = b""
    error: int = 0
    other: bytes = b""
    at: int = 0
    """Offset of the record in its message."""


class Request(NamedTuple):
    """One request: `question` is its first question in wire form (empty when there is none)."""

    id: bytes
    flags: int
    question: bytes
    qtype: int
    tsig: Tsig | None
    sig0_at: int | None
    """Offset of a SIG(0) record that ends the message."""
    edns_flags: int | None
    """Flags of the OPT record; None without EDNS."""
    edns_payload: int = 0
    """Octets of a UDP reply that the OPT record allows; 0 without EDNS."""

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 0xF

    @property
    def qname(self) -> bytes:
        """The name asked for, in wire form and lower case; empty without a question."""
        return self.question[:-4].lower()

    @property
    def qclass(self) -> int:
        return int.from_bytes(self.question[-2:], "big")


class _Reader:
    """A bounds-checked cursor over a message."""

    def __init__(self, data: bytes) -> None:
        self.data, self.pos = data, HEADER_BYTES

    def take(self, count: int) -> bytes:
        end = self.pos + count
        if end > len(self.data):
            raise Malformed
        octets = self.data[self.pos : end]
        self.pos = end
        return octets

    def number(self, count: int) -> int:
        return int.from_bytes(self.take(count), "big")

    def name(self) -> bytes:
        """Read a name and return its wire form, uncompressed."""
        data, size = self.data, 1
        labels: list[bytes] = []
        resume: int | None = None
        pos = least = self.pos
        while True:
            length = data[pos] if pos < len(data) else 0xFF
            if length == 0:
                break
            if length >= 0xC0:
                target = int.from_bytes(data[pos : pos + 2], "big") & 0x3FFF
                if pos + 2 > len(data) or not HEADER_BYTES <= target < least:
                    raise Malformed
                resume = pos + 2 if resume is None else resume
                pos = least = target
                continue
            size += 1 + length
            if length > 63 or pos + 1 + length > len(data) or size > 255:
                raise Malformed
            labels.append(data[pos : pos + 1 + length])
            pos += 1 + length
        self.pos = pos + 1 if resume is None else resume
        return b"".join(labels) + b"\0"


def question_of(message: bytes) -> tuple[bytes, int]:
    """Return the first question and its type; empty and 0 when it cannot be read or there is none."""
    if int.from_bytes(message[4:6], "big") == 0:
        return b"", 0
    reader = _Reader(message)
    try:
        name = reader.name()
        fixed = reader.take(4)
    except Malformed:
        return b"", 0
    return name + fixed, int.from_bytes(fixed[:2], "big")


def read_tsig(message: bytes, at: int) -> Tsig:
    """Read the TSIG record that stands at an offset and ends the message; raise `Malformed`."""
    reader = _Reader(message)
    reader.pos = at
    key_name = reader.name()
    # RFC 8945, section 4.2: class ANY, TTL 0
    if reader.take(8) != TSIG_HEAD or reader.number(2) != len(message) - reader.pos:
        raise Malformed
    algorithm = reader.name()
    time_signed, fudge = reader.take(6), reader.take(2)
    mac = reader.take(reader.number(2))
    original_id, error = reader.take(2), reader.number(2)
    other = reader.take(reader.number(2))
    if reader.pos != len(message):
        raise Malformed
    return Tsig(key_name, algorithm, time_signed, fudge, original_id, mac, error, other, at)


def read_request(message: bytes) -> Request:
    """Read a request of at least a header; raise `Malformed`."""
    try:
        question, tsig_at, sig0_at, edns_flags, edns_payload = read_parts(message)
    except RequestRefused as exc:
        raise Malformed from exc
    return Request(
        message[:2],
        message[2] << 8 | message[3],
        question,
        question[-4] << 8 | question[-3] if question else 0,
        None if tsig_at < 0 else read_tsig(message, tsig_at),
        None if sig0_at < 0 else sig0_at,
        None if edns_flags < 0 else edns_flags,
        edns_payload,
    )


def without_sig0(message: bytes, request: Request) -> bytes:
    """Return the message as it was before SIG(0) was added (RFC 2931, section 3.1)."""
    assert request.sig0_at is not None
    count = int.from_bytes(message[10:12], "big") - 1
    return message[:10] + count.to_bytes(2, "big") + message[HEADER_BYTES : request.sig0_at]


class Updated(NamedTuple):
    """A record of an update section: its owner in wire form and lower case, and its type."""

    owner: bytes
    rtype: int


def read_updates(message: bytes) -> list[Updated]:
    """Return what stands in the update section of an UPDATE (RFC 2136, section 2.5) that `read_request` has read."""
    zones, before, count = (int.from_bytes(message[at : at + 2], "big") for at in (4, 6, 8))
    reader = _Reader(message)
    for _ in range(zones):
        reader.name()
        reader.take(4)
    records = []
    for index in range(before + count):
        owner, rtype = reader.name(), reader.number(2)
        reader.take(6)
        reader.take(reader.number(2))
        if index >= before:
            records.append(Updated(owner.lower(), rtype))
    return records
