# SPDX-License-Identifier: Apache-2.0
"""All resolvers there may be: with a DS, a DNSKEY RRset and data, each cached at any moment in the past.

Each of them has to find a chain from the DS to the data, as strict validators do that want every algorithm of the DS
RRset to sign the DNSKEY RRset, and every algorithm of the DNSKEY RRset to sign itself and the data (RFC 4035,
section 2.2).
Without a DS the zone is insecure and nothing can be wrong.

What was shown until a time is served by secondaries for the propagation delay and stays in caches for its TTL after
that. What resolvers may hold only grows when something changes, so the moments of change are those to be looked at.
"""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from tests.support.keyed_zone import KeyedZone, ParentShown, Shown, Token

AnyShown = TypeVar("AnyShown", Shown, ParentShown)


def find_broken(zone: KeyedZone, propagation_delay_s: int) -> list[str]:
    """Return a line for each thing that some resolver could not validate; none: all could, always."""
    return list(_broken(zone, propagation_delay_s))


def _broken(zone: KeyedZone, delay: int) -> Iterator[str]:
    for now in sorted({shown.since for shown in (*zone.shown, *zone.parent_shown)}):
        sets = _held(zone.shown, [shown.dnskey_ttl_s + delay for shown in zone.shown], now)
        data = _held(zone.shown, [shown.max_ttl_s + delay for shown in zone.shown], now)
        parents = _held(zone.parent_shown, [zone.parent.ds_ttl_s] * len(zone.parent_shown), now)
        for keys in sets:
            yield from (f"{now}: {why}" for parent in parents for why in _keys_faults(parent, keys))
            if any(parent.ds for parent in parents):
                yield from (f"{now}: {why}" for shown in data for why in _data_faults(keys, shown))


def _held(history: Sequence[AnyShown], stays: Sequence[int], now: int) -> list[AnyShown]:
    ends = [shown.since for shown in history[1:]]
    held = [old for old, end, stay in zip(history, ends, stays, strict=False) if old.since <= now < end + stay]
    return held + ([history[-1]] if history[-1].since <= now else [])


def _keys_faults(parent: ParentShown, keys: Shown) -> Iterator[str]:
    if not parent.ds:
        return
    trusted = parent.ds & keys.dnskeys & keys.key_signers
    for algorithm in sorted(_algorithms(parent.ds)):
        if algorithm not in _algorithms(trusted):
            yield f"DS {_names(parent.ds)} of {parent.since} trusts no {_names(keys.dnskeys)} of {keys.since}"
    if _algorithms(keys.dnskeys) != _algorithms(keys.dnskeys & keys.key_signers):
        yield f"DNSKEY {_names(keys.dnskeys)} of {keys.since} is not signed with each of its algorithms"


def _data_faults(keys: Shown, data: Shown) -> Iterator[str]:
    useful = data.zone_signers & keys.dnskeys
    for algorithm in sorted(_algorithms(keys.dnskeys)):
        if algorithm not in _algorithms(useful):
            signers = _names(data.zone_signers)
            yield f"DNSKEY {_names(keys.dnskeys)} of {keys.since} do not validate data of {data.since} by {signers}"


def _algorithms(tokens: frozenset[Token]) -> set[int]:
    return {algorithm for _, algorithm in tokens}


def _names(tokens: frozenset[Token]) -> str:
    return "+".join(sorted(f"{int(key_id, 16)}/{algorithm}" for key_id, algorithm in tokens)) or "none"
