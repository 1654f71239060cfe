# SPDX-License-Identifier: Apache-2.0
"""A zone whose keys are managed over years within a test: no cryptography, a clock that jumps from event to event.

What the zone showed and what the parent showed is written down, for `tests.support.resolvers` to look at.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.keys.events import Event
from control.keys.roll import RollResult, ZoneTiming, confirm, force, ready_key, roll
from control.keys.state import in_log_order, role_of, use_of, use_words
from control.store.kasp import Key, KeyTimers

START = 1_000_000

Token = tuple[str, int]
"""A key as resolvers see it: its id and algorithm."""


class KeyMaker:
    """Makes keys out of numbers: the nth key has the id n in forty digits."""

    def __init__(self) -> None:
        self.made = 0
        self.requests: list[tuple[PolicyConf, bool, bool]] = []

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
        assert timers.created == now_s
        self.requests.append((policy, is_ksk, is_zsk))
        while True:
            self.made += 1
            public, size = (self.made * 1000).to_bytes(4, "big"), policy.ksk_size if is_ksk else policy.zsk_size
            key = Key(f"{self.made:040x}", policy.algorithm, size, public, is_ksk, is_zsk, timers)
            if tag_of(key) not in taken_tags:
                return key


class Shown(NamedTuple):
    """What the zone's primary showed from a time on."""

    since: int
    dnskeys: frozenset[Token]
    key_signers: frozenset[Token]
    zone_signers: frozenset[Token]
    dnskey_ttl_s: int
    max_ttl_s: int


class ParentShown(NamedTuple):
    """What the parent zone showed from a time on."""

    since: int
    ds: frozenset[Token]


class Parent(NamedTuple):
    """How the parent zone behaves."""

    ds_ttl_s: int = 6
    after_s: int = 0
    """From the submission of a key until its DS is published, instead of all others."""
    check_s: int = 0
    """From then until the server sees it."""
    is_manual: bool = False
    """The operator confirms when the DS records from before are forgotten; the server then waits no more."""
    is_pending: bool = False
    """It does nothing."""


Shorten = Callable[[tuple[Key, ...], int, ZoneTiming], ZoneTiming]


class KeyedZone:
    """A zone with a policy, its keys, a parent, and their past."""

    def __init__(
        self,
        policy: PolicyConf,
        *,
        max_ttl_s: int = 7,
        dnskey_ttl_s: int = 5,
        parent: Parent | None = None,
        shorten: Shorten | None = None,
    ) -> None:
        self.policy = policy
        self.max_ttl_s = max_ttl_s
        self.dnskey_ttl_s = dnskey_ttl_s
        self.parent = parent or Parent()
        self.shorten = shorten
        self.wrong_ds_ttl_s: int | None = None
        """What the server believes the TTL of the DS records to be; None: the truth."""
        self.keeps_signing_time = True
        self.now = START
        self.signed_at = 0
        self.keys: tuple[Key, ...] = ()
        self.removed: list[Key] = []
        self.generate = KeyMaker()
        self.shown: list[Shown] = []
        self.parent_shown = [ParentShown(0, frozenset())]
        self.events: list[tuple[int, Event]] = []
        self.log: list[tuple[int, str]] = []
        self.result = RollResult(())
        self._ttls: list[tuple[int, int, int]] = []
        self._ready_since: dict[str, int] = {}
        self._parent_since = 0

    def sign(self) -> RollResult:
        """Let the server look at the keys and sign, as it does when it is up and something is due."""
        self._roll()
        while self._follow_parent():
            self._roll()
        return self.result

    def _roll(self) -> None:
        self.result = roll(self.keys, self.policy, self._timing(), self.now, self.generate)
        self.keys = self.result.keys
        self.removed.extend(self.result.removed)
        self._note(self.result.events)
        self.signed_at = self.now
        self._show()

    def change_parent(self, parent: Parent) -> None:
        """Let the parent behave otherwise from now on; what it did stays done."""
        self._publish_ds()
        self.parent, self._parent_since = parent, self.now

    def confirm(self, ds_ttl_s: int) -> None:
        """Let the DS of the key that is ready be seen."""
        self.keys, events = confirm(self.keys, self.now, ds_ttl_s)
        self._note(events)

    def force(self, kind: str) -> RollResult:
        """Let an operator begin a rollover; the server signs after it."""
        result = force(self.keys, self.policy, kind, self.now, self.generate)
        self.keys = result.keys
        self._note(result.events)
        return self.sign()

    def run_for(self, seconds: int) -> None:
        """Let time pass, the server up."""
        end = self.now + seconds
        self.sign()
        while (due := self._next_time()) is not None and due <= end:
            self.now = due
            self.sign()
        self.now = end

    def be_down_for(self, seconds: int) -> None:
        """Let time pass, the server down: the zone stays as it is, the parent goes on."""
        self.now += seconds
        self._publish_ds()

    def sign_in_the_past(self, signed_at: int) -> None:
        """Let the server sign by a clock that shows less than when it signed last."""
        result = roll(self.keys, self.policy, self._timing(), self.now, self.generate)
        self.keys, self.result = result.keys, result
        self.now = signed_at
        self._show()

    def lines(self) -> list[str]:
        """Return the keys as the log has them, tags replaced by the numbers of the keys."""
        return [self._line(key) for key in in_log_order(self.keys)]

    def _line(self, key: Key) -> str:
        words = use_words(use_of(key, self.now, self.keys))
        return " ".join((f"{role_of(key)}{int(key.id, 16)}", *words))

    def _timing(self) -> ZoneTiming:
        """The largest TTLs that caches may still have something with."""
        self._ttls.append((self.now, self.max_ttl_s, self.dnskey_ttl_s))
        delay = self.policy.propagation_delay_s
        ends = [*(since for since, _, _ in self._ttls[1:]), self.now + 1]
        held = list(zip(ends, self._ttls, strict=True))
        max_ttl = max(ttl for end, (_, ttl, _) in held if end + delay + ttl > self.now)
        dnskey_ttl = max(ttl for end, (_, _, ttl) in held if end + delay + ttl > self.now)
        self._ttls = [ttls for end, ttls in held if end + delay + max(ttls[1:]) > self.now]
        signed_at = self.signed_at if self.keeps_signing_time else 0
        timing = ZoneTiming(max_ttl, dnskey_ttl, signed_at=signed_at)
        return self.shorten(self.keys, self.now, timing) if self.shorten is not None else timing

    def _note(self, events: Iterable[Event]) -> None:
        self.events.extend((self.now, event) for event in events)

    def _show(self) -> None:
        uses = [(_token(key), use_of(key, self.now, self.keys)) for key in self.keys]
        shown = Shown(
            self.now,
            frozenset(token for token, use in uses if use.is_public),
            frozenset(token for token, use in uses if use.signs_keys),
            frozenset(token for token, use in uses if use.signs_zone),
            self.dnskey_ttl_s,
            self.max_ttl_s,
        )
        if not self.shown or self.shown[-1][1:] != shown[1:]:
            self.shown.append(shown)

    def _ready(self) -> tuple[Key, int] | None:
        key = ready_key(self.keys, self.now)
        if key is None or self.parent.is_pending:
            return None
        return key, self._ready_since.setdefault(key.id, self.now)

    def _ds_time(self, ready: tuple[Key, int]) -> int:
        """When the parent publishes, or published, the DS of the key that is ready."""
        shown = self.parent_shown[-1]
        if shown.ds == frozenset({_token(ready[0])}):
            return shown.since
        return max(ready[1] + self.parent.after_s, self._parent_since)

    def _confirm_time(self, ready: tuple[Key, int]) -> int:
        patience = self.parent.ds_ttl_s if self.parent.is_manual else 0
        return self._ds_time(ready) + self.parent.check_s + patience

    def _publish_ds(self) -> None:
        ready = self._ready()
        if ready is None or self._ds_time(ready) > self.now:
            return
        ds = frozenset({_token(ready[0])})
        if self.parent_shown[-1].ds != ds:
            self.parent_shown.append(ParentShown(self._ds_time(ready), ds))

    def _follow_parent(self) -> bool:
        """Whether a key has been confirmed."""
        self._publish_ds()
        ready = self._ready()
        if ready is None or self._confirm_time(ready) > self.now or self.policy.manual:
            return False
        truth = 0 if self.parent.is_manual else self.parent.ds_ttl_s
        self.confirm(truth if self.wrong_ds_ttl_s is None else self.wrong_ds_ttl_s)
        return True

    def _next_time(self) -> int | None:
        ready = self._ready()
        times = [] if ready is None or self.policy.manual else [self._confirm_time(ready)]
        if ready is not None:
            times.append(self._ds_time(ready))
        if self.result.wake_at is not None:
            times.append(self.result.wake_at)
        return min((time for time in times if time > self.now), default=None)


def _token(key: Key) -> Token:
    return (key.id, key.algorithm)
