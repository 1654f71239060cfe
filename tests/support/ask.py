# SPDX-License-Identifier: Apache-2.0
"""Queries as wire, and replies in a form in which two servers can be compared (RFC 1035, 6891).

The decoder is written for comparing and shares nothing with the server: it expands every compressed name, lower-cases
names (in record data where RFC 4034, section 6.2, does), and refuses a message that is not exactly what its counts say.
"""

import struct
from dataclasses import dataclass
from typing import NamedTuple

import dns.flags
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

IN = 1
NS, CNAME, SOA, DNAME, OPT, DS, RRSIG, NSEC, NSEC3, ANY = 2, 5, 6, 39, 41, 43, 46, 47, 50, 255

DO = 0x8000

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
FLAG_NAMES = {QR: "QR", AA: "AA", TC: "TC", RD: "RD", RA: "RA", Z: "Z", AD: "AD", CD: "CD"}

_LAYOUTS = {
    "NS": "n", "MD": "n", "MF": "n", "CNAME": "n", "SOA": "n n *", "MB": "n", "MG": "n", "MR": "n", "PTR": "n",
    "MINFO": "n n", "MX": "2 n", "RP": "n n", "AFSDB": "2 n", "RT": "2 n", "PX": "2 n n", "KX": "2 n", "SRV": "6 n",
    "NAPTR": "4 s s s n", "DNAME": "n", "RRSIG": "18 n *",
}  # fmt: skip
"""Where names are in the data of types whose names are lower-cased: `n` a name, `s` a character string, a number that
many octets, `*` the rest."""

LAYOUTS = {int(dns.rdatatype.from_text(name)): tuple(layout.split()) for name, layout in _LAYOUTS.items()}

COMPRESSIBLE = frozenset(
    int(dns.rdatatype.from_text(name)) for name in ("NS", "CNAME", "SOA", "PTR", "MX", "MB", "MG", "MR", "MINFO")
)
"""Types in whose data a server may compress names (RFC 3597, section 4)."""


class Malformed(Exception):
    """The reply is not a well-formed message; the text says where."""


class Record(NamedTuple):
    """One record: `owner` in lower case and `data` with lower-case, expanded names, both as wire."""

    owner: bytes
    type: int
    rdclass: int
    ttl: int
    data: bytes

    def text(self) -> str:
        """Return the record as a line of a zone file."""
        kind = dns.rdatatype.RdataType.make(self.type)
        rdclass = dns.rdataclass.RdataClass.make(self.rdclass)
        try:
            rdata = dns.rdata.from_wire(rdclass, kind, self.data, 0, len(self.data)).to_text()
        except Exception as error:  # noqa: BLE001 - whatever cannot be shown as text is shown as octets
            rdata = f"\\# {len(self.data)} {self.data.hex()} ({error})"
        words = (name_text(self.owner), self.ttl, dns.rdataclass.to_text(rdclass), dns.rdatatype.to_text(kind), rdata)
        return " ".join(map(str, words))


@dataclass(frozen=True, slots=True)
class Edns:
    """The OPT record of a reply: extended flags (DO) and options, the size offered beside them."""

    payload: int
    version: int
    flags: int
    options: tuple[tuple[int, bytes], ...]


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as compared: sections are sets.

    `repeated` holds records that stand in a section twice, `compressed` the types whose data had compressed names.
    """

    id: int
    opcode: int
    rcode: int
    flags: int
    question: tuple[tuple[bytes, int, int], ...]
    answer: frozenset[Record]
    authority: frozenset[Record]
    additional: frozenset[Record]
    edns: Edns | None
    repeated: frozenset[Record]
    size: int
    compressed: frozenset[int]

    def flag_text(self) -> str:
        """Return the flags by name."""
        return " ".join(name for bit, name in FLAG_NAMES.items() if self.flags & bit)

    def text(self) -> str:
        """Return the reply for a reader."""
        rcode = dns.rcode.to_text(dns.rcode.Rcode.make(self.rcode))
        lines = [f"{rcode} opcode {self.opcode} [{self.flag_text()}] edns {self.edns} {self.size} octets"]
        for title in ("answer", "authority", "additional"):
            lines += [f"  {title}: {line}" for line in sorted(record.text() for record in getattr(self, title))]
        lines += [f"  REPEATED: {record.text()}" for record in self.repeated]
        return "\n".join(lines)


def name_text(name: bytes) -> str:
    """Return a wire name as text."""
    return dns.name.from_wire(name, 0)[0].to_text()


def name_wire(name: str | dns.name.Name) -> bytes:
    """Return an absolute name's wire form, case kept."""
    wire = (dns.name.from_text(name) if isinstance(name, str) else name).to_wire()
    assert wire is not None
    return wire


def type_number(name: str) -> int:
    """Return the number of a type by its mnemonic."""
    return int(dns.rdatatype.from_text(name))


def lower(name: bytes) -> bytes:
    """Return a name (wire, or any octets of one) in lower case; length octets are below the letters."""
    return name.lower()


def opt(payload: int = 1232, *, do: bool = False, version: int = 0, options: bytes = b"", rcode: int = 0) -> bytes:
    """Return an OPT record."""
    flags = DO if do else 0
    return b"\0" + struct.pack("!HHBBHH", OPT, payload, rcode, version, flags, len(options)) + options


def option(code: int, data: bytes) -> bytes:
    """Return an EDNS option."""
    return struct.pack("!HH", code, len(data)) + data


def query(name: bytes, rdtype: int, rdclass: int = IN, *, flags: int = 0, opcode: int = 0, edns: bytes = b"") -> bytes:
    """Return a query for a wire name; `edns` is an OPT record or nothing. The id is 0."""
    header = struct.pack("!6H", 0, flags | opcode << 11, 1, 0, 0, 1 if edns else 0)
    return header + name + struct.pack("!HH", rdtype, rdclass) + edns


def parse(message: bytes) -> Reply:
    """Return what a reply says.

    Raises Malformed when it is not a message from first octet to last.
    """
    return _Decoder(message).reply()


class _Decoder:
    """Reads one message from front to end; `seen` remembers names by their offset."""

    def __init__(self, message: bytes) -> None:
        self.message = message
        self.at = 0
        self.seen: dict[int, bytes] = {}
        self.compressed: set[int] = set()

    def reply(self) -> Reply:
        if len(self.message) < 12:
            raise Malformed(f"{len(self.message)} octets are no header")
        ident, bits, *counts = struct.unpack_from("!6H", self.message)
        self.at = 12
        question = tuple(self.question() for _ in range(counts[0]))
        sections = [[self.record() for _ in range(count)] for count in counts[1:]]
        if self.at != len(self.message):
            raise Malformed(f"{len(self.message) - self.at} octets after the last record")
        opts = [record for record in sections[2] if record.type == OPT]
        if len(opts) > 1:
            raise Malformed("two OPT records")
        sections[2] = [record for record in sections[2] if record.type != OPT]
        repeated = {record for section in sections for record in section if section.count(record) > 1}
        edns = _edns(opts[0]) if opts else None
        rcode = bits & 0xF | (opts[0].ttl >> 24 << 4 if opts else 0)
        return Reply(
            ident, bits >> 11 & 0xF, rcode, bits & 0x87F0, question,
            frozenset(sections[0]), frozenset(sections[1]), frozenset(sections[2]),
            edns, frozenset(repeated), len(self.message), frozenset(self.compressed),
        )  # fmt: skip

    def question(self) -> tuple[bytes, int, int]:
        name = self.name()
        rdtype, rdclass = self.unpack("!HH")
        return name, rdtype, rdclass

    def take(self, count: int) -> bytes:
        octets = self.message[self.at : self.at + count]
        if len(octets) != count:
            raise Malformed(f"ends within a field at {self.at}")
        self.at += count
        return octets

    def unpack(self, form: str) -> tuple[int, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def record(self) -> Record:
        owner = lower(self.name())
        rdtype, rdclass, ttl, length = self.unpack("!HHIH")
        end = self.at + length
        if end > len(self.message):
            raise Malformed(f"data at {self.at} is longer than the message")
        layout = LAYOUTS.get(rdtype)
        data = self.take(length) if layout is None else self.data(rdtype, layout, end)
        if self.at != end:
            raise Malformed(f"data of type {rdtype} ends at {self.at}, not {end}")
        return Record(owner, rdtype, rdclass, ttl, data)

    def data(self, rdtype: int, layout: tuple[str, ...], end: int) -> bytes:
        parts = []
        for field in layout:
            if field == "n":
                start = self.at
                name = self.name()
                if self.at - start != len(name):
                    self.compressed.add(rdtype)
                parts.append(lower(name))
            elif field == "s":
                parts.append(self.take(1))
                parts.append(self.take(parts[-1][0]))
            elif field == "*":
                parts.append(self.take(end - self.at))
            else:
                parts.append(self.take(int(field)))
        return b"".join(parts)

    def name(self) -> bytes:
        name, self.at = self.name_at(self.at)
        if len(name) > 255:
            raise Malformed(f"name of {len(name)} octets at {self.at}")
        return name

    def name_at(self, at: int) -> tuple[bytes, int]:
        """Return the name at an offset and where what follows it begins."""
        start, labels = at, b""
        while True:
            if at >= len(self.message):
                raise Malformed(f"name at {start} runs past the end")
            length = self.message[at]
            if length == 0:
                name = labels + b"\0"
                break
            if length >= 0xC0:
                if at + 1 >= len(self.message):
                    raise Malformed(f"pointer at {at} runs past the end")
                target = (length & 0x3F) << 8 | self.message[at + 1]
                if target >= start:
                    raise Malformed(f"pointer at {at} does not point back")
                if target not in self.seen:
                    self.name_at(target)
                name, at = labels + self.seen[target], at + 1
                break
            if length > 63:
                raise Malformed(f"label type {length:#x} at {at}")
            labels += self.message[at : at + 1 + length]
            at += 1 + length
        self.seen[start] = name
        return name, at + 1


def _edns(record: Record) -> Edns:
    options, data = [], record.data
    while data:
        if len(data) < 4:
            raise Malformed("OPT ends within an option")
        code, length = struct.unpack_from("!HH", data)
        if len(data) < 4 + length:
            raise Malformed("OPT ends within an option")
        options.append((code, data[4 : 4 + length]))
        data = data[4 + length :]
    if record.owner != b"\0":
        raise Malformed("OPT is not at the root")
    return Edns(record.rdclass, record.ttl >> 16 & 0xFF, record.ttl & 0xFFFF, tuple(options))
