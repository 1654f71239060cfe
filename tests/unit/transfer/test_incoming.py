# SPDX-License-Identifier: Apache-2.0
"""The state machine of a transfer that comes in: what it takes, what it refuses, wherever the messages are cut."""

import dns.message
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.transfer.gather import Gatherer
from control.transfer.incoming import NO_LIMITS, Kind, Limits, TransferFailed, TransferIn
from pyxdp_dns.scan import ScannedZone

APEX = b"\7example\0"
ID = 77


def soa(serial: int) -> tuple[str, str, str]:
    return "example.", "SOA", f"ns.example. host.example. {serial} 3600 900 604800 300"


def address(owner: str, last: int) -> tuple[str, str, str]:
    return f"{owner}.example.", "A", f"192.0.2.{last}"


ZONE = [soa(9), ("example.", "NS", "ns.example."), address("ns", 1), address("b", 2), address("a", 3), soa(9)]
CHAIN = [
    soa(9), soa(3), address("a", 1), soa(5), address("a", 2), address("b", 1), soa(5), soa(9), address("c", 4), soa(9),
]  # fmt: skip


def message(records: list[tuple[str, str, str]], qtype: str = "AXFR", *, rcode: int = 0, query_id: int = ID) -> bytes:
    """Return one message of a reply."""
    reply = dns.message.make_response(dns.message.make_query("EXAMPLE.", qtype, id=query_id))
    reply.set_rcode(rcode)  # type: ignore[arg-type]
    wire = bytearray(reply.to_wire())
    body = b"".join(record_bytes(*record) for record in records)
    wire[6:8] = len(records).to_bytes(2, "big")
    return bytes(wire) + body


def record_bytes(owner: str, kind: str, data: str) -> bytes:
    """Return a record in wire form, nothing compressed."""
    found = dns.rrset.from_text(owner, 60, "IN", kind, data)
    rdata = found[0].to_wire()
    assert rdata is not None
    head = found.rdtype.to_bytes(2, "big") + b"\0\1" + (60).to_bytes(4, "big") + len(rdata).to_bytes(2, "big")
    return found.name.to_wire() + head + rdata  # type: ignore[operator,no-any-return]


def cut(records: list[tuple[str, str, str]], marks: set[int]) -> list[list[tuple[str, str, str]]]:
    """Return records in as many messages as there are marks, and one."""
    parts: list[list[tuple[str, str, str]]] = [[]]
    for number, record in enumerate(records):
        if number in marks and parts[-1]:
            parts.append([])
        parts[-1].append(record)
    return parts


def run(incoming: TransferIn, parts: list[list[tuple[str, str, str]]], qtype: str) -> bool:
    """Feed messages to the end; return whether the transfer was complete with the last and not before."""
    incoming.query(ID)
    done = [incoming.feed(message(part, qtype)) for part in parts]
    return done[-1] and not any(done[:-1])


def refused(
    records: list[tuple[str, str, str]], qtype: str = "AXFR", base: int | None = None, limits: Limits = NO_LIMITS
) -> TransferFailed:
    """Feed one message that is to be refused; return the error."""
    with TransferIn(APEX, base, limits) as incoming, pytest.raises(TransferFailed) as failed:
        run(incoming, [records], qtype)
    return failed.value


@given(st.sets(st.integers(1, len(ZONE) - 1)))
def test_zone_in_any_messages(marks: set[int]) -> None:
    """A whole zone is taken whatever messages its records come in, and is complete with its last SOA."""
    with TransferIn(APEX) as incoming:
        assert run(incoming, cut(ZONE, marks), "AXFR")
        assert (incoming.kind, incoming.serial) == (Kind.AXFR, 9)
        with incoming.take_contents() as contents:
            assert contents.measure()[0] == 5
            assert [key[4:] for key, _ in contents][:2] == [b"example\0\0\0\2", b"example\0\0\0\6"]


@given(st.sets(st.integers(1, len(CHAIN) - 1)))
def test_chain_in_any_messages(marks: set[int]) -> None:
    """Changesets are taken whatever messages they come in, each with its SOAs."""
    with TransferIn(APEX, 3) as incoming:
        assert run(incoming, cut(CHAIN, marks), "IXFR")
        assert incoming.kind is Kind.IXFR
        assert [(step.serial_from, step.serial_to) for step in incoming.steps] == [(3, 5), (5, 9)]
        assert [len(step.removals) for step in incoming.steps] == [2, 1]
        assert [len(step.additions) for step in incoming.steps] == [3, 2]


@given(st.sets(st.integers(1, len(ZONE) - 1)))
def test_whole_zone_instead_of_changes(marks: set[int]) -> None:
    """A request for changes may be answered by the whole zone."""
    with TransferIn(APEX, 3) as incoming:
        assert run(incoming, cut(ZONE, marks), "IXFR")
        assert incoming.kind is Kind.AXFR
        assert incoming.steps == []


@pytest.mark.parametrize("serial", [9, 3, 8])
def test_not_newer_is_up_to_date(serial: int) -> None:
    """One SOA that is not newer than the zone's ends a request for changes."""
    with TransferIn(APEX, 9) as incoming:
        assert run(incoming, [[soa(serial)]], "IXFR")
        assert incoming.kind is Kind.UP_TO_DATE


@pytest.mark.parametrize("end", range(1, len(ZONE)))
def test_cut_zone_is_not_complete(end: int) -> None:
    """Without its last SOA a zone is not complete."""
    with TransferIn(APEX) as incoming:
        assert not run(incoming, [ZONE[:end]], "AXFR")


@pytest.mark.parametrize("end", range(1, len(CHAIN)))
def test_cut_chain_is_not_complete(end: int) -> None:
    """Without its last SOA a chain is not complete."""
    with TransferIn(APEX, 3) as incoming:
        assert not run(incoming, [CHAIN[:end]], "IXFR")


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([soa(9), soa(4), soa(9), soa(9)], id="begins elsewhere"),
        pytest.param([soa(9), soa(3), soa(5), soa(6), soa(9), soa(9)], id="a gap"),
        pytest.param([soa(9), soa(3), soa(2), soa(2), soa(9), soa(9)], id="goes back"),
        pytest.param([soa(9), soa(3), soa(10), soa(10)], id="goes beyond the end"),
        pytest.param([*CHAIN, address("z", 1)], id="goes on behind the end"),
    ],
)
def test_no_chain_is_refused(records: list[tuple[str, str, str]]) -> None:
    """Changesets whose serials do not follow each other are refused, and an AXFR may do."""
    failed = refused(records, "IXFR", 3)
    assert failed.reason == "malformed data"
    assert failed.fallback


@pytest.mark.parametrize(
    "records",
    [
        pytest.param([], id="nothing"),
        pytest.param(ZONE[1:], id="no SOA first"),
        pytest.param([*ZONE[:-1], soa(8)], id="another SOA last"),
        pytest.param([*ZONE, address("z", 1)], id="goes on behind the end"),
        pytest.param([("other.", *soa(9)[1:])], id="the SOA of another zone"),
    ],
)
def test_no_zone_is_refused(records: list[tuple[str, str, str]]) -> None:
    """What is no whole zone is refused, and another AXFR would not do."""
    failed = refused(records)
    assert failed.reason == "malformed data"
    assert not failed.fallback


def test_records_outside_are_left_out() -> None:
    """Records outside the zone are counted and left out, of zones and of changesets."""
    outside = ("other.", "A", "192.0.2.1")
    with TransferIn(APEX) as incoming:
        assert run(incoming, [[*ZONE[:2], outside, *ZONE[2:]]], "AXFR")
        assert (incoming.foreign, incoming.first_foreign) == (1, b"\5other\0")
    with TransferIn(APEX, 3) as incoming:
        assert run(incoming, [[*CHAIN[:3], outside, *CHAIN[3:]]], "IXFR")
        assert (incoming.foreign, incoming.first_foreign) == (1, b"\5other\0")
        assert len(incoming.steps[0].removals) == 2


def test_limits_end_it() -> None:
    """Neither a zone nor changesets grow beyond their limits, however many messages come."""
    limits = Limits(80, 80)
    assert refused(ZONE, limits=limits).reason == "zone size exceeded"
    assert refused(CHAIN, "IXFR", 3, limits).reason == "zone size exceeded"


def test_empty_messages_end_it() -> None:
    """Messages without records are put up with for a while."""
    with TransferIn(APEX) as incoming, pytest.raises(TransferFailed):
        run(incoming, [ZONE[:2], *[[]] * 200], "AXFR")


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(message(ZONE, query_id=ID + 1), id="another id"),
        pytest.param(message(ZONE, "IXFR"), id="another question"),
        pytest.param(message(ZONE)[:-3], id="cut"),
        pytest.param(message(ZONE)[:11], id="no header"),
        pytest.param(message(ZONE)[:2] + b"\x00" + message(ZONE)[3:], id="no reply"),
        pytest.param(message(ZONE)[:2] + b"\x86" + message(ZONE)[3:], id="truncated"),
    ],
)
def test_no_reply_is_refused(wire: bytes) -> None:
    """What is no reply to the request, or no message at all, is refused."""
    with TransferIn(APEX) as incoming:
        incoming.query(ID)
        with pytest.raises(TransferFailed, match="malformed data"):
            incoming.feed(wire)


def test_error_is_told() -> None:
    """An error of the server is told by its name."""
    with TransferIn(APEX) as incoming:
        incoming.query(ID)
        with pytest.raises(TransferFailed, match="server responded with error 'NOTAUTH'"):
            incoming.feed(message([], rcode=9))


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=20), st.booleans())
def test_damage_is_refused_or_taken(at: int, octets: bytes, is_chain: bool) -> None:
    """Whatever is written over a message, the transfer fails with a reason or has contents."""
    wire = bytearray(message(CHAIN, "IXFR") if is_chain else message(ZONE))
    at %= len(wire)
    wire[at : at + len(octets)] = octets
    with TransferIn(APEX, 3 if is_chain else None) as incoming:
        incoming.query(ID)
        try:
            if incoming.feed(bytes(wire)) and incoming.kind is Kind.AXFR:
                incoming.take_contents().close()
        except TransferFailed as failed:
            assert failed.reason  # noqa: PT017 - either outcome is right


def test_request_is_read_by_others() -> None:
    """The request has the question, and for changes the serial to begin at."""
    with TransferIn(APEX, 5) as incoming:
        query = dns.message.from_wire(incoming.query(ID))
    assert query.id == ID
    assert query.question[0].to_text() == "example. IN IXFR"
    assert query.authority[0][0].serial == 5


@settings(max_examples=20)
@given(st.permutations(range(40)), st.integers(1, 400))
def test_zone_larger_than_memory(order: list[int], memory_bytes: int) -> None:
    """Parts that went to files come back as one zone, in order, RRsets whole and duplicates gone."""
    body = [address(f"n{number % 13}", number % 30) for number in order]
    parts = [[soa(9)], *[[record] for record in body], [soa(9)]]
    found = []
    for limit in (memory_bytes, 1 << 20):
        with TransferIn(APEX, gatherer=Gatherer(APEX, memory_bytes=limit)) as incoming:
            assert run(incoming, parts, "AXFR")
            with incoming.take_contents() as contents:
                contents.move(7)
                found.append((contents.measure(), list(contents)))
    assert found[0] == found[1]
    assert found[0][1][0][0][:4] == b"\0\0\0\7"


class Noted:
    """Notes the pairs that are handed on."""

    def __init__(self) -> None:
        self.is_ready, self.is_refused = True, False
        self.pairs: list[tuple[bytes, bytes]] = []

    def add(self, part: ScannedZone) -> None:
        with part:
            self.pairs += part

    def refuse(self) -> None:
        self.is_refused = True


@given(st.lists(st.integers(1, 6), min_size=1, max_size=12), st.booleans(), st.integers(0, 400), st.data())
def test_the_beginning_is_handed_on(numbers: list[int], sorts: bool, memory_bytes: int, data: st.DataObject) -> None:
    """What was handed on, and is not refused, is what the contents begin with; in order and in memory it is."""
    numbers = sorted(numbers) if sorts else numbers
    early = Noted()
    gatherer = Gatherer(
        APEX, memory_bytes=memory_bytes if data.draw(st.booleans()) else 1 << 20, early=early, part_owners=1
    )
    with TransferIn(APEX, gatherer=gatherer) as incoming:
        records = [
            ("example.", "NS", "ns.example."),
            *(address("abcdefg"[at], serial) for serial, at in enumerate(numbers)),
        ]
        assert run(incoming, [[soa(9)], *[[record] for record in records], [soa(9)]], "AXFR")
        with incoming.take_contents() as contents:
            begun = list(contents)[: len(early.pairs)]
    assert early.is_refused or early.pairs == begun
    if sorts and gatherer._memory_bytes == 1 << 20:
        assert not early.is_refused
        assert len(early.pairs) >= len(set(numbers)) - 1
    if numbers != sorted(numbers):
        assert early.is_refused


def test_nothing_is_handed_on_before_it_is_asked_for() -> None:
    """Parts that come while the last one is being written stay where they are."""
    early = Noted()
    early.is_ready = False
    with TransferIn(APEX, gatherer=Gatherer(APEX, early=early, part_owners=1)) as incoming:
        assert run(
            incoming, [[record] for record in [soa(9), ZONE[1], address("a", 1), address("b", 1), soa(9)]], "AXFR"
        )
        incoming.take_contents().close()
    assert not early.pairs
    assert not early.is_refused
