# SPDX-License-Identifier: Apache-2.0
"""What time has done to the timers of keys that are managed automatically, set right before anything is decided.

- A timer that passed while the zone was not signed (the server was down) counts from now, when what it says comes
  into the zone; so the next step waits in full.
- What an operator planned under a manual policy is given up: of times in the future only those stay at which a key
  that is being rolled out leaves.
- A key that is leaving stays when its successor is gone (deleted by hand).
"""

from collections.abc import Sequence
from dataclasses import replace

from control.keys.dnskey import tag_of
from control.keys.events import Event, EventKind
from control.keys.plan import own_keys
from control.keys.state import KeyState, key_state, state_of
from control.keys.timing import ZoneTiming
from control.keys.transition import reinstate
from control.store.kasp import Key, KeyTimers


def settle(keys: Sequence[Key], timing: ZoneTiming, at: int) -> tuple[tuple[Key, ...], tuple[Event, ...]]:
    """Return the keys as of `at` (see `steady_now`), and what is to be told of it.

    Keys without a private half and those kept for later are left alone. Without `signed_at` so are all timers: which
    of them the zone shows is not known.
    """
    managed = {key.id for key in own_keys(keys)}
    if timing.signed_at:
        keys = [_settle_key(key, timing.signed_at, at) if key.id in managed else key for key in keys]
    abandoned = {key.id for key in keys if key.id in managed and _is_abandoned(key, keys, at)}
    events = tuple(Event(EventKind.KEY_REINSTATED, tag_of(key), key.id) for key in keys if key.id in abandoned)
    return tuple(reinstate(key, at) if key.id in abandoned else key for key in keys), events


def seen_now(keys: Sequence[Key], timing: ZoneTiming, at: int) -> tuple[Key, ...]:
    """Return the keys when what the zone was signed with as of `signed_at` came to be answered only at `at`.

    Until then the version before was, which caches have yet to forget: what waits for that waits from `at` on.
    """
    managed = {key.id for key in own_keys(keys)}
    return tuple(_seen_key(key, timing.signed_at, at) if key.id in managed else key for key in keys)


def _seen_key(key: Key, signed_at: int, at: int) -> Key:
    times = [at if time == signed_at else time for time in key.timers]
    timers = KeyTimers(*times)._replace(created=key.timers.created)
    return key if timers == key.timers else replace(key, timers=timers)


def _settle_key(key: Key, signed_at: int, at: int) -> Key:
    timers = _without_plans(_as_carried_out(key.timers, signed_at, at), at, is_ksk=key.is_ksk)
    return key if timers == key.timers else replace(key, timers=timers)


def _as_carried_out(timers: KeyTimers, signed_at: int, at: int) -> KeyTimers:
    """What passed since the zone was signed happens now; a wait that only passed on paper is begun."""
    if signed_at < timers.publish < max(timers.ready, timers.active):
        timers = timers._replace(ready=0, active=0)
    late = [at if signed_at < time <= at else time for time in timers]
    return KeyTimers(*late)._replace(created=timers.created)


def _without_plans(timers: KeyTimers, at: int, *, is_ksk: bool) -> KeyTimers:
    if state_of(timers, at, is_ksk=is_ksk) is KeyState.RETIRE_ACTIVE:
        keeps = {"created", "retire", "post_active", "remove"}
    else:
        keeps = {"created"}
    planned = {name: 0 for name, time in zip(timers._fields, timers, strict=True) if time > at and name not in keeps}
    return timers._replace(**planned)


def _is_abandoned(key: Key, keys: Sequence[Key], at: int) -> bool:
    if key_state(key, at) is not KeyState.RETIRE_ACTIVE:
        return False
    others = [other for other in own_keys(keys) if key_state(other, at) is KeyState.ACTIVE]
    lacks_ksk = key.is_ksk and not any(other.is_ksk for other in others)
    return lacks_ksk or (key.is_zsk and not any(other.is_zsk for other in others))
