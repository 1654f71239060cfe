# SPDX-License-Identifier: Apache-2.0
"""Printed records read back as the same octets, by the scanner and by dnspython; types and names as text."""

import gzip
from ipaddress import IPv6Address
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxdp_dns.errors import EngineError, ZoneFileError
from pyxdp_dns.scan import scan_zone_text
from pyxdp_dns.text import TypeSet, parse_name, print_pairs, rdata_text, type_number, type_text

HERE = Path(__file__).resolve().parent
ORIGIN = b"\7example\0"

Pair = tuple[bytes, bytes]


def scan(text: bytes, origin: bytes = ORIGIN) -> list[Pair]:
    """Return the pairs of a zone's text."""
    with scan_zone_text(text, origin, 1) as zone:
        return list(zone)


def corpus() -> list[Pair]:
    """Return every type and spelling of the corpus zone."""
    return scan((HERE.parent / "data" / "corpus.zone").read_bytes())


def test_every_type_reads_back() -> None:
    """Every record of the corpus zone, printed and scanned, gives the same pairs."""
    pairs = corpus()
    assert scan(print_pairs(pairs).text) == pairs


def test_types_unknown_to_the_scanner_have_their_own_text() -> None:
    """Types that dnspython knows are printed in its words and not in the generic form."""
    text = print_pairs(corpus()).text.decode()
    for kind in ("APL", "CERT", "GPOS", "HIP", "IPSECKEY", "LOC"):
        line = next(line for line in text.splitlines() if f"\t{kind}\t" in line)
        assert "\\#" not in line
    assert "\tTYPE65280\t\\# 4 0A000001\n" in text


def test_dnspython_reads_the_same() -> None:
    """dnspython understands every printed record as the same octets."""
    apex = dns.name.from_wire(ORIGIN, 0)[0]
    for line in print_pairs(corpus()).text.decode().splitlines():
        _, _, kind, data = line.split("\t")
        number = type_number(kind)
        assert number is not None
        wire = dns.rdata.from_text(dns.rdataclass.IN, number, data, origin=apex, relativize=False).to_digestable(apex)
        assert rdata_text(number, wire) == data


@given(st.integers(1, 65535).filter(lambda t: t != 41 and not 128 <= t <= 255), st.binary(max_size=300))
def test_any_record_data_reads_back(rtype: int, octets: bytes) -> None:
    """Whatever octets a type may have, their text reads back as the same."""
    try:
        ((key, value),) = scan(b"a 1 TYPE%d \\# %d %s" % (rtype, len(octets), octets.hex().encode()))
    except ZoneFileError:
        return
    assert key[-2:] == rtype.to_bytes(2, "big")
    assert scan(print_pairs([(key, value)]).text) == [(key, value)]


@given(st.lists(st.binary(min_size=1, max_size=63), min_size=1, max_size=3))
def test_any_owner_reads_back(labels: list[bytes]) -> None:
    """Whatever octets a name has, its text reads back as the same."""
    name = b"".join(bytes([len(label)]) + label for label in labels) + ORIGIN
    text = dns.name.from_wire(name, 0)[0].to_text()
    pairs = scan(f"{text} 1 NS {text}".encode())
    assert scan(print_pairs(pairs).text) == pairs
    assert parse_name(rdata_text(2, name), b"\0") == name


@given(st.ip_addresses(v=6).map(lambda address: IPv6Address(address.packed)))
def test_addresses_are_written_as_rfc_5952_has_it(address: IPv6Address) -> None:
    """IPv6 addresses have the one form of RFC 5952, those that map IPv4 end in it."""
    mapped = address.ipv4_mapped
    assert rdata_text(28, address.packed) == (f"::ffff:{mapped}" if mapped else str(address))


def test_types_left_out_and_padding() -> None:
    """Types of the set are left out; owners are padded with blanks."""
    pairs = scan(b"@ 60 NS ns\n@ 60 TXT a\n@ 60 TYPE65280 \\# 0\n")
    assert print_pairs(pairs, TypeSet({2, 65280}), 10).text == b'example.  \t60\tTXT\t"a"\n'
    assert print_pairs(pairs, TypeSet.all_but({2})).text == b"example.\t60\tNS\tns.example.\n"
    assert print_pairs([]) == (b"", 0)


def test_malformed_pairs_are_refused() -> None:
    """Pairs that do not come from the scanner or the store are refused, not printed."""
    for pair in ((b"\0\0\0\1x\0", b""), (b"\0\0\0\1x\0\0\0\1", b"\0\0\0\1\0\1\0\4a")):
        with pytest.raises(EngineError):
            print_pairs([pair])


def test_names_of_types() -> None:
    """Every mnemonic stands for its number and the other way round; unknown types have a number as their name."""
    for number in range(1, 1 << 16, 1):
        assert type_number(type_text(number)) == number
    assert (type_text(29), type_text(65280), type_number("aaaa"), type_number("x")) == ("LOC", "TYPE65280", 28, None)


@pytest.mark.data
def test_a_real_zone_reads_back(data_dir: Path) -> None:
    """The .gov zone, printed, is read by the scanner as the same pairs, and dnspython sees as many records."""
    origin = b"\3gov\0"
    pairs = scan(gzip.decompress((data_dir / "gov" / "2024-06-02.zone.gz").read_bytes()), origin)
    printed = print_pairs(pairs)
    assert scan(printed.text, origin) == pairs
    zone = dns.zone.from_text(printed.text.decode(), "gov.", relativize=False)
    assert sum(len(rdataset) for _, rdataset in zone.iterate_rdatasets()) == printed.records
