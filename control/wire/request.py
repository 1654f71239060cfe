# SPDX-License-Identifier: Apache-2.0
"""What a request is about, read without believing it: header, question, EDNS, TSIG (RFC 8945) and SIG(0) (RFC 2931).

`read_request` walks a whole message once and keeps only what decides how it is refused or served. Compression pointers
must point backwards (RFC 1035, section 4.1.4).
"""

from dataclasses import dataclass

HEADER_BYTES = 12
QUERY, NOTIFY, UPDATE = 0, 4, 5
SOA, SIG, OPT, TSIG, IXFR, AXFR = 6, 24, 41, 250, 251, 252
ANY_CLASS = 255

TSIG_FIXED_BYTES = 10
"""Time signed (6), fudge (2) and MAC size (2) after the algorithm name."""


class Malformed(ValueError):
    """The message breaks the format; it is answered FORMERR when its header can be read."""


@dataclass(frozen=True, slots=True)
class Tsig:
    """A TSIG record: wire-form key name and algorithm, and the times a refusal repeats."""

    key_name: bytes
    algorithm: bytes
    time_signed: bytes
    fudge: bytes
    original_id: bytes


@dataclass(frozen=True, slots=True)
class Request:
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

    @property
    def opcode(self) -> int:
        return self.flags >> 11 & 0xF


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


def _read_tsig(key_name: bytes, rdata_at: int, end: int, message: bytes) -> Tsig:
    reader = _Reader(message[:end])
    reader.pos = rdata_at
    algorithm = reader.name()
    time_signed, fudge = reader.take(6), reader.take(2)
    reader.take(reader.number(2))
    original_id = reader.take(2)
    reader.take(2)
    reader.take(reader.number(2))
    if reader.pos != end:
        raise Malformed
    return Tsig(key_name, algorithm, time_signed, fudge, original_id)


def read_request(message: bytes) -> Request:
    """Read a request of at least a header; raise `Malformed`."""
    counts = [int.from_bytes(message[at : at + 2], "big") for at in (4, 6, 8, 10)]
    if counts[0] > 1:
        raise Malformed  # RFC 9619: one question at most
    reader = _Reader(message)
    for _ in range(counts[0]):
        reader.name()
        reader.take(4)
    tsig, sig0_at, edns_flags = None, None, None
    last = sum(counts[1:])
    for index in range(1, last + 1):
        start = reader.pos
        owner = reader.name()
        rtype, _, ttl, size = reader.number(2), reader.number(2), reader.number(4), reader.number(2)
        rdata_at = reader.pos
        rdata = reader.take(size)
        additional = index > last - counts[3]
        if rtype == TSIG:
            # RFC 8945, section 5.1: the last record of the additional section, and the only one
            if not additional or index != last:
                raise Malformed
            tsig = _read_tsig(owner, rdata_at, reader.pos, message)
        elif rtype == OPT:
            # RFC 6891, section 6.1.1: one OPT in the additional section, owned by the root
            if not additional or edns_flags is not None or owner != b"\0":
                raise Malformed
            edns_flags = ttl & 0xFFFF
        elif rtype == SIG and rdata[:2] == b"\0\0" and index == last and additional:
            sig0_at = start
    if reader.pos != len(message):
        raise Malformed
    question, qtype = question_of(message)
    return Request(message[:2], int.from_bytes(message[2:4], "big"), question, qtype, tsig, sig0_at, edns_flags)


def without_sig0(message: bytes, request: Request) -> bytes:
    """Return the message as it was before SIG(0) was added (RFC 2931, section 3.1)."""
    assert request.sig0_at is not None
    count = int.from_bytes(message[10:12], "big") - 1
    return message[:10] + count.to_bytes(2, "big") + message[HEADER_BYTES : request.sig0_at]
