# SPDX-License-Identifier: Apache-2.0
"""The messages of outgoing transfers, and the decision how a request for changes is answered."""

from collections.abc import Iterator
from pathlib import Path

import dns.message
import pytest

from control.errors import JournalDamaged
from control.store.changeset import Changeset, Entry
from control.store.environment import Store, Transaction
from control.store.journal import append_changeset, open_journal, put_journal
from control.store.keys import owner_key, pack_rrset
from control.store.zones import StoredZone, get_zone, put_zone
from control.transfer.outgoing import (
    ALWAYS_INCREMENTAL_BYTES,
    Course,
    ReplyForm,
    axfr_messages,
    ixfr_messages,
    plan_ixfr,
    soa_message,
)
from control.wire.edns import opt_record
from pyxdp_dns.errors import ZoneRefused
from pyxdp_dns.pack import PackLimits
from tests.support.stored import StoredZones
from tests.support.transfers import Row, rows_of_message, rows_of_messages, rows_of_pairs

APEX = b"\7example\0"
SOA, A, TXT, AXFR, IXFR = 6, 1, 16, 252, 251
HEADER_FLAGS = 0x8400
"""QR and AA."""
ZONE = """\
$TTL 60
@ SOA ns hostmaster 13 3600 600 86400 300
@ NS ns
@ MX 10 Mail
@ 7 RRSIG SOA 13 1 9 20370101000000 20200101000000 1 @ AAAA
@ RRSIG NS 13 1 8 20370101000000 20200101000000 1 @ AAAA
ns A 192.0.2.1
mail 30 A 192.0.2.2
empty TYPE65280 \\# 0
\\000\\001.x\\.y TXT "a" "b"
"""
LONG_NAME = ".".join(["x" * 63] * 3 + ["y" * 53])


ORDINARY = PackLimits()


def form(qtype: int = AXFR, limits: PackLimits = ORDINARY, opt: bytes = b"") -> ReplyForm:
    """Return the form of a reply to a question in mixed case."""
    return ReplyForm(b"\x12\x34", 0, b"\7eXample\0" + qtype.to_bytes(2, "big") + b"\0\1", opt, limits)


def soa(serial: int) -> Entry:
    """Return the SOA of a version as a changeset has it."""
    rdata = (
        b"\2ns"
        + APEX
        + b"\12hostmaster"
        + APEX
        + b"".join(n.to_bytes(4, "big") for n in (serial, 3600, 600, 86400, 300))
    )
    return owner_key(APEX), SOA, pack_rrset(60, [rdata])


def text(label: str, content: str) -> Entry:
    """Return a TXT record of a name in the zone."""
    octets = content.encode()
    return (
        owner_key(bytes((len(label),)) + label.encode() + APEX),
        TXT,
        pack_rrset(60, [bytes((len(octets),)) + octets]),
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with the zone."""
    with Store(tmp_path / "store", 1 << 26, 1) as store:
        StoredZones(store).put(APEX, ZONE)
        yield store


def keep(store: Store, *changesets: Changeset) -> None:
    """Put changesets into the zone's journal."""

    def job(txn: Transaction) -> None:
        state = open_journal(txn, APEX)
        for changeset in changesets:
            state = append_changeset(txn, state, changeset)
        put_journal(txn, APEX, state)

    store.write(job)


def step(serial: int, removals: tuple[Entry, ...] = (), additions: tuple[Entry, ...] = ()) -> Changeset:
    """Return the changeset from a serial to the next."""
    return Changeset(serial, serial + 1, 0, (soa(serial), *removals), (soa(serial + 1), *additions))


def stored(txn: Transaction) -> StoredZone:
    """Return the zone."""
    zone = get_zone(txn, APEX)
    assert zone is not None
    return zone


def flat(batches: Iterator[list[bytes]]) -> list[bytes]:
    """Return all messages."""
    return [message for batch in batches for message in batch]


def transfer(store: Store, how: ReplyForm) -> list[bytes]:
    """Return the messages of the whole zone."""
    with store.read() as txn:
        return flat(axfr_messages(txn, stored(txn), how))


@pytest.mark.parametrize("fill", [80, 100, 150, 16384])
def test_a_whole_zone_is_between_two_soas(store: Store, fill: int) -> None:
    """Each record comes once, in messages of any size, after the SOA and before it."""
    expected = sorted(rows_of_pairs(StoredZones(store).put(APEX, ZONE)))
    rows = rows_of_messages(transfer(store, form(limits=PackLimits(fill))))
    assert rows[0] == rows[-1]
    assert rows[0].type == SOA
    assert sorted(rows[:-1]) == expected


def test_messages_have_the_same_header_and_question(store: Store) -> None:
    """Each message has id, QR, AA, the question as it was asked, and OPT when the request had it."""
    for message in transfer(store, form(limits=PackLimits(120), opt=opt_record(0))):
        assert message[:2] == b"\x12\x34"
        assert int.from_bytes(message[2:4], "big") == HEADER_FLAGS
        parsed = dns.message.from_wire(message, one_rr_per_rrset=True)
        assert parsed.question[0].name.to_wire() == b"\7eXample\0"
        assert parsed.edns == 0


def test_largest_names_and_sets_of_many_records(store: Store) -> None:
    """A name of 255 octets and a set larger than any message are transferred record by record."""
    many = "".join(f'many TXT "{number:0200d}"\n' for number in range(2000))
    pairs = StoredZones(store).put(APEX, f"{ZONE}{LONG_NAME} A 192.0.2.9\n{many}")
    rows = rows_of_messages(transfer(store, form()))
    assert sorted(rows[:-1]) == sorted(rows_of_pairs(pairs))
    assert max(len(row.owner) for row in rows) == 255


def test_a_record_larger_than_a_message_has_its_own(store: Store) -> None:
    """Data that no filled message has room for comes in a message of its own."""
    pairs = StoredZones(store).put(APEX, f"{ZONE}big TYPE65280 \\# 65000 {'ab' * 65000}\n")
    messages = transfer(store, form())
    assert max(map(len, messages)) > 65000
    assert sorted(rows_of_messages(messages)[:-1]) == sorted(rows_of_pairs(pairs))


def test_a_record_that_no_message_holds_is_named(store: Store) -> None:
    """The error names owner and type of the record."""
    StoredZones(store).put(APEX, f"{ZONE}\\.big.x TYPE65280 \\# 65535 {'ab' * 65535}\n")
    with pytest.raises(ZoneRefused, match=r"TYPE65280 record of \\\.big\.x\.example\. is larger"):
        transfer(store, form())


def test_zones_beside_it_are_left_out(store: Store) -> None:
    """Only the zone's own records are in the transfer, whatever lies behind it in the store."""
    pairs = StoredZones(store).put(APEX, ZONE)
    StoredZones(store).put(b"\5other\0", ZONE)
    assert len(rows_of_messages(transfer(store, form()))) == len(rows_of_pairs(pairs)) + 1


def test_changes_are_sent_one_changeset_after_the_other(store: Store) -> None:
    """New SOA, then for each changeset old SOA, removals, new SOA, additions, and the new SOA (RFC 1995, section 4)."""
    keep(store, step(11, additions=(text("a", "x"),)), step(12, (text("a", "x"),), (text("b", "y"),)))
    with store.read() as txn:
        plan = plan_ixfr(txn, stored(txn), 11, provide=True)
        rows = rows_of_messages(flat(ixfr_messages(txn, stored(txn), plan, form(IXFR))))
    assert [row_text(row) for row in rows] == [13, 11, 12, "a", 12, "a", 13, "b", 13]


def row_text(row: Row) -> int | str:
    """Return the serial of an SOA, else the first label."""
    if row.type == SOA:
        return int.from_bytes(row.data[-20:-16], "big")
    return row.owner[1 : 1 + row.owner[0]].decode()


@pytest.mark.parametrize(
    ("serial", "course"),
    [
        (13, Course.CURRENT),
        (14, Course.CURRENT),
        (12, Course.INCREMENTAL),
        (11, Course.INCREMENTAL),
        (10, Course.FULL),
        (13 + (1 << 31) + 1, Course.FULL),
        (13 + (1 << 31), Course.FULL),
    ],
)
def test_the_course_follows_from_the_serial(store: Store, serial: int, course: Course) -> None:
    """The client's serial is compared as RFC 1982 has it; changes need an unbroken history."""
    keep(store, step(11), step(12))
    with store.read() as txn:
        assert plan_ixfr(txn, stored(txn), serial, provide=True).course is course


def test_changes_are_not_sent_where_that_is_off(store: Store) -> None:
    """With `provide-ixfr: off` an outdated client gets the zone, a current one its SOA."""
    keep(store, step(12))
    with store.read() as txn:
        assert plan_ixfr(txn, stored(txn), 12, provide=False).course is Course.FULL
        assert plan_ixfr(txn, stored(txn), 13, provide=False).course is Course.CURRENT


def test_a_history_that_ends_elsewhere_is_incomplete(store: Store) -> None:
    """Changesets that do not lead to the zone's version are no history of it."""
    keep(store, step(10), step(11))
    with store.read() as txn:
        assert plan_ixfr(txn, stored(txn), 10, provide=True).reason == "incomplete history, serial 10"


def test_a_history_larger_than_the_zone_gives_way_to_the_zone(store: Store) -> None:
    """Beyond some octets the changes are only sent while they are smaller than the zone."""
    removals = tuple(text(f"n{number:04}", "x" * 200) for number in range(ALWAYS_INCREMENTAL_BYTES // 200))
    keep(store, step(12, removals))
    with store.read() as txn:
        zone = stored(txn)
        assert plan_ixfr(txn, zone, 12, provide=True).course is Course.FULL
        assert plan_ixfr(txn, zone._replace(size=1 << 20), 12, provide=True).course is Course.INCREMENTAL


def test_a_long_history_is_sent_in_many_messages(store: Store) -> None:
    """A changeset of more records than one message holds is sent whole."""
    additions = tuple(text(f"n{number:04}", "x" * 200) for number in range(3000))
    keep(store, step(12, additions=additions))
    store.write(lambda txn: put_zone(txn, stored(txn)._replace(size=1 << 20)))
    with store.read() as txn:
        plan = plan_ixfr(txn, stored(txn), 12, provide=True)
        messages = flat(ixfr_messages(txn, stored(txn), plan, form(IXFR)))
    assert len(messages) > 10
    assert len(rows_of_messages(messages)) == 3000 + 4


def test_a_changeset_without_its_soa_is_damaged(store: Store) -> None:
    """What the journal holds is not sent when it cannot be a difference sequence."""
    keep(store, Changeset(12, 13, 0, (text("a", "x"),), (soa(13),)))
    with store.read() as txn:
        plan = plan_ixfr(txn, stored(txn), 12, provide=True)
        with pytest.raises(JournalDamaged):
            flat(ixfr_messages(txn, stored(txn), plan, form(IXFR)))


def test_the_soa_alone(store: Store) -> None:
    """The SOA alone is one record; where it has no room the reply is truncated and has none."""
    with store.read() as txn:
        whole = soa_message(txn, stored(txn), form(IXFR), 512)
        cut = soa_message(txn, stored(txn), form(IXFR, opt=opt_record(0)), 60)
    assert [row.type for row in rows_of_message(whole)] == [SOA]
    assert int.from_bytes(cut[2:4], "big") & 0x0200
    assert rows_of_message(cut) == []
