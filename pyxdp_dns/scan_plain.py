# SPDX-License-Identifier: Apache-2.0
"""Many small zone files read in one call, as far as they are plain (csrc/scan_plain.h)."""

import os
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from pyxdp_dns.errors import ResourceError
from pyxdp_dns.native import ffi, lib

Pair = tuple[bytes, bytes]

NO_LIMIT = (1 << 64) - 1


class PlainFile(NamedTuple):
    """A zone file to be read; `origin` is a valid wire name. A zone of more than `octets_max` is not plain."""

    path: str
    origin: bytes
    zone_id: int
    default_ttl: int
    octets_max: int | None
    extra_checks: bool


class PlainZone(NamedTuple):
    """A zone that was read. `stat`: device, inode, size, modification and change time from before that."""

    serial: int
    rrsets: int
    records: int
    octets: int
    stat: tuple[int, int, int, int, int]
    first: int
    """Number of its first pair."""


class PlainZones:
    """What was read, in memory of C; `close` it. `zones` has None for what is not plain."""

    def __init__(self, files: Sequence[PlainFile]) -> None:
        """Raises ResourceError."""
        paths = [os.fsencode(file.path) for file in files]
        found = ffi.new("xd_plain_zone[]", len(files))
        for zone, file, path in zip(found, files, paths, strict=True):
            zone.path = ffi.from_buffer("char[]", path)
            zone.origin = ffi.from_buffer("uint8_t[]", file.origin)
            zone.zone_id, zone.default_ttl, zone.extra_checks = file.zone_id, file.default_ttl, file.extra_checks
            zone.octets_max = NO_LIMIT if file.octets_max is None else file.octets_max
        self._pairs = ffi.new("xd_pairs *")
        if lib.xd_scan_plain(found, len(files), self._pairs) < 0:
            raise ResourceError("no memory for zone files")
        self.zones = [_zone(zone) if zone.is_plain else None for zone in found]

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        lib.xd_pairs_uninit(self._pairs)

    def flat(self, zone: PlainZone) -> tuple[Any, Any]:
        """Return C pointers to bytes and offsets of a zone's pairs."""
        return self._pairs.bytes, self._pairs.offsets + 2 * zone.first

    def pairs(self) -> list[Pair]:
        """Return the pairs of all zones; in key order where zone ids ascend."""
        count = self._pairs.count
        if not count:
            return []
        marks = ffi.unpack(self._pairs.offsets, 2 * count + 1)
        block = ffi.unpack(ffi.cast("char *", self._pairs.bytes), marks[-1])
        parts = [block[begin:end] for begin, end in pairwise(marks)]
        return list(zip(parts[0::2], parts[1::2], strict=True))


def _zone(zone: Any) -> PlainZone:
    stat = (zone.device, zone.inode, zone.file_bytes, zone.mtime_ns, zone.ctime_ns)
    return PlainZone(zone.serial, zone.count, zone.records, zone.octets, stat, zone.first)
