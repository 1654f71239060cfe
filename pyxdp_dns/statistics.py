# SPDX-License-Identifier: Apache-2.0
"""Counters of requests and replies as they lie in a row (csrc/stats.h): their names and their sums.

Sections, items and identifiers are those of Knot DNS's modules.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from pyxdp_dns.modules import FAMILIES
from pyxdp_dns.native import check, ffi, lib

ROW_BYTES = 4096
ROW_COUNTERS = 504
NOTE = struct.Struct("=Q16sQ")
SIZE = struct.Struct("=Q")
ROW = struct.Struct(f"={ROW_COUNTERS}Q")

WIDE = sum(1 << i for i, name in enumerate(FAMILIES) if lib.xd_stats_family_at(i) >= 64)
"""Families whose counters lie in the wide part of a row."""

NO_ROW: tuple[int, ...] = (0,) * ROW_COUNTERS

_EDNS_NAMES = {
    1: "LLQ", 2: "UL", 3: "NSID", 5: "DAU", 6: "DHU", 7: "N3U", 8: "EDNS-CLIENT-SUBNET", 9: "EDNS-EXPIRE",
    10: "COOKIE", 11: "EDNS-TCP-KEEPALIVE", 12: "PADDING", 13: "CHAIN", 14: "EDNS-KEY-TAG",
}  # fmt: skip
_TYPE_NAMES = {
    1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 12: "PTR", 13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT",
    17: "RP", 18: "AFSDB", 21: "RT", 24: "SIG", 25: "KEY", 28: "AAAA", 29: "LOC", 33: "SRV", 35: "NAPTR", 36: "KX",
    37: "CERT", 39: "DNAME", 41: "OPT", 42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC",
    48: "DNSKEY", 49: "DHCID", 50: "NSEC3", 51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 59: "CDS", 60: "CDNSKEY",
    61: "OPENPGPKEY", 62: "CSYNC", 63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF", 104: "NID", 105: "L32",
    106: "L64", 107: "LP", 108: "EUI48", 109: "EUI64", 255: "ANY", 256: "URI", 257: "CAA",
}  # fmt: skip
_TYPES = (*range(1, 66), *range(99, 111), *range(255, 261))


def _sizes(buckets: int) -> tuple[str, ...]:
    return (*(f"{at * 16}-{at * 16 + 15}" for at in range(buckets)), f"{buckets * 16}-65535")


_OPTIONS = (*(_EDNS_NAMES.get(code, f"CODE{code}") for code in range(18)), "other")

NAMES: dict[str, tuple[str, ...]] = {
    "request-protocol": (
        "udp4", "tcp4", "quic4", "tls4", "udp6", "tcp6", "quic6", "tls6",
        "udp4-xdp", "tcp4-xdp", "quic4-xdp", "udp6-xdp", "tcp6-xdp", "quic6-xdp",
    ),
    "server-operation": ("query", "update", "notify", "axfr", "ixfr", "invalid"),
    "request-bytes": ("query", "update", "other"),
    "response-bytes": ("reply", "transfer", "other"),
    "edns-presence": ("request", "response"),
    "flag-presence": ("DO", "TC"),
    "response-code": (
        "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMPL", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH",
        "NOTZONE", "BADSIG", "BADVERS", "BADKEY", "BADTIME", "BADMODE", "BADNAME", "BADALG", "BADTRUNC", "BADCOOKIE",
        "other",
    ),
    "request-edns-option": _OPTIONS,
    "response-edns-option": _OPTIONS,
    "reply-nodata": ("A", "AAAA", "other"),
    "query-type": ("other", *(_TYPE_NAMES.get(code, f"TYPE{code}") for code in _TYPES)),
    "query-size": _sizes(18),
    "reply-size": _sizes(256),
}  # fmt: skip
"""Identifiers of the counters of each item of mod-stats, items in the order they are told."""

MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "mod-cookies": ("cookies", ("presence", "dropped")),
    "mod-rrl": ("rrl", ("slipped", "dropped")),
}
"""Family and items of the modules whose counters have no identifiers."""


class Named(NamedTuple):
    """One counter."""

    section: str
    item: str
    id: str | None
    value: int


def _at(family: str) -> int:
    return int(lib.xd_stats_family_at(FAMILIES.index(family)))


_PLACES = {family: _at(family) for family in FAMILIES}


def stats_counters(row: Sequence[int], families: int) -> Iterator[Named]:
    """Yield the counters of mod-stats, those of the families that are on."""
    for item, names in NAMES.items():
        if families >> FAMILIES.index(item) & 1:
            at = _PLACES[item]
            for place, name in enumerate(names):
                yield Named("mod-stats", item, name, row[at + place])


def module_counters(section: str, row: Sequence[int]) -> Iterator[Named]:
    """Yield the counters of one module of `MODULES`."""
    family, items = MODULES[section]
    for place, item in enumerate(items):
        yield Named(section, item, None, row[_PLACES[family] + place])


class Limited(NamedTuple):
    """The last source that a thread limited; `sequence` differs from one to the next."""

    sequence: int
    address: str
    prefix_len: int


def read_row(region: Any, at: int) -> tuple[int, ...]:
    """Return the counters of the row at an offset of a mapping."""
    return ROW.unpack_from(region, at)


def read_note(region: Any, at: int) -> Limited | None:
    """Return what the row at an offset says of limited sources; None when nothing, or when it is being written."""
    sequence, octets, prefix = NOTE.unpack_from(region, at + ROW.size)
    again = NOTE.unpack_from(region, at + ROW.size)[0]
    if not sequence or sequence & 1 or again != sequence:
        return None
    version = prefix >> 8 & 0xFF
    address = str(IPv4Address(octets[:4]) if version == 4 else IPv6Address(octets))
    return Limited(sequence, address, prefix & 0xFF)


def read_refused_size(region: Any, at: int) -> int:
    """Return the table size of rate limiting for which the thread of a row has no memory; 0: it has what it needs."""
    size: int = SIZE.unpack_from(region, at + ROW.size + NOTE.size)[0]
    return size


class ZoneStats:
    """The file with the rows of zones (csrc/zone_stats.h). Rows are counted from 0 here, in the table from 1."""

    def __init__(self, path: Path | str) -> None:
        """Map the file the engine made; EngineError or ResourceError when there is none of this version."""
        out = ffi.new("xd_zone_stats **")
        check(lib.xd_zone_stats_open(os.fsencode(path), out), f"zone statistics {path} (is the engine running?)")
        self.handle: Any = out[0]
        self.inode = os.stat(path).st_ino

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the file; no responder may count in it any more."""
        if self.handle:
            lib.xd_zone_stats_close(self.handle)
            self.handle = ffi.NULL

    def reserve(self, rows: int, wide: bool) -> None:
        """Reserve the memory of the first rows, wide parts included where asked for; ResourceError without room."""
        check(
            lib.xd_zone_stats_reserve(self.handle, rows, wide),
            f"statistics of {rows} zones take memory in server.rundir: enlarge that file system or count fewer zones",
        )

    def clear(self, row: int) -> None:
        """Set the counters of a row to 0 that no thread can count in."""
        lib.xd_zone_stats_clear(self.handle, row)

    def sum(self, row: int) -> tuple[int, ...]:
        """Return the counters of a zone, added up over all threads; may be called by any thread."""
        sums = ffi.new(f"uint64_t[{ROW_COUNTERS}]")
        check(lib.xd_zone_stats_sum(self.handle, row, sums), f"zone statistics, row {row}")
        return tuple(sums)
