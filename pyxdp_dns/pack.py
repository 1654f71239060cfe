# SPDX-License-Identifier: Apache-2.0
"""Stored records into the messages of a zone transfer (csrc/pack.h)."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple

from pyxdp_dns.btree import StoreRange
from pyxdp_dns.errors import ZoneRefused
from pyxdp_dns.native import check, ffi, lib
from pyxdp_dns.text import type_text

MESSAGE_MAX = 65535
RANGE = 3
"""The code of csrc/error.h for a record larger than a message."""
DAMAGED = "stored records cannot be transferred; restore the store or load the zone again"
ZONE_ID_BYTES, KEY_TAIL_BYTES = 4, 3


class PackLimits(NamedTuple):
    """Octets of a message: when no further record is begun, and of one that holds a single large record."""

    fill: int = 16384
    most: int = MESSAGE_MAX


class Messages:
    """Messages of a reply; iterating gives each by itself."""

    __slots__ = ("framed",)

    def __init__(self, framed: bytes) -> None:
        self.framed = framed
        """Back to back, each behind its length, as TCP carries them."""

    def __iter__(self) -> Iterator[bytes]:
        framed, start = self.framed, 0
        while start < len(framed):
            end = start + 2 + (framed[start] << 8 | framed[start + 1])
            yield framed[start + 2 : end]
            start = end

    def __bool__(self) -> bool:
        return bool(self.framed)

    def sizes(self) -> list[int]:
        """Return the octets of each message."""
        return [len(message) for message in self]


class Packer:
    """Fills messages with records. Belongs to one thread at a time; works without the interpreter's lock."""

    def __init__(self, head: bytes, tail: bytes, limits: PackLimits) -> None:
        """Begin every message with `head` (header and question, whose name is the apex) and end it with `tail`.

        `tail` is one record of the additional section, or nothing. Raises EngineError when no record would fit.
        """
        made = ffi.new("xd_pack **")
        kept = ffi.from_buffer(head), ffi.from_buffer(tail)
        options = {"head": kept[0], "head_len": len(head), "tail": kept[1], "tail_len": len(tail), **limits._asdict()}
        check(lib.xd_pack_create(ffi.new("xd_pack_options *", options), made), "message of a transfer")
        self._pack: Any = ffi.gc(made[0], lib.xd_pack_free)
        self._messages_bytes = ffi.new("size_t *")
        self._most = limits.most

    def add(self, pairs: Sequence[tuple[bytes, bytes]]) -> Iterator[Messages]:
        """Add the records of store pairs; yield the messages that are full.

        Raises ZoneRefused for a record that no message holds, EngineError for malformed pairs; then the packer is of no
        further use.
        """
        content = b"".join(chain.from_iterable(pairs))
        cursor = ffi.new("xd_pack_cursor *")
        while (result := lib.xd_pack_add(self._pack, content, len(content), cursor)) == 1:
            yield self._take()
        if result == -RANGE:
            raise ZoneRefused(_too_large(content[cursor.pair :], self._most))
        check(result, DAMAGED)
        if messages := self._take():
            yield messages

    def add_range(self, pairs: StoreRange) -> Iterator[Messages]:
        """Add the records of a range of the store, as `add`."""
        while (result := lib.xd_pack_add_range(self._pack, pairs.handle)) == 1:
            yield self._take()
        if result == -RANGE:
            raise ZoneRefused(_too_large(pairs.key(), self._most))
        check(result, DAMAGED)
        if messages := self._take():
            yield messages

    def finish(self) -> Messages:
        """Return the last message, if it has records."""
        lib.xd_pack_finish(self._pack)
        return self._take()

    def _take(self) -> Messages:
        at = lib.xd_pack_messages(self._pack, self._messages_bytes)
        messages = Messages(bytes(ffi.buffer(at, self._messages_bytes[0])))
        lib.xd_pack_clear(self._pack)
        return messages


def _too_large(pair: bytes, most: int) -> str:
    """Return what is said of the pair at the start of some that holds a record for which `most` octets are too few."""
    at = ZONE_ID_BYTES
    labels = []
    while pair[at]:
        end = pair.index(0, at)
        labels.append(pair[at:end].replace(b"\1\1", b"\0").replace(b"\1\2", b"\1"))
        at = end + 1
    wire = b"".join(bytes((len(label),)) + label for label in reversed(labels)) + b"\0"
    text = ffi.new("char[1021]")
    owner = ffi.string(text, lib.xd_name_text(text, wire)).decode("ascii")
    rtype = type_text(int.from_bytes(pair[at + 1 : at + KEY_TAIL_BYTES], "big"))
    return f"a {rtype} record of {owner} is larger than a message of {most} octets; shorten or remove it"
