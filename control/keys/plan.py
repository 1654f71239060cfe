# SPDX-License-Identifier: Apache-2.0
"""What is to be done next with the keys of a zone, and when. The one place that decides; nothing is changed here.

Rollovers are those of RFC 6781: ZSKs are published before they are used (4.1.1.1), KSKs and CSKs sign the DNSKEY RRset
twice (4.1.2), a new algorithm is introduced conservatively (4.1.4).
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.keys.state import KeyState, key_state, use_of
from control.keys.timing import Waits, ZoneTiming, steady_now, waits_of
from control.store.kasp import Key


class ActionKind(Enum):
    """What is to be done; what has a word of the log has it as its value."""

    FILL = "fill"
    """Keys that the zone cannot be without are missing: at first all."""
    ROLL_ALGORITHM = "roll algorithm"
    ROLL_SCHEME = "roll signing scheme"
    GENERATE = "generate"
    PUBLISH = "publish"
    SUBMIT = "submit"
    REPLACE = "replace"
    RETIRE = "retire"
    REMOVE = "remove"
    DELETE = "delete"
    """The key has been removed and nothing is left of it but its material."""


TOLD = frozenset(
    {
        ActionKind.GENERATE,
        ActionKind.PUBLISH,
        ActionKind.SUBMIT,
        ActionKind.REPLACE,
        ActionKind.RETIRE,
        ActionKind.REMOVE,
    },
)
ORDER = {kind: place for place, kind in enumerate(ActionKind)}


class Action(NamedTuple):
    """One thing to be done."""

    kind: ActionKind
    time: int
    """Unix time; past, when it is due."""
    key: Key | None = None
    """Which it is about; None where there is none yet."""
    is_ksk: bool = True
    """Whether it is about a KSK or CSK."""

    @property
    def words(self) -> str:
        """What the log says after `next key action, ` and before the time; empty when it says nothing of it."""
        if self.kind not in TOLD:
            return ""
        role = "KSK" if self.is_ksk else "ZSK"
        subject = role if self.kind is ActionKind.GENERATE or self.key is None else f"{role} tag {tag_of(self.key)}"
        return f"{subject}, {self.kind.value} at"


RUNNING = frozenset({KeyState.PRE_ACTIVE, KeyState.PUBLISHED, KeyState.RETIRE_ACTIVE, KeyState.POST_ACTIVE})
SERVING = frozenset({KeyState.PRE_ACTIVE, KeyState.PUBLISHED, KeyState.READY, KeyState.ACTIVE})
"""States of keys that are there to stay, or are to be."""


def own_keys(keys: Sequence[Key]) -> tuple[Key, ...]:
    """Return the keys that are managed: those with a private half, in use."""
    return tuple(key for key in keys if not key.is_public_only and not key.is_for_later)


def is_rolling(keys: Sequence[Key], now: int) -> bool:
    """Whether a rollover is in progress. Waiting for the DNSKEY of a key that signs no more is no part of it."""
    states = [(key_state(key, now), key.is_ksk) for key in own_keys(keys)]
    waits_for_parent = (KeyState.READY, True) in states and (KeyState.ACTIVE, True) in states
    return waits_for_parent or any(state in RUNNING for state, _ in states)


def next_action(keys: Sequence[Key], policy: PolicyConf, timing: ZoneTiming, now: int) -> Action | None:
    """Return what is to be done first with the keys of a zone at the Unix time `now`, or next; None: nothing.

    Under a manual policy that is never anything. What waits for the parent zone is not in it.
    """
    if policy.manual:
        return None
    at = steady_now(now, timing)
    actions = [*_steps(keys, policy, waits_of(policy, timing), at), *_triggers(keys, policy, timing, at)]
    return min(actions, key=lambda action: (action.time, ORDER[action.kind], _id(action)), default=None)


def wake_time(keys: Sequence[Key], policy: PolicyConf, timing: ZoneTiming, now: int) -> int | None:
    """Return when the keys are to be looked at again: the next action, or the next timer of a key; None: never."""
    at = steady_now(now, timing)
    times = [time for key in keys if not key.is_for_later for time in key.timers if time > at]
    action = next_action(keys, policy, timing, now)
    return min(times if action is None else [*times, action.time], default=None)


def _id(action: Action) -> str:
    return action.key.id if action.key is not None else ""


def _steps(keys: Sequence[Key], policy: PolicyConf, waits: Waits, at: int) -> list[Action]:
    steps = (_step_of(key, keys, policy, waits, at) for key in own_keys(keys))
    return [step for step in steps if step is not None]


def _step_of(key: Key, keys: Sequence[Key], policy: PolicyConf, waits: Waits, at: int) -> Action | None:
    timers = key.timers
    match key_state(key, at):
        case KeyState.PRE_ACTIVE:
            return Action(ActionKind.PUBLISH, timers.pre_active + waits.signatures_known, key, key.is_ksk)
        case KeyState.PUBLISHED:
            kind = ActionKind.SUBMIT if key.is_ksk else ActionKind.REPLACE
            return Action(kind, timers.publish + waits.keys_known, key, key.is_ksk)
        case KeyState.READY:
            timeout = policy.submission.timeout_s if policy.submission is not None else 0
            return Action(ActionKind.REPLACE, timers.ready + timeout, key) if timeout else None
        case KeyState.RETIRE_ACTIVE:
            return _retirement(key, keys, waits, at)
        case KeyState.RETIRED:
            wait = waits.signatures_gone if key.is_zsk else waits.keys_known
            return Action(ActionKind.REMOVE, timers.retire + wait, key, key.is_ksk)
        case KeyState.POST_ACTIVE:
            return Action(ActionKind.REMOVE, timers.post_active + waits.keys_known, key, key.is_ksk)
        case KeyState.REMOVED:
            return Action(ActionKind.DELETE, timers.remove + policy.delete_delay_s, key, key.is_ksk)
    return None


def _retirement(key: Key, keys: Sequence[Key], waits: Waits, at: int) -> Action | None:
    """When it leaves is planned as soon as the parent confirms the new key. What an operator began ends by itself."""
    timers = key.timers
    planned = min((time for time in (timers.retire, timers.post_active) if time), default=0)
    if planned:
        return Action(ActionKind.RETIRE, planned, key, key.is_ksk)
    if timers.remove or any(key_state(other, at) in RUNNING_IN for other in own_keys(keys)):
        return None
    wait = max(waits.keys_known, waits.signatures_gone)
    return Action(ActionKind.RETIRE, timers.retire_active + wait, key, key.is_ksk)


RUNNING_IN = frozenset({KeyState.PRE_ACTIVE, KeyState.PUBLISHED, KeyState.READY})


def _triggers(keys: Sequence[Key], policy: PolicyConf, timing: ZoneTiming, at: int) -> list[Action]:
    change = _change_of_keys(keys, policy, at)
    if change is ActionKind.FILL:
        return [Action(change, at)]
    if is_rolling(keys, at):
        return []
    if change is not None:
        return [Action(change, at)]
    active = (key for key in own_keys(keys) if key_state(key, at) is KeyState.ACTIVE)
    ages = (_end_of_life(key, policy, timing) for key in active if key.algorithm == policy.algorithm)
    return [action for action in ages if action is not None]


def follows_policy(keys: Sequence[Key], policy: PolicyConf, now: int) -> bool:
    """Whether the keys that are there, or coming, are those that the policy wants."""
    return _change_of_keys(keys, policy, now) is None


def _change_of_keys(keys: Sequence[Key], policy: PolicyConf, at: int) -> ActionKind | None:
    if is_lacking(keys, at, "signs_keys") or is_lacking(keys, at, "signs_zone") or half_algorithms(keys, at):
        return ActionKind.FILL
    serving = [key for key in own_keys(keys) if key_state(key, at) in SERVING]
    if all(key.algorithm != policy.algorithm for key in serving):
        return ActionKind.ROLL_ALGORITHM
    return None if _has_scheme(serving, policy) else ActionKind.ROLL_SCHEME


def is_lacking(keys: Sequence[Key], at: int, role: str) -> bool:
    """Whether no key that is published, and not revoked, does what the field `role` of KeyUse says."""
    uses = (use_of(key, at, keys) for key in own_keys(keys))
    return not any(use.is_public and not use.is_revoked and getattr(use, role) for use in uses)


def half_algorithms(keys: Sequence[Key], at: int) -> list[int]:
    """Return the algorithms that were rolled in and have no KSK, or no ZSK, any more."""
    there = [key for key in own_keys(keys) if key_state(key, at) in SERVING | {KeyState.RETIRE_ACTIVE}]
    rolled_in = {key.algorithm for key in there if key.timers.pre_active and key_state(key, at) in SERVING}
    ksks = {key.algorithm for key in there if key.is_ksk}
    zsks = {key.algorithm for key in there if key.is_zsk}
    return sorted(rolled_in - (ksks & zsks))


def _has_scheme(serving: Sequence[Key], policy: PolicyConf) -> bool:
    roles = {(key.is_ksk, key.is_zsk) for key in serving if key.algorithm == policy.algorithm}
    return (True, True) in roles if policy.single_type_signing else {(True, False), (False, True)} <= roles


def _end_of_life(key: Key, policy: PolicyConf, timing: ZoneTiming) -> Action | None:
    """A key that does not say since when it is has no end, as one that was imported."""
    if key.is_ksk:
        lifetime, since = policy.ksk_lifetime_s, key.timers.created
    else:
        lifetime, since = policy.zsk_lifetime_s, key.timers.active
        lifetime = lifetime and max(lifetime - timing.jitter_s, 1)
    return Action(ActionKind.GENERATE, since + lifetime, key, key.is_ksk) if lifetime and since else None
