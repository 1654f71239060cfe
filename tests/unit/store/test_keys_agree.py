# SPDX-License-Identifier: Apache-2.0
"""Keys and values as Python builds them are those of the scanner in C."""

from hypothesis import given
from hypothesis import strategies as st

from control.store.keys import Record, name_text, owner_key, pack_rrset, parse_owner_key, rrset_key
from pyxdp_dns.scan import scan_zone_text

A, TXT = 1, 16
labels = st.lists(st.binary(min_size=1, max_size=9).map(bytes.lower), max_size=6)


def wire(*parts: bytes) -> bytes:
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"


def scan(records: list[Record], zone_id: int) -> list[tuple[bytes, bytes]]:
    """Write TXT records as text and scan that as the root zone."""
    lines = [f"{name_text(r.owner)} {r.ttl} IN TYPE{r.type} \\# {len(r.rdata)} {r.rdata.hex()}\n" for r in records]
    with scan_zone_text("".join(lines).encode(), b"\0", zone_id) as scanned:
        return list(scanned)


@given(
    st.lists(st.tuples(labels, st.binary(min_size=1, max_size=5)), min_size=1, max_size=8), st.integers(0, 2**32 - 1)
)
def test_scanner_and_store_agree(named: list[tuple[list[bytes], bytes]], zone_id: int) -> None:
    """Every owner, whatever its octets, and every RRset get the same key and value on both sides."""
    records = [Record(wire(*parts), TXT, 300, bytes((len(text),)) + text) for parts, text in named]
    expected: dict[bytes, set[bytes]] = {}
    for record in records:
        expected.setdefault(rrset_key(zone_id, record.owner, TXT), set()).add(record.rdata)
    assert scan(records, zone_id) == sorted((key, pack_rrset(300, rdatas)) for key, rdatas in expected.items())


def test_the_longest_key_is_the_same() -> None:
    """255 octets of name that all need escaping make 511 octets of key on both sides."""
    name = wire(b"\0" * 63, b"\1" * 63, b"\0" * 63, b"\1" * 61)
    ((key, _),) = scan([Record(name, A, 60, b"\1\2\3\4")], 0xFFFFFFFF)
    assert key == rrset_key(0xFFFFFFFF, name, A)
    assert len(key) == 511
    assert parse_owner_key(owner_key(name)) == name
