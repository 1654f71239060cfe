# SPDX-License-Identifier: Apache-2.0
"""Where a key comes from when one is needed: first from those kept for later, else a new one is made."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple, Protocol

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.store.kasp import Key, KeyTimers


class Generate(Protocol):
    """Makes a key, private half included, or takes the one that the zones of a policy share."""

    def __call__(
        self,
        policy: PolicyConf,
        *,
        is_ksk: bool,
        is_zsk: bool,
        now_s: int,
        taken_tags: frozenset[int],
        timers: KeyTimers,
    ) -> Key:
        """Return a key of the policy's algorithm and size with these roles and timers and none of these tags.

        So a shared key that the zone has already is none that may be returned.
        """


class Role(NamedTuple):
    """What a key is to be."""

    is_ksk: bool
    is_zsk: bool


KSK, ZSK, CSK = Role(True, False), Role(False, True), Role(True, True)


def obtain(
    keys: Sequence[Key],
    policy: PolicyConf,
    role: Role,
    timers: KeyTimers,
    generate: Generate,
) -> tuple[tuple[Key, ...], Key]:
    """Return the keys of the zone with one more in use, and that one. `timers.created` is now."""
    later = [key for key in keys if key.is_for_later and _fits(key, policy, role)]
    if later:
        oldest = min(later, key=lambda key: (key.timers.created, key.id))
        taken = replace(oldest, is_for_later=False, timers=timers)
        return tuple(taken if key.id == taken.id else key for key in keys), taken
    made = generate(
        policy,
        is_ksk=role.is_ksk,
        is_zsk=role.is_zsk,
        now_s=timers.created,
        taken_tags=taken_tags(keys),
        timers=timers,
    )
    if any(key.id == made.id for key in keys):
        raise ValueError(f"key {made.id} is one of the zone already; its tag was among those taken")
    return (*keys, made), made


def _fits(key: Key, policy: PolicyConf, role: Role) -> bool:
    return (key.is_ksk, key.is_zsk) == role and key.algorithm == policy.algorithm and not key.is_public_only


def taken_tags(keys: Sequence[Key]) -> frozenset[int]:
    """Return the tags that another key of the zone must not have: those of its keys, also once revoked."""
    revoked = (tag_of(key, revoked=True) for key in keys if key.is_ksk)
    return frozenset(tag_of(key) for key in keys) | frozenset(revoked)
