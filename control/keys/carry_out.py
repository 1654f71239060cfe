# SPDX-License-Identifier: Apache-2.0
"""What an action does to the keys of a zone. When it is done is decided in `plan`; all times are those of the doing."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.keys.confirm import confirm_key
from control.keys.dnskey import tag_of
from control.keys.events import Event, EventKind
from control.keys.fill import fill
from control.keys.plan import Action, ActionKind, own_keys
from control.keys.state import KeyState, key_state
from control.keys.supply import CSK, KSK, ZSK, Generate, Role, obtain
from control.keys.transition import enter, reinstate
from control.store.kasp import Key, KeyTimers


class Stage(NamedTuple):
    """The keys of a zone in the middle of being worked on."""

    keys: tuple[Key, ...]
    policy: PolicyConf
    at: int
    """Unix time of all that is done."""
    generate: Generate
    removed: tuple[Key, ...] = ()
    """Keys that are no longer of the zone."""
    events: tuple[Event, ...] = ()

    def with_keys(self, changed: Iterable[Key], *events: Event) -> "Stage":
        """Return the stage with these keys in the place of those with the same ids."""
        by_id = {key.id: key for key in changed}
        keys = tuple(by_id.get(key.id, key) for key in self.keys)
        return self._replace(keys=keys, events=(*self.events, *events))


def carry_out(action: Action, stage: Stage) -> Stage:
    """Return what `stage` is when the action, which is due, has been done.

    Raises IllegalTransition when the action does not fit the state of its key, and what `generate` raises.
    """
    if action.key is None:
        return STARTS[action.kind](stage)
    if action.kind is ActionKind.GENERATE:
        return start(stage, action.is_ksk)
    return STEPS[action.kind](stage, action.key)


def start(stage: Stage, is_ksk: bool) -> Stage:
    """Begin the rollover of the KSK (or CSK) or of the ZSK."""
    role = (CSK if stage.policy.single_type_signing else KSK) if is_ksk else ZSK
    kind = EventKind.KSK_ROLLOVER if is_ksk else EventKind.ZSK_ROLLOVER
    return _begin(stage, (role,), kind, KeyTimers(created=stage.at, publish=stage.at))


def _begin(stage: Stage, roles: Iterable[Role], kind: EventKind, timers: KeyTimers) -> Stage:
    keys = stage.keys
    for role in roles:
        keys, _ = obtain(keys, stage.policy, role, timers, stage.generate)
    return stage._replace(keys=keys, events=(*stage.events, Event(kind)))


def _scheme(policy: PolicyConf) -> tuple[Role, ...]:
    return (CSK,) if policy.single_type_signing else (KSK, ZSK)


def _roll_algorithm(stage: Stage) -> Stage:
    timers = KeyTimers(created=stage.at, pre_active=stage.at)
    return _begin(stage, _scheme(stage.policy), EventKind.ALGORITHM_ROLLOVER, timers)


def _roll_scheme(stage: Stage) -> Stage:
    timers = KeyTimers(created=stage.at, publish=stage.at)
    return _begin(stage, _scheme(stage.policy), EventKind.SCHEME_ROLLOVER, timers)


def _fill(stage: Stage) -> Stage:
    keys, events = fill(stage.keys, stage.policy, stage.at, stage.generate)
    return stage._replace(keys=keys, events=(*stage.events, *events))


def _publish(stage: Stage, key: Key) -> Stage:
    return stage.with_keys([enter(key, KeyState.PUBLISHED, stage.at)])


def _submit(stage: Stage, key: Key) -> Stage:
    """One key waits for the parent at a time; whether it has the DS of one that waited before is not known."""
    waited = [other for other in own_keys(stage.keys) if key_state(other, stage.at) is KeyState.READY]
    changed = [enter(key, KeyState.READY, stage.at), *(enter(other, KeyState.ACTIVE, stage.at) for other in waited)]
    return stage.with_keys(changed, Event(EventKind.SUBMISSION_WAITING, tag_of(key), key.id))


def _replace(stage: Stage, key: Key) -> Stage:
    """A ZSK takes over; for a KSK this is the end of its submission by time."""
    if key.is_ksk:
        keys, event = confirm_key(stage.keys, key, stage.at, 0)
        return stage._replace(keys=keys, events=(*stage.events, event))
    changed = [enter(key, KeyState.ACTIVE, stage.at)]
    for old in own_keys(stage.keys):
        if old.is_ksk or old.id == key.id or key_state(old, stage.at) is not KeyState.ACTIVE:
            continue
        if old.algorithm == key.algorithm:
            changed.append(enter(old, KeyState.RETIRED, stage.at))
        elif key.timers.pre_active:
            changed.append(enter(old, KeyState.RETIRE_ACTIVE, stage.at))
    return stage.with_keys(changed)


def _retire(stage: Stage, key: Key) -> Stage:
    """End what an operator began: by what other keys there are it stops signing, or leaves with its algorithm."""
    active = [k for k in own_keys(stage.keys) if k.id != key.id and key_state(k, stage.at) is KeyState.ACTIVE]
    alike = [other for other in active if other.algorithm == key.algorithm]
    if _covers(alike, key):
        state = KeyState.RETIRED if key.is_zsk else KeyState.REMOVED
        return stage.with_keys([enter(key, state, stage.at)])
    if _covers(active, key):
        return stage.with_keys([enter(key, KeyState.POST_ACTIVE, stage.at)])
    return stage.with_keys([reinstate(key, stage.at)], Event(EventKind.KEY_REINSTATED, tag_of(key), key.id))


def _covers(others: Sequence[Key], key: Key) -> bool:
    has_ksk, has_zsk = any(other.is_ksk for other in others), any(other.is_zsk for other in others)
    return (has_ksk or not key.is_ksk) and (has_zsk or not key.is_zsk)


def _remove(stage: Stage, key: Key) -> Stage:
    return stage.with_keys([enter(key, KeyState.REMOVED, stage.at)])


def _delete(stage: Stage, _key: Key) -> Stage:
    """Give away all that are due, of which a zone that was managed by hand may have many."""
    since = stage.at - stage.policy.delete_delay_s
    due = tuple(key for key in own_keys(stage.keys) if key_state(key, since) is KeyState.REMOVED)
    ids = {key.id for key in due}
    return stage._replace(keys=tuple(key for key in stage.keys if key.id not in ids), removed=(*stage.removed, *due))


STARTS: Mapping[ActionKind, Callable[[Stage], Stage]] = {
    ActionKind.FILL: _fill,
    ActionKind.ROLL_ALGORITHM: _roll_algorithm,
    ActionKind.ROLL_SCHEME: _roll_scheme,
}
STEPS: Mapping[ActionKind, Callable[[Stage, Key], Stage]] = {
    ActionKind.PUBLISH: _publish,
    ActionKind.SUBMIT: _submit,
    ActionKind.REPLACE: _replace,
    ActionKind.RETIRE: _retire,
    ActionKind.REMOVE: _remove,
    ActionKind.DELETE: _delete,
}
