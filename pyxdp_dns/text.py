# SPDX-License-Identifier: Apache-2.0
"""Records in wire form into zone file text (csrc/print.h), and names of record types.

Types whose data the C code does not know are printed as dnspython writes them where that reads back as the same octets,
else in the form of RFC 3597.
"""

from collections.abc import Iterable
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from pyxdp_dns.errors import EngineError
from pyxdp_dns.native import check, ffi, lib

TYPES = 1 << 16
CACHED_NAMES = 1024
DUMP_PAD = 20
"""Columns of the owner in a zone file written by the server."""

_GENERIC = b"\t\\# "
"""Begins record data in the form of RFC 3597, and is nowhere else: tabs only separate, and a backslash is escaped."""


class Printed(NamedTuple):
    """Lines of text, each `owner TAB ttl TAB type TAB rdata` and a line end, and how many."""

    text: bytes
    records: int


class TypeSet:
    """A set of record types as C reads it."""

    def __init__(self, types: Iterable[int]) -> None:
        bits = bytearray(TYPES // 8)
        for rtype in types:
            bits[rtype >> 3] |= 0x80 >> (rtype & 7)
        self.bits = bytes(bits)

    @classmethod
    def all_but(cls, types: Iterable[int]) -> "TypeSet":
        """Return the set of all types that are not among `types`."""
        made = cls(types)
        made.bits = bytes(octet ^ 0xFF for octet in made.bits)
        return made


def print_pairs(pairs: Iterable[tuple[bytes, bytes]], skip: TypeSet | None = None, pad: int = 0) -> Printed:
    """Print store pairs, a few thousand at a time at most; the GIL is released meanwhile.

    `skip` are types left out, `pad` the columns owners are padded to. Raises EngineError when a pair is malformed.
    """
    content = b"".join(chain.from_iterable(pairs))
    with _Print() as out:
        check(
            lib.xd_print_pairs(out, content, len(content), ffi.NULL if skip is None else skip.bits, pad),
            "stored records cannot be printed; restore the store or load the zone again",
        )
        text = bytes(ffi.buffer(out.text, out.len)) if out.len else b""
        records = int(out.records)
    return Printed(_name_generic(text) if _GENERIC in text else text, records)


def digested_form(pairs: Iterable[tuple[bytes, bytes]], apex: bytes) -> bytes:
    """Return records in canonical wire form, as ZONEMD digests them (RFC 8976, section 3.3.1).

    `pairs` in order, a few thousand at a time at most. Raises EngineError when a pair is malformed.
    """
    content = b"".join(chain.from_iterable(pairs))
    with _Print() as out:
        check(
            lib.xd_print_digested(out, content, len(content), apex),
            "stored records cannot be digested; restore the store or load the zone again",
        )
        return bytes(ffi.buffer(out.text, out.len)) if out.len else b""


def rdata_text(rtype: int, rdata: bytes) -> str:
    """Return record data in presentation form, names absolute."""
    with _Print() as out:
        check(lib.xd_print_rdata(out, rtype, rdata, len(rdata)), "record data")
        text = bytes(ffi.buffer(out.text, out.len)).decode("ascii") if out.len else ""
    if text.startswith("\\# "):
        return _foreign_text(rtype, rdata) or text
    return text


def type_text(rtype: int) -> str:
    """Return the mnemonic of a record type, or TYPEnnn."""
    out = ffi.new("char[16]")
    lib.xd_type_text_any(out, rtype)
    return bytes(ffi.string(out)).decode("ascii")


def type_number(text: str) -> int | None:
    """Return the type of a mnemonic (without case) or TYPEnnn; None when there is no such type."""
    octets = text.encode("utf-8", "surrogateescape")
    number = int(lib.xd_type_scan_any(octets, len(octets)))
    return None if number < 0 else number


@lru_cache(CACHED_NAMES)
def parse_name(text: str, origin: bytes) -> bytes:
    """Return the wire form of a name, relative ones completed by `origin` (wire form); `@` is the origin.

    Raises ValueError when it is no domain name.
    """
    octets = text.encode("utf-8", "surrogateescape")
    out = ffi.new("uint8_t[256]")
    length = int(lib.xd_name_scan(out, octets, len(octets), origin))
    if length < 0 or not octets.isascii():
        raise ValueError(f"malformed domain name {text!r}; write octets above 127 as \\DDD, or the label as xn--")
    return bytes(ffi.buffer(out, length))


class _Print:
    """An `xd_print` for the time of a block."""

    def __enter__(self) -> Any:
        self._print = ffi.new("xd_print *")
        return self._print

    def __exit__(self, *exc: object) -> None:
        lib.xd_print_uninit(self._print)


def _name_generic(text: bytes) -> bytes:
    """Replace what C printed in generic form by dnspython's text where it has one."""
    lines = text.split(b"\n")
    for index, line in enumerate(lines):
        if _GENERIC in line:
            lines[index] = _name_line(line)
    return b"\n".join(lines)


def _name_line(line: bytes) -> bytes:
    owner, ttl, kind, data = line.split(b"\t", 3)
    rtype = type_number(kind.decode("ascii"))
    if rtype is None:
        raise EngineError(f"type {kind!r} was printed and is not known; report this")
    _, _, digits = data[3:].partition(b" ")
    named = _foreign_text(rtype, bytes.fromhex(digits.decode("ascii")))
    if not named:
        return line
    return b"\t".join((owner, ttl, type_text(rtype).encode("ascii"), named.encode("ascii")))


def _foreign_text(rtype: int, rdata: bytes) -> str:
    """Return dnspython's text of record data; empty where it has none that reads back as the same octets."""
    if type_text(rtype).startswith("TYPE") or lib.xd_type_is_known(rtype):
        return ""
    from pyxdp_dns.foreign import print_record

    return print_record(rtype, rdata)
