# SPDX-License-Identifier: Apache-2.0
"""States and uses of keys by their timers, and the changes of state that are legal."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.keys.state import (
    TIMER_OF,
    KeyState,
    KeyUse,
    in_log_order,
    key_state,
    role_of,
    state_of,
    use_of,
    use_words,
)
from control.keys.transition import LEGAL, IllegalTransition, enter, plan_to_leave, reinstate
from control.store.kasp import Key, KeyTimers

NOW = 1000
KSK, ZSK, CSK = (True, False), (False, True), (True, True)


def key_of(
    role: tuple[bool, bool], state: KeyState = KeyState.UNSET, *, number: int = 1, algorithm: int = 13, **timers: int
) -> Key:
    """A key in a state since ten seconds."""
    times = KeyTimers(created=1, **timers)
    if state is not KeyState.UNSET:
        times = times._replace(**{TIMER_OF[state]: NOW - 10})
    return Key(f"{number:040x}", algorithm, 256, bytes((number,)), *role, times)


def words(key: Key, *others: Key) -> str:
    """The use of a key beside others, as in log lines and by what it signs."""
    use = use_of(key, NOW, (key, *others))
    signs = [name for name, does in (("K", use.signs_keys), ("Z", use.signs_zone)) if does]
    return " ".join([*use_words(use), *signs])


@pytest.mark.parametrize("state", list(TIMER_OF))
def test_a_state_begins_with_its_timer(state: KeyState) -> None:
    """In the second of the timer, and not before; 0 is never."""
    timers = KeyTimers(**{TIMER_OF[state]: NOW})
    assert state_of(timers, NOW) is state
    assert state_of(timers, NOW - 1) is KeyState.UNSET
    assert state_of(KeyTimers(), NOW) is KeyState.UNSET


def test_later_states_end_earlier_ones() -> None:
    """By the order of states, whatever the order of times."""
    for index, state in enumerate(TIMER_OF):
        timers = KeyTimers(**{field: NOW - i for i, field in enumerate(list(TIMER_OF.values())[: index + 1])})
        assert state_of(timers, NOW) is state


def test_states_of_ksks_are_none_of_zsks() -> None:
    """A ZSK is neither ready nor revoked."""
    timers = KeyTimers(publish=1, ready=2, revoke=3)
    assert state_of(timers, NOW) is KeyState.REVOKE
    assert state_of(timers, NOW, is_ksk=False) is KeyState.PUBLISHED
    assert key_state(key_of(ZSK, KeyState.READY, publish=5), NOW) is KeyState.PUBLISHED


USES = {
    KeyState.UNSET: ("", "", ""),
    KeyState.PRE_ACTIVE: ("", "active+ Z", "active+ Z"),
    KeyState.PUBLISHED: ("public active+ K", "public", "public active+ K"),
    KeyState.READY: ("public ready active+ K", "", "public ready active+ K Z"),
    KeyState.ACTIVE: ("public active K", "public active Z", "public active K Z"),
    KeyState.RETIRE_ACTIVE: ("public active+ K", "public active+ Z", "public active+ K Z"),
    KeyState.RETIRED: ("", "public", "public"),
    KeyState.POST_ACTIVE: ("", "active+ Z", "active+ Z"),
    KeyState.REVOKE: ("public active+ K", "", "public active+ K"),
    KeyState.REMOVED: ("", "", ""),
}


@pytest.mark.parametrize("state", list(KeyState))
def test_what_a_key_is_used_for(state: KeyState) -> None:
    """Each state of a KSK, a ZSK and a CSK that is alone."""
    assert tuple(words(key_of(role, state)) for role in (KSK, ZSK, CSK)) == USES[state]


@pytest.mark.parametrize("state", list(KeyState))
def test_keys_without_a_private_half_never_sign(state: KeyState) -> None:
    """They are published as others are."""
    key = key_of(CSK, state)
    use = use_of(replace(key, is_public_only=True), NOW, [key])
    assert use.is_public is use_of(key, NOW, [key]).is_public
    assert not any((use.is_active, use.is_active_plus, use.signs_keys, use.signs_zone))


@pytest.mark.parametrize("state", list(KeyState))
def test_keys_for_later_do_nothing(state: KeyState) -> None:
    """Whatever their timers."""
    assert use_of(replace(key_of(CSK, state), is_for_later=True), NOW, ()) == KeyUse()


def test_a_key_of_a_new_algorithm_goes_on_signing_when_it_is_published() -> None:
    """As it did before, so that the algorithm of each DNSKEY signs everything."""
    assert words(key_of(ZSK, KeyState.PUBLISHED, pre_active=5)) == "public active+ Z"
    assert words(key_of(CSK, KeyState.PUBLISHED, pre_active=5)) == "public active+ K Z"
    assert words(key_of(KSK, KeyState.PUBLISHED, pre_active=5)) == "public active+ K"


@pytest.mark.parametrize("state", [KeyState.READY, KeyState.RETIRE_ACTIVE])
def test_a_csk_leaves_the_zone_to_an_active_key(state: KeyState) -> None:
    """Of its algorithm and with a private half; it signs the zone itself otherwise."""
    csk, active = key_of(CSK, state), key_of(ZSK, KeyState.ACTIVE, number=2)
    assert words(csk, active).endswith("active+ K")
    assert words(csk, key_of(CSK, KeyState.ACTIVE, number=2)).endswith("active+ K")
    for other in (
        replace(active, algorithm=8),
        replace(active, is_public_only=True),
        replace(active, is_for_later=True),
        key_of(ZSK, KeyState.PUBLISHED, number=2),
        key_of(KSK, KeyState.ACTIVE, number=2),
    ):
        assert words(csk, other).endswith("active+ K Z")


def test_a_revoked_key_is_told_apart() -> None:
    """Only a KSK or CSK, and only until it is removed."""
    assert use_of(key_of(KSK, KeyState.REVOKE, active=5), NOW, ()).is_revoked
    assert not use_of(key_of(ZSK, KeyState.REVOKE, active=5), NOW, ()).is_revoked
    assert not use_of(key_of(KSK, KeyState.REVOKE, remove=NOW), NOW, ()).is_revoked


def test_order_of_log_lines() -> None:
    """As keys came into the zone; those that are not in it are last."""
    keys = [
        key_of(ZSK, number=1),
        key_of(ZSK, number=2, publish=20),
        key_of(KSK, number=3, publish=20),
        key_of(ZSK, number=4, pre_active=10, publish=30),
    ]
    assert [int(key.id, 16) for key in in_log_order(keys)] == [4, 3, 2, 1]
    assert [role_of(key_of(role)) for role in (KSK, ZSK, CSK)] == ["KSK", "ZSK", "CSK"]


TIMES = st.sampled_from([0, 0, 1, 500, NOW, NOW + 1, 2**40])


@given(st.tuples(*[TIMES] * 10), st.sampled_from([KSK, ZSK, CSK]))
def test_any_timers_have_a_state(times: tuple[int, ...], role: tuple[bool, bool]) -> None:
    """Contradictory ones as well; signing without being published is only for ZSKs and CSKs in two states."""
    key = Key("a" * 40, 13, 256, b"x", *role, KeyTimers(*times))
    state, use = key_state(key, NOW), use_of(key, NOW, [key])
    assert use.signs_zone <= key.is_zsk
    assert use.signs_keys <= (key.is_ksk and use.is_public)
    if use.signs_zone and not use.is_public:
        assert state in (KeyState.PRE_ACTIVE, KeyState.POST_ACTIVE)


@pytest.mark.parametrize("old", list(KeyState))
@pytest.mark.parametrize("new", list(TIMER_OF))
def test_only_legal_changes_are_made(old: KeyState, new: KeyState) -> None:
    """Of all pairs of states those of the table lead to the new state, and the others are refused."""
    key = key_of(CSK, old)
    if new not in LEGAL[old]:
        with pytest.raises(IllegalTransition, match=f"{old.value} and cannot become {new.value}"):
            enter(key, new, NOW)
    elif new is not KeyState.ACTIVE or old in (KeyState.UNSET, KeyState.PUBLISHED, KeyState.READY):
        assert key_state(enter(key, new, NOW), NOW) is new


@pytest.mark.parametrize("old", list(KeyState))
def test_only_what_was_leaving_is_put_back(old: KeyState) -> None:
    """A key that is retire-active or retired is active again; what the others are stays a matter of the table."""
    key = key_of(CSK, old)
    if KeyState.ACTIVE in LEGAL[old]:
        assert key_state(reinstate(key, NOW), NOW) is KeyState.ACTIVE
    else:
        with pytest.raises(IllegalTransition):
            reinstate(key, NOW)


def test_leaving_is_planned() -> None:
    """Until then the key is retire-active; without a wait it leaves at once."""
    key = key_of(CSK, KeyState.ACTIVE)
    leaving = plan_to_leave(key, KeyState.RETIRED, NOW, NOW + 7)
    assert [key_state(leaving, time) for time in (NOW, NOW + 6, NOW + 7)] == [
        KeyState.RETIRE_ACTIVE,
        KeyState.RETIRE_ACTIVE,
        KeyState.RETIRED,
    ]
    assert key_state(plan_to_leave(key, KeyState.RETIRED, NOW, NOW), NOW) is KeyState.RETIRED
    with pytest.raises(IllegalTransition):
        plan_to_leave(key, KeyState.PUBLISHED, NOW, NOW + 7)
