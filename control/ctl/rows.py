# SPDX-License-Identifier: Apache-2.0
"""Records as units of the control protocol, by the thousand: from lines of text to the octets of rows."""

from collections.abc import Iterable, Iterator
from struct import Struct

from control.ctl.errors import ItemTooLong
from control.ctl.unit import FIRST_CODE, MAX_VALUE_BYTES, Kind, Unit, encode

_HEAD = Struct(">BH")
_OWNER, _TTL, _TYPE, _DATA = (FIRST_CODE + Unit._fields.index(name) for name in ("owner", "ttl", "type", "data"))


def encode_records(zone: str, lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the rows of records of a zone, each a line `owner TAB ttl TAB type TAB data`.

    Raises `ItemTooLong` for data that do not fit, when the rows before have been yielded.
    """
    begin = encode(Kind.DATA, Unit(zone=zone))
    pack = _HEAD.pack
    heads: dict[tuple[bytes, bytes], bytes] = {}
    parts: list[bytes] = []
    for line in lines:
        owner, ttl, rtype, data = line.split(b"\t", 3)
        size = len(data)
        if size > MAX_VALUE_BYTES:
            yield b"".join(parts)
            raise ItemTooLong(f"a value of {size} octets does not fit the control protocol")
        head = heads.get((ttl, rtype))
        if head is None:
            head = heads[ttl, rtype] = b"%b%b%b%b" % (pack(_TTL, len(ttl)), ttl, pack(_TYPE, len(rtype)), rtype)
        parts += (begin, pack(_OWNER, len(owner)), owner, head, pack(_DATA, size), data)
    yield b"".join(parts)
