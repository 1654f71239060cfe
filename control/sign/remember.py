# SPDX-License-Identifier: Apache-2.0
"""What signing leaves in the store beside the contents, in the transaction that they are written in: keys and times."""

from control.errors import ZoneBusy
from control.sign.plan import faded
from control.sign.signing import DNSKEY, Signed, Signing
from control.store.contents import get_rrset
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
from control.store.keys import unpack_ttl
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
    kasp = _with_ttls(get_kasp(txn, apex), signing, signed, _dnskey_ttl(txn, zone))
    kasp = _remembered(kasp, signing, signed)
    put_kasp(txn, apex, kasp._replace(signed_serial=zone.serial, signed_version=zone.version))
    return signed._replace(events=records.events)


def _with_ttls(kasp: ZoneKasp, signing: Signing, signed: Signed, dnskey_ttl: int) -> ZoneKasp:
    """Return what is remembered with the TTLs that records have now; caches may still have those before."""
    max_ttl = signed.max_ttl if signed.is_whole else max(kasp.max_ttl, signed.max_ttl)
    lowered = [old for old, new in ((kasp.max_ttl, max_ttl), (kasp.dnskey_ttl, dnskey_ttl)) if old > new]
    if lowered:
        kasp = faded(kasp, max(lowered), signing.validity.now)
    return kasp._replace(max_ttl=max_ttl, dnskey_ttl=dnskey_ttl)


def _dnskey_ttl(txn: Transaction, zone: StoredZone) -> int:
    value = get_rrset(txn, zone, zone.apex, DNSKEY)
    return 0 if value is None else unpack_ttl(value)


def _remembered(kasp: ZoneKasp, signing: Signing, signed: Signed) -> ZoneKasp:
    wanted, nsec3 = signing.kasp, signing.nsec3
    kasp = kasp._replace(
        master_serial=wanted.master_serial,
        ds_push_due=wanted.ds_push_due,
        salt_created=wanted.salt_created,
        signed_at=signing.as_of,
    )
    if not signed.is_whole:
        ends = [end for end in (kasp.expires, signed.expires) if end]
        return kasp._replace(expires=min(ends, default=0))
    return kasp._replace(salt=b"" if nsec3 is None else nsec3.salt, signed_by=signing.digest, expires=signed.expires)
