# SPDX-License-Identifier: Apache-2.0
"""Zones larger than memory: sorted in parts that go to files, and merged there (csrc/pairs_merge.h).

The files have no names and go with the process; what is read of them is page cache, which the system takes back.
"""

import errno
import mmap
import os
import tempfile
from collections.abc import Callable
from typing import IO, Any

from pyxdp_dns.native import check, ffi, lib
from pyxdp_dns.scan import ScannedZone

DEFAULT_DIRECTORY = "/var/tmp"
"""Not /tmp, which may be memory."""
ROOM_FACTOR = 2
"""Parts are merged into as much again, and the disk is not only theirs: so many times what they take has to be free."""


def free_octets(directory: str) -> int:
    """Return how much of the disk is free for files in a directory. Raises OSError."""
    found = os.statvfs(directory)
    return found.f_bavail * found.f_frsize


class MappedZone(ScannedZone):
    """A zone whose pairs are in files."""

    def __init__(self, pair_bytes: IO[bytes], offsets: IO[bytes], count: int, records: int) -> None:
        """The files are open for reading and writing; they are closed."""
        self._maps = [mmap.mmap(file.fileno(), 0) for file in (pair_bytes, offsets)]
        pair_bytes.close()
        offsets.close()
        self._buffers = [ffi.from_buffer("uint8_t[]", area) for area in self._maps]
        pairs = ffi.new("xd_pairs *")
        pairs.bytes = self._buffers[0]
        pairs.offsets = ffi.cast("uint64_t *", self._buffers[1])
        pairs.count = count
        super().__init__(pairs, records, (), ())

    def close(self) -> None:
        """Unmap the files; a second call does nothing."""
        self.pairs.count = 0
        self.pairs.bytes = self.pairs.offsets = ffi.NULL
        for buffer in self._buffers:
            ffi.release(buffer)
        for area in self._maps:
            area.close()
        self._buffers, self._maps = [], []


class Spill:
    """Parts of one zone in files; `close` it."""

    def __init__(self, directory: str = "", free: Callable[[str], int] = free_octets) -> None:
        """`directory` is where the files are; `free` tells the octets that are free there."""
        self._directory, self._free = directory or DEFAULT_DIRECTORY, free
        self._parts: list[MappedZone] = []
        self._octets = 0

    def __len__(self) -> int:
        return len(self._parts)

    def add(self, zone: ScannedZone) -> None:
        """Move a part to files; it is closed. Raises OSError, also when the disk would get too full."""
        try:
            if zone.count:
                self._take_room(zone)
                files = self._open(), self._open()
                for file, content in zip(files, (zone.bytes, zone.offsets), strict=True):
                    _write_all(file, content)
                self._parts.append(MappedZone(*files, zone.count, zone.records))
        finally:
            zone.close()

    def merge(self) -> ScannedZone:
        """Return all parts as one zone, which the caller closes. Raises OSError, ResourceError or EngineError."""
        parts = ffi.new("xd_pairs[]", [part.pairs[0] for part in self._parts])
        merged = ffi.new("uint64_t *")
        files = self._open(), self._open()
        numbers = [file.fileno() for file in files]
        check(lib.xd_pairs_merge(parts, len(self._parts), *numbers, merged), "merging the parts of a zone")
        records = max((part.records for part in self._parts), default=0)
        self.close()
        return MappedZone(*files, merged[0], records)

    def close(self) -> None:
        """Give the files up; a second call does nothing."""
        for part in self._parts:
            part.close()
        self._parts = []

    def _take_room(self, zone: ScannedZone) -> None:
        octets = zone.bytes.nbytes + zone.offsets.nbytes
        if self._free(self._directory) < octets + ROOM_FACTOR * (self._octets + octets):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._directory)
        self._octets += octets

    def _open(self) -> Any:
        return tempfile.TemporaryFile(dir=self._directory, buffering=0)


def _write_all(file: IO[bytes], content: memoryview) -> None:
    """Write everything; one call of the system takes 2 GiB at most."""
    rest = content.cast("B")
    while rest:
        rest = rest[file.write(rest) :]
