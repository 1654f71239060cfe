# SPDX-License-Identifier: Apache-2.0
"""What signing leaves in the store beside the contents, in the transaction that they are written in: keys and times."""

from control.errors import ZoneBusy
from control.sign.plan import faded
from control.sign.signing import Signed, Signing
from control.store.environment import Transaction
from control.store.kasp import ZoneKasp
from control.store.kasp_tables import (
    TrashedKey,
    get_kasp,
    list_keys,
    put_kasp,
    put_key,
    put_shared,
    put_trash,
    remove_key,
)
from control.store.zones import StoredZone


def remember(txn: Transaction, zone: StoredZone, signing: Signing, signed: Signed) -> Signed:
    """Write the keys as signing used them, and what is to be remembered of it; `zone` is what was signed.

    Returns what was done, and what is to be told of the keys.

    Raises ZoneBusy when somebody changed the zone's keys since they were read.
    """
    apex, records = zone.apex, signing.keys
    if records.written or records.removed:
        if list_keys(txn, apex) != list(records.read):
            raise ZoneBusy(apex, "its keys were changed by another operation in the meantime; try again")
        for key in records.written:
            put_key(txn, apex, key)
        for key in records.removed:
            remove_key(txn, apex, key.id)
            put_trash(txn, TrashedKey(apex, key, signing.validity.now, records.discard_at))
        for key in records.shared:
            put_shared(txn, records.policy_id, key)
    kasp = _remembered(get_kasp(txn, apex), signing, signed)
    put_kasp(txn, apex, kasp._replace(signed_serial=zone.serial, signed_version=zone.version))
    return signed._replace(events=records.events)


def _remembered(kasp: ZoneKasp, signing: Signing, signed: Signed) -> ZoneKasp:
    wanted, nsec3 = signing.kasp, signing.nsec3
    kasp = kasp._replace(
        master_serial=wanted.master_serial,
        ds_push_due=wanted.ds_push_due,
        salt_created=wanted.salt_created,
        fading_ttl=wanted.fading_ttl,
        fades_at=wanted.fades_at,
        signed_at=signing.as_of,
    )
    if not signed.is_whole:
        ends = [end for end in (kasp.expires, signed.expires) if end]
        return kasp._replace(expires=min(ends, default=0), max_ttl=max(kasp.max_ttl, signed.max_ttl))
    if kasp.max_ttl > signed.max_ttl:
        kasp = faded(kasp, kasp.max_ttl, signing.validity.now)
    return kasp._replace(
        salt=b"" if nsec3 is None else nsec3.salt,
        signed_by=signing.digest,
        expires=signed.expires,
        max_ttl=signed.max_ttl,
    )
