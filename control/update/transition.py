# SPDX-License-Identifier: Apache-2.0
"""One zone from one version to the next inside a store transaction, and what the response table is told of it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from control.errors import ZoneInvalid
from control.store.contents import apply_changes, get_rrset, iterate_beneath, owner_pairs
from control.store.environment import Transaction
from control.store.keys import (
    RRSIG,
    ZONE_ID_BYTES,
    Pair,
    Record,
    RRsetChange,
    name_text,
    owner_of_key,
    pack_typed,
    parse_owner_key,
    rrset_key,
    type_of_key,
    unpack_rdatas,
    unpack_ttl,
    zone_prefix,
)
from control.store.zones import StoredZone
from control.update.difference import owners_touched, rrset_balance, shifted_owners
from control.update.serial import serial_of_soa

SOA = 6


class OwnerContents(NamedTuple):
    """One owner (wire name) with all RRsets it has now."""

    owner: bytes
    pairs: list[Pair]


def advance(txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], version: int) -> StoredZone:
    """Write changes of the contents; return the zone as it is then, which the caller records."""
    apply_changes(txn, changes)
    rrsets, records, octets = rrset_balance(changes)
    soa = get_rrset(txn, zone, zone.apex, SOA)
    return zone._replace(
        version=version,
        serial=zone.serial if soa is None else serial_of_soa(soa),
        rrsets=zone.rrsets + rrsets,
        records=zone.records + records,
        size=zone.size + octets,
    )


def collect_owners(
    txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], limit: int
) -> list[OwnerContents] | None:
    """Return the owners that are answered otherwise after changes, as the transaction has them, in canonical order.

    None when they are more than `limit`.
    """
    parts = dict.fromkeys(owners_touched(changes))
    for shifted in shifted_owners(changes, zone.apex):
        for key, _ in iterate_beneath(txn, zone, parse_owner_key(shifted)):
            parts[owner_of_key(key)] = None
            if len(parts) > limit:
                return None
    if len(parts) > limit:
        return None
    owners = [parse_owner_key(part) for part in sorted(parts)]
    return [OwnerContents(owner, owner_pairs(txn, zone, owner)) for owner in owners]


def plan_changes(
    txn: Transaction, zone: StoredZone, removals: Iterable[Record], additions: Iterable[Record]
) -> list[RRsetChange]:
    """Return the RRset changes that removing and then adding records makes; what changes nothing is left out.

    A record that is not there need not be removed, one that is there need not be added. An added record's TTL becomes
    that of its RRset (RFC 2181, section 5.2). An added SOA replaces the one there (RFC 2136, section 3.4.2.2).
    Raises ZoneInvalid for an RRset of more records than can be stored.
    """
    rdatas: dict[bytes, set[bytes]] = {}
    ttls: dict[bytes, int] = {}
    values: dict[bytes, bytes | None] = {}

    def open_rrset(record: Record) -> bytes:
        key = rrset_key(zone.zone_id, record.owner, record.type)
        if key not in values:
            value = values[key] = txn.get(txn.contents, key)
            rdatas[key] = set() if value is None else set(unpack_rdatas(value))
            ttls[key] = 0 if value is None else unpack_ttl(value)
        return key

    for record in removals:
        rdatas[open_rrset(record)].discard(record.rdata)
    for record in additions:
        key = open_rrset(record)
        if record.type == SOA:
            rdatas[key].clear()
        rdatas[key].add(record.rdata)
        ttls[key] = record.ttl
    try:
        new = {key: pack_typed(type_of_key(key), ttls[key], found) if found else None for key, found in rdatas.items()}
    except ValueError as exc:
        raise ZoneInvalid(zone.apex, f"{exc}; remove some ({name_text(zone.apex)})") from exc
    return [RRsetChange(key, values[key], new[key]) for key in sorted(new) if values[key] != new[key]]


def rebase_changes(txn: Transaction, zone: StoredZone, changes: Iterable[RRsetChange]) -> list[RRsetChange]:
    """Return changes under the zone's id, from what is there now to their new values, in key order.

    What changes nothing is left out.
    """
    prefix = zone_prefix(zone.zone_id)
    rebased: dict[bytes, RRsetChange] = {}
    for change in changes:
        key = prefix + change.key[ZONE_ID_BYTES:]
        old, new = txn.get(txn.contents, key), change.new
        if new is not None and type_of_key(key) == RRSIG:
            new = pack_typed(RRSIG, unpack_ttl(new), unpack_rdatas(new))
        if old != new:
            rebased[key] = RRsetChange(key, old, new)
    return [rebased[key] for key in sorted(rebased)]


def find_soa_change(zone: StoredZone, changes: Iterable[RRsetChange]) -> RRsetChange | None:
    """Return the change of the zone's SOA, or None."""
    soa_key = rrset_key(zone.zone_id, zone.apex, SOA)
    return next((change for change in changes if change.key == soa_key), None)


def soa_value(txn: Transaction, zone: StoredZone) -> tuple[bytes, bytes | None]:
    """Return key and value of the zone's SOA."""
    key = rrset_key(zone.zone_id, zone.apex, SOA)
    return key, txn.get(txn.contents, key)
