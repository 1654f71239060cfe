# SPDX-License-Identifier: Apache-2.0
"""Parts of a record as operators write them: what they mean, and what is refused with which reason."""

import pytest

from control.zonefile.parse import parse_owner, parse_rdata, parse_record, parse_ttl, parse_type, parse_wanted_type
from control.zonefile.refusal import RecordRefused, Refusal

APEX = b"\7example\0"
A, TXT, LOC, SVCB = 1, 16, 29, 64


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("@", b"\7example\0"),
        ("", b"\7example\0"),
        ("WWW", b"\3www\7example\0"),
        ("a.b", b"\1a\1b\7example\0"),
        ("example.", b"\7example\0"),
        ("A.Example.", b"\1a\7example\0"),
        (r"a\.b", b"\3a.b\7example\0"),
        (r"\000x", b"\2\0x\7example\0"),
        ("$INCLUDE", b"\x08$include\7example\0"),
    ],
)
def test_owners(text: str, wire: bytes) -> None:
    """Owners are absolute or relative to the apex, in lower case, with escapes; nothing in them is a directive."""
    assert parse_owner(text, APEX) == wire


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("a..b", Refusal.INVALID_PARAMETER),
        ("x" * 64, Refusal.INVALID_PARAMETER),
        ("a\\", Refusal.INVALID_PARAMETER),
        ("ä", Refusal.INVALID_PARAMETER),
        ("\udcff", Refusal.INVALID_PARAMETER),
        ("www.example.com.", Refusal.NOT_IN_ZONE),
        (".", Refusal.NOT_IN_ZONE),
    ],
)
def test_owners_refused(text: str, refusal: Refusal) -> None:
    """What is no name, and what is outside the zone, is refused, each with its reason."""
    with pytest.raises(RecordRefused) as caught:
        parse_owner(text, APEX)
    assert caught.value.refusal is refusal


def test_types() -> None:
    """Types are mnemonics of any known type, without case, or numbers."""
    assert [parse_type(text) for text in ("a", "TXT", "loc", "TYPE65280")] == [A, TXT, LOC, 65280]
    for text in ("FOO", "", "TYPE65536", "TYPE0", "\udcff"):
        with pytest.raises(RecordRefused):
            parse_type(text)


def test_ttls() -> None:
    """A TTL is a decimal number up to 2^31 - 1, without units."""
    assert [parse_ttl(text) for text in ("0", "2147483647")] == [0, 2147483647]
    for text in ("", "-1", "1h", "2147483648", "0x1", "\u0661", "9" * 5000):
        with pytest.raises(RecordRefused):
            parse_ttl(text)


@pytest.mark.parametrize(
    ("rtype", "text", "wire"),
    [
        (A, "192.0.2.1", b"\xc0\0\2\1"),
        (A, r"\# 4 C0000201", b"\xc0\0\2\1"),
        (A, "192.0.2.1 ; a comment", b"\xc0\0\2\1"),
        (2, "NS", b"\2ns\7example\0"),
        (TXT, '"a b" c', b"\3a b\1c"),
        (65280, r"\# 2 abcd", b"\xab\xcd"),
        (37, "PGP 0 0 AQIDBA==", b"\0\3\0\0\0\1\2\3\4"),
        (6, "ns hm 1 1h 2 3 4", b"\2ns\7example\0\2hm\7example\0\0\0\0\1\0\0\x0e\x10\0\0\0\2\0\0\0\3\0\0\0\4"),
    ],
)
def test_record_data(rtype: int, text: str, wire: bytes) -> None:
    """Record data is read as in a zone file whose origin is the apex, of every type, and made canonical."""
    assert parse_rdata(rtype, text, APEX) == wire


@pytest.mark.parametrize(
    ("rtype", "text"),
    [
        (A, "x"),
        (A, ""),
        (A, "192.0.2.1 x"),
        (A, "192.0.2.1\nb 60 A 192.0.2.2"),
        (TXT, '"open'),
        (TXT, "(a"),
        (TXT, "a\0b"),
        (2, "a..b"),
        (2, "ä"),
        (TXT, "\udcff\n"),
        (65280, "text"),
        (255, r"\# 0"),
        (LOC, "nowhere"),
        (SVCB, "1 . port=x"),
    ],
)
def test_record_data_refused(rtype: int, text: str) -> None:
    """Malformed data, and what would be more than one record, is refused with the parser's detail."""
    with pytest.raises(RecordRefused) as caught:
        parse_rdata(rtype, text, APEX)
    assert caught.value.refusal is Refusal.PARSER_FAILED
    assert caught.value.detail


def test_a_record_with_its_class() -> None:
    """The class IN may stand before the type; another class is no type."""
    expected = (b"\1a" + APEX, A, 60, bytes((192, 0, 2, 1)))
    assert parse_record("a", "60", "A", "192.0.2.1", APEX) == expected
    assert parse_record("a", "60", "in", "A 192.0.2.1", APEX) == expected
    assert parse_record("a", None, "A", "192.0.2.1", APEX)[2] is None
    with pytest.raises(RecordRefused, match="parser failed"):
        parse_record("a", "60", "CH", "A 192.0.2.1", APEX)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (("a b", "60", "A", "192.0.2.1"), Refusal.PARSER_FAILED),
        (("a..b", "60", "A", "192.0.2.1"), Refusal.PARSER_FAILED),
        (("a", "1h", "A", "192.0.2.1"), Refusal.PARSER_FAILED),
        (("a", "60", "ANY", "x"), Refusal.PARSER_FAILED),
        (("a", "60", "IN", ""), Refusal.PARSER_FAILED),
        (("a", "60", "SOA", "a b 1 1 1 1 1"), Refusal.NOT_ALLOWED),
        (("a.", "60", "A", "192.0.2.1"), Refusal.NOT_IN_ZONE),
    ],
)
def test_a_record_that_is_refused(parts: tuple[str, str, str, str], reason: Refusal) -> None:
    """Whatever part is wrong, the record could not be read; names outside and a second SOA are told apart."""
    with pytest.raises(RecordRefused) as caught:
        parse_record(*parts, APEX)
    assert caught.value.refusal is reason


def test_types_to_look_for() -> None:
    """Types of questions may be looked for; no zone has them."""
    assert [parse_wanted_type(text) for text in ("any", "AXFR", "A")] == [255, 252, A]
