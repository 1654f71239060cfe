# SPDX-License-Identifier: Apache-2.0
"""What is wrong in a zone file is reported with file, line and reason; what is odd but legal is read."""

from pathlib import Path

import dns.name
import pytest

from pyxdp_dns.errors import ZoneCheckError, ZoneFileError
from pyxdp_dns.scan import scan_zone_file, scan_zone_text

ORIGIN = dns.name.from_text("example.").to_wire()
SOA = "@ 3600 SOA ns host 1 2 3 4 5\n@ NS ns.example.net.\n"


def errors_of(text: bytes) -> list[tuple[int, str]]:
    """Return (line, reason) of each error of a zone in memory."""
    with pytest.raises(ZoneFileError) as caught:
        scan_zone_text(text, ORIGIN, 1)
    assert all(error[0] == "text" for error in caught.value.errors)
    return [error[1:] for error in caught.value.errors]


BROKEN = {
    "no owner yet": (b"  A 192.0.2.1\n", 1, "the first record has no owner"),
    "no type": (b"a 60 IN\n", 1, "record type expected"),
    "type only": (b"a A\n", 1, "IPv4 address expected, found end of line"),
    "octet above 255": (b"a A 192.0.2.256\n", 1, "malformed IPv4 address 192.0.2.256"),
    "leading zero": (b"a A 192.0.02.1\n", 1, "malformed IPv4 address 192.0.02.1"),
    "three parts": (b"a A 192.0.2\n", 1, "malformed IPv4 address 192.0.2"),
    "ipv6": (b"a AAAA 2001::db8::1\n", 1, "malformed IPv6 address 2001::db8::1"),
    "too much": (b"a A 192.0.2.1 x\n", 1, "unexpected x after the record"),
    "line of the token": (b"\na ( A\n192.0.2.1\nx )\n", 4, "unexpected x after the record"),
    "class": (b"a CH A 192.0.2.1\n", 1, "class CH is not served, only IN"),
    "class number": (b"a CLASS3 A 192.0.2.1\n", 1, "class CLASS3 is not served, only IN"),
    "ttl too large": (b"a 2147483648 A 192.0.2.1\n", 1, "malformed TTL 2147483648"),
    "ttl unit": (b"a 1y A 192.0.2.1\n", 1, "malformed TTL 1y"),
    "two ttls": (b"a 1 2 A 192.0.2.1\n", 1, "malformed TTL 2"),
    "unknown type": (b"a FOO bar\n", 1, "unknown record type FOO"),
    "meta type": (b"a TYPE255 \\# 0\n", 1, "type TYPE255 cannot be in a zone"),
    "opt": (b"a TYPE41 \\# 0\n", 1, "type TYPE41 cannot be in a zone"),
    "unknown data": (b"a TYPE65280 bar\n", 1, "the data of this type has to be written as \\# LENGTH HEX (RFC 3597)"),
    "generic length": (b"a TYPE65280 \\# 3 0A0B\n", 1, "record data has 2 octets, not the 3 announced"),
    "generic of a known type": (b"a A \\# 3 0A0B0C\n", 1, "malformed record data for its type"),
    "odd digits": (b"a TYPE65280 \\# 1 0\n", 1, "odd number of hexadecimal digits"),
    "empty label": (b"a..b A 192.0.2.1\n", 1, "empty label in name a..b"),
    "long label": (b"a" * 64 + b" A 192.0.2.1\n", 1, "label longer than 63 octets in name " + "a" * 60 + "..."),
    "long name": (b"x." * 127 + b"x. A 192.0.2.1\n", 1, "name longer than 255 octets"),
    "bad escape": (b"a\\256 A 192.0.2.1\n", 1, "malformed name a\\256"),
    "octets above 127": (
        b"\xc3\xa4 A 192.0.2.1\n",
        1,
        "octet above 127 in a name; write it as \\DDD, or the label as xn--",
    ),
    "open quote": (b'a TXT "x\nb A 192.0.2.1\n', 1, "quoted string is not closed on its line"),
    "open parenthesis": (b"\na A ( 192.0.2.1\n\n", 2, "parenthesis is not closed"),
    "closing parenthesis": (b"a A 192.0.2.1 )\n", 1, "closing parenthesis without an opening one"),
    "nul": (b"a A 192.0.2.1\0\n", 1, "control character outside of a quoted string; write it as \\DDD"),
    "long string": (b"a TXT " + b"x" * 256, 1, "character string is longer than 255 octets or has a malformed escape"),
    "no string": (b"a TXT\n", 1, "character string expected, found end of line"),
    "base64": (b"a DNSKEY 257 3 13 AQI=AQ==\n", 1, "malformed base64 AQI=AQ=="),
    "base64 cut": (b"a DNSKEY 257 3 13 AQI\n", 1, "base64 is cut short"),
    "quotes for base64": (b'a DNSKEY 257 3 13 ""\n', 1, "base64 expected"),
    "quotes for digits": (b'a DS 1 8 2 ""\n', 1, "hexadecimal digits expected"),
    "hash": (b"a NSEC3 1 0 0 - 0z A\n", 1, "malformed hash 0z"),
    "date": (b"a RRSIG A 13 1 60 20240230000000 20240101000000 1 . AQID\n", 1, "malformed time 20240230000000"),
    "directive": (b"$FOO\n", 1, "unknown directive $FOO"),
    "origin": (b"$ORIGIN a..\n", 1, "empty label in name a.."),
    "ttl directive": (b"$TTL x\n", 1, "malformed TTL x"),
    "range": (b"$GENERATE 5-1 a$ A 10.0.0.$\n", 1, "malformed $GENERATE range 5-1"),
    "too many": (b"$GENERATE 0-99999999 a$ A 10.0.0.1\n", 1, "$GENERATE of more than 1048576 records"),
    "generated type": (b"$GENERATE 0-1 a$ SOA a b 1 1 1 1 $\n", 1, "type SOA cannot be generated"),
    "generated error": (b"\n$GENERATE 255-300 a A 10.0.0.$\n", 2, "malformed IPv4 address 10.0.0.256"),
    "svcb order": (b"a SVCB 1 . alpn=h2 alpn=h3\n", 1, "service parameter key1 is there twice"),
    "svcb mandatory": (
        b"a SVCB 1 . mandatory=alpn\n",
        1,
        "service parameters lack a mandatory key, or alpn beside no-default-alpn",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_error_has_line_and_reason(case: str) -> None:
    """A broken line is reported by its line number and the reason."""
    text, line, reason = BROKEN[case]
    assert errors_of(text) == [(line, reason)]


def test_all_errors_are_reported_at_once() -> None:
    """Reading goes on behind an error, foreign types included, and good lines between do not matter."""
    found = errors_of(b"a A 1\nb A 192.0.2.1\nc FOO x\nd AAAA 1\ne ( A\n2 )\nf LOC\n")
    assert [line for line, _ in found] == [1, 3, 4, 6, 7]


def test_errors_are_limited() -> None:
    """A file that is no zone file at all ends after a hundred errors."""
    with pytest.raises(ZoneFileError) as caught:
        scan_zone_text(b"x y\x01\n" * 5000, ORIGIN, 1)
    assert len(caught.value.errors) == 100


ODD = {
    "crlf": SOA.replace("\n", "\r\n").encode(),
    "no final newline": SOA.rstrip("\n").encode(),
    "byte order mark": b"\xef\xbb\xbf" + SOA.encode(),
    "comments": b"; first\n\n \t ; only a comment\n" + SOA.encode() + b"; last",
    "parentheses everywhere": b"( @ 3600 (\n SOA ns host 1 2\n3 4 5 ) )\n(@ NS ns.example.net.)\n",
}


@pytest.mark.parametrize("case", ODD)
def test_odd_layout_is_read(case: str) -> None:
    """Layout does not change what is read."""
    with scan_zone_text(ODD[case], ORIGIN, 1) as odd, scan_zone_text(SOA.encode(), ORIGIN, 1) as plain:
        assert list(odd) == list(plain)
        assert odd.count == 2


def test_empty_file_has_no_soa(tmp_path: Path) -> None:
    """An empty file is read and fails the check for its SOA."""
    path = tmp_path / "empty.zone"
    path.touch()
    with scan_zone_file(path, ORIGIN, 1) as zone:
        assert zone.count == 0
        assert list(zone) == []
        with pytest.raises(ZoneCheckError, match="missing SOA at the zone apex"):
            zone.check(ORIGIN)


def file_error(path: Path) -> tuple[tuple[str, int, str], ...]:
    """Return the errors of reading a file."""
    with pytest.raises(ZoneFileError) as caught:
        scan_zone_file(path, ORIGIN, 1)
    return caught.value.errors


def test_missing_file_and_directory_are_named(tmp_path: Path) -> None:
    """A file that cannot be read is an error of the file as a whole."""
    missing = tmp_path / "missing.zone"
    assert file_error(missing) == ((str(missing), 0, f"cannot read {missing}: No such file or directory"),)
    assert file_error(tmp_path) == ((str(tmp_path), 0, f"cannot read {tmp_path}: is a directory"),)


def test_include_reads_beside_the_including_file(tmp_path: Path) -> None:
    """An included file is found beside the including one; origin, owner and TTL of the latter come back behind it."""
    (tmp_path / "sub").mkdir()
    (tmp_path / "main.zone").write_text(f"{SOA}$TTL 60\n$INCLUDE sub/one x\n A 192.0.2.1\n")
    (tmp_path / "sub" / "one").write_text("$TTL 5\n$INCLUDE two\nb A 192.0.2.2\n")
    (tmp_path / "sub" / "two").write_text("c A 192.0.2.3\n")
    with scan_zone_file(tmp_path / "main.zone", ORIGIN, 1) as zone:
        found = {key[4:-3]: value[:4] for key, value in zone if key[-1] == 1}
    assert found == {
        b"example\0": (60).to_bytes(4),
        b"example\0x\0b\0": (5).to_bytes(4),
        b"example\0x\0c\0": (5).to_bytes(4),
    }


def test_include_loop_is_refused(tmp_path: Path) -> None:
    """A file that includes itself, directly or by another, is an error at the directive."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("\n$INCLUDE two\n")
    two.write_text("$INCLUDE one\n$INCLUDE missing\n")
    errors = file_error(one)
    assert errors[0] == (str(two), 1, f"$INCLUDE of {one}, which is being read already")
    assert errors[1] == (str(two), 2, f"cannot read {tmp_path / 'missing'}: No such file or directory")


def test_out_of_zone_records_are_ignored_with_a_warning() -> None:
    """Records of other zones are left out and named once per owner."""
    text = SOA + "www.other. A 192.0.2.1\n AAAA ::1\nanexample. A 192.0.2.1\n"
    with scan_zone_text(text.encode(), ORIGIN, 1) as zone:
        assert zone.count == 2
        assert [(note.line, note.text) for note in zone.warnings] == [
            (3, "ignoring out-of-zone data, owner www.other."),
            (5, "ignoring out-of-zone data, owner anexample."),
        ]


def test_last_ttl_of_an_rrset_wins() -> None:
    """Different TTLs within an RRset are corrected to the last, with a warning."""
    with scan_zone_text(f"{SOA}a 5 TXT z\na 6 TXT y\na 7 TXT z\n".encode(), ORIGIN, 1) as zone:
        (value,) = [value for key, value in zone if key[-1] == 16]
        assert value == (7).to_bytes(4) + b"\0\2" + b"\0\2\1y" + b"\0\2\1z"
        assert [note.text for note in zone.warnings] == [
            "TTL mismatch in the RRset, owner a.example., type TXT: the last TTL is used"
        ]


def test_missing_ttl_is_the_directive_then_the_last_then_the_default() -> None:
    """$TTL goes before the last explicit TTL, and that before the default."""
    text = "a TXT x\nb 5 TXT x\nc TXT x\n$TTL 9\nd TXT x\ne 6 TXT x\nf TXT x\n"
    with scan_zone_text(text.encode(), ORIGIN, 1, default_ttl=77) as zone:
        assert [int.from_bytes(value[:4]) for _, value in zone] == [77, 5, 5, 9, 6, 9]


HASHED = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A\n"
SIGNATURE = "RRSIG NSEC3 13 2 60 20300101000000 20200101000000 7 example. AAAA"
CHECKS = {
    "no ns": ("@ SOA ns host 1 2 3 4 5\n", []),
    "two soas": (SOA + "@ SOA ns host 2 2 3 4 5\n", [("example.", "multiple SOA records")]),
    "soa elsewhere": (SOA + "a SOA ns host 2 2 3 4 5\n", [("a.example.", "SOA record exists outside the zone apex")]),
    "cname and a": (SOA + "a CNAME b\na A 192.0.2.1\n", [("a.example.", "another record exists beside CNAME")]),
    "cname at apex": (SOA + "@ CNAME b\n", [("example.", "another record exists beside CNAME")]),
    "cname and nsec": (SOA + "a CNAME b\na NSEC c CNAME\n", []),
    "two cnames": (SOA + "a CNAME b\na CNAME c\n", [("a.example.", "multiple CNAME records")]),
    "two dnames": (SOA + "a DNAME b\na DNAME c\n", [("a.example.", "multiple DNAME records")]),
    "dname and ns": (SOA + "a DNAME b\na NS c\n", [("a.example.", "NS record exists beside DNAME")]),
    "dname at apex": (SOA + "@ DNAME b.\n", []),
    "dname and a": (SOA + "a DNAME b\na A 192.0.2.1\n", []),
    "below dname": (
        SOA + "a DNAME b\nx.y.a A 192.0.2.1\nz.a A 192.0.2.1\n",
        [("a.example.", "child record exists under DNAME")],
    ),
    "beside dname": (SOA + "a DNAME b\na-b A 192.0.2.1\nab A 192.0.2.1\n", []),
    "below apex dname": (SOA + "@ DNAME b.\nx A 192.0.2.1\n", [("example.", "child record exists under DNAME")]),
    "hashes below apex dname": (
        SOA + "@ DNAME b.\n" + HASHED + HASHED.replace("NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", SIGNATURE),
        [],
    ),
    "more below apex dname": (
        SOA
        + "@ DNAME b.\n"
        + HASHED
        + HASHED.replace("NSEC3 1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A", "A 192.0.2.1"),
        [("example.", "child record exists under DNAME")],
    ),
    "hash below another dname": (
        SOA + "a DNAME b.\n" + HASHED.replace(" NSEC3", ".a NSEC3"),
        [("a.example.", "child record exists under DNAME")],
    ),
    "apex ds": (SOA + "@ DS 1 8 2 00\n", [("example.", "DS record exists at the zone apex")]),
    "nothing at the apex": ("a A 192.0.2.1\n", [("example.", "missing SOA at the zone apex")]),
}


@pytest.mark.parametrize("case", CHECKS)
def test_mandatory_checks(case: str) -> None:
    """Contradictions between records are found, each with its owner, and what is allowed passes."""
    text, expected = CHECKS[case]
    with scan_zone_text(text.encode(), ORIGIN, 1) as zone:
        try:
            zone.check(ORIGIN)
            found: list[tuple[str, str]] = []
        except ZoneCheckError as exc:
            found = list(exc.findings)
    assert found == expected
