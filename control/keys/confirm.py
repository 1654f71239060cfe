# SPDX-License-Identifier: Apache-2.0
"""What follows when the parent zone has the DS of a new key: that key is active, and those before it leave.

They leave when the DS records from before are forgotten everywhere. A ZSK or CSK of the same algorithm then stays in
the DNSKEY RRset until its signatures are forgotten; keys of another algorithm leave the DNSKEY RRset together, and
their signatures stay until the DNSKEY records are forgotten (RFC 6781, section 4.1.4).
"""

from collections.abc import Sequence

from control.keys.dnskey import tag_of
from control.keys.events import Event, EventKind
from control.keys.plan import own_keys
from control.keys.state import KeyState, key_state
from control.keys.transition import enter, plan_to_leave
from control.store.kasp import Key

LEAVING = frozenset({KeyState.ACTIVE, KeyState.READY, KeyState.RETIRE_ACTIVE})


def ready_key(keys: Sequence[Key], now: int) -> Key | None:
    """Return the key that waits for its DS at `now`: the newest, when there are several."""
    ready = [key for key in own_keys(keys) if key_state(key, now) is KeyState.READY]
    return max(ready, key=lambda key: (key.timers.ready, key.timers.created, key.id), default=None)


def replaced_keys(keys: Sequence[Key], new: Key, now: int) -> list[Key]:
    """Return the KSKs and CSKs whose DS is to be gone from the parent when `new` is confirmed."""
    others = (key for key in own_keys(keys) if key.id != new.id and key.is_ksk)
    return [key for key in others if key_state(key, now) in LEAVING and _is_replaced(key, new)]


def confirm(keys: Sequence[Key], now: int, ds_ttl_s: int) -> tuple[tuple[Key, ...], tuple[Event, ...]]:
    """Return the keys when the DS of the one that is ready has been seen, and what is to be told.

    `now` is that of `steady_now`; `ds_ttl_s` is how long caches may still have the DS records from before, 0 when
    that is over. Without a key that is ready nothing changes and nothing is told. `roll` is to follow.
    """
    key = ready_key(keys, now)
    if key is None:
        return tuple(keys), ()
    changed, event = confirm_key(keys, key, now, ds_ttl_s)
    return changed, (event,)


def confirm_key(keys: Sequence[Key], new: Key, at: int, ds_ttl_s: int) -> tuple[tuple[Key, ...], Event]:
    """Return the keys when the DS of `new`, which is ready, has been seen, and the event for it."""
    managed = {key.id for key in own_keys(keys)}
    changed = []
    for key in keys:
        if key.id == new.id:
            changed.append(enter(key, KeyState.ACTIVE, at))
        elif key.id in managed and key_state(key, at) in LEAVING and _is_replaced(key, new):
            changed.append(_let_go(key, new, at, at + ds_ttl_s))
        else:
            changed.append(key)
    return tuple(changed), Event(EventKind.SUBMISSION_CONFIRMED, tag_of(new), new.id)


def _is_replaced(key: Key, new: Key) -> bool:
    """Whether `key` has the role of `new`; when the algorithm is rolled over, all others are replaced."""
    if key.algorithm != new.algorithm:
        return bool(new.timers.pre_active)
    return key.is_ksk or new.is_zsk


def _let_go(key: Key, new: Key, at: int, then: int) -> Key:
    if key_state(key, at) is KeyState.READY:
        key = enter(key, KeyState.ACTIVE, at)
    if key.algorithm != new.algorithm:
        return plan_to_leave(key, KeyState.POST_ACTIVE, at, then)
    if not key.is_ksk:
        return enter(key, KeyState.RETIRED, at)
    return plan_to_leave(key, KeyState.RETIRED if key.is_zsk else KeyState.REMOVED, at, then)
