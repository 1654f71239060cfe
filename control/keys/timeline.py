# SPDX-License-Identifier: Apache-2.0
"""What will become of the keys of a zone: the time line of a rollover, by letting key management go on in thought."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.keys.confirm import confirm, ready_key
from control.keys.dnskey import tag_of
from control.keys.events import EventKind
from control.keys.plan import is_rolling, own_keys
from control.keys.roll import RollResult, roll
from control.keys.state import KeyState, key_state, role_of
from control.keys.timing import ZoneTiming, steady_now
from control.store.kasp import Key, KeyTimers

MOST_ENTRIES = 500


class Entry(NamedTuple):
    """A key enters a state."""

    time: int
    """Unix time."""
    key_id: str
    """Of keys that are still to be made: `new-1` and so on."""
    role: str
    """KSK, ZSK or CSK."""
    tag: int | None
    """None for a key that is still to be made."""
    state: KeyState
    is_expected: bool
    """It depends on the parent zone confirming a key in the time assumed."""


def past_of(keys: Sequence[Key], now: int) -> list[Entry]:
    """Return the states that keys entered until now, by their timers."""
    entries = []
    for key in keys:
        for time in sorted({time for time in key.timers if 0 < time <= now}):
            state = key_state(key, time)
            if state is not KeyState.UNSET:
                entries.append(_entry(key, time, state, is_expected=False))
    return sorted(entries, key=lambda entry: entry.time)


def future_of(
    keys: Sequence[Key],
    policy: PolicyConf,
    timing: ZoneTiming,
    now: int,
    *,
    until: int | None = None,
    confirmed_after_s: int | None = None,
    ds_ttl_s: int = 0,
) -> list[Entry]:
    """Return the states that keys will enter after now, in order of time.

    It goes on until the rollover in progress ends, or the next one when none is; or until the Unix time `until`.
    `confirmed_after_s` is how long the parent is assumed to take for the DS of a key that waits for it, None: it never
    confirms. `ds_ttl_s` is what the key before then waits. At most MOST_ENTRIES are returned.
    """
    course = _Course(keys, policy, timing, now, confirmed_after_s, ds_ttl_s)
    entries: list[Entry] = []
    for entry in course.run(until):
        entries.append(entry)
        if len(entries) == MOST_ENTRIES:
            break
    return entries


class _Course:
    """Key management gone on with in thought."""

    def __init__(
        self,
        keys: Sequence[Key],
        policy: PolicyConf,
        timing: ZoneTiming,
        now: int,
        confirmed_after_s: int | None,
        ds_ttl_s: int,
    ) -> None:
        self.keys = tuple(keys)
        self.policy, self.timing = policy, timing
        self.now = steady_now(now, timing)
        self.confirmed_after_s, self.ds_ttl_s = confirmed_after_s, ds_ttl_s
        self.made = 0
        self.is_expected = False

    def run(self, until: int | None) -> Iterator[Entry]:
        """Yield what happens until then, or until a rollover has ended."""
        states = _states(self.keys, self.now)
        has_rolled = False
        result = self._roll()
        while True:
            yield from self._changes(states, result)
            states = _states(self.keys, self.now)
            has_rolled = has_rolled or is_rolling(self.keys, self.now)
            time = self._next_time(result)
            if time is None or (until is not None and time > until) or (until is None and self._has_ended(has_rolled)):
                return
            self.now = time
            self._confirm()
            result = self._roll()

    def _has_ended(self, has_rolled: bool) -> bool:
        retired = any(key_state(key, self.now) is KeyState.RETIRED for key in own_keys(self.keys))
        return has_rolled and not retired and not is_rolling(self.keys, self.now)

    def _roll(self) -> RollResult:
        result = roll(self.keys, self.policy, self.timing, self.now, self._make)
        self.keys, self.timing = result.keys, self.timing._replace(signed_at=self.now)
        return result

    def _confirm_time(self) -> int | None:
        key = ready_key(self.keys, self.now)
        if key is None or self.confirmed_after_s is None or self.policy.manual:
            return None
        return key.timers.ready + self.confirmed_after_s

    def _confirm(self) -> None:
        time = self._confirm_time()
        if time is not None and time <= self.now:
            self.keys, events = confirm(self.keys, self.now, self.ds_ttl_s)
            self.is_expected = any(event.kind is EventKind.SUBMISSION_CONFIRMED for event in events) or self.is_expected

    def _next_time(self, result: RollResult) -> int | None:
        confirmation = self._confirm_time()
        times = [] if confirmation is None else [max(confirmation, self.now + 1)]
        if result.wake_at is not None:
            times.append(max(result.wake_at, self.now + 1))
        return min(times, default=None)

    def _changes(self, before: dict[str, KeyState], result: RollResult) -> Iterator[Entry]:
        for key in result.keys:
            state = key_state(key, self.now)
            if state is not before.get(key.id, KeyState.UNSET):
                yield _entry(key, self.now, state, is_expected=self.is_expected)
        for key in result.removed:
            if before.get(key.id) is not KeyState.REMOVED:
                yield _entry(key, self.now, KeyState.REMOVED, is_expected=self.is_expected)

    def _make(
        self,
        policy: PolicyConf,
        *,
        is_ksk: bool,
        is_zsk: bool,
        now_s: int,
        taken_tags: frozenset[int],
        timers: KeyTimers,
    ) -> Key:
        self.made += 1
        size = policy.ksk_size if is_ksk else policy.zsk_size
        return Key(f"{NEW}{self.made}", policy.algorithm, size, b"", is_ksk, is_zsk, timers)


NEW = "new-"


def _states(keys: Sequence[Key], now: int) -> dict[str, KeyState]:
    return {key.id: key_state(key, now) for key in keys}


def _entry(key: Key, time: int, state: KeyState, *, is_expected: bool) -> Entry:
    tag = None if key.id.startswith(NEW) else tag_of(key)
    return Entry(time, key.id, role_of(key), tag, state, is_expected)
