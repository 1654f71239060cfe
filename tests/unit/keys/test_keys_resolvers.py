# SPDX-License-Identifier: Apache-2.0
"""At every moment of every rollover all resolvers can validate, whatever they have cached and since when.

And the waiting times are no longer than that needs: one second less, and one resolver cannot.
"""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from control.conf.policy import DAY, PolicyConf, SubmissionConf
from control.keys.roll import ZoneTiming, is_rolling
from control.keys.state import KeyState, key_state
from control.store.kasp import Key
from tests.support.keyed_zone import KeyedZone, Parent
from tests.support.resolvers import find_broken

DELAY = 3
QUIET = PolicyConf(propagation_delay_s=DELAY, zsk_lifetime_s=0)
BUSY = QUIET._replace(zsk_lifetime_s=41, ksk_lifetime_s=103)
MANUAL = Parent(is_manual=True)
SLOW = Parent(ds_ttl_s=11, after_s=30, check_s=4)


def begun(policy: PolicyConf, parent: Parent | None = None) -> KeyedZone:
    """A zone that has been signed for a while, with its DS in the parent."""
    zone = KeyedZone(policy, parent=parent)
    zone.run_for(60)
    assert zone.parent_shown[-1].ds
    return zone


def assert_unbroken(zone: KeyedZone) -> None:
    assert find_broken(zone, DELAY) == []


def force_ksk(zone: KeyedZone) -> None:
    zone.force("ksk")


def force_zsk(zone: KeyedZone) -> None:
    zone.force("zsk")


def change(**fields: object) -> Callable[[KeyedZone], None]:
    def apply(zone: KeyedZone) -> None:
        zone.policy = zone.policy._replace(**fields)  # type: ignore[arg-type]

    return apply


ROLLS: dict[str, tuple[bool, Callable[[KeyedZone], None]]] = {
    "ksk": (False, force_ksk),
    "zsk": (False, force_zsk),
    "csk": (True, force_ksk),
    "algorithm": (False, change(algorithm=15)),
    "algorithm-csk": (True, change(algorithm=15)),
    "to-csk": (False, change(single_type_signing=True)),
    "from-csk": (True, change(single_type_signing=False)),
    "both-to-csk": (False, change(single_type_signing=True, algorithm=8)),
    "both-from-csk": (True, change(single_type_signing=False, algorithm=8)),
}


@pytest.mark.parametrize("parent", [Parent(), MANUAL, SLOW], ids=["quick", "manual", "slow"])
@pytest.mark.parametrize("name", ROLLS)
def test_a_rollover_breaks_no_resolver(name: str, parent: Parent) -> None:
    """Each kind of rollover, with a parent that is quick, slow or confirmed by hand, and it ends with new keys."""
    is_csk, begin = ROLLS[name]
    zone = begun(QUIET._replace(single_type_signing=is_csk), parent)
    before = {key.id for key in zone.keys}
    begin(zone)
    zone.run_for(200)
    assert_unbroken(zone)
    assert not is_rolling(zone.keys, zone.now)
    after = {key.id for key in zone.keys}
    assert len(after & before) == (1 if name in ("ksk", "zsk") else 0)
    assert after - before


def when(states: Sequence[KeyState], **shorter: int) -> Callable[[tuple[Key, ...], int, ZoneTiming], ZoneTiming]:
    """The timing with these fields shorter by so much while a key is in one of the states."""

    def shorten(keys: tuple[Key, ...], now: int, timing: ZoneTiming) -> ZoneTiming:
        if any(key_state(key, now) in states for key in keys):
            return timing._replace(**{field: getattr(timing, field) - less for field, less in shorter.items()})
        return timing

    return shorten


PUBLISHED, PRE_ACTIVE, RETIRED = [KeyState.PUBLISHED], [KeyState.PRE_ACTIVE], [KeyState.RETIRED]
MUTATIONS = {
    "KSK submitted early": ("ksk", Parent(), when(PUBLISHED, dnskey_ttl_s=1)),
    "CSK submitted early": ("csk", Parent(), when(PUBLISHED, dnskey_ttl_s=1)),
    "ZSK used early": ("zsk", Parent(), when(PUBLISHED, dnskey_ttl_s=1)),
    "old ZSK removed early": ("zsk", Parent(), when(RETIRED, zone_max_ttl_s=1)),
    "old CSK removed early": ("csk", MANUAL, when(RETIRED, zone_max_ttl_s=1)),
    "new algorithm published early": ("algorithm", Parent(), when(PRE_ACTIVE, zone_max_ttl_s=1)),
    "new algorithm submitted early": ("algorithm", Parent(), when(PUBLISHED, dnskey_ttl_s=1)),
    "old algorithm removed early": ("algorithm", Parent(), when([KeyState.POST_ACTIVE], dnskey_ttl_s=1)),
    "new scheme submitted early": ("to-csk", Parent(), when(PUBLISHED, dnskey_ttl_s=1)),
    "old ZSK removed early for a CSK": ("to-csk", Parent(), when(RETIRED, zone_max_ttl_s=1)),
    "CSK removed early for others": ("from-csk", MANUAL, when(RETIRED, zone_max_ttl_s=8)),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_every_wait_is_needed(name: str) -> None:
    """One second less than the waiting time of any step, and some resolver is broken."""
    roll_name, parent, shorten = MUTATIONS[name]
    is_csk, begin = ROLLS[roll_name]
    zone = begun(QUIET._replace(single_type_signing=is_csk), parent)
    zone.shorten = shorten
    begin(zone)
    for _ in range(100):
        zone.run_for(1)
    assert find_broken(zone, DELAY)


@pytest.mark.parametrize("name", ["ksk", "csk", "algorithm", "to-csk", "from-csk", "both-to-csk", "both-from-csk"])
def test_the_ttl_of_the_ds_is_waited_for(name: str) -> None:
    """Old keys that leave a second before the DS records from before are forgotten break some resolver."""
    is_csk, begin = ROLLS[name]
    zone = begun(QUIET._replace(single_type_signing=is_csk))
    zone.wrong_ds_ttl_s = zone.parent.ds_ttl_s - 1
    begin(zone)
    zone.run_for(200)
    assert find_broken(zone, DELAY)


@pytest.mark.parametrize("name", ROLLS)
def test_downtime_at_any_moment_breaks_no_resolver(name: str) -> None:
    """The server is down from any second of a rollover on, for seconds or through several due times."""
    is_csk, begin = ROLLS[name]
    for start in range(60):
        for length in (4, 40):
            zone = begun(QUIET._replace(single_type_signing=is_csk))
            begin(zone)
            zone.run_for(start)
            zone.be_down_for(length)
            zone.run_for(100)
            assert_unbroken(zone)
            assert not is_rolling(zone.keys, zone.now), (start, length)


def test_without_the_time_of_signing_downtime_would_break() -> None:
    """What was planned and passed while the server was down counts from when it really happened, and has to."""
    zone = begun(QUIET)
    zone.keeps_signing_time = False
    zone.policy = zone.policy._replace(algorithm=15)
    while not any(key_state(key, zone.now) is KeyState.RETIRE_ACTIVE and key.is_ksk for key in zone.keys):
        zone.run_for(1)
    zone.be_down_for(100)
    zone.run_for(100)
    assert find_broken(zone, DELAY)


@pytest.mark.parametrize("name", ROLLS)
def test_a_clock_that_is_set_back_breaks_no_resolver(name: str) -> None:
    """At any second of a rollover: nothing is un-published, and the rollover goes on when the clock has caught up."""
    is_csk, begin = ROLLS[name]
    for moment in range(50):
        zone = begun(QUIET._replace(single_type_signing=is_csk))
        begin(zone)
        zone.run_for(moment)
        zone.sign()
        shown, was = zone.shown[-1], zone.now
        zone.now -= 1000
        zone.sign_in_the_past(was)
        assert zone.shown[-1] == shown
        zone.now = was
        zone.run_for(200)
        assert_unbroken(zone)
        assert not is_rolling(zone.keys, zone.now)


def test_years_of_policy() -> None:
    """Six years with usual times, in which algorithm and scheme change and keys are rolled over by hand."""
    submission = SubmissionConf("s")
    policy = PolicyConf(
        ksk_lifetime_s=200 * DAY, zsk_lifetime_s=30 * DAY, submission=submission, propagation_delay_s=3600
    )
    zone = KeyedZone(policy, max_ttl_s=DAY, dnskey_ttl_s=7200, parent=Parent(ds_ttl_s=DAY, after_s=7000, check_s=900))
    changes = [{"algorithm": 8}, {"single_type_signing": True}, {"algorithm": 13, "single_type_signing": False}]
    for year in range(6):
        zone.run_for(150 * DAY)
        zone.force("zsk" if year % 2 else "ksk")
        zone.run_for(3 * DAY)
        zone.be_down_for(9 * DAY)
        zone.policy = zone.policy._replace(**changes[year % 3])
        zone.run_for(203 * DAY)
    assert find_broken(zone, 3600) == []
    assert {key.algorithm for key in zone.keys} == {13}
    assert len(zone.removed) > 60


Operation = tuple[str, int]
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["run", "run", "run", "down", "ksk", "zsk", "algorithm", "scheme", "life", "parent", "ttl", "manual"]
        ),
        st.integers(0, 59),
    ),
    max_size=30,
)


def apply(zone: KeyedZone, operation: Operation) -> None:
    kind, number = operation
    policy = zone.policy
    match kind:
        case "run":
            zone.run_for(number)
        case "down":
            zone.be_down_for(0 if policy.manual else number)
        case "ksk" | "zsk":
            zone.force(kind)
        case "algorithm":
            zone.policy = policy._replace(algorithm=(8, 13, 15)[number % 3])
        case "scheme":
            zone.policy = policy._replace(single_type_signing=number % 2 == 1)
        case "life":
            zone.policy = policy._replace(zsk_lifetime_s=27 + number, ksk_lifetime_s=3 * number)
        case "parent":
            parent = zone.parent._replace(after_s=number // 2, check_s=number % 4, is_manual=number % 5 == 0)
            zone.change_parent(parent)
        case "ttl":
            zone.max_ttl_s, zone.dnskey_ttl_s = 1 + number % 10, 1 + number % 7
        case "manual":
            zone.policy = policy._replace(manual=number % 2 == 1)


@given(OPERATIONS, st.booleans())
@example([("algorithm", 0), ("parent", 2), ("run", 19), ("parent", 0)], False)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_no_resolver_breaks(operations: list[Operation], is_csk: bool) -> None:
    """Any sequence of forced rollovers, changed policies and TTLs, downtime, parents quick and slow."""
    zone = KeyedZone(BUSY._replace(single_type_signing=is_csk))
    zone.run_for(30)
    for operation in operations:
        apply(zone, operation)
    zone.policy = zone.policy._replace(manual=False, ksk_lifetime_s=0, zsk_lifetime_s=0)
    zone.run_for(600)
    assert_unbroken(zone)
    assert not is_rolling(zone.keys, zone.now)
    assert {key.algorithm for key in zone.keys} == {zone.policy.algorithm}
    roles = sorted((key.is_ksk, key.is_zsk) for key in zone.keys)
    assert roles == ([(True, True)] if zone.policy.single_type_signing else [(False, True), (True, False)])
