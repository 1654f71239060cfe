# SPDX-License-Identifier: Apache-2.0
"""In which state a key is at a time, and what it is used for then. Both are computed from its timers, never stored.

The states are those of Knot DNS; RFC 7583 has most of them under other names.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from control.store.kasp import Key, KeyTimers


class KeyState(Enum):
    """What a key is doing, in the words of the key tool."""

    UNSET = "-"
    """It is not used, or not yet."""
    PRE_ACTIVE = "pre-active"
    PUBLISHED = "published"
    READY = "ready"
    ACTIVE = "active"
    RETIRE_ACTIVE = "retire-active"
    RETIRED = "retired"
    POST_ACTIVE = "post-active"
    REVOKE = "revoke"
    REMOVED = "removed"


TIMER_OF = {
    KeyState.PRE_ACTIVE: "pre_active",
    KeyState.PUBLISHED: "publish",
    KeyState.READY: "ready",
    KeyState.ACTIVE: "active",
    KeyState.RETIRE_ACTIVE: "retire_active",
    KeyState.RETIRED: "retire",
    KeyState.POST_ACTIVE: "post_active",
    KeyState.REVOKE: "revoke",
    KeyState.REMOVED: "remove",
}
"""The field of KeyTimers that says when a state begins, in the order in which later ones end earlier ones."""

LATEST_FIRST = tuple((state, KeyTimers._fields.index(field)) for state, field in reversed(TIMER_OF.items()))
OF_KSKS_ONLY = frozenset({KeyState.READY, KeyState.REVOKE})
PUBLIC = frozenset(
    {KeyState.PUBLISHED, KeyState.READY, KeyState.ACTIVE, KeyState.RETIRE_ACTIVE, KeyState.REVOKE},
)
SIGN_KEYS = PUBLIC
"""Whoever is published as a KSK signs the DNSKEY RRset, so that a DS may point to it as soon as it is known."""


def state_of(timers: KeyTimers, now: int, *, is_ksk: bool = True) -> KeyState:
    """Return the state that the timers of a key give it at the Unix time `now`.

    `ready` and `revoke` mean nothing for a key that is not `is_ksk`.
    """
    for state, index in LATEST_FIRST:
        if 0 < timers[index] <= now and (is_ksk or state not in OF_KSKS_ONLY):
            return state
    return KeyState.UNSET


def key_state(key: Key, now: int) -> KeyState:
    """Return the state of `key` at `now`; one that is kept for later has none."""
    return KeyState.UNSET if key.is_for_later else state_of(key.timers, now, is_ksk=key.is_ksk)


class KeyUse(NamedTuple):
    """What a key is used for at a time. The first four are words of the log, in this order."""

    is_public: bool = False
    """It is in the DNSKEY RRset."""
    is_ready: bool = False
    """The parent is to publish its DS."""
    is_active: bool = False
    is_active_plus: bool = False
    """It signs while it is being rolled in or out."""
    signs_keys: bool = False
    """It signs the DNSKEY, CDNSKEY and CDS RRsets."""
    signs_zone: bool = False
    """It signs everything else."""
    is_revoked: bool = False
    """Its DNSKEY record has the REVOKE flag, and so another tag (RFC 5011)."""


NO_USE = KeyUse()


def use_of(key: Key, now: int, keys: Iterable[Key]) -> KeyUse:
    """Return what `key` is used for at `now`; `keys` are all of the zone.

    A key without private half is published at most. A CSK that is not yet or no longer active leaves the zone to
    an active key of its algorithm.
    """
    state = key_state(key, now)
    signs_zone = key.is_zsk and _signs_zone(key, state, now, keys)
    signs_keys = key.is_ksk and state in SIGN_KEYS
    use = KeyUse(
        is_public=state in PUBLIC or (state is KeyState.RETIRED and key.is_zsk),
        is_ready=state is KeyState.READY,
        is_active=state is KeyState.ACTIVE,
        is_active_plus=state is not KeyState.ACTIVE and (signs_keys or signs_zone),
        signs_keys=signs_keys,
        signs_zone=signs_zone,
        is_revoked=state is KeyState.REVOKE,
    )
    if key.is_public_only:
        return KeyUse(is_public=use.is_public, is_ready=use.is_ready, is_revoked=use.is_revoked)
    return use


def _signs_zone(key: Key, state: KeyState, now: int, keys: Iterable[Key]) -> bool:
    if state in (KeyState.ACTIVE, KeyState.POST_ACTIVE, KeyState.PRE_ACTIVE):
        return True
    if state is KeyState.PUBLISHED:
        return 0 < key.timers.pre_active <= now
    if state in (KeyState.READY, KeyState.RETIRE_ACTIVE):
        return not any(_takes_the_zone(other, key, now) for other in keys)
    return False


def _takes_the_zone(other: Key, key: Key, now: int) -> bool:
    fits = other.id != key.id and other.is_zsk and other.algorithm == key.algorithm and not other.is_public_only
    return fits and key_state(other, now) is KeyState.ACTIVE


def use_words(use: KeyUse) -> tuple[str, ...]:
    """Return the words for `use` in log lines, such as ("public", "active")."""
    words = (("public", use.is_public), ("ready", use.is_ready), ("active", use.is_active))
    return (*(word for word, applies in words if applies), *(("active+",) if use.is_active_plus else ()))


def role_of(key: Key) -> str:
    """Return KSK, ZSK or CSK."""
    return ("CSK" if key.is_zsk else "KSK") if key.is_ksk else "ZSK"


def in_log_order(keys: Iterable[Key]) -> list[Key]:
    """Return the keys in the order of log lines: as they came into the zone."""
    return sorted(keys, key=lambda key: (_first_seen(key.timers), key.timers.created, key.is_zsk, key.id))


def _first_seen(timers: KeyTimers) -> float:
    return min((time for time in (timers.pre_active, timers.publish) if time), default=float("inf"))
