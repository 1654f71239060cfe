# SPDX-License-Identifier: Apache-2.0
"""Key management copes with whatever it finds: contradictory timers, keys that operators deleted or made."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from control.conf.policy import PolicyConf, SubmissionConf
from control.keys.check import check_keyset
from control.keys.roll import ZoneTiming, confirm, force, is_rolling, roll
from control.keys.state import KeyState, key_state
from control.store.kasp import Key, KeyTimers
from tests.support.keyed_zone import START, KeyedZone, KeyMaker

ROLES = ((True, False), (False, True), (True, True))
TIMES = st.one_of(st.just(0), st.integers(START - 60, START + 60), st.sampled_from([1, 2**40]))


@st.composite
def any_keys(draw: Callable[[st.SearchStrategy[int]], int]) -> tuple[Key, ...]:
    """Up to five keys with any timers."""
    keys = []
    for number in range(draw(st.integers(0, 5))):
        is_ksk, is_zsk = ROLES[draw(st.integers(0, 2))]
        timers = KeyTimers(*(draw(TIMES) for _ in KeyTimers._fields))
        algorithm = (8, 13, 15)[draw(st.integers(0, 2))]
        key = Key(f"{900 + number:040x}", algorithm, 256, bytes((number, 1)), is_ksk, is_zsk, timers)
        kind = draw(st.integers(0, 9))
        keys.append(replace(key, is_public_only=kind == 0, is_for_later=kind == 1))
    return tuple(keys)


def of_fields(kind: Callable[..., object], **fields: Sequence[object]) -> st.SearchStrategy[object]:
    """Values made with one of the possibilities for each field."""
    choices = st.tuples(*(st.sampled_from(values) for values in fields.values()))
    return choices.map(lambda chosen: kind(**dict(zip(fields, chosen, strict=True))))


POLICIES = of_fields(
    PolicyConf,
    manual=[*[False] * 9, True],
    single_type_signing=[False, True],
    algorithm=[8, 13, 15],
    ksk_lifetime_s=[0, 30, 300],
    zsk_lifetime_s=[0, 30, 300],
    delete_delay_s=[0, 20],
    propagation_delay_s=[0, 3],
    submission=[None, SubmissionConf("s", timeout_s=9)],
)
TIMINGS = of_fields(
    ZoneTiming,
    zone_max_ttl_s=[0, 1, 9],
    dnskey_ttl_s=[0, 1, 9],
    signed_at=[0, START - 40, START - 1, START + 9],
)


@given(any_keys(), POLICIES, TIMINGS, st.sampled_from(["", "ksk", "zsk", "confirm"]))
@settings(max_examples=150, deadline=None)
def test_any_keys_can_be_managed(keys: tuple[Key, ...], policy: PolicyConf, timing: ZoneTiming, also: str) -> None:
    """Nothing is refused, all that is due is done at once, no key gets lost, and there are keys that sign."""
    maker = KeyMaker()
    at = max(START, timing.signed_at)
    if also == "confirm":
        keys, _ = confirm(keys, at, 5)
    elif also:
        keys = force(keys, policy, also, at, maker).keys
    first = roll(keys, policy, timing, START, maker)
    again = roll(first.keys, policy, timing._replace(signed_at=timing.signed_at and at), START, maker)
    assert again == first._replace(removed=(), events=())
    assert first.wake_at is None or first.wake_at > at
    assert {key.id for key in keys} <= {key.id for key in (*first.keys, *first.removed)}
    assert all(key_state(key, at) is KeyState.REMOVED for key in first.removed)
    if not policy.manual:
        assert [why for why in check_keyset(first.keys, policy, at) if why == "no key signs the zone"] == []


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["run", "lose", "ksk", "zsk", "algorithm", "scheme", "down"]), st.integers(0, 40)),
    max_size=25,
)


def apply(zone: KeyedZone, kind: str, number: int) -> None:
    policy = zone.policy
    match kind:
        case "run":
            zone.run_for(number)
        case "down":
            zone.be_down_for(number)
        case "lose":
            lost = number % max(len(zone.keys), 1)
            zone.keys = tuple(key for index, key in enumerate(zone.keys) if index != lost)
        case "ksk" | "zsk":
            zone.force(kind)
        case "algorithm":
            zone.policy = policy._replace(algorithm=(8, 13, 15)[number % 3])
        case "scheme":
            zone.policy = policy._replace(single_type_signing=number % 2 == 1)


@given(OPERATIONS)
@settings(max_examples=200, deadline=None)
def test_whatever_is_deleted_the_zone_recovers(operations: list[tuple[str, int]]) -> None:
    """Keys are deleted in any phase of any rollover: in the end there are those that the policy wants and no others."""
    zone = KeyedZone(PolicyConf(propagation_delay_s=3, zsk_lifetime_s=60, ksk_lifetime_s=150))
    zone.run_for(30)
    for kind, number in operations:
        apply(zone, kind, number)
    zone.policy = zone.policy._replace(ksk_lifetime_s=0, zsk_lifetime_s=0)
    zone.run_for(1000)
    assert not is_rolling(zone.keys, zone.now)
    assert check_keyset(zone.keys, zone.policy, zone.now) == []
    roles = sorted((key.is_ksk, key.is_zsk, key.algorithm) for key in zone.keys)
    wanted = [(True, True)] if zone.policy.single_type_signing else [(False, True), (True, False)]
    assert roles == [(*role, zone.policy.algorithm) for role in wanted]
