# SPDX-License-Identifier: Apache-2.0
"""The DNSKEY, CDNSKEY and CDS RRsets that the keys of a zone come to (RFC 4034, 7344, 8078).

Those for the parent are by `cds-cdnskey-publish`:

    none            never any
    delete-dnssec   the parent is asked to remove all DS records
    rollover        for a key that waits for its DS, until the parent has it
    always          for the key that waits for its DS, else for the active one
    double-ds       for both of these; when the algorithm is rolled over, for the new one
"""

from collections.abc import Sequence
from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.keys.dnskey import DELETE_CDNSKEY, DELETE_CDS, dnskey_rdata, ds_rdata
from control.keys.state import use_of
from control.store.kasp import Key


class ApexSets(NamedTuple):
    """Rdatas in canonical order."""

    dnskeys: tuple[bytes, ...] = ()
    cdnskeys: tuple[bytes, ...] = ()
    cdss: tuple[bytes, ...] = ()


def apex_sets(apex: bytes, keys: Sequence[Key], policy: PolicyConf, now: int) -> ApexSets:
    """Return the sets of our keys at the Unix time `now`; `apex` is the zone's name in wire form.

    What others have put there is not among them (`dnskey-management`).
    """
    uses = [(key, use_of(key, now, keys)) for key in keys]
    dnskeys = (dnskey_rdata(key, revoked=use.is_revoked) for key, use in uses if use.is_public)
    cdnskeys, cdss = _for_parent(apex, keys, policy, now)
    return ApexSets(tuple(sorted(set(dnskeys))), cdnskeys, cdss)


def submitted_keys(keys: Sequence[Key], policy: PolicyConf, now: int) -> tuple[Key, ...]:
    """Return the keys whose DS the parent is to have by the CDS and CDNSKEY RRsets."""
    uses = [(key, use_of(key, now, keys)) for key in keys if key.is_ksk]
    ready = tuple(key for key, use in uses if use.is_ready)
    active = tuple(key for key, use in uses if use.is_active)
    match policy.cds_cdnskey_publish:
        case "rollover":
            return ready
        case "always":
            return ready or active
        case "double-ds":
            coming = {key.algorithm for key in ready}
            return ready + tuple(key for key in active if not coming or key.algorithm in coming)
    return ()


def _for_parent(
    apex: bytes, keys: Sequence[Key], policy: PolicyConf, now: int
) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    if policy.cds_cdnskey_publish == "delete-dnssec":
        return (DELETE_CDNSKEY,), (DELETE_CDS,)
    cdnskeys = sorted({dnskey_rdata(key) for key in submitted_keys(keys, policy, now)})
    return tuple(cdnskeys), tuple(sorted(ds_rdata(apex, rdata, policy.cds_digest_type) for rdata in cdnskeys))
