# SPDX-License-Identifier: Apache-2.0
"""Records of messages in canonical form, and messages that are refused."""

from contextlib import suppress

import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyxdp_dns.errors import EngineError
from pyxdp_dns.message import MessageRefused, Section, ZoneCollector, read_records

EXAMPLE = b"\7example\0"
TEXTS = (
    ("A", "192.0.2.1"),
    ("NS", "NS.Example."),
    ("SOA", "NS.example. Host.example. 1 2 3 4 5"),
    ("MX", "10 Mail.Example."),
    ("NAPTR", '1 2 "U" "E2U" "!^.*$!x!" X.example.'),
    ("SRV", "1 2 3 Target.example."),
    ("RP", "Box.example. Text.example."),
    ("TXT", '"Some" "Text"'),
    ("CAA", '0 issue "ca.test"'),
    ("SVCB", "1 . alpn=h2"),
    ("TYPE300", "\\# 2 0102"),
    ("LOC", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"),
)


def reply_of(*texts: tuple[str, str]) -> bytes:
    """Return a message whose answers are records of those types and data."""
    message = dns.message.make_response(dns.message.make_query("EXAMPLE.", "AXFR"))
    for kind, data in texts:
        message.answer.append(dns.rrset.from_text("Owner.EXAMPLE.", 60, "IN", kind, data))
    return message.to_wire()


@pytest.mark.parametrize(("kind", "data"), TEXTS, ids=[kind for kind, _ in TEXTS])
def test_data_is_canonical(kind: str, data: str) -> None:
    """Owner and data are those that dnspython's canonical form has."""
    (record,) = read_records(reply_of((kind, data)))
    (rdata,) = dns.rrset.from_text("x.", 60, "IN", kind, data)
    assert record == (
        Section.ANSWER,
        b"\5owner\7example\0",
        dns.rdatatype.from_text(kind),
        1,
        60,
        rdata.to_digestable(dns.name.root),
    )


def test_update_has_its_sections() -> None:
    """Prerequisites and updates of an UPDATE keep their classes; data that deletes may be missing."""
    update = dns.update.UpdateMessage("example.")
    update.present("there")
    update.add("a", 300, "A", "192.0.2.1")
    update.delete("b", "TXT")
    update.delete("mx", "MX", "10 MAIL.example.")
    found = [(item.section, item.type, item.rclass, item.rdata) for item in read_records(update.to_wire())]
    assert found == [
        (1, 255, 255, b""),
        (2, 1, 1, b"\xc0\x00\x02\x01"),
        (2, 16, 255, b""),
        (2, 15, 254, b"\0\x0a\4mail\7example\0"),
    ]
    assert [item[0] for item in found if item[0] > 1] == [
        item.section for item in read_records(update.to_wire(), Section.AUTHORITY)
    ]


def test_many_records_fit() -> None:
    """A message whose records take far more octets decompressed than it has is read as a whole."""
    message = dns.message.make_response(dns.message.make_query("x" * 60 + ".example.", "RP"))
    suffix = f"{'y' * 60}.{'z' * 60}.{'x' * 60}.example."
    for number in range(1000):
        name = f"{number}.{suffix}"
        message.answer.append(dns.rrset.from_text(name, 60, "IN", "MX", f"1 {suffix}"))
    assert len(read_records(message.to_wire(max_size=65535))) == 1000


@given(st.integers(min_value=0), st.binary(max_size=40))
def test_damage_is_refused_or_read(at: int, octets: bytes) -> None:
    """Whatever is written over a message, it is read or refused with a reason."""
    message = bytearray(reply_of(*TEXTS))
    at %= len(message)
    message[at : at + len(octets)] = octets
    with suppress(MessageRefused):
        assert all(record.section in tuple(Section) for record in read_records(bytes(message)))


def test_cut_message_is_refused() -> None:
    """A message that ends too early is refused wherever it ends."""
    message = reply_of(*TEXTS)
    for end in range(len(message)):
        with pytest.raises(MessageRefused):
            read_records(message[:end])


def test_collector_stops_at_the_soa() -> None:
    """Records are collected up to each SOA of the apex; the result is sorted, without what is outside the zone."""
    message = dns.message.make_response(dns.message.make_query("example.", "AXFR"))
    soa = dns.rrset.from_text("example.", 60, "IN", "SOA", "a. b. 1 2 3 4 5")
    message.answer += [
        soa,
        dns.rrset.from_text("b.example.", 60, "IN", "A", "192.0.2.2"),
        dns.rrset.from_text("other.", 60, "IN", "A", "192.0.2.3"),
        dns.rrset.from_text("A.example.", 60, "IN", "A", "192.0.2.1"),
        soa,
    ]
    collector = ZoneCollector(EXAMPLE, 9)
    collector.begin(message.to_wire())
    assert collector.read()
    assert collector.left == 5
    assert collector.read(skip_soa=True)
    assert collector.left == 1
    assert collector.foreign == (1, b"\5other\0")
    collector.add(EXAMPLE, 2, 60, b"\0")
    with pytest.raises(EngineError):
        collector.add(b"\5other\0", 2, 60, b"\0")
    scanned = collector.finish()
    assert [key[4:] for key, _ in scanned] == [
        b"example\0\0\0\2",
        b"example\0a\0\0\0\1",
        b"example\0b\0\0\0\1",
    ]
    scanned.close()
    collector.close()
    collector.close()
