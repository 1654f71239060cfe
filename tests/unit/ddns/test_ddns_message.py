# SPDX-License-Identifier: Apache-2.0
"""Reading UPDATE messages: the zone section (RFC 2136, sections 2.3 and 3.1.1), and whatever octets come."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.ddns.message import Rcode, UpdateRefused, parse_update
from tests.support.updated import updated_zones
from tests.support.updates import build

EXAMPLE = b"\7example\0"
ADD = ("new 60 IN A 192.0.2.1",)


def refusal(message: bytes) -> int | None:
    """Return the RCODE a message is refused with when it is read."""
    try:
        parse_update(message)
    except UpdateRefused as error:
        return error.rcode
    return None


def test_sections_are_told_apart() -> None:
    """Prerequisites and changes are what the counts of the header say, names in lower case."""
    update = parse_update(build("EXAMPLE.", ("Www 0 ANY A", "@ 0 NONE MX"), ADD))
    assert update.zone == EXAMPLE
    assert [record.owner for record in update.prerequisites] == [b"\3www" + EXAMPLE, EXAMPLE]
    assert [(record.owner, record.rtype, record.ttl, record.rdata) for record in update.changes] == [
        (b"\3new" + EXAMPLE, 1, 60, bytes((192, 0, 2, 1)))
    ]


@pytest.mark.parametrize(
    ("message", "rcode"),
    [
        (build("example.", (), ADD, zone_type=1), Rcode.FORMERR),
        (build("example.", (), ADD, zone_class=3), Rcode.NOTAUTH),
        (build("example.", (), ADD, zone_class=255), Rcode.NOTAUTH),
        (build("example.", (), ADD)[:-1], Rcode.FORMERR),
        (build("example.", (), ADD) + b"\0", Rcode.FORMERR),
        (build("example.", (), ADD)[:11], Rcode.FORMERR),
        (build("example.", (), ADD)[:4] + b"\0\0" + build("example.", (), ADD)[6:], Rcode.FORMERR),
        (build("example.", (), ADD)[:4] + b"\0\2" + build("example.", (), ADD)[6:], Rcode.FORMERR),
        (b"", Rcode.FORMERR),
    ],
    ids=["type", "chaos", "any", "cut", "more", "header", "no-zone", "two-zones", "empty"],
)
def test_zone_section_and_format(message: bytes, rcode: Rcode) -> None:
    """RFC 2136, section 3.1.1: one zone of type SOA; another class is no zone of ours; what is malformed is FORMERR."""
    assert refusal(message) == rcode


@given(st.binary(max_size=300))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    """No octets behind an UPDATE header do anything but give an update or be refused."""
    assert refusal(octets) in (None, *Rcode)
    assert refusal(build("example.")[:12] + octets) in (None, *Rcode)


RECORDS = st.builds(
    lambda owner, ttl, rclass, rtype, data: owner + b"".join(
        number.to_bytes(size, "big") for number, size in ((rtype, 2), (rclass, 2), (ttl, 4), (len(data), 2))
    ) + data,
    st.sampled_from([b"\xc0\x0c", b"\3www\xc0\x0c", b"\1*\xc0\x0c", b"\3new\xc0\x0c", b"\5other\0", b"\0"]),
    st.sampled_from([0, 0, 0, 1, 300, 1 << 31, (1 << 32) - 1]),
    st.sampled_from([1, 1, 254, 255, 3, 0]),
    st.sampled_from([1, 2, 5, 6, 15, 16, 28, 39, 43, 46, 47, 48, 50, 51, 255, 252, 41, 250, 0, 65400]),
    st.one_of(
        st.binary(max_size=24),
        st.sampled_from([b"", b"\xc0\x02\0\1"[:4], b"\xc0\x0c", b"\3www\xc0\x0c", b"\0\1\xc0\x0c", b"\1a\0" * 2]),
    ),
)  # fmt: skip


@settings(max_examples=150)
@given(st.lists(st.tuples(st.lists(RECORDS, max_size=3), st.lists(RECORDS, max_size=6)), min_size=1, max_size=4))
def test_any_updates_leave_a_zone(batch: list[tuple[list[bytes], list[bytes]]]) -> None:
    """Whatever records a batch has, each message gets an RCODE, and the zone keeps its SOA and an NS."""
    head = build("example.")
    messages = [
        head[:6] + len(first).to_bytes(2, "big") + len(second).to_bytes(2, "big") + head[10:] + b"".join(first + second)
        for first, second in batch
    ]
    with updated_zones() as zones:
        apex = zones.load("example.")
        rcodes = zones.send(apex, *messages)
        assert len(rcodes) == len(messages)
        assert all(0 <= rcode <= Rcode.NOTZONE for rcode in rcodes)
        assert Rcode.SERVFAIL not in rcodes
        records = zones.records(apex)
        assert sum(rtype == 6 for owner, rtype, _, _ in records if owner == apex) == 1
        assert any(rtype == 2 for owner, rtype, _, _ in records if owner == apex)
