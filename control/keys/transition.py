# SPDX-License-Identifier: Apache-2.0
"""The changes of state that automatic key management may make; anything else is a mistake of ours and is refused."""

from dataclasses import replace

from control.keys.state import TIMER_OF, KeyState, key_state
from control.store.kasp import Key

LEGAL: dict[KeyState, frozenset[KeyState]] = {
    KeyState.UNSET: frozenset({KeyState.PRE_ACTIVE, KeyState.PUBLISHED, KeyState.READY, KeyState.ACTIVE}),
    KeyState.PRE_ACTIVE: frozenset({KeyState.PUBLISHED}),
    KeyState.PUBLISHED: frozenset({KeyState.READY, KeyState.ACTIVE}),
    KeyState.READY: frozenset({KeyState.ACTIVE}),
    KeyState.ACTIVE: frozenset(
        {KeyState.RETIRE_ACTIVE, KeyState.RETIRED, KeyState.POST_ACTIVE, KeyState.REMOVED},
    ),
    KeyState.RETIRE_ACTIVE: frozenset(
        {KeyState.RETIRED, KeyState.POST_ACTIVE, KeyState.REMOVED, KeyState.ACTIVE},
    ),
    KeyState.RETIRED: frozenset({KeyState.REMOVED, KeyState.ACTIVE}),
    KeyState.POST_ACTIVE: frozenset({KeyState.REMOVED}),
    KeyState.REVOKE: frozenset(),
    KeyState.REMOVED: frozenset(),
}
"""To `active` go back keys whose successor was deleted by hand. To `revoke` and from it only an operator leads."""


class IllegalTransition(RuntimeError):
    """Key management was about to lead a key into a state that does not follow from the one it is in."""

    def __init__(self, key: Key, old: KeyState, new: KeyState) -> None:
        super().__init__(
            f"key {key.id} is {old.value} and cannot become {new.value}; correct its timers with xdpdns-keymgr set"
        )
        self.key_id = key.id


def enter(key: Key, state: KeyState, at: int) -> Key:
    """Return `key` as it enters `state` at `at`, its present time.

    Raises IllegalTransition when the table does not have that step.
    """
    old = key_state(key, at)
    if state not in LEGAL[old]:
        raise IllegalTransition(key, old, state)
    return replace(key, timers=key.timers._replace(**{TIMER_OF[state]: at}))


def plan_to_leave(key: Key, state: KeyState, at: int, then: int) -> Key:
    """Return `key` retire-active as of `at`, which enters `state` at `then`; at once, when that is `at`."""
    if then <= at:
        return enter(key, state, at)
    leaving = key if key_state(key, at) is KeyState.RETIRE_ACTIVE else enter(key, KeyState.RETIRE_ACTIVE, at)
    if state not in LEGAL[KeyState.RETIRE_ACTIVE]:
        raise IllegalTransition(key, KeyState.RETIRE_ACTIVE, state)
    return replace(leaving, timers=leaving.timers._replace(**{TIMER_OF[state]: then}))


def reinstate(key: Key, at: int) -> Key:
    """Return `key`, which was leaving or has stopped signing, active as it was before."""
    old = key_state(key, at)
    if KeyState.ACTIVE not in LEGAL[old]:
        raise IllegalTransition(key, old, KeyState.ACTIVE)
    active = key.timers.active or at
    return replace(key, timers=key.timers._replace(active=active, retire_active=0, retire=0, post_active=0, remove=0))
