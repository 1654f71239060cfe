# SPDX-License-Identifier: Apache-2.0
"""The records about keys at a zone's apex: DNSKEY (RFC 4034), CDNSKEY and CDS (RFC 7344)."""

from collections.abc import Callable, Iterable, Iterator

from control.keys.dnskey import DELETE_CDNSKEY, DELETE_CDS, DIGESTS, dnskey_rdata, ds_rdata
from control.sign.signing import CDNSKEY, CDS, DNSKEY, SOA, Signing
from control.store.kasp import Key
from control.store.keys import RRsetChange, pack_rrset, rrset_key, unpack_rdatas, unpack_ttl


def key_changes(
    signing: Signing, zone_id: int, apex: bytes, value_of: Callable[[int], bytes | None]
) -> Iterator[RRsetChange]:
    """Yield the changes that give the apex the records about its keys; `value_of` gives the RRset of a type there.

    CDNSKEY and CDS have no TTL, so that parents never see old ones.
    """
    soa = value_of(SOA)
    if soa is None or "no-update-dnskey" in signing.unsafe:
        return
    ttl = unpack_ttl(soa) if signing.dnskey_ttl_s is None else signing.dnskey_ttl_s
    wanted = ((DNSKEY, ttl, signing.sets.dnskeys), (CDS, 0, signing.sets.cdss), (CDNSKEY, 0, signing.sets.cdnskeys))
    for rtype, own_ttl, rdatas in wanted:
        old = value_of(rtype)
        foreign: set[bytes] = set()
        if signing.is_incremental and old is not None:
            foreign = set(unpack_rdatas(old)) - signing.own
        kept = {*rdatas, *foreign}
        new = pack_rrset(own_ttl, kept) if kept else None
        if new != old:
            yield RRsetChange(rrset_key(zone_id, apex, rtype), old, new)


def own_rdatas(apex: bytes, keys: Iterable[Key]) -> frozenset[bytes]:
    """Return the data of all DNSKEY, CDNSKEY and CDS records that keys of the zone may ever have."""
    dnskeys = [dnskey_rdata(key, revoked=revoked) for key in keys for revoked in (False, True)]
    cdss = [ds_rdata(apex, rdata, kind) for rdata in dnskeys for kind in DIGESTS]
    return frozenset((*dnskeys, *cdss, DELETE_CDNSKEY, DELETE_CDS))
