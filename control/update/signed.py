# SPDX-License-Identifier: Apache-2.0
"""Signatures and ZONEMD in a change of a zone that is signed here (RFC 8976, section 3.4).

The type ZONEMD has to be in the apex' bit map before the zone is digested, and the digest is signed when it is there.
"""

from collections.abc import Sequence

from control.conf.zone import ZoneSettings
from control.sign.settle import combine, settle_signatures
from control.sign.signing import Signed, Signing, both
from control.store.contents import apply_changes, get_rrset
from control.store.environment import Transaction
from control.store.keys import RRsetChange, pack_rrset, rrset_key, unpack_ttl
from control.store.zones import StoredZone
from control.update.difference import invert_changes
from control.update.transition import advance, soa_value
from control.zonefile.zonemd import GENERATED, ZONEMD, generate_change, zonemd_rdata

SignedZone = tuple[StoredZone, list[RRsetChange], Signed]


def settle_signed(
    txn: Transaction,
    zone: StoredZone,
    changes: Sequence[RRsetChange],
    settings: ZoneSettings,
    signing: Signing,
    *,
    before: Signed | None = None,
) -> SignedZone:
    """Sign a zone whose changes are written, and make its ZONEMD; return the zone and all changes as they are then.

    `before`: what was done already, so that the changes lack nothing but signatures of the SOA. Raises ZoneError; what
    was written beside the changes is then taken back.
    """
    made = list[RRsetChange]()
    try:
        made = _placeholder(txn, zone, settings)
        apply_changes(txn, made)
        more, signed = settle_signatures(txn, zone, [*changes, *made], signing, is_made=before is not None)
        made = combine(made, more)
        digest = generate_change(txn, zone, settings.zonemd_generate)
        if digest is not None:
            apply_changes(txn, [digest])
            made = combine(made, [digest])
            more, again = settle_signatures(txn, zone, [digest], signing, is_made=True)
            made = combine(made, more)
            signed = both(signed, again)
    except BaseException:
        apply_changes(txn, invert_changes(made))
        raise
    done = signed if before is None else both(before, signed)
    return advance(txn, zone, made, zone.version), combine(changes, made), done


def _placeholder(txn: Transaction, zone: StoredZone, settings: ZoneSettings) -> list[RRsetChange]:
    """Return the change that gives the apex the type ZONEMD, or takes it away, as `zonemd-generate` wants it."""
    if settings.zonemd_generate == "none":
        return []
    key = rrset_key(zone.zone_id, zone.apex, ZONEMD)
    old = get_rrset(txn, zone, zone.apex, ZONEMD)
    _, soa = soa_value(txn, zone)
    if settings.zonemd_generate not in GENERATED or soa is None:
        return [] if old is None else [RRsetChange(key, old, None)]
    if old is not None:
        return []
    rdata = zonemd_rdata(zone.serial, GENERATED[settings.zonemd_generate], b"")
    return [RRsetChange(key, None, pack_rrset(unpack_ttl(soa), (rdata,)))]
