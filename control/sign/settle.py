# SPDX-License-Identifier: Apache-2.0
"""A zone signed inside the transaction that changes it: what the change touches, or all of it where it has to be."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from control.errors import KeystoreError, SigningRefused
from control.sign.apex import key_changes
from control.sign.incremental import negative_ttl, sign_changes
from control.sign.signing import OF_KEYS, Signed, Signing
from control.sign.whole import delta_changes, sign_contents, summary
from control.store.contents import apply_changes, flat_zone, get_rrset
from control.store.environment import Transaction
from control.store.keys import RRSIG, TYPE_BYTES, RRsetChange, pack_typed, type_of_key, unpack_rdatas
from control.store.zones import StoredZone
from control.update.difference import invert_changes, without_types
from control.update.transition import find_soa_change
from pyxdp_dns.errors import EngineError

if TYPE_CHECKING:
    from control.sign.signing import SigningOf


def settle_signatures(
    txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], signing: Signing, *, is_made: bool = False
) -> tuple[list[RRsetChange], Signed]:
    """Sign a zone whose `changes` are written; return what was written for it, in key order, and what was done.

    `is_made`: the changes have all signatures and NSEC or NSEC3 records, but for those of SOA and ZONEMD among them.
    Raises SigningRefused or ZoneInvalid; nothing is written then.
    """
    try:
        if is_made:
            return sign_changes(txn, zone, without_types(changes, OF_KEYS), signing)
        if signing.fits and not _moves_negative_ttl(zone, changes):
            return sign_changes(txn, zone, changes, signing)
        return _sign_whole(txn, zone, changes, signing)
    except EngineError as exc:
        raise SigningRefused(zone.apex, str(exc)) from exc


def combine(first: Iterable[RRsetChange], then: Iterable[RRsetChange]) -> list[RRsetChange]:
    """Return what two changes, one after the other, come to, in key order."""
    by_key = {change.key: change for change in first}
    for change in then:
        before = by_key.get(change.key)
        by_key[change.key] = change if before is None else change._replace(old=before.old)
    return [by_key[key] for key in sorted(by_key) if by_key[key].old != by_key[key].new]


def _moves_negative_ttl(zone: StoredZone, changes: Iterable[RRsetChange]) -> bool:
    """Tell whether NSEC or NSEC3 records get another TTL, all of them."""
    change = find_soa_change(zone, changes)
    if change is None or change.old is None or change.new is None:
        return False
    return negative_ttl(change.old) != negative_ttl(change.new)


def _sign_whole(
    txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], signing: Signing
) -> tuple[list[RRsetChange], Signed]:
    made = list(key_changes(signing, zone.zone_id, zone.apex, partial(get_rrset, txn, zone, zone.apex)))
    made += _stale_signatures(txn, [*changes, *made])
    apply_changes(txn, made)
    try:
        contents = flat_zone(txn, zone)
        with sign_contents(contents, zone.apex, zone.zone_id, signing) as signed:
            delta = delta_changes(signed, lambda key: txn.get(txn.contents, key))
            done = summary(signed, contents)
    except BaseException:
        apply_changes(txn, invert_changes(made))
        raise
    apply_changes(txn, delta)
    return combine(made, delta), done


def _stale_signatures(txn: Transaction, changes: Iterable[RRsetChange]) -> list[RRsetChange]:
    """Return what takes away the signatures of RRsets that changed."""
    types: dict[bytes, set[int]] = {}
    for change in changes:
        types.setdefault(change.key[:-TYPE_BYTES], set()).add(type_of_key(change.key))
    stale = []
    for prefix, changed in types.items():
        key = prefix + RRSIG.to_bytes(TYPE_BYTES, "big")
        old = txn.get(txn.contents, key)
        if old is not None:
            kept = [rdata for rdata in unpack_rdatas(old) if int.from_bytes(rdata[:2], "big") not in changed]
            stale.append(RRsetChange(key, old, pack_typed(RRSIG, 0, kept) if kept else None))
    return [change for change in stale if change.old != change.new]


def signing_for(signing_of: "SigningOf", txn: Transaction, zone: bytes) -> Signing | None:
    """Return how a zone is signed, None when it is not. Raises SigningRefused."""
    try:
        return signing_of(txn, zone)
    except (EngineError, KeystoreError) as exc:
        raise SigningRefused(zone, str(exc)) from exc
