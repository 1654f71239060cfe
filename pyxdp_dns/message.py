# SPDX-License-Identifier: Apache-2.0
"""Records of DNS messages: decompressed, checked by type and in canonical form (csrc/message.h, csrc/incoming.h)."""

from enum import IntEnum
from struct import Struct
from typing import Any, NamedTuple

from pyxdp_dns.errors import EngineError, ZoneRefused
from pyxdp_dns.native import ffi, lib
from pyxdp_dns.scan import ScannedZone

FIXED = Struct(">BBHHIH")
SMALL_ROOM = 1 << 14
"""Octets that the records of most messages fit in."""
SLACK = 1024
"""Octets that one record may lack although it fits."""


def _code(name: str) -> int:
    """Return the result of C functions that stands for an error of csrc/error.h."""
    codes = range(1, lib.xd_error_count())
    return next(-code for code in codes if ffi.string(lib.xd_error_name(code)).decode() == name)


NOMEM, RANGE = _code("NOMEM"), _code("RANGE")

_allocate = ffi.new_allocator(should_clear_after_alloc=False)


class Section(IntEnum):
    """Sections of a message (RFC 1035, section 4.1); of an UPDATE: zone, prerequisites, updates, additional."""

    QUESTION = 0
    ANSWER = 1
    AUTHORITY = 2
    ADDITIONAL = 3


class MessageRecord(NamedTuple):
    """A record of a message: `owner` in wire form and lower case, `rdata` canonical and not compressed."""

    section: int
    owner: bytes
    type: int
    rclass: int
    ttl: int
    rdata: bytes


class MessageRefused(EngineError):
    """The message breaks the format: answer FORMERR."""


def read_records(
    message: bytes, first: Section = Section.ANSWER, last: Section = Section.ADDITIONAL
) -> list[MessageRecord]:
    """Return the records of the sections from `first` to `last` in their order; the others are checked as far as
    their bounds.

    Data of class IN, ANY and NONE is checked by type; of the latter two it may be empty (RFC 2136). Raises
    MessageRefused, which names the record at fault.
    """
    used = ffi.new("size_t *")
    room = SMALL_ROOM
    out = _allocate("uint8_t[]", room)
    count = lib.xd_message_read(message, len(message), first, last, out, room, used)
    if count == RANGE:
        room = len(message) * lib.XD_MESSAGE_GROWTH_MAX + SLACK
        out = _allocate("uint8_t[]", room)
        count = lib.xd_message_read(message, len(message), first, last, out, room, used)
    if count < 0:
        raise MessageRefused(f"record {used[0]}: {_error_text(count)}; the sender is to be corrected")
    return _unpack(bytes(ffi.buffer(out, used[0])), count)


def _unpack(octets: bytes, count: int) -> list[MessageRecord]:
    records = []
    at = 0
    for _ in range(count):
        section, owner_len, rtype, rclass, ttl, rdata_len = FIXED.unpack_from(octets, at)
        start = at + FIXED.size + owner_len
        at = start + rdata_len
        owner = octets[start - owner_len : start]
        records.append(MessageRecord(section, owner, rtype, rclass, ttl, octets[start:at]))
    return records


def _error_text(code: int) -> str:
    return bytes(ffi.string(lib.xd_error_text(-code))).decode()


class ZoneCollector:
    """The records of a zone that comes in messages, held by C; a caller `close`s it."""

    def __init__(self, apex: bytes, zone_id: int) -> None:
        """`apex` is a valid wire name in lower case. Raises MemoryError."""
        self._state = ffi.new("xd_incoming_state *")
        holder = ffi.new("xd_incoming **")
        if lib.xd_incoming_create(apex, zone_id, holder) < 0:
            raise MemoryError("no memory for a transfer")
        self._incoming: Any = holder[0]
        self._message = b""

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        lib.xd_incoming_free(self._incoming)
        self._incoming = ffi.NULL

    @property
    def records(self) -> int:
        """Records collected so far."""
        return int(self._state.records)

    @property
    def octets(self) -> int:
        """Their octets in wire form, names not compressed."""
        return int(self._state.octets)

    @property
    def memory(self) -> int:
        """Octets held."""
        return int(self._state.memory)

    @property
    def owners(self) -> int:
        """Owners held; those that came again with others in between count again."""
        return int(self._state.owners)

    @property
    def in_order(self) -> bool:
        """Whether the owners held came in canonical order, each once."""
        return bool(self._state.in_order)

    @property
    def left(self) -> int:
        """Answer records of the message at hand not yet read."""
        return int(self._state.left)

    @property
    def foreign(self) -> tuple[int, bytes]:
        """Records that were left out because they are outside the zone, and the owner of the first of them."""
        count = int(self._state.foreign)
        owner = self._state.owner
        return count, bytes(ffi.buffer(owner, lib.xd_name_len(owner))) if count else b""

    def begin(self, message: bytes) -> None:
        """Read this message next."""
        self._message = message
        self._state.at = 0

    def read(self, *, skip_soa: bool = False) -> bool:
        """Collect answer records up to the next SOA of the apex; false: there is none, the message was read.

        `skip_soa`: the SOA at which the last call stopped is stepped over. Raises MessageRefused or MemoryError.
        """
        result = lib.xd_incoming_read(self._incoming, self._message, len(self._message), skip_soa, self._state)
        if result == NOMEM:
            raise MemoryError("no memory for a transfer")
        if result < 0:
            raise MessageRefused(f"{_error_text(result)}; the sender is to be corrected")
        return bool(self._state.is_soa)

    def add(self, owner: bytes, rtype: int, ttl: int, rdata: bytes) -> None:
        """Add one record with canonical data. Raises MessageRefused when it is outside the zone, or MemoryError."""
        result = lib.xd_incoming_add(self._incoming, owner, rtype, ttl, rdata, len(rdata), self._state)
        if result == NOMEM:
            raise MemoryError("no memory for a transfer")
        if result < 0:
            raise MessageRefused(_error_text(result))

    def peek(self, start: int, count: int) -> ScannedZone:
        """Return the pairs of `count` owners from the one numbered `start` on, which the caller closes.

        For owners in order, of which more are held. Raises MemoryError.
        """
        pairs = ffi.new("xd_pairs *")
        if lib.xd_incoming_peek(self._incoming, start, count, pairs) < 0:
            raise MemoryError("no memory for a transfer")
        return ScannedZone(pairs, 0, (), ())

    def finish(self) -> ScannedZone:
        """Return what was collected, sorted, which the caller closes, and begin anew.

        Raises ZoneRefused for an RRset of more records than can be stored, or MemoryError.
        """
        pairs = ffi.new("xd_pairs *")
        records = self.records
        if lib.xd_incoming_finish(self._incoming, self._state, pairs) < 0:
            raise MemoryError("no memory for a transfer")
        zone = ScannedZone(pairs, records, (), ())
        if self._state.too_many:
            zone.close()
            raise ZoneRefused("an RRset of more than 65535 records; remove some")
        return zone
