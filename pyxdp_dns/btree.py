# SPDX-License-Identifier: Apache-2.0
"""Ranges of the store read from the pages of its file (csrc/btree.h), without a call of LMDB for each pair."""

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from pyxdp_dns.native import check, ffi, lib

TABLE_BYTES: int = lib.XD_BTREE_TABLE_BYTES
CHUNK_PAIRS, CHUNK_BYTES = 4096, 1 << 18


class FlatPairs(NamedTuple):
    """Pairs in the flat form of csrc/pairs.h."""

    octets: bytearray
    offsets: "array[int]"
    number: int


class StoreMap:
    """The store's file in memory; `close` it when no range of it is read any more."""

    def __init__(self, file: Path, most_bytes: int, page_bytes: int) -> None:
        """Map a file that grows to `most_bytes` at most.

        Raises EngineError when it is not of the one known format or cannot be mapped, OSError when it cannot be opened.
        """
        self._file = file
        self._map: Any = None
        made = ffi.new("xd_store_map **")
        fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        try:
            most_bytes += -most_bytes % page_bytes
            check(lib.xd_store_map_open(fd, most_bytes, page_bytes, made), str(file))
        finally:
            os.close(fd)
        self._map = made[0]

    def range(self, table: bytes, first: bytes, end: bytes) -> "StoreRange":
        """Return the pairs with keys from `first` on and before `end`.

        `table` is what LMDB keeps of the table, read in a snapshot that stays as long as the range is used.

        Raises EngineError when the pages are not as they are expected.
        """
        made = ffi.new("xd_btree **")
        file_bytes = self._file.stat().st_size
        parts = [ffi.from_buffer(part) for part in (table, first, end)]
        bounds = ffi.new("xd_btree_range *", (parts[0], parts[1], len(first), parts[2], len(end)))
        check(lib.xd_btree_create(self._map, file_bytes, bounds, made), str(self._file))
        return StoreRange(made[0])

    def close(self) -> None:
        """Unmap the file; again is no error."""
        lib.xd_store_map_close(self._map or ffi.NULL)
        self._map = None


class StoreRange:
    """Pairs from the one at hand to the end of a range. Belongs to one thread at a time."""

    def __init__(self, handle: Any) -> None:
        self.handle: Any = ffi.gc(handle, lib.xd_btree_free)
        """For the packer."""
        self._ended = False

    def key(self) -> bytes:
        """Return the key of the pair at hand; none at the end."""
        size = ffi.new("size_t *")
        at = lib.xd_btree_key(self.handle, size)
        return bytes(ffi.buffer(at, size[0]))

    def chunks(self) -> Iterator[FlatPairs]:
        """Yield the pairs, some thousand at a time. Raises EngineError for damaged pages."""
        room = CHUNK_BYTES
        while not self._ended:
            flat = self.take(room, CHUNK_PAIRS)
            room = CHUNK_BYTES if flat.number else 2 * room
            if flat.number:
                yield flat

    def take(self, room: int, most: int) -> FlatPairs:
        """Return up to `most` pairs in up to `room` octets, fewer where the next has no room or none is left.

        Raises EngineError for damaged pages.
        """
        octets, offsets = bytearray(room), array("Q", bytes(8 * (2 * most + 1)))
        kept = ffi.from_buffer(octets), ffi.from_buffer("uint64_t[]", offsets)
        flat = ffi.new("xd_btree_flat *", (kept[0], room, kept[1], most, 0, 0))
        result = lib.xd_btree_copy(self.handle, flat)
        for part in kept:
            ffi.release(part)
        check(result, "stored records cannot be read; restore the store or load the zone again")
        self._ended = result == 0
        del octets[flat.used :]
        del offsets[2 * flat.count + 1 :]
        return FlatPairs(octets, offsets, int(flat.count))

    @property
    def ended(self) -> bool:
        """Whether nothing is left, as the last `take` found."""
        return self._ended
