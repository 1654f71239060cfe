# SPDX-License-Identifier: Apache-2.0
"""The keys that a zone cannot be without: its first ones, and what takes the place of keys deleted by hand."""

from collections.abc import Sequence
from dataclasses import replace

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.keys.events import Event, EventKind
from control.keys.plan import SERVING, half_algorithms, is_lacking, own_keys
from control.keys.state import KeyState, key_state
from control.keys.supply import CSK, KSK, ZSK, Generate, Role, obtain
from control.keys.transition import enter, reinstate
from control.store.kasp import Key, KeyTimers

Filled = tuple[tuple[Key, ...], tuple[Event, ...]]


def fill(keys: Sequence[Key], policy: PolicyConf, at: int, generate: Generate) -> Filled:
    """Return the keys with one that signs the DNSKEY RRset and one that signs the zone, and what is to be told.

    A first KSK waits for the parent's DS from the start, a first ZSK signs at once. Where there have been keys, one
    that is published or was before comes before a new one, which has the algorithm of those that are left.
    """
    keys = tuple(keys)
    is_first = not any(key_state(key, at) not in (KeyState.UNSET, KeyState.REMOVED) for key in own_keys(keys))
    if is_first and policy.single_type_signing:
        return _first(keys, policy, CSK, at, generate)
    events: list[Event] = []
    for name, role in (("signs_keys", KSK), ("signs_zone", ZSK)):
        if is_lacking(keys, at, name):
            step = _first if is_first else _substitute
            keys, told = step(keys, policy, role, at, generate)
            events.extend(told)
    for algorithm in half_algorithms(keys, at):
        keys, told = _complete(keys, policy, algorithm, at, generate)
        events.extend(told)
    return keys, tuple(events)


def _first(keys: tuple[Key, ...], policy: PolicyConf, role: Role, at: int, generate: Generate) -> Filled:
    ready, active = (at, 0) if role.is_ksk else (0, at)
    timers = KeyTimers(created=at, publish=at, ready=ready, active=active)
    keys, key = obtain(keys, policy, role, timers, generate)
    return keys, (Event(EventKind.SUBMISSION_WAITING, tag_of(key), key.id),) if role.is_ksk else ()


def _substitute(keys: tuple[Key, ...], policy: PolicyConf, role: Role, at: int, generate: Generate) -> Filled:
    candidates = [key for key in own_keys(keys) if _rank(key, role, at)]
    if candidates:
        best = max(candidates, key=lambda key: (_rank(key, role, at), key.timers.created, key.id))
        used = _put_into_use(best, at)
        told = Event(EventKind.KEY_REINSTATED, tag_of(used), used.id)
        return tuple(used if key.id == used.id else key for key in keys), (told,)
    known = {key.id for key in own_keys(keys)}
    keys, told_first = _first(keys, _like_survivors(keys, policy, at), role, at, generate)
    new = next(key for key in own_keys(keys) if key.id not in known)
    return keys, (Event(EventKind.KEY_REPLACED, tag_of(new), new.id), *told_first)


def _rank(key: Key, role: Role, at: int) -> int:
    """How well the key does for the role; 0: not at all. What caches know comes first."""
    if not (key.is_ksk if role.is_ksk else key.is_zsk):
        return 0
    state = key_state(key, at)
    if state is KeyState.RETIRED and key.is_zsk:
        return 3
    if key.is_ksk and not role.is_ksk:
        return 0
    return {KeyState.PUBLISHED: 2, KeyState.PRE_ACTIVE: 1}.get(state, 0)


def _put_into_use(key: Key, at: int) -> Key:
    state = key_state(key, at)
    if state is KeyState.RETIRED:
        return reinstate(key, at)
    published = enter(key, KeyState.PUBLISHED, at) if state is KeyState.PRE_ACTIVE else key
    return published if key.is_ksk else enter(published, KeyState.ACTIVE, at)


def _complete(keys: tuple[Key, ...], policy: PolicyConf, algorithm: int, at: int, generate: Generate) -> Filled:
    """The other half of an algorithm being rolled in begins where that is; before it is published, both begin."""
    alike = {key.id: key for key in own_keys(keys) if key.algorithm == algorithm and key_state(key, at) in SERVING}
    is_hidden = all(key_state(key, at) is KeyState.PRE_ACTIVE for key in alike.values())
    if is_hidden:
        again = {key.id: replace(key, timers=key.timers._replace(pre_active=at)) for key in alike.values()}
        keys = tuple(again.get(key.id, key) for key in keys)
    timers = KeyTimers(created=at, pre_active=at, publish=0 if is_hidden else at)
    role = ZSK if all(key.is_ksk for key in alike.values()) else KSK
    keys, key = obtain(keys, _like(policy, next(iter(alike.values()))), role, timers, generate)
    return keys, (Event(EventKind.KEY_REPLACED, tag_of(key), key.id),)


def _like_survivors(keys: Sequence[Key], policy: PolicyConf, at: int) -> PolicyConf:
    """An algorithm has to have keys of both roles, so what is left decides and not the policy."""
    states = (KeyState.ACTIVE, KeyState.READY, KeyState.PUBLISHED, KeyState.RETIRE_ACTIVE)
    left = [key for key in own_keys(keys) if key_state(key, at) in states]
    if not left or any(key.algorithm == policy.algorithm for key in left):
        return policy
    return _like(policy, max(left, key=lambda key: (key.timers.created, key.id)))


def _like(policy: PolicyConf, pattern: Key) -> PolicyConf:
    if pattern.algorithm == policy.algorithm:
        return policy
    return policy._replace(algorithm=pattern.algorithm, ksk_size=pattern.size, zsk_size=pattern.size)
