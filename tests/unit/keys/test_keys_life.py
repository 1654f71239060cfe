# SPDX-License-Identifier: Apache-2.0
"""What begins rollovers and what holds them up: lifetimes, policies, operators, and keys that are missing."""

from dataclasses import replace

import pytest

from control.conf.policy import PolicyConf, SubmissionConf
from control.keys.dnskey import tag_of
from control.keys.events import EventKind
from control.keys.plan import Action, ActionKind
from control.keys.roll import ZoneTiming, force, next_action, ready_key, replaced_keys, roll, spread_s, wake_time
from control.keys.settle import seen_now
from control.keys.state import KeyState, key_state
from control.keys.supply import taken_tags
from control.store.kasp import Key, KeyTimers
from tests.support.keyed_zone import START, KeyedZone, KeyMaker, Parent

PENDING = Parent(is_pending=True)
POLICY = PolicyConf(propagation_delay_s=3, zsk_lifetime_s=0)
TIMING = ZoneTiming(7, 5)


def settled(policy: PolicyConf) -> KeyedZone:
    """A zone whose first keys the parent has confirmed at START."""
    zone = KeyedZone(policy, parent=PENDING)
    zone.sign()
    zone.confirm(0)
    zone.sign()
    return zone


def kinds(zone: KeyedZone) -> list[EventKind]:
    """What was told after the first keys were settled."""
    return [event.kind for _, event in zone.events[2:]]


def states(zone: KeyedZone) -> dict[int, KeyState]:
    """The state of each key, by its number."""
    return {int(key.id, 16): key_state(key, zone.now) for key in zone.keys}


def edit(zone: KeyedZone, number: int, **timers: int) -> None:
    """Set timers of a key as an operator does."""
    zone.keys = tuple(
        replace(key, timers=key.timers._replace(**timers)) if int(key.id, 16) == number else key for key in zone.keys
    )


def lose(zone: KeyedZone, *numbers: int) -> None:
    """Delete keys as an operator does."""
    zone.keys = tuple(key for key in zone.keys if int(key.id, 16) not in numbers)


def test_keys_without_end_stay() -> None:
    """Lifetimes of 0 plan nothing."""
    zone = settled(POLICY)
    zone.run_for(10**9)
    assert states(zone) == {1: KeyState.ACTIVE, 2: KeyState.ACTIVE}
    assert zone.result.wake_at is None


def test_period_of_zsks() -> None:
    """A ZSK is used for its lifetime, less the jitter, and the time its successor is published before."""
    zone = settled(POLICY._replace(zsk_lifetime_s=100))
    zone.shorten = lambda _keys, _now, timing: timing._replace(jitter_s=10)
    zone.run_for(1000)
    starts = [time - START for time, event in zone.events if event.kind is EventKind.ZSK_ROLLOVER]
    assert starts[:4] == [90, 188, 286, 384]


def test_a_ksk_that_waits_for_its_first_ds_is_not_rolled_over() -> None:
    """Its lifetime may pass; ZSKs are rolled over meanwhile."""
    zone = KeyedZone(POLICY._replace(ksk_lifetime_s=50, zsk_lifetime_s=100), parent=PENDING)
    zone.run_for(500)
    told = {event.kind for _, event in zone.events}
    assert told == {EventKind.SUBMISSION_WAITING, EventKind.ZSK_ROLLOVER}
    zone.confirm(0)
    zone.run_for(1)
    assert zone.events[-1][1].kind is EventKind.KSK_ROLLOVER


def test_a_rollover_waits_for_the_one_in_progress() -> None:
    """The ZSK's lifetime ends while a KSK waits for the parent: its rollover begins when that is over."""
    zone = settled(POLICY._replace(zsk_lifetime_s=40))
    zone.run_for(30)
    zone.force("ksk")
    zone.run_for(60)
    assert kinds(zone) == [EventKind.KSK_ROLLOVER, EventKind.SUBMISSION_WAITING]
    zone.confirm(6)
    zone.run_for(5)
    assert EventKind.ZSK_ROLLOVER not in kinds(zone)
    zone.run_for(1)
    assert kinds(zone)[-1] is EventKind.ZSK_ROLLOVER


def test_a_rollover_need_not_wait_for_a_retired_key() -> None:
    """A ZSK that only waits for its DNSKEY record to be removed is no rollover in progress."""
    zone = settled(POLICY)
    zone.force("zsk")
    zone.run_for(9)
    assert states(zone)[2] is KeyState.RETIRED
    zone.force("ksk")
    assert kinds(zone) == [EventKind.ZSK_ROLLOVER, EventKind.KSK_ROLLOVER]


@pytest.mark.parametrize(("kind", "told"), [("ksk", EventKind.KSK_FORCE_IGNORED), ("zsk", EventKind.ZSK_FORCE_IGNORED)])
def test_what_is_forced_during_a_rollover_is_ignored(kind: str, told: EventKind) -> None:
    """An operator is told so, and the keys stay as they are."""
    zone = settled(POLICY)
    zone.force("zsk")
    before = zone.keys
    zone.run_for(1)
    zone.force(kind)
    assert zone.keys == before
    assert zone.events[-1][1].kind is told
    assert zone.events[-1][1].severity == "warning"


def test_there_is_no_zsk_to_be_forced_beside_a_csk() -> None:
    """Under single-type-signing a forced ZSK rollover is ignored."""
    policy = POLICY._replace(single_type_signing=True)
    zone = settled(policy)
    result = force(zone.keys, policy, "zsk", zone.now, zone.generate)
    assert result.keys == zone.keys
    assert [event.kind for event in result.events] == [EventKind.NO_ZSK_TO_FORCE]


def test_what_is_forced_before_a_changed_policy_was_seen_is_ignored() -> None:
    """The rollover to the new algorithm comes first; a key of it alone would break the zone."""
    zone = settled(POLICY)
    zone.policy = zone.policy._replace(algorithm=15)
    zone.force("ksk")
    assert kinds(zone) == [EventKind.KSK_FORCE_IGNORED, EventKind.ALGORITHM_ROLLOVER]


@pytest.mark.parametrize("back", [False, True])
def test_a_policy_changed_during_an_algorithm_rollover_waits(back: bool) -> None:
    """The rollover ends, then that to what the policy says now begins: another algorithm, or the one from before."""
    zone = settled(POLICY)
    zone.parent = Parent()
    zone.policy = zone.policy._replace(algorithm=15)
    zone.run_for(12)
    zone.policy = zone.policy._replace(algorithm=13 if back else 8)
    zone.run_for(300)
    assert kinds(zone).count(EventKind.ALGORITHM_ROLLOVER) == 2
    assert {key.algorithm for key in zone.keys} == {13 if back else 8}
    assert len(zone.removed) == 4


def test_waiting_times_are_those_of_the_policy_when_they_end() -> None:
    """A propagation delay that is raised in the middle of a step counts for that step."""
    zone = settled(POLICY)
    zone.force("zsk")
    zone.run_for(2)
    zone.policy = zone.policy._replace(propagation_delay_s=20)
    zone.run_for(22)
    assert states(zone)[3] is KeyState.PUBLISHED
    zone.run_for(1)
    assert states(zone)[3] is KeyState.ACTIVE


def test_submission_ends_by_time() -> None:
    """After submission.timeout the key counts as confirmed, and the old one leaves at once."""
    zone = settled(POLICY._replace(submission=SubmissionConf("s", timeout_s=30)))
    zone.force("ksk")
    zone.run_for(8)
    action = zone.result.next_action
    assert action is not None
    assert (action.kind, action.time) == (ActionKind.REPLACE, zone.now + 30)
    zone.run_for(29)
    assert states(zone)[3] is KeyState.READY
    zone.run_for(1)
    assert states(zone) == {2: KeyState.ACTIVE, 3: KeyState.ACTIVE}
    assert kinds(zone)[-1] is EventKind.SUBMISSION_CONFIRMED


def test_removed_keys_are_kept_for_the_delete_delay() -> None:
    """They are of the zone until then, in no use, and are given away after that."""
    zone = settled(POLICY._replace(delete_delay_s=50))
    zone.force("zsk")
    zone.run_for(18)
    assert states(zone)[2] is KeyState.REMOVED
    assert zone.result.wake_at == zone.now + 50
    assert zone.result.next_action is not None
    assert zone.result.next_action.words == ""
    zone.run_for(50)
    assert 2 not in states(zone)
    assert [int(key.id, 16) for key in zone.removed] == [2]


def test_however_many_keys_are_due_all_are_done() -> None:
    """Hundreds of removed keys are given away at once."""
    zone = settled(POLICY)
    old = [replace(zone.keys[1], id=f"{number:040x}", timers=KeyTimers(remove=5)) for number in range(100, 600)]
    zone.keys += tuple(old)
    assert zone.sign().removed == tuple(old)


def test_confirming_without_a_ready_key_changes_nothing() -> None:
    """So what an operator confirms twice is harmless."""
    zone = settled(POLICY)
    before, told = zone.keys, len(zone.events)
    zone.confirm(0)
    assert (zone.keys, len(zone.events)) == (before, told)


def test_which_keys_the_parent_is_to_forget() -> None:
    """When a new KSK waits, that is the old KSK; of the ZSKs the parent knows nothing."""
    zone = settled(POLICY)
    zone.force("ksk")
    zone.run_for(8)
    new = ready_key(zone.keys, zone.now)
    assert new is not None
    assert int(new.id, 16) == 3
    assert [int(key.id, 16) for key in replaced_keys(zone.keys, new, zone.now)] == [1]


def test_another_algorithm_stays_when_a_ksk_is_rolled_over() -> None:
    """A zone that was given keys of two algorithms keeps both: only an algorithm rollover ends one."""
    zone = settled(POLICY)
    others = [replace(key, id=letter * 40, algorithm=8) for key, letter in zip(zone.keys, "ab", strict=True)]
    zone.keys += tuple(others)
    zone.force("ksk")
    zone.run_for(8)
    new = ready_key(zone.keys, zone.now)
    assert new is not None
    assert [key.algorithm for key in replaced_keys(zone.keys, new, zone.now)] == [13]
    zone.confirm(0)
    zone.run_for(50)
    assert set(others) < set(zone.keys)
    assert len(zone.keys) == 4


def test_keys_of_another_algorithm_have_no_end() -> None:
    """A key of the policy's algorithm would not replace them, so none is made for that."""
    zone = settled(POLICY._replace(ksk_lifetime_s=1000, zsk_lifetime_s=1000))
    others = [replace(key, id=letter * 40, algorithm=8) for key, letter in zip(zone.keys, "ab", strict=True)]
    zone.keys += tuple(replace(key, timers=key.timers._replace(created=5, active=5)) for key in others)
    zone.run_for(100)
    assert kinds(zone) == []
    assert zone.result.wake_at == START + 1000


def test_of_two_keys_that_wait_the_newest_is_confirmed() -> None:
    """The other one, which an operator made, leaves with the old one."""
    zone = settled(POLICY)
    zone.force("ksk")
    zone.run_for(8)
    edit(zone, 1, active=0)
    zone.confirm(6)
    assert {number: state for number, state in states(zone).items() if number != 2} == {
        1: KeyState.RETIRE_ACTIVE,
        3: KeyState.ACTIVE,
    }
    zone.run_for(6)
    assert states(zone) == {2: KeyState.ACTIVE, 3: KeyState.ACTIVE}


def test_a_key_that_never_got_its_ds_is_replaced_as_one_that_did() -> None:
    """The algorithm changes while the first KSK waits: one key waits at a time, and both leave in order."""
    zone = KeyedZone(POLICY, parent=PENDING)
    zone.run_for(10)
    zone.policy = zone.policy._replace(algorithm=15)
    zone.run_for(18)
    assert states(zone)[1] is KeyState.ACTIVE
    new = ready_key(zone.keys, zone.now)
    assert new is not None
    assert int(new.id, 16) == 3
    zone.confirm(6)
    zone.run_for(20)
    assert states(zone) == {3: KeyState.ACTIVE, 4: KeyState.ACTIVE}


def test_manual_policy_only_follows_timers() -> None:
    """Nothing is made, changed or told; what comes next is the next timer."""
    policy = POLICY._replace(manual=True, zsk_lifetime_s=1, ksk_lifetime_s=1)
    zone = settled(POLICY)
    edit(zone, 2, retire=zone.now + 30, remove=zone.now + 40)
    result = roll(zone.keys, policy, TIMING, zone.now + 5, zone.generate)
    assert result.keys == zone.keys
    assert (result.removed, result.events, result.next_action) == ((), (), None)
    assert result.wake_at == zone.now + 30
    assert next_action(zone.keys, policy, TIMING, zone.now + 100) is None
    assert roll((), policy, TIMING, START, zone.generate).keys == ()
    ignored = force(zone.keys, policy, "ksk", zone.now, zone.generate)
    assert ignored.keys == zone.keys


def test_from_manual_to_automatic_plans_are_given_up() -> None:
    """Timers in the future are cleared, those in the past stay."""
    zone = settled(POLICY)
    edit(zone, 2, retire=zone.now + 30, remove=zone.now + 40)
    zone.run_for(1)
    assert zone.keys[1].timers == KeyTimers(created=START, publish=START, active=START)


def test_without_the_time_of_signing_no_plan_is_given_up() -> None:
    """A clock may have been set back."""
    zone = settled(POLICY)
    edit(zone, 2, retire=zone.now + 30, remove=zone.now + 40)
    assert roll(zone.keys, POLICY, TIMING, zone.now, zone.generate).keys == zone.keys


def test_a_retirement_that_an_operator_began_ends_by_itself() -> None:
    """An old KSK left retire-active leaves when everything that may refer to it is forgotten."""
    zone = settled(POLICY)
    zone.force("ksk")
    zone.run_for(8)
    edit(zone, 3, active=zone.now)
    edit(zone, 1, retire_active=zone.now)
    zone.run_for(1)
    assert zone.result.next_action == Action(ActionKind.RETIRE, zone.now + 9, zone.keys[0])
    zone.run_for(9)
    assert states(zone) == {2: KeyState.ACTIVE, 3: KeyState.ACTIVE}


def test_a_plan_whose_wait_did_not_pass_begins_anew() -> None:
    """Publication and use of a ZSK were planned and passed while the server was down: it is published, and waits."""
    zone = settled(POLICY)
    zone.force("zsk")
    edit(zone, 3, publish=START + 10, active=START + 18)
    edit(zone, 2, retire=START + 18)
    zone.now = START + 100
    zone.sign()
    assert states(zone)[3] is KeyState.PUBLISHED
    assert states(zone)[2] is KeyState.ACTIVE
    zone.run_for(8)
    assert states(zone)[3] is KeyState.ACTIVE


def test_keys_for_later_are_taken_first() -> None:
    """The oldest that fits, as if it was made now; others are made anew."""
    zone = settled(POLICY)
    maker = KeyMaker()
    maker.made = 50
    made = [
        maker(POLICY, is_ksk=False, is_zsk=True, now_s=time, taken_tags=frozenset(), timers=KeyTimers(created=time))
        for time in (START - 500, START - 900)
    ]
    other = replace(made[0], id="f" * 40, algorithm=8, timers=KeyTimers(created=1))
    zone.keys += tuple(replace(key, is_for_later=True) for key in (*made, other))
    zone.run_for(30)
    assert zone.result.wake_at is None
    zone.force("zsk")
    taken = next(key for key in zone.keys if int(key.id, 16) == 52)
    assert taken.timers == KeyTimers(created=zone.now, publish=zone.now)
    assert not taken.is_for_later
    assert zone.generate.made == 2
    zone.run_for(30)
    zone.force("ksk")
    assert zone.generate.made == 3


def test_keys_of_others_are_never_touched() -> None:
    """A key without a private half stays as it is and is nobody's successor."""
    zone = settled(POLICY)
    foreign = replace(zone.keys[0], id="e" * 40, public_key=b"foreign", is_public_only=True)
    zone.keys += (foreign,)
    zone.force("ksk")
    zone.run_for(20)
    zone.confirm(6)
    zone.run_for(100)
    assert foreign in zone.keys


def test_a_new_key_has_no_tag_of_another() -> None:
    """Not even of a KSK once that is revoked."""
    zone = settled(POLICY)
    tags = taken_tags(zone.keys)
    assert len(tags) == 3
    seen: list[frozenset[int]] = []

    def generate(
        policy: PolicyConf, *, is_ksk: bool, is_zsk: bool, now_s: int, taken_tags: frozenset[int], timers: KeyTimers
    ) -> Key:
        seen.append(taken_tags)
        return zone.generate(policy, is_ksk=is_ksk, is_zsk=is_zsk, now_s=now_s, taken_tags=taken_tags, timers=timers)

    force(zone.keys, POLICY, "zsk", zone.now, generate)
    assert seen == [tags]


def test_a_lost_successor_lets_the_old_zsk_sign_again() -> None:
    """The new ZSK was deleted while the old one was still published: caches know that one."""
    zone = settled(POLICY)
    zone.force("zsk")
    zone.run_for(9)
    lose(zone, 3)
    zone.run_for(1)
    assert states(zone) == {1: KeyState.ACTIVE, 2: KeyState.ACTIVE}
    assert kinds(zone)[-1] is EventKind.KEY_REINSTATED


def test_a_lost_ksk_lets_the_leaving_one_stay() -> None:
    """The new KSK was deleted while the old one was about to leave."""
    zone = settled(POLICY)
    zone.force("ksk")
    zone.run_for(8)
    zone.confirm(60)
    zone.run_for(1)
    lose(zone, 3)
    zone.run_for(200)
    assert states(zone) == {1: KeyState.ACTIVE, 2: KeyState.ACTIVE}
    assert EventKind.KEY_REINSTATED in kinds(zone)


@pytest.mark.parametrize(("number", "state"), [(1, KeyState.READY), (2, KeyState.ACTIVE)])
def test_a_deleted_key_is_replaced_at_once(number: int, state: KeyState) -> None:
    """By one of the algorithm of what is left, whatever the policy has; the operator is told."""
    zone = settled(POLICY)
    lose(zone, number)
    zone.policy = zone.policy._replace(algorithm=8, ksk_size=2048, zsk_size=2048)
    result = zone.sign()
    new = next(key for key in result.keys if int(key.id, 16) == 3)
    assert (new.algorithm, new.size, key_state(new, zone.now)) == (13, 256, state)
    event = zone.events[2][1]
    assert (event.kind, event.severity) == (EventKind.KEY_REPLACED, "warning")
    assert event.text == f"new key tag {tag_of(new)} put into use at once, the key before it is missing"


def test_a_published_zsk_comes_before_a_new_one() -> None:
    """The active ZSK was deleted while its successor was published already."""
    zone = settled(POLICY)
    zone.force("zsk")
    lose(zone, 2)
    zone.run_for(1)
    assert states(zone) == {1: KeyState.ACTIVE, 3: KeyState.ACTIVE}


@pytest.mark.parametrize("second", [5, 14])
@pytest.mark.parametrize("number", [3, 4])
def test_half_of_a_new_algorithm_is_made_up_for(number: int, second: int) -> None:
    """One of its keys was deleted: what is not published yet begins anew, else the other half is published as well."""
    zone = settled(POLICY)
    zone.policy = zone.policy._replace(algorithm=15)
    zone.run_for(second)
    lose(zone, number)
    zone.run_for(1)
    incoming = [key for key in zone.keys if key.algorithm == 15]
    assert {key_state(key, zone.now) for key in incoming} == {
        KeyState.PRE_ACTIVE if second == 5 else KeyState.PUBLISHED
    }
    assert {(key.is_ksk, key.is_zsk) for key in incoming} == {(True, False), (False, True)}
    latest = max(key.timers.pre_active for key in incoming)
    if second == 5:
        assert [key.timers.pre_active for key in incoming] == [latest, latest]
    assert kinds(zone)[-1] is EventKind.KEY_REPLACED
    zone.parent = Parent()
    zone.run_for(200)
    assert {key.algorithm for key in zone.keys} == {15}


def test_a_shared_key_that_the_zone_has_is_refused() -> None:
    """What makes keys must not return one of the zone."""
    zone = settled(POLICY)
    first = zone.keys[0]

    def generate(
        _policy: PolicyConf, *, is_ksk: bool, is_zsk: bool, now_s: int, taken_tags: frozenset[int], timers: KeyTimers
    ) -> Key:
        assert (is_ksk, is_zsk, now_s) == (True, False, timers.created)
        return first

    with pytest.raises(ValueError, match="one of the zone already"):
        force(zone.keys, POLICY, "ksk", zone.now, generate)


def test_a_revoked_key_is_no_key_to_trust() -> None:
    """Although it signs the DNSKEY RRset: the only KSK was revoked, and another one is submitted."""
    zone = settled(POLICY)
    edit(zone, 1, revoke=zone.now)
    zone.run_for(1)
    assert states(zone) == {1: KeyState.REVOKE, 2: KeyState.ACTIVE, 3: KeyState.READY}


def test_the_time_of_creation_stays() -> None:
    """A key that was made while the server was down is published as of now, and as old as it is."""
    zone = settled(POLICY)
    edit(zone, 2, created=zone.now + 10, publish=zone.now + 10, active=zone.now + 10)
    zone.be_down_for(50)
    zone.sign()
    (timers,) = (key.timers for key in zone.keys if key.is_zsk)
    assert timers == KeyTimers(created=START + 10, publish=START + 50, active=START + 50)


def test_a_zone_that_lost_all_keys_begins_anew() -> None:
    """With first keys, as a new zone."""
    zone = settled(POLICY)
    lose(zone, 1, 2)
    zone.run_for(1)
    assert states(zone) == {3: KeyState.READY, 4: KeyState.ACTIVE}


def test_a_key_that_does_not_say_since_when_it_is_has_no_end() -> None:
    """An imported key without a time of creation is not rolled over by age."""
    zone = settled(POLICY._replace(ksk_lifetime_s=10))
    edit(zone, 1, created=0)
    assert next_action(zone.keys, zone.policy, TIMING, zone.now + 10**6) is None


def test_the_time_to_wake_is_the_earliest_of_all() -> None:
    """Actions and timers count, those of keys for later do not."""
    zone = settled(POLICY._replace(zsk_lifetime_s=100))
    assert wake_time(zone.keys, zone.policy, TIMING, zone.now) == START + 100
    later = replace(zone.keys[0], id="d" * 40, is_for_later=True, timers=KeyTimers(publish=START + 5))
    foreign = replace(zone.keys[0], id="c" * 40, is_public_only=True, timers=KeyTimers(publish=START + 7))
    assert wake_time((*zone.keys, later, foreign), zone.policy, TIMING, zone.now) == START + 7


def test_jitter_is_the_same_for_a_zone_and_spread_over_zones() -> None:
    """From nothing to the configured time, or percentage of what it changes."""
    zones = [b"\1" + bytes((97 + n % 26, 1, 97 + n // 26)) + b"\0" for n in range(300)]
    timed = [spread_s(zone, POLICY._replace(jitter_s=9), 10**6) for zone in zones]
    assert set(timed) == set(range(10))
    assert timed == [spread_s(zone.upper(), POLICY._replace(jitter_s=9), 1) for zone in zones]
    percent = [spread_s(zone, POLICY._replace(jitter_percent=5), 1000) for zone in zones]
    assert max(percent) == 50
    assert {spread_s(zone, POLICY, 1000) for zone in zones} == {0}


def test_a_step_that_was_seen_late() -> None:
    """A ZSK that was replaced in the store alone waits, once that is answered, as long as if it was replaced then."""
    zone = settled(POLICY)
    zone.force("zsk")
    replaced = zone.now + POLICY.propagation_delay_s + TIMING.dnskey_ttl_s
    keys = roll(zone.keys, POLICY, TIMING, replaced, KeyMaker()).keys
    timing, late = TIMING._replace(signed_at=replaced), replaced + 1000
    before, after = (next_action(some, POLICY, timing, late) for some in (keys, seen_now(keys, timing, late)))
    assert before is not None
    assert after is not None
    assert (before.kind, before.time) == (ActionKind.REMOVE, replaced + 10)
    assert (after.kind, after.time) == (ActionKind.REMOVE, late + 10)
    seen = seen_now(keys, timing, late)
    assert [key.timers.created for key in seen] == [key.timers.created for key in keys]
    assert [key_state(key, late) for key in seen] == [key_state(key, late) for key in keys]
