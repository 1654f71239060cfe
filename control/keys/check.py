# SPDX-License-Identifier: Apache-2.0
"""Whether the keys of a zone make up something that resolvers can validate (RFC 4035, section 2.2)."""

from collections.abc import Collection, Iterator, Sequence

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.keys.state import KeyState, KeyUse, key_state, role_of, use_of
from control.store.kasp import Key

WITHOUT_NSEC3 = frozenset({5})
"""Algorithms whose validators do not know NSEC3 (RFC 5155, section 2)."""


def check_keyset(
    keys: Sequence[Key],
    policy: PolicyConf,
    now: int,
    *,
    missing: Collection[str] = (),
) -> list[str]:
    """Return why the zone must not be signed with its keys as they are at the Unix time `now`; empty: it may be.

    Each algorithm in the DNSKEY RRset has to have a key that signs it and one that signs the zone, both published.
    `missing` are the ids of keys whose private half was not found. Nothing is found under `no-check-keyset`, except
    that those are missing.
    """
    uses = [(key, use_of(key, now, keys)) for key in keys if not key.is_public_only]
    found = [f"{_name(key)}: its private key is missing" for key, use in uses if key.id in missing and _signs(use)]
    if "no-check-keyset" in policy.unsafe:
        return found
    signing = any(use.is_public and _signs(use) for _, use in uses)
    return [*found, *_algorithm_faults(uses, policy), *([] if signing else ["no key signs the zone"])]


def remarks_on_keyset(keys: Sequence[Key], policy: PolicyConf, now: int) -> list[str]:
    """Return what an operator may want to know of the keys although the zone can be signed with them."""
    return [remark for key in keys for remark in _remarks(key, keys, policy, now)]


def _signs(use: KeyUse) -> bool:
    return use.signs_keys or use.signs_zone


def _name(key: Key) -> str:
    return f"{role_of(key)} tag {tag_of(key)}"


def _algorithm_faults(uses: Sequence[tuple[Key, KeyUse]], policy: PolicyConf) -> Iterator[str]:
    for algorithm in sorted({key.algorithm for key, use in uses if use.is_public}):
        alike = [(key, use) for key, use in uses if key.algorithm == algorithm]
        if policy.nsec3 and algorithm in WITHOUT_NSEC3:
            yield f"algorithm {algorithm}: it cannot be used with NSEC3"
        if not any(use.is_public and use.signs_keys and not use.is_revoked for _, use in alike):
            yield f"algorithm {algorithm}: no KSK or CSK that is published and signs"
        if not any(key.is_zsk and use.is_public for key, use in alike):
            yield f"algorithm {algorithm}: no ZSK or CSK is published"
        elif not any(use.signs_zone for _, use in alike):
            yield f"algorithm {algorithm}: no ZSK or CSK that signs"


def _remarks(key: Key, keys: Sequence[Key], policy: PolicyConf, now: int) -> Iterator[str]:
    state, use = key_state(key, now), use_of(key, now, keys)
    if state is KeyState.UNSET and not key.is_for_later and not any(time > now for time in key.timers):
        yield f"{_name(key)}: its timers do not say when it is to be used; set them with xdpdns-keymgr or delete it"
    if key.is_public_only and use.is_public:
        yield f"{_name(key)}: it is published and nobody here signs with it"
    if use.is_public and key.algorithm in (5, 7):
        yield f"{_name(key)}: validators may ignore its algorithm, SHA-1 (RFC 9905); change policy.algorithm"
    if state is KeyState.REMOVED and policy.manual:
        yield f"{_name(key)}: it is removed; delete it with xdpdns-keymgr del-all-old"
