# SPDX-License-Identifier: Apache-2.0
"""One zone from one version to the next inside a store transaction, and what the response table is told of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from control.errors import ZoneInvalid
from control.store.contents import apply_changes, get_rrset, iterate_beneath, owner_pairs
from control.store.environment import Transaction
from control.store.keys import (
    Pair,
    Record,
    RRsetChange,
    name_text,
    owner_of_key,
    pack_rrset,
    parse_owner_key,
    rrset_key,
    unpack_rdatas,
    unpack_ttl,
)
from control.store.zones import StoredZone, put_zone
from control.update.difference import owners_touched, rrset_balance, shifted_owners
from control.update.serial import serial_of_soa

SOA = 6


@dataclass(frozen=True, slots=True)
class OwnerContents:
    """One owner (wire name) with all RRsets it has now."""

    owner: bytes
    pairs: list[Pair]


def advance(txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], version: int) -> StoredZone:
    """Write changes, after which the zone has `version`; return the zone as it is now."""
    apply_changes(txn, changes)
    rrsets, records = rrset_balance(changes)
    soa = get_rrset(txn, zone, zone.apex, SOA)
    advanced = replace(
        zone,
        version=version,
        serial=zone.serial if soa is None else serial_of_soa(soa),
        rrsets=zone.rrsets + rrsets,
        records=zone.records + records,
    )
    put_zone(txn, advanced)
    return advanced


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
        new = {key: pack_rrset(ttls[key], found) if found else None for key, found in rdatas.items()}
    except ValueError as exc:
        raise ZoneInvalid(zone.apex, f"{exc}; remove some ({name_text(zone.apex)})") from exc
    return [RRsetChange(key, values[key], new[key]) for key in sorted(new) if values[key] != new[key]]
