# SPDX-License-Identifier: Apache-2.0
"""The C scanner and dnspython agree on the wire form of every record that both read."""

import gzip
import json
import os
from pathlib import Path

import dns.name
import dns.rdataclass
import dns.zone
import dns.zonefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyxdp_dns.scan import scan_zone_file, scan_zone_text
from tests.support import zones

HERE = Path(__file__).parent
DATA = Path(os.environ.get("XDPDNS_TEST_DATA", HERE.parents[1].parent / "shared" / "data"))

Contents = dict[tuple[bytes, int], tuple[int, list[bytes]]]
"""(lower-case owner, type) -> TTL and sorted rdatas."""


def owner_of_key(key: bytes) -> bytes:
    """Return the wire-form owner of a store key (an independent reading of csrc/pairs.h)."""
    labels = key[4:-3].split(b"\x00")[:-1]
    plain = [unescape(label) for label in labels]
    return b"".join(bytes([len(label)]) + label for label in reversed(plain)) + b"\x00"


def unescape(label: bytes) -> bytes:
    """Undo the escapes of one label."""
    out = bytearray()
    octets = iter(label)
    for octet in octets:
        out.append(next(octets) - 1 if octet == 1 else octet)
    return bytes(out)


def rdatas_of_value(value: bytes) -> tuple[int, list[bytes]]:
    """Return TTL and rdatas of a value."""
    ttl, count, position = int.from_bytes(value[:4]), int.from_bytes(value[4:6]), 6
    rdatas = []
    for _ in range(count):
        size = int.from_bytes(value[position : position + 2])
        rdatas.append(value[position + 2 : position + 2 + size])
        position += 2 + size
    assert position == len(value)
    return ttl, rdatas


def read_by_scanner(text: bytes, origin: str) -> Contents:
    """Return the contents as the C scanner (with dnspython for foreign types) reads them."""
    with scan_zone_text(text, dns.name.from_text(origin).to_wire(), 7) as zone:
        assert [pair[0] for pair in zone] == sorted(pair[0] for pair in zone)
        return {(owner_of_key(key), int.from_bytes(key[-2:])): rdatas_of_value(value) for key, value in zone}


def read_by_dnspython(text: str, origin: str, ttl: int = 3600) -> Contents:
    """Return the contents as dnspython alone reads them; a directive sets the TTL of records without one."""
    apex = dns.name.from_text(origin)
    zone = dns.zone.from_text(f"$TTL {ttl}\n{text}", apex, relativize=False, check_origin=False)
    contents: Contents = {}
    for name, rdataset in zone.iterate_rdatasets():
        key = (name.canonicalize().to_wire(), int(rdataset.rdtype))
        known_ttl, rdatas = contents.get(key, (rdataset.ttl, []))
        rdatas = sorted({*rdatas, *(rdata.to_digestable(apex) for rdata in rdataset)})
        contents[key] = (known_ttl, rdatas)
    return contents


def assert_agree(text: str, origin: str) -> None:
    """Both readers see the same records (TTLs apart for RRSIG, which dnspython keeps per covered type)."""
    ours, theirs = read_by_scanner(text.encode("latin-1"), origin), read_by_dnspython(text, origin)
    assert ours.keys() == theirs.keys()
    for key, (ttl, rdatas) in ours.items():
        assert rdatas == theirs[key][1], key
        assert key[1] == 46 or ttl == theirs[key][0], key


def test_corpus_agrees() -> None:
    """Every type, escape, directive and layout of the corpus file gives the same octets in both readers."""
    assert_agree((HERE / "data" / "corpus.zone").read_text(), "example.")


@pytest.mark.parametrize("zone", zones.names() + zones.names(root=True))
def test_zones_of_the_scenarios_agree(zone: str) -> None:
    """Every zone that the scenarios serve gives the same octets in both readers."""
    text = zones.source(zone).read_text()
    if "$GENERATE" in text:
        text = zones.read(zone, zones.source(zone)).to_text(relativize=False)
    assert_agree(text, zone)


@pytest.mark.parametrize("kind", ["LOC", "cert", "APL", "NSAP-PTR", "HIP", "IPSECKEY", "AMTRELAY", "TYPE29"])
def test_types_are_named_in_signatures_and_bitmaps(kind: str) -> None:
    """Types whose data dnspython converts are known where a signature or a bitmap names them."""
    signature = f"{kind} 13 2 60 20370101000000 20200101000000 1 example. AAAA"
    assert_agree(f"a.example. 60 IN RRSIG {signature}\na.example. 60 IN NSEC b.example. A {kind} RRSIG\n", "example.")


LABELS = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters='.;()"@$\\'), min_size=1, max_size=20
)
NAMES = st.lists(LABELS, min_size=1, max_size=4).map(lambda labels: ".".join(labels) + ".")
OCTETS = st.binary(min_size=1, max_size=40)
QUOTED = st.binary(max_size=100).map(lambda octets: '"' + "".join(f"\\{octet:03d}" for octet in octets) + '"')
NUMBER16 = st.integers(0, 65535)
TYPES = st.one_of(st.sampled_from(["A", "NS", "SOA", "RRSIG", "CAA"]), st.integers(1, 65534).map(lambda n: f"TYPE{n}"))
RECORDS = st.one_of(
    st.ip_addresses(v=4).map(lambda address: f"A {address}"),
    st.ip_addresses(v=6).map(lambda address: f"AAAA {address}"),
    st.ip_addresses(v=6).map(lambda address: f"AAAA {address.exploded}"),
    NAMES.map(lambda name: f"NS {name}"),
    st.builds(lambda number, name: f"MX {number} {name}", NUMBER16, NAMES),
    st.builds(lambda a, b, c, name: f"SRV {a} {b} {c} {name}", NUMBER16, NUMBER16, NUMBER16, NAMES),
    st.lists(QUOTED, min_size=1, max_size=5).map(lambda strings: "TXT " + " ".join(strings)),
    st.builds(lambda tag, digest: f"DS {tag} 8 2 {digest.hex()}", NUMBER16, OCTETS.filter(lambda o: len(o) == 32)),
    st.builds(lambda a, octets: f"TLSA 3 1 {a} {octets.hex()}", st.just(0), OCTETS),
    st.builds(lambda name, types: f"NSEC {name} {' '.join(types)}", NAMES, st.lists(TYPES, min_size=1, max_size=8)),
    st.builds(lambda number, octets: f"TYPE65400 \\# {len(octets)} {octets.hex(' ')}", NUMBER16, OCTETS),
    st.builds(lambda a, b, uri: f"URI {a} {b} {uri}", NUMBER16, NUMBER16, QUOTED.filter(lambda text: text != '""')),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(LABELS, st.integers(0, 2**31 - 1), RECORDS), min_size=1, max_size=6))
def test_random_records_agree(records: list[tuple[str, int, str]]) -> None:
    """Generated records of many types give the same octets in both readers."""
    lines = [f"n{index}-{label}.example. {ttl} IN {data}" for index, (label, ttl, data) in enumerate(records)]
    assert_agree("\n".join(lines), "example.")


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="shared test data is not beside the checkout")
def test_gov_zone_agrees() -> None:
    """The real .gov zone of 47 000 records is read alike."""
    text = gzip.decompress((DATA / "gov" / "2024-06-02.zone.gz").read_bytes()).decode()
    assert_agree(text, "gov.")


@pytest.mark.data
@pytest.mark.skipif(not DATA.is_dir(), reason="shared test data is not beside the checkout")
def test_answers_zones_agree() -> None:
    """The small zones of the answers study are read alike, and pass the mandatory checks."""
    with gzip.open(DATA / "answers.jsonl.gz", "rt") as lines:
        for line in lines:
            zone = json.loads(line)["zone"]
            origin = zone.split(maxsplit=1)[0]
            assert_agree(zone, origin)
            wire = dns.name.from_text(origin).to_wire()
            with scan_zone_text(zone.encode(), wire, 1) as scanned:
                scanned.check(wire)


def test_file_and_text_give_the_same(tmp_path: Path) -> None:
    """A zone read from a file equals the one read from memory."""
    path = tmp_path / "corpus.zone"
    path.write_bytes((HERE / "data" / "corpus.zone").read_bytes())
    origin = dns.name.from_text("example.").to_wire()
    with scan_zone_file(path, origin, 7) as one, scan_zone_text(path.read_bytes(), origin, 7) as two:
        assert list(one) == list(two)
        assert one.records == two.records >= one.count > 70
