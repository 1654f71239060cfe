# SPDX-License-Identifier: Apache-2.0
"""The management of a zone's keys: what is due is done, and what comes next is told.

Pure: keys in, keys out; the caller stores them in the transaction that signs the zone with them. Under a manual policy
nothing is done and the timers alone say what the keys are used for.

What is changed in the middle of a rollover (a policy, TTLs) counts from then on: the waiting times of steps that are
still to come are those of the policy at that time, and a rollover that has begun ends before one to what the policy
says now begins. Of several steps that came due while the server was down, the first is done and the others wait in
full. Timers under a manual policy are followed as they are, also after such a time.
"""

from collections.abc import Sequence
from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.keys.carry_out import Stage, carry_out, start
from control.keys.confirm import confirm, ready_key, replaced_keys
from control.keys.events import Event, EventKind
from control.keys.plan import Action, ActionKind, follows_policy, is_rolling, next_action, wake_time
from control.keys.settle import settle
from control.keys.supply import Generate
from control.keys.timing import ZoneTiming, spread_s, steady_now
from control.store.kasp import Key

__all__ = [
    "Action",
    "ActionKind",
    "Generate",
    "RollResult",
    "ZoneTiming",
    "confirm",
    "force",
    "is_rolling",
    "next_action",
    "ready_key",
    "replaced_keys",
    "roll",
    "spread_s",
    "steady_now",
    "wake_time",
]

STEPS_OF_A_KEY, MOST_NEW_KEYS = 10, 4
"""More are never due at once: a key has fewer states, and a zone needs no more keys."""


class RollResult(NamedTuple):
    """What has become of the keys of a zone."""

    keys: tuple[Key, ...]
    removed: tuple[Key, ...] = ()
    """Those that are no longer of the zone; their private halves go to the trash."""
    events: tuple[Event, ...] = ()
    next_action: Action | None = None
    wake_at: int | None = None
    """Unix time at which the keys are to be looked at again, because an action is due or a timer passes."""


def roll(
    keys: Sequence[Key],
    policy: PolicyConf,
    timing: ZoneTiming,
    now: int,
    generate: Generate,
) -> RollResult:
    """Do all that is due with the keys of a zone at the Unix time `now`.

    The zone is to be signed as of `steady_now(now, timing)`. Raises what `generate` raises; keys it has made until
    then are lost to the zone. Raises IllegalTransition for timers that contradict each other.
    """
    at = steady_now(now, timing)
    if policy.manual:
        return RollResult(tuple(keys), wake_at=wake_time(keys, policy, timing, at))
    settled, events = settle(keys, timing, at)
    stage = Stage(settled, policy, at, generate, events=events)
    for _ in range(STEPS_OF_A_KEY * (len(settled) + MOST_NEW_KEYS)):
        action = next_action(stage.keys, policy, timing, at)
        if action is None or action.time > at:
            break
        stage = carry_out(action, stage)
    return _result(stage, timing)


def force(
    keys: Sequence[Key],
    policy: PolicyConf,
    kind: str,
    now: int,
    generate: Generate,
) -> RollResult:
    """Begin a rollover now: of the KSK or CSK (`kind` ksk) or of the ZSK (`zsk`). `roll` is to follow.

    While another one is in progress or about to begin, and for a ZSK where there is none, nothing changes and that is
    told. The caller refuses it under a manual policy. `now` is that of `steady_now`.
    """
    is_ksk = kind == "ksk"
    if not is_ksk and policy.single_type_signing:
        return RollResult(tuple(keys), events=(Event(EventKind.NO_ZSK_TO_FORCE),))
    if policy.manual or is_rolling(keys, now) or not follows_policy(keys, policy, now):
        ignored = EventKind.KSK_FORCE_IGNORED if is_ksk else EventKind.ZSK_FORCE_IGNORED
        return RollResult(tuple(keys), events=(Event(ignored),))
    stage = start(Stage(tuple(keys), policy, now, generate), is_ksk)
    return RollResult(stage.keys, events=stage.events)


def _result(stage: Stage, timing: ZoneTiming) -> RollResult:
    action = next_action(stage.keys, stage.policy, timing, stage.at)
    wake_at = wake_time(stage.keys, stage.policy, timing, stage.at)
    return RollResult(stage.keys, stage.removed, stage.events, action, wake_at)
