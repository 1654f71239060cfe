# SPDX-License-Identifier: Apache-2.0
"""The table of members: zones that are served because a catalog zone has them (RFC 9432).

One record per member zone, under its name: a zone is the member of one catalog at most. What the records say is what
was last acted upon; the catalog's contents may be newer, and are compared with them when they are loaded.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from control.store.environment import Transaction
from control.store.zones import apex_of_key, zone_key

LENGTHS = struct.Struct(">BBB")


class Member(NamedTuple):
    """One member. `zone` and `catalog` are wire names in lower case."""

    zone: bytes
    catalog: bytes
    unique: bytes
    """The label under which the catalog has it, in lower case."""
    group: bytes = b""
    """The value of its group property; empty when there is none."""


def get_member(txn: Transaction, zone: bytes) -> Member | None:
    """Return what is known of one zone as a member; None when it is none."""
    record = txn.get(txn.members, zone_key(zone))
    return None if record is None else _unpack(zone, record)


def list_members(txn: Transaction) -> Iterator[Member]:
    """Yield every member in canonical order."""
    for key, record in txn.cursor(txn.members):
        yield _unpack(apex_of_key(key), record)


def put_members(txn: Transaction, members: Iterable[Member]) -> None:
    """Record members, whatever was recorded of them before."""
    for member in members:
        lengths = LENGTHS.pack(len(member.catalog), len(member.unique), len(member.group))
        txn.put(txn.members, zone_key(member.zone), lengths + member.catalog + member.unique + member.group)


def remove_members(txn: Transaction, zones: Iterable[bytes]) -> None:
    """Forget members, named by wire names in lower case."""
    for zone in zones:
        txn.delete(txn.members, zone_key(zone))


def _unpack(zone: bytes, record: bytes) -> Member:
    catalog_octets, unique_octets, _ = LENGTHS.unpack_from(record)
    at = LENGTHS.size + catalog_octets
    end = at + unique_octets
    return Member(zone, record[LENGTHS.size : at], record[at:end], record[end:])
