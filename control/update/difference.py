# SPDX-License-Identifier: Apache-2.0
"""Differences between two versions of a zone, and which owners they concern. Pure: values in, values out.

A version is a stream of pairs in key order (control/store/keys.py), both under the same zone id.
"""

from collections.abc import Iterable, Sequence

from control.store.changeset import split_change
from control.store.keys import Pair, RRsetChange, owner_key, owner_of_key, pair_octets, type_of_key

NS, CNAME, SOA, DNAME = 2, 5, 6, 39


def find_changes(old: Iterable[Pair], new: Iterable[Pair], limit: int | None) -> list[RRsetChange] | None:
    """Return what leads from `old` to `new` in key order, or None when that is more than a limit of changes."""
    changes: list[RRsetChange] = []
    rest_old, rest_new = iter(old), iter(new)
    was, now = next(rest_old, None), next(rest_new, None)
    while was is not None or now is not None:
        if was == now:
            was, now = next(rest_old, None), next(rest_new, None)
            continue
        if len(changes) == limit:
            return None
        if now is None or (was is not None and was[0] < now[0]):
            assert was is not None
            changes.append(RRsetChange(was[0], was[1], None))
            was = next(rest_old, None)
        elif was is None or now[0] < was[0]:
            changes.append(RRsetChange(now[0], None, now[1]))
            now = next(rest_new, None)
        else:
            changes.append(RRsetChange(now[0], was[1], now[1]))
            was, now = next(rest_old, None), next(rest_new, None)
    return changes


def without_types(changes: Iterable[RRsetChange], types: frozenset[int]) -> list[RRsetChange]:
    """Return the changes of all RRsets but those of some types."""
    return [change for change in changes if type_of_key(change.key) not in types]


def owners_touched(changes: Iterable[RRsetChange]) -> list[bytes]:
    """Return the owner parts of the keys of changes in key order, each once."""
    return list(dict.fromkeys(owner_of_key(change.key) for change in changes))


def shifted_owners(changes: Iterable[RRsetChange], apex: bytes) -> list[bytes]:
    """Return the owner parts that become or stop being a zone cut or DNAME owner: all beneath is answered otherwise.

    The apex has NS without being a cut; a DNAME there counts like any.
    """
    apex_key = owner_key(apex)
    shifted: list[bytes] = []
    for change in changes:
        rtype = type_of_key(change.key)
        owner = owner_of_key(change.key)
        appears_or_ends = change.old is None or change.new is None
        if appears_or_ends and (rtype == DNAME or (rtype == NS and owner != apex_key)):
            shifted.append(owner)
    return list(dict.fromkeys(shifted))


def count_records(changes: Iterable[RRsetChange]) -> tuple[int, int]:
    """Return how many records changes remove and add; a new TTL removes and adds all records of the RRset."""
    parts = [split_change(change.old, change.new) for change in changes]
    return sum(_count(gone) for gone, _ in parts), sum(_count(come) for _, come in parts)


def rrset_balance(changes: Sequence[RRsetChange]) -> tuple[int, int, int]:
    """Return by how much changes raise the number of RRsets, of records and of their octets in wire form."""
    rrsets = records = octets = 0
    for key, old, new in changes:
        for value, sign in ((old, -1), (new, 1)):
            if value is not None:
                rrsets += sign
                records += sign * _count(value)
                octets += sign * pair_octets(key, value)
    return rrsets, records, octets


def invert_changes(changes: Iterable[RRsetChange]) -> list[RRsetChange]:
    """Return what takes changes back."""
    return [RRsetChange(change.key, change.new, change.old) for change in changes]


def _count(value: bytes | None) -> int:
    return 0 if value is None else int.from_bytes(value[4:6], "big")
