# SPDX-License-Identifier: Apache-2.0
"""The tables of keys and signing."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from control.conf.values import name_to_wire
from control.errors import KaspDamaged
from control.store.environment import Store, Transaction
from control.store.kasp import NO_KASP, Key, KeyTimers, ZoneKasp
from control.store.kasp_tables import (
    TrashedKey,
    get_kasp,
    get_key,
    get_shared,
    list_kasp_zones,
    list_key_zones,
    list_keys,
    list_trash,
    purge_kasp,
    put_kasp,
    put_key,
    put_shared,
    put_trash,
    remove_key,
    remove_shared,
    remove_trash,
    scan_keys,
    zones_of_key,
)
from control.store.keys import owner_key

APEX = name_to_wire("example.com.")
BELOW = name_to_wire("sub.example.com.")
WORST = b"\x3f" + 63 * b"\0" + b"\x3f" + 63 * b"\1" + b"\x3f" + 63 * b"\0" + b"\x3d" + 61 * b"\1" + b"\0"
"""The longest name, of octets that take two each in other tables."""

KSK = Key(
    "0f" * 20,
    8,
    2048,
    bytes(range(256)) + b"\1",
    is_ksk=True,
    is_zsk=False,
    timers=KeyTimers(*range(1_900_000_001, 1_900_000_011)),
    is_adt=True,
    is_public_only=True,
    is_for_later=True,
    keystore="Tresor-ü",
)
ZSK = Key("ff" * 20, 13, 256, 64 * b"z", is_ksk=False, is_zsk=True, timers=KeyTimers(created=1, remove=1 << 40))
BARE = Key("00" * 20, 255, 65535, b"", is_ksk=False, is_zsk=False)
KASP = ZoneKasp(
    salt=b"\0salt\xff",
    salt_created=1_900_000_000,
    signed_at=1_900_000_100,
    signed_by=b"digest\0",
    signed_version=1_900_000_000_000_000_007,
    expires=1_900_009_000,
    max_ttl=86400,
    dnskey_ttl=600,
    fading_ttl=172800,
    fades_at=1_900_001_000,
    signed_serial=0,
    master_serial=4_294_967_295,
    ds_push_due=1_900_000_900,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 1 << 24, 1) as opened:
        yield opened


def damage(txn: Transaction, table: bytes, key: bytes, at: int) -> None:
    """Change one octet of a record."""
    record = bytearray(txn.get(getattr(txn, table.decode()), key) or b"")
    record[at] ^= 0x20
    txn.put(getattr(txn, table.decode()), key, bytes(record))


@pytest.mark.parametrize("apex", [APEX, b"\0", WORST], ids=["zone", "root", "worst"])
def test_keys_are_read_as_they_were_written(store: Store, apex: bytes) -> None:
    """Every field comes back, sorted by id, also of the root zone and the longest name."""
    for key in (ZSK, KSK, BARE):
        store.write(lambda txn, key=key: put_key(txn, apex, key))  # type: ignore[misc]
    with store.read() as txn:
        assert list_keys(txn, apex) == [BARE, KSK, ZSK]
        assert list(scan_keys(txn, apex)) == [BARE, KSK, ZSK]
        assert get_key(txn, apex, KSK.id) == KSK
        assert get_key(txn, apex, "aa" * 20) is None
        assert list_key_zones(txn) == [apex]


def test_keys_of_a_zone_are_its_own(store: Store) -> None:
    """Zones above, below and beside do not mix, whatever octets their keys begin with."""
    zones = [b"\0", APEX, BELOW, name_to_wire("com."), b"\1\xff\0", b"\1\0\0"]

    def job(txn: Transaction) -> None:
        for number, apex in enumerate(zones):
            put_key(txn, apex, replace(ZSK, size=number))
            put_key(txn, apex, replace(BARE, size=number))

    store.write(job)
    with store.read() as txn:
        assert list_key_zones(txn) == sorted(zones, key=owner_key)
        for number, apex in enumerate(zones):
            assert [key.size for key in list_keys(txn, apex)] == [number, number]
        assert zones_of_key(txn, ZSK.id) == sorted(zones, key=owner_key)
        assert list_keys(txn, name_to_wire("org.")) == []


def test_a_key_is_replaced_and_removed(store: Store) -> None:
    """The record says what was put last; removing tells whether it was there."""
    store.write(lambda txn: put_key(txn, APEX, KSK))
    store.write(lambda txn: put_key(txn, APEX, replace(KSK, keystore="")))
    with store.read() as txn:
        assert list_keys(txn, APEX) == [replace(KSK, keystore="")]
    assert store.write(lambda txn: remove_key(txn, APEX, KSK.id))
    assert not store.write(lambda txn: remove_key(txn, APEX, KSK.id))
    with store.read() as txn:
        assert (list_keys(txn, APEX), list_key_zones(txn)) == ([], [])


def test_what_no_record_holds_is_refused(store: Store) -> None:
    """A record is not written wrong."""
    with pytest.raises(ValueError, match="more than 255 octets"):
        store.write(lambda txn: put_key(txn, APEX, replace(KSK, keystore=256 * "x")))
    for time in (-1, 1 << 64):
        with pytest.raises(ValueError, match=f"time {time} is not one after 1970"):
            store.write(lambda txn, time=time: put_key(txn, APEX, replace(KSK, timers=KeyTimers(ready=time))))  # type: ignore[misc]


@pytest.mark.parametrize("kasp", [KASP, NO_KASP, ZoneKasp(master_serial=0), ZoneKasp(ds_push_due=1)])
def test_what_is_remembered_of_signing(store: Store, kasp: ZoneKasp) -> None:
    """Every field comes back, serial 0 too; default values leave nothing behind."""
    store.write(lambda txn: put_kasp(txn, APEX, KASP))
    store.write(lambda txn: put_kasp(txn, APEX, kasp))
    with store.read() as txn:
        assert get_kasp(txn, APEX) == kasp
        assert get_kasp(txn, BELOW) == NO_KASP
        assert list_kasp_zones(txn) == (set() if kasp == NO_KASP else {APEX})


def test_trash(store: Store) -> None:
    """Deleted keys are listed by zone and id with their times, and forgotten one by one."""
    trashed = [TrashedKey(BELOW, BARE, 5, 6), TrashedKey(APEX, ZSK, 3, 4), TrashedKey(APEX, KSK, 1, 2)]
    for one in trashed:
        store.write(lambda txn, one=one: put_trash(txn, one))  # type: ignore[misc]
    with store.read() as txn:
        assert list_trash(txn) == [trashed[2], trashed[1], trashed[0]]
        assert list_trash(txn, BELOW) == [trashed[0]]
        assert (list_key_zones(txn), list_kasp_zones(txn)) == ([], {APEX, BELOW})
        assert zones_of_key(txn, ZSK.id) == [APEX]
    assert store.write(lambda txn: remove_trash(txn, APEX, ZSK.id))
    assert not store.write(lambda txn: remove_trash(txn, APEX, ZSK.id))
    with store.read() as txn:
        assert list_trash(txn, APEX) == [trashed[2]]


def test_shared_keys(store: Store) -> None:
    """Each policy has its newest key, the one that is built in and one with a very long name too."""
    policies = "", "p", 400 * "x", 400 * "x" + "y"
    for number, policy in enumerate(policies):
        store.write(lambda txn, policy=policy, number=number: put_shared(txn, policy, replace(KSK, size=number)))  # type: ignore[misc]
    with store.read() as txn:
        assert [found.size for policy in policies if (found := get_shared(txn, policy))] == [0, 1, 2, 3]
        assert get_shared(txn, "other") is None
    store.write(lambda txn: put_shared(txn, "p", ZSK))
    store.write(lambda txn: remove_shared(txn, KSK.id))
    with store.read() as txn:
        assert [get_shared(txn, policy) for policy in policies] == [None, ZSK, None, None]


def test_a_damaged_key_concerns_its_zone_alone(store: Store) -> None:
    """The error names zone, key and remedy; other zones are read, and the others of the zone where that is asked."""
    for apex in (APEX, BELOW):
        store.write(lambda txn, apex=apex: [put_key(txn, apex, key) for key in (KSK, ZSK)])  # type: ignore[misc]
    store.write(lambda txn: damage(txn, b"keys", APEX + bytes.fromhex(KSK.id), 60))
    with store.read() as txn:
        with pytest.raises(
            KaspDamaged, match=f"key {KSK.id} is damaged .* xdpdns-keymgr ZONE delete {KSK.id}"
        ) as caught:
            list_keys(txn, APEX)
        assert (caught.value.zone, caught.value.key_id) == (APEX, KSK.id)
        assert list_keys(txn, BELOW) == [KSK, ZSK]
        found = list(scan_keys(txn, APEX))
        assert [type(found[0]), found[1]] == [KaspDamaged, ZSK]
    assert store.write(lambda txn: remove_key(txn, APEX, KSK.id))
    with store.read() as txn:
        assert list_keys(txn, APEX) == [ZSK]


def test_no_octet_can_be_wrong(store: Store) -> None:
    """Whatever octet of a record is changed, and wherever it is cut, that is found."""
    store.write(lambda txn: put_key(txn, APEX, KSK))
    store.write(lambda txn: put_kasp(txn, APEX, KASP))
    store.write(lambda txn: put_trash(txn, TrashedKey(APEX, KSK, 1, 2)))
    store.write(lambda txn: put_shared(txn, "p", KSK))
    at = APEX + bytes.fromhex(KSK.id)
    reads = {
        b"keys": (at, lambda txn: list_keys(txn, APEX)),
        b"kasp": (owner_key(APEX), lambda txn: get_kasp(txn, APEX)),
        b"trash": (at, list_trash),
    }

    def job(txn: Transaction) -> None:
        for name, (key, read) in reads.items():
            table = getattr(txn, name.decode())
            record = txn.get(table, key) or b""
            wrong = [record[:index] + bytes((record[index] ^ 1,)) + record[index + 1 :] for index in range(len(record))]
            for octets in [*wrong, *(record[:index] for index in range(len(record))), record + b"\0"]:
                txn.put(table, key, octets)
                with pytest.raises(KaspDamaged):
                    read(txn)
        record = txn.get(txn.shared, b"pp") or b""
        for octets in (record[:10], record[:-1], record[:20]):
            txn.put(txn.shared, b"pp", octets)
            assert get_shared(txn, "p") is None

    store.write(job)


def test_records_of_a_later_program_are_told(store: Store) -> None:
    """They are not misread, and the reason is in the error."""
    import zlib

    body = b"\2" + bytes(30)
    record = body + zlib.crc32(body).to_bytes(4, "big")
    store.write(lambda txn: txn.put(txn.keys, APEX + bytes(20), record))
    with store.read() as txn, pytest.raises(KaspDamaged, match="of version 2, this program has 1"):
        list_keys(txn, APEX)


def test_purge(store: Store) -> None:
    """Keys and signing of one zone are forgotten, damaged records too; its trash and other zones stay."""
    for apex in (APEX, BELOW):
        store.write(lambda txn, apex=apex: [put_key(txn, apex, KSK), put_kasp(txn, apex, KASP)])  # type: ignore[misc]
    store.write(lambda txn: put_trash(txn, TrashedKey(APEX, ZSK, 1, 2)))
    store.write(lambda txn: damage(txn, b"keys", APEX + bytes.fromhex(KSK.id), 5))
    store.write(lambda txn: damage(txn, b"kasp", owner_key(APEX), 5))
    with store.read() as txn, pytest.raises(KaspDamaged, match=r"its signing is damaged .*zone-purge"):
        get_kasp(txn, APEX)
    assert store.write(lambda txn: purge_kasp(txn, APEX)) == [KSK.id]
    with store.read() as txn:
        assert (list_keys(txn, APEX), get_kasp(txn, APEX)) == ([], NO_KASP)
        assert (list_keys(txn, BELOW), get_kasp(txn, BELOW)) == ([KSK], KASP)
        assert len(list_trash(txn, APEX)) == 1


def test_a_record_is_small(store: Store) -> None:
    """A hundred thousand zones of two keys each need some 30 MB."""
    store.write(lambda txn: put_key(txn, APEX, replace(ZSK, timers=KeyTimers(created=1, publish=1, active=1))))
    with store.read() as txn:
        assert len(txn.get(txn.keys, APEX + bytes.fromhex(ZSK.id)) or b"") == 10 + 3 * 8 + 64 + 4
