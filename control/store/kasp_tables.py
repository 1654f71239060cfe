# SPDX-License-Identifier: Apache-2.0
"""The tables of keys and signing (KASP): what they say of a zone is there whether or not it has contents.

    keys     apex (wire name), key id (20 octets)     -> public half, roles and timers of a key
    kasp     apex, as in zones                        -> what is remembered of the signing of a zone
    trash    apex (wire name), key id (20 octets)     -> when a key was deleted and is to be forgotten, and its record
    shared   identifier of a policy, or its hash      -> the newest key-signing key of any zone of the policy

An apex is a wire name in lower case. One never begins another, so the keys of a zone lie together. A record that is
damaged concerns its zone alone: what reads it raises `KaspDamaged`.
"""

from collections.abc import Collection, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

from control.errors import KaspDamaged
from control.store.environment import Transaction
from control.store.kasp import NO_KASP, Key, ZoneKasp
from control.store.kasp_records import pack_kasp, pack_key, pack_trashed, unpack_kasp, unpack_key, unpack_trashed
from control.store.keys import owner_key
from control.store.zones import apex_of_key, zone_key

ID_BYTES = 20
ID_END = b"\xff" * ID_BYTES + b"\0"
"""Comes after every key id."""
PLAIN, HASHED = b"p", b"h"
PLAIN_BYTES_MAX = 256
"""Of the identifier of a policy; longer ones are known by their hash."""


class TrashedKey(NamedTuple):
    """A key that was deleted; its private half is kept until `discard_s`. Times are Unix seconds."""

    zone: bytes
    key: Key
    deleted_s: int
    discard_s: int


def list_keys(txn: Transaction, apex: bytes) -> list[Key]:
    """Return the keys of a zone, by id. Raises KaspDamaged."""
    return [_key_of(apex, key_id, record) for key_id, record in _records(txn, txn.keys, apex)]


def scan_keys(txn: Transaction, apex: bytes) -> Iterator[Key | KaspDamaged]:
    """Yield the keys of a zone, by id, and in the place of a damaged one the error."""
    for key_id, record in _records(txn, txn.keys, apex):
        try:
            yield _key_of(apex, key_id, record)
        except KaspDamaged as error:
            yield error


def get_key(txn: Transaction, apex: bytes, key_id: str) -> Key | None:
    """Return one key of a zone, or None. Raises KaspDamaged."""
    record = txn.get(txn.keys, apex + bytes.fromhex(key_id))
    return None if record is None else _key_of(apex, key_id, record)


def put_key(txn: Transaction, apex: bytes, key: Key) -> None:
    """Record a key of a zone, whatever was recorded of it before."""
    txn.put(txn.keys, apex + bytes.fromhex(key.id), pack_key(key))


def remove_key(txn: Transaction, apex: bytes, key_id: str) -> bool:
    """Forget a key of a zone, also one whose record is damaged; false when it was not there."""
    return txn.delete(txn.keys, apex + bytes.fromhex(key_id))


def list_key_zones(txn: Transaction) -> list[bytes]:
    """Return the zones that have keys, in canonical order."""
    return _zones_of(txn, txn.keys)


def zones_of_key(txn: Transaction, key_id: str) -> list[bytes]:
    """Return the zones that have a key, those that have it in their trash among them, in canonical order."""
    octets, found = bytes.fromhex(key_id), set[bytes]()
    for table in (txn.keys, txn.trash):
        with txn.cursor(table) as cursor:
            found.update(key[:-ID_BYTES] for key in cursor.iternext(values=False) if key.endswith(octets))
    return sorted(found, key=owner_key)


def used_keys(txn: Transaction, key_ids: Collection[str]) -> set[str]:
    """Return those of some keys that a zone has, or has in its trash; looks through the tables once."""
    wanted = {bytes.fromhex(key_id) for key_id in key_ids}
    found = set[bytes]()
    for table in (txn.keys, txn.trash) if wanted else ():
        with txn.cursor(table) as cursor:
            found |= wanted.intersection(key[-ID_BYTES:] for key in cursor.iternext(values=False))
    return {octets.hex() for octets in found}


def get_kasp(txn: Transaction, apex: bytes) -> ZoneKasp:
    """Return what is remembered of the signing of a zone. Raises KaspDamaged."""
    record = txn.get(txn.kasp, zone_key(apex))
    if record is None:
        return NO_KASP
    try:
        return unpack_kasp(record)
    except ValueError as exc:
        raise KaspDamaged(apex, None, exc) from exc


def put_kasp(txn: Transaction, apex: bytes, kasp: ZoneKasp) -> None:
    """Remember something of the signing of a zone; a record of default values is none."""
    if kasp == NO_KASP:
        txn.delete(txn.kasp, zone_key(apex))
    else:
        txn.put(txn.kasp, zone_key(apex), pack_kasp(kasp))


def purge_kasp(txn: Transaction, apex: bytes, *, with_trash: bool = False) -> list[str]:
    """Forget keys and signing of a zone, damaged records among them; return the ids of the keys it had.

    What is in its trash stays until it is due, unless `with_trash`.
    """
    found = []
    for table in (txn.keys, txn.trash) if with_trash else (txn.keys,):
        ids = [key_id for key_id, _ in _records(txn, table, apex)]
        for key_id in ids:
            txn.delete(table, apex + bytes.fromhex(key_id))
        found += ids
    txn.delete(txn.kasp, zone_key(apex))
    return found


def list_kasp_zones(txn: Transaction) -> set[bytes]:
    """Return the zones of which keys, deleted keys or something about signing are there."""
    with txn.cursor(txn.kasp) as cursor:
        found = {apex_of_key(key) for key in cursor.iternext(values=False)}
    return found.union(_zones_of(txn, txn.keys), _zones_of(txn, txn.trash))


def put_trash(txn: Transaction, trashed: TrashedKey) -> None:
    """Put a key into the trash; it is to be removed from the keys of its zone in the same transaction."""
    zone, key, *times = trashed
    txn.put(txn.trash, zone + bytes.fromhex(key.id), pack_trashed(key, *times))


def list_trash(txn: Transaction, apex: bytes | None = None) -> list[TrashedKey]:
    """Return the deleted keys of a zone, or of all zones in canonical order, each zone's by id. Raises KaspDamaged."""
    zones = _zones_of(txn, txn.trash) if apex is None else [apex]
    return [_trashed(zone, key_id, record) for zone in zones for key_id, record in _records(txn, txn.trash, zone)]


def remove_trash(txn: Transaction, apex: bytes, key_id: str) -> bool:
    """Forget a deleted key; false when it was not there."""
    return txn.delete(txn.trash, apex + bytes.fromhex(key_id))


def get_shared(txn: Transaction, policy_id: str) -> Key | None:
    """Return the key that zones of a policy share; None when there is none, or its record is damaged: the next one
    that is made takes its place."""
    record = txn.get(txn.shared, _policy_key(policy_id))
    if record is not None:
        with suppress(ValueError):
            return unpack_key(record[:ID_BYTES].hex(), record[ID_BYTES:])
    return None


def put_shared(txn: Transaction, policy_id: str, key: Key) -> None:
    """Let zones of a policy share a key from now on."""
    txn.put(txn.shared, _policy_key(policy_id), bytes.fromhex(key.id) + pack_key(key))


def remove_shared(txn: Transaction, key_id: str) -> None:
    """Let no policy share a key any more."""
    octets = bytes.fromhex(key_id)
    for policy in [policy for policy, record in txn.cursor(txn.shared) if record.startswith(octets)]:
        txn.delete(txn.shared, policy)


def _policy_key(policy_id: str) -> bytes:
    octets = policy_id.encode()
    return PLAIN + octets if len(octets) <= PLAIN_BYTES_MAX else HASHED + sha256(octets).digest()


def _records(txn: Transaction, table: Any, apex: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield key ids and records of a zone."""
    with txn.cursor(table) as cursor:
        there = cursor.set_range(apex)
        while there and (key := cursor.key()).startswith(apex):
            yield key[len(apex) :].hex(), cursor.value()
            there = cursor.next()


def _zones_of(txn: Transaction, table: Any) -> list[bytes]:
    """Return the zones of a table whose keys are apex and key id, in canonical order."""
    found = []
    with txn.cursor(table) as cursor:
        there = cursor.first()
        while there:
            found.append(cursor.key()[:-ID_BYTES])
            there = cursor.set_range(found[-1] + ID_END)
    return sorted(found, key=owner_key)


def _key_of(apex: bytes, key_id: str, record: bytes) -> Key:
    try:
        return unpack_key(key_id, record)
    except ValueError as exc:
        raise KaspDamaged(apex, key_id, exc) from exc


def _trashed(apex: bytes, key_id: str, record: bytes) -> TrashedKey:
    try:
        return TrashedKey(apex, *unpack_trashed(key_id, record))
    except ValueError as exc:
        raise KaspDamaged(apex, key_id, exc) from exc
