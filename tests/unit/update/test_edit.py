# SPDX-License-Identifier: Apache-2.0
"""A zone transaction: what reading it shows, what changing it does and refuses, and what it would commit."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import DEFAULT_SETTINGS
from control.errors import ZoneBusy
from control.store.environment import Store
from control.store.keys import Record, type_of_key, unpack_rdatas, unpack_ttl
from control.update.door import Door
from control.update.edit import ZoneEdit
from control.zonefile.parse import parse_owner, parse_rdata, parse_type
from control.zonefile.refusal import RecordRefused, Refusal
from control.zonefile.rows import iterate_rows
from pyxdp_dns.table import Table
from tests.support.stored import StoredZones

MIB = 1 << 20
APEX = b"\7example\0"
ZONE = """\
@ 3600 SOA ns hm 10 3600 900 604800 300
@ 3600 NS ns
ns 3600 A 192.0.2.1
deep.sub 300 TXT a
www 300 A 192.0.2.2
www 300 A 192.0.2.3
www 300 AAAA 2001:db8::1
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 64 * MIB, 1) as store:
        yield store


@pytest.fixture
def zones(store: Store) -> StoredZones:
    return StoredZones(store)


@pytest.fixture
def edit(store: Store, zones: StoredZones) -> ZoneEdit:
    zones.put(APEX, ZONE)
    return ZoneEdit(store, APEX, DEFAULT_SETTINGS)


def record(owner: str, ttl: int, rtype: str, data: str) -> Record:
    """Return a record from its parts."""
    number = parse_type(rtype)
    return Record(parse_owner(owner, APEX), number, ttl, parse_rdata(number, data, APEX))


def shown(edit: ZoneEdit, owner: str | None = None, rtype: str | None = None) -> list[str]:
    """Return what reading shows, a line each."""
    wire = None if owner is None else parse_owner(owner, APEX)
    pairs = edit.read(wire, None if rtype is None else parse_type(rtype))
    return [" ".join(row) for rows in iterate_rows(pairs) for row in rows]


def differences(edit: ZoneEdit) -> list[str]:
    """Return the diff as the control socket shows it."""
    removed, added = edit.diff()
    lines = [f"-{' '.join(row)}" for rows in iterate_rows(removed) for row in rows]
    return lines + [f"+{' '.join(row)}" for rows in iterate_rows(added) for row in rows]


def refusal(call: Callable[..., object], *arguments: object) -> Refusal | None:
    """Return why a call, or reading what it gives, is refused."""
    try:
        result = call(*arguments)
        if isinstance(result, Iterator):
            list(result)
    except RecordRefused as exc:
        return exc.refusal
    return None


def test_reading_shows_the_zone_in_order(edit: ZoneEdit) -> None:
    """All records: the apex first, owners in canonical order, RRsets in order of type."""
    assert shown(edit) == [
        "example. 3600 NS ns.example.",
        "example. 3600 SOA ns.example. hm.example. 10 3600 900 604800 300",
        "ns.example. 3600 A 192.0.2.1",
        'deep.sub.example. 300 TXT "a"',
        "www.example. 300 A 192.0.2.2",
        "www.example. 300 A 192.0.2.3",
        "www.example. 300 AAAA 2001:db8::1",
    ]


def test_reading_an_owner_and_a_type(edit: ZoneEdit) -> None:
    """An owner without the type is empty, so is an empty non-terminal; an unknown owner is refused."""
    assert shown(edit, "www", "AAAA") == ["www.example. 300 AAAA 2001:db8::1"]
    assert shown(edit, "www", "MX") == []
    assert shown(edit, "sub") == []
    assert refusal(edit.read, b"\4none\7example\0") is Refusal.NO_NODE


def test_adding_a_record(edit: ZoneEdit) -> None:
    """A new record appears in order; nothing is in the store yet."""
    edit.set(record("aaa", 60, "A", "192.0.2.9"))
    assert shown(edit)[2] == "aaa.example. 60 A 192.0.2.9"
    assert shown(edit, "aaa") == ["aaa.example. 60 A 192.0.2.9"]
    assert differences(edit) == ["+aaa.example. 60 A 192.0.2.9"]


def test_another_ttl_changes_the_whole_rrset(edit: ZoneEdit) -> None:
    """Adding with another TTL gives it to all records of the RRset, also when the record itself was there."""
    edit.set(record("www", 60, "A", "192.0.2.2"))
    assert shown(edit, "www", "A") == ["www.example. 60 A 192.0.2.2", "www.example. 60 A 192.0.2.3"]
    assert differences(edit) == [
        "-www.example. 300 A 192.0.2.2",
        "-www.example. 300 A 192.0.2.3",
        "+www.example. 60 A 192.0.2.2",
        "+www.example. 60 A 192.0.2.3",
    ]


def test_an_exact_duplicate(edit: ZoneEdit, store: Store) -> None:
    """A record that is there is refused, and nothing happens when benevolent."""
    assert refusal(edit.set, record("www", 300, "A", "192.0.2.2")) is Refusal.RECORD_EXISTS
    benevolent = ZoneEdit(store, APEX, DEFAULT_SETTINGS, benevolent=True)
    benevolent.set(record("www", 300, "A", "192.0.2.2"))
    assert benevolent.is_empty()


def test_the_soa_is_replaced(edit: ZoneEdit) -> None:
    """A zone has one SOA: adding another one replaces it."""
    edit.set(record("@", 60, "SOA", "ns hm 11 1 2 3 4"))
    assert shown(edit, "@", "SOA") == ["example. 60 SOA ns.example. hm.example. 11 1 2 3 4"]


def test_removing(edit: ZoneEdit) -> None:
    """One record, one RRset, or all of an owner can be removed."""
    edit.unset(b"\3www\7example\0", 1, bytes([192, 0, 2, 2]))
    assert shown(edit, "www") == ["www.example. 300 A 192.0.2.3", "www.example. 300 AAAA 2001:db8::1"]
    edit.unset(b"\3www\7example\0", 1)
    assert shown(edit, "www") == ["www.example. 300 AAAA 2001:db8::1"]
    edit.unset(b"\3www\7example\0")
    assert refusal(edit.read, b"\3www\7example\0") is Refusal.NO_NODE
    edit.set(record("www", 300, "AAAA", "2001:db8::1"))
    assert differences(edit) == ["-www.example. 300 A 192.0.2.2", "-www.example. 300 A 192.0.2.3"]


def test_removing_what_is_not_there(edit: ZoneEdit, store: Store) -> None:
    """A missing record or type is an error unless benevolent; a missing node always is."""
    assert refusal(edit.unset, b"\3www\7example\0", 1, b"\1\2\3\4") is Refusal.NO_RECORD
    assert refusal(edit.unset, b"\3www\7example\0", 15) is Refusal.NOT_EXISTS
    assert refusal(edit.unset, b"\1x\7example\0") is Refusal.NO_NODE
    benevolent = ZoneEdit(store, APEX, DEFAULT_SETTINGS, benevolent=True)
    benevolent.unset(b"\3www\7example\0", 1, b"\1\2\3\4")
    assert benevolent.is_empty()
    assert refusal(benevolent.unset, b"\1x\7example\0") is Refusal.NO_NODE


def test_the_soa_stays(edit: ZoneEdit) -> None:
    """Whatever is removed at the apex, the SOA stays."""
    edit.unset(APEX)
    edit.unset(APEX, 6)
    assert shown(edit, "@") == ["example. 3600 SOA ns.example. hm.example. 10 3600 900 604800 300"]


def test_a_zone_without_contents(store: Store) -> None:
    """A zone can be made from nothing; its serial can be set once it has an SOA."""
    edit = ZoneEdit(store, APEX, DEFAULT_SETTINGS)
    assert (edit.base_version, edit.has_contents, shown(edit)) == (0, False, [])
    assert refusal(edit.serial) is Refusal.ZONE_EMPTY
    edit.set(record("@", 3600, "SOA", "ns hm 1 1 2 3 4"))
    edit.set(record("@", 3600, "NS", "ns"))
    assert edit.has_contents
    assert edit.serial() == 1
    assert [type_of_key(change.key) for change in edit.changes()] == [2, 6]


def test_serial(edit: ZoneEdit) -> None:
    """The serial is set or raised; one that is not greater needs force."""
    edit.set_serial(12)
    edit.set_serial(3, increment=True)
    assert edit.serial() == 15
    assert refusal(edit.set_serial, 15) is Refusal.SOA_MISMATCH
    assert refusal(edit.set_serial, 14) is Refusal.SOA_MISMATCH
    edit.set_serial(14, force=True)
    assert edit.serial() == 14
    edit.set_serial(0x7FFFFFFF, increment=True)
    assert edit.serial() == (14 + 0x7FFFFFFF) % (1 << 32)
    assert refusal(edit.set_serial, 1 << 32) is Refusal.INVALID_PARAMETER
    (change,) = edit.changes()
    assert change.new is not None
    assert (unpack_ttl(change.new), len(unpack_rdatas(change.new))) == (3600, 1)


def test_a_zone_that_moved_on(edit: ZoneEdit, zones: StoredZones) -> None:
    """Once the zone has another version, every operation is refused."""
    edit.set(record("aaa", 60, "A", "192.0.2.9"))
    zones.put(APEX, ZONE)
    for call in (
        lambda: edit.set(record("aaa", 60, "A", "192.0.2.10")),
        lambda: edit.unset(b"\3www\7example\0"),
        lambda: list(edit.read()),
        lambda: edit.set_serial(100),
    ):
        with pytest.raises(ZoneBusy):
            call()


def test_changes_that_cancel_out(edit: ZoneEdit) -> None:
    """What was added and removed again is no change."""
    edit.set(record("aaa", 60, "A", "192.0.2.9"))
    edit.unset(b"\3aaa\7example\0")
    assert edit.is_empty()
    assert differences(edit) == []


def test_signatures_show_their_original_ttl(store: Store, zones: StoredZones) -> None:
    """The rows of signatures have the TTL of what they cover, whatever the RRset of signatures has."""
    signature = "13 1 {} 20370101000000 20200101000000 1 example. AAAA"
    zones.put(APEX, f"{ZONE}@ 3600 RRSIG SOA {signature.format(3600)}\n@ 3600 RRSIG MX {signature.format(7)}\n")
    edit = ZoneEdit(store, APEX, DEFAULT_SETTINGS)
    assert [line.split()[1] for line in shown(edit, "@", "RRSIG")] == ["3600", "7"]


def test_what_is_committed(edit: ZoneEdit, store: Store) -> None:
    """The update names the version it was made for; a zone without contents may be created by it."""
    edit.set(record("aaa", 60, "A", "192.0.2.9"))
    update = edit.update()
    assert (update.zone, update.base_version, update.may_create) == (APEX, edit.base_version, False)
    assert list(update.changes) == edit.changes()
    fresh = ZoneEdit(store, b"\5other\0", DEFAULT_SETTINGS)
    assert (fresh.update().base_version, fresh.update().may_create) == (0, True)


def test_a_commit_through_the_door(edit: ZoneEdit, store: Store, tmp_path: Path) -> None:
    """The door makes of a transaction what reading it showed, with a new serial, and of nothing a zone."""
    fresh = ZoneEdit(store, b"\5other\0", DEFAULT_SETTINGS)
    fresh.set(Record(b"\5other\0", 6, 60, parse_rdata(6, "ns hm 1 1 2 3 4", b"\5other\0")))
    edit.set(record("aaa", 60, "A", "192.0.2.9"))
    edit.unset(b"\3www\7example\0")
    before = shown(edit)
    with Table.create(tmp_path / "table") as table:
        results = Door(store, table, Clock()).commit([edit.update(), fresh.update()])
    assert [(result.old_serial, result.new_serial) for result in results] == [(10, 11), (None, 1)]
    after = shown(ZoneEdit(store, APEX, DEFAULT_SETTINGS))
    assert [line.replace(" 11 3600", " 10 3600") for line in after] == before


def test_the_chain_comes_last(store: Store, zones: StoredZones) -> None:
    """A zone with NSEC3PARAM shows its NSEC3 records and their signatures behind all names, in the diff too."""
    text = ZONE + "@ 0 NSEC3PARAM 1 0 0 -\naaa 60 NSEC3 1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A\n"
    zones.put(APEX, text + "aaa 60 RRSIG NSEC3 13 2 60 20300101000000 20200101000000 1 @ Zm9v\n")
    edit = ZoneEdit(store, APEX, DEFAULT_SETTINGS)
    edit.set(record("aab", 60, "NSEC3", "1 0 0 - 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom A"))
    edit.set(record("bbb", 60, "A", "192.0.2.9"))
    order = [line.split()[0].split(".")[0] for line in shown(edit)]
    assert order[-5:] == ["www", "www", "aaa", "aaa", "aab"]
    assert [line.split(".")[0] for line in differences(edit)] == ["+bbb", "+aab"]


def test_the_soa_is_passed_over_whatever_its_data(edit: ZoneEdit) -> None:
    """Removing the SOA is no error, with whatever data, and does nothing; an empty non-terminal can be removed too."""
    edit.unset(APEX, 6, b"")
    edit.unset(b"\3sub\7example\0")
    assert edit.is_empty()
