# SPDX-License-Identifier: Apache-2.0
"""Response tables for tests, made of a few records without scanner or store."""

import struct
from collections.abc import Mapping
from pathlib import Path

from pyxdp_dns.table import ServerInfo, Table

A, NS, SOA, TXT, AAAA = 1, 2, 6, 16, 28

Records = Mapping[str, Mapping[int, list[bytes]]]
"""Names (with or without final dot, no escapes) to types to rdata in wire form."""


def wire(name: str) -> bytes:
    """Return a name in wire form, lower case."""
    labels = [label.encode().lower() for label in name.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def soa(apex: str, serial: int = 1) -> bytes:
    """Return the rdata of a SOA of `apex`."""
    return wire("ns." + apex) + wire("hostmaster." + apex) + struct.pack("!5I", serial, 3600, 600, 86400, 300)


def character_strings(octets: int) -> bytes:
    """Return TXT rdata of about this size."""
    return b"".join(bytes([size]) + b"x" * size for size in [250] * (octets // 251) + [octets % 251])


def _key(name: str, rtype: int) -> bytes:
    labels = [label.encode().lower() for label in name.rstrip(".").split(".") if label]
    return b"\0\0\0\1" + b"".join(label + b"\0" for label in reversed(labels)) + b"\0" + struct.pack("!H", rtype)


def _value(rdatas: list[bytes], ttl: int = 3600) -> bytes:
    return struct.pack("!IH", ttl, len(rdatas)) + b"".join(
        struct.pack("!H", len(rdata)) + rdata for rdata in sorted(rdatas)
    )


def flatten(records: Records) -> tuple[bytes, bytes, int]:
    """Return pairs in the flat form of csrc/pairs.h: octets, offsets, count."""
    pairs = sorted(
        (_key(name, rtype), _value(rdatas)) for name, types in records.items() for rtype, rdatas in types.items()
    )
    offsets = [0]
    parts = []
    for pair in pairs:
        for part in pair:
            parts.append(part)
            offsets.append(offsets[-1] + len(part))
    return b"".join(parts), struct.pack(f"={len(offsets)}Q", *offsets), len(pairs)


def small_zone(apex: str = "example.") -> dict[str, dict[int, list[bytes]]]:
    """Return a zone with an apex, a host and a large text."""
    return {
        apex: {SOA: [soa(apex)], NS: [wire("ns." + apex)]},
        "ns." + apex: {A: [bytes([192, 0, 2, 1])]},
        "www." + apex: {A: [bytes([192, 0, 2, 80])], AAAA: [bytes.fromhex("20010db8" + "0" * 23 + "1")]},
        "big." + apex: {TXT: [character_strings(3000)]},
        "mid." + apex: {TXT: [character_strings(1100)]},
    }


def make_table(path: Path, records: Records, apex: str = "example.", payload: int = 1232) -> None:
    """Make a table file that answers the zone."""
    data, offsets, count = flatten(records)
    with Table.create(path) as table, table.transaction() as transaction:
        transaction.set_server_info(ServerInfo(udp_payload_ipv4=payload, udp_payload_ipv6=payload))
        transaction.build_zone(wire(apex), 1, data, offsets, count)
