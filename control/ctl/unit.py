# SPDX-License-Identifier: Apache-2.0
"""The units of Knot's control protocol, and their form on the socket.

A unit is one type byte and, for DATA and EXTRA, items: code, length in two octets, value. Nothing tells where a unit
ends but the type byte of the next one. A repeated code replaces, items before the type byte belong to the unit that
follows, and any byte that is neither a type nor a code is fatal.
"""

import re
from collections.abc import Callable, Iterator
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from control.ctl.errors import BlockTooLarge, ItemTooLong, ProtocolError

FIRST_CODE = 0x10
MAX_VALUE_BYTES = 0xFFFF
UNIT_COST_BYTES = 256
"""What a unit counts besides its values; so a limit in octets bounds the number of units too."""
DEFAULT_BLOCK_BYTES = 4 << 20


class Kind(IntEnum):
    """Type bytes."""

    END = 0
    DATA = 1
    EXTRA = 2
    BLOCK = 3


class Unit(NamedTuple):
    """The items of one unit in the order of their codes; None: absent, "": there and empty.

    Octets of a peer that are not UTF-8 are kept as lone surrogates (`surrogateescape`); what is sent is always UTF-8.
    """

    command: str | None = None
    flags: str | None = None
    error: str | None = None
    section: str | None = None
    item: str | None = None
    id: str | None = None
    zone: str | None = None
    owner: str | None = None
    ttl: str | None = None
    type: str | None = None
    data: str | None = None
    filters: str | None = None


EMPTY = Unit()
_NO_TEXT = re.compile("[\ud800-\udfff]")
_HEAD = Struct(">BH")
_TYPES = [bytes((kind,)) for kind in Kind]
_KINDS = tuple(Kind)
_END, _BLOCK = Kind.END, Kind.BLOCK
"""By names of the module: looking up a member of an enumeration takes longer than what is done with it here."""
_LAST_KIND = int(Kind.BLOCK)
LAST_CODE = FIRST_CODE + len(Unit._fields) - 1
BLOCK = bytes((Kind.BLOCK,))
END = bytes((Kind.END,))


def to_bytes(value: str) -> bytes:
    """Return a value as UTF-8, NUL and what is no text replaced."""
    try:
        octets = value.encode()
    except UnicodeEncodeError:
        octets = _NO_TEXT.sub("\ufffd", value).encode()
    return octets if b"\0" not in octets else octets.replace(b"\0", "\ufffd".encode())


def to_raw_bytes(value: str) -> bytes:
    """Return a value as the octets it was made from, as the operating system gives arguments."""
    return value.partition("\0")[0].encode("utf-8", "surrogateescape")


def encode(kind: Kind, unit: Unit = EMPTY, to_octets: Callable[[str], bytes] = to_bytes) -> bytes:
    """Return a unit as octets; raise `ItemTooLong` before anything of it could be written."""
    parts = [_TYPES[kind]]
    for code, value in enumerate(unit, FIRST_CODE):
        if value is not None:
            octets = to_octets(value)
            if len(octets) > MAX_VALUE_BYTES:
                raise ItemTooLong(f"a value of {len(octets)} octets does not fit the control protocol")
            parts += (_HEAD.pack(code, len(octets)), octets)
    return b"".join(parts)


def from_bytes(octets: bytes) -> str:
    """Return a received value, which ends at the first NUL."""
    if 0 in octets:
        octets = octets[: octets.index(0)]
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("utf-8", "surrogateescape")


class Decoder:
    """Cuts a stream of octets, in pieces of any size, into units.

    A unit is delivered when the type byte after it has come. `block_bytes` limits what is kept between one BLOCK or
    END and the next.
    """

    def __init__(self, block_bytes: int = DEFAULT_BLOCK_BYTES) -> None:
        self._limit = block_bytes
        self._rest = b""
        self._kind: Kind | None = None
        self._values: list[str | None] = [None] * len(Unit._fields)
        self._used = 0

    def feed(self, octets: bytes) -> Iterator[tuple[Kind, Unit]]:
        """Yield the units that are complete now.

        Raises `ProtocolError` at the first wrong octet and `BlockTooLarge` above the limit; the units before it have
        been delivered, and nothing more can be decoded.
        """
        data, at = self._rest + octets if self._rest else octets, 0
        self._rest = b""
        size, values = len(data), self._values
        while at < size:
            code = data[at]
            if code <= _LAST_KIND:
                at += 1
                yield from self._begin(_KINDS[code])
                values = self._values
                continue
            if not FIRST_CODE <= code <= LAST_CODE:
                raise ProtocolError(f"octet 0x{code:02x} is neither a unit type nor an item code")
            value = at + 3
            end = value + (data[at + 1] << 8 | data[at + 2]) if value <= size else size + 1
            if end > size:
                self._rest = data[at:]
                return
            self._used += end - at
            if self._used > self._limit:
                self._charge(0)
            values[code - FIRST_CODE] = from_bytes(data[value:end]) if end > value else ""
            at = end

    def _begin(self, kind: Kind) -> list[tuple[Kind, Unit]]:
        """Return the unit that a type byte ends; BLOCK and END are units of their own at once."""
        units = [] if self._kind is None else [(self._kind, Unit._make(self._values))]
        is_last = kind is _BLOCK or kind is _END
        if units or is_last:
            self._values = [None] * len(self._values)
        if is_last:
            self._kind = None
            self._used = 0
            units.append((kind, EMPTY))
        else:
            self._kind = kind
            self._charge(UNIT_COST_BYTES)
        return units

    def _charge(self, octets: int) -> None:
        self._used += octets
        if self._used > self._limit:
            raise BlockTooLarge(f"more than {self._limit} octets in one request")
