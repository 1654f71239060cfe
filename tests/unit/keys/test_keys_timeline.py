# SPDX-License-Identifier: Apache-2.0
"""The time line of a zone's keys tells what then comes true."""

from dataclasses import replace

import pytest

from control.conf.policy import PolicyConf
from control.keys.roll import ZoneTiming
from control.keys.state import KeyState, key_state
from control.keys.timeline import MOST_ENTRIES, Entry, future_of, past_of
from tests.support.keyed_zone import START, KeyedZone, Parent

PENDING = Parent(is_pending=True)
POLICY = PolicyConf(propagation_delay_s=3, zsk_lifetime_s=0)


def settled(policy: PolicyConf) -> KeyedZone:
    zone = KeyedZone(policy, parent=PENDING)
    zone.sign()
    zone.confirm(0)
    zone.run_for(10)
    return zone


def future(zone: KeyedZone, **arguments: int | None) -> list[Entry]:
    timing = ZoneTiming(zone.max_ttl_s, zone.dnskey_ttl_s, signed_at=zone.signed_at)
    return future_of(zone.keys, zone.policy, timing, zone.now, **arguments)


def brief(entries: list[Entry], start: int) -> list[tuple[int, str, str]]:
    return [(entry.time - start, entry.role, entry.state.value) for entry in entries]


def test_a_ksk_rollover_to_its_end() -> None:
    """With what depends on the parent marked as expected."""
    zone = settled(POLICY)
    zone.force("ksk")
    entries = future(zone, confirmed_after_s=20, ds_ttl_s=6)
    assert brief(entries, zone.now) == [
        (8, "KSK", "ready"),
        (28, "KSK", "retire-active"),
        (28, "KSK", "active"),
        (34, "KSK", "removed"),
    ]
    assert [entry.is_expected for entry in entries] == [False, True, True, True]


def test_a_parent_that_is_not_known_to_confirm() -> None:
    """Ends the time line where the key waits."""
    zone = settled(POLICY)
    zone.force("ksk")
    assert brief(future(zone), zone.now) == [(8, "KSK", "ready")]


def test_the_next_rollover_when_none_is_in_progress() -> None:
    """Keys that are still to be made have no tag."""
    zone = settled(POLICY._replace(zsk_lifetime_s=100))
    entries = future(zone)
    assert brief(entries, START) == [
        (100, "ZSK", "published"),
        (108, "ZSK", "retired"),
        (108, "ZSK", "active"),
        (118, "ZSK", "removed"),
    ]
    assert [(entry.key_id == "new-1", entry.tag is None) for entry in entries] == [
        (True, True),
        (False, False),
        (True, True),
        (False, False),
    ]


def test_keys_without_end_have_no_future() -> None:
    """Nor have those under a manual policy, but for their timers."""
    zone = settled(POLICY)
    assert future(zone) == []
    zone.policy = zone.policy._replace(manual=True, zsk_lifetime_s=5)
    assert future(zone) == []
    timers = zone.keys[1].timers._replace(retire=zone.now + 9)
    zone.keys = (zone.keys[0], replace(zone.keys[1], timers=timers))
    assert brief(future(zone), zone.now) == [(9, "ZSK", "retired")]


@pytest.mark.parametrize("change", [{"algorithm": 15}, {"single_type_signing": True}, {"zsk_lifetime_s": 20}])
def test_what_it_tells_comes_true(change: dict[str, int]) -> None:
    """The zone really goes through the same states at the same times."""
    zone = settled(POLICY)
    zone.parent = Parent(ds_ttl_s=6, after_s=5, check_s=4)
    zone.policy = zone.policy._replace(**change)  # type: ignore[arg-type]
    zone.run_for(1)
    told = [entry for entry in future(zone, confirmed_after_s=9, ds_ttl_s=6) if entry.tag is not None]
    assert told
    seen: list[tuple[int, str, KeyState]] = []
    before = {key.id: key_state(key, zone.now) for key in zone.keys}
    for _ in range(told[-1].time - zone.now):
        zone.run_for(1)
        states = {key.id: key_state(key, zone.now) for key in zone.keys}
        states |= {key.id: KeyState.REMOVED for key in zone.removed}
        seen += [(zone.now, key_id, state) for key_id, state in states.items() if before.get(key_id) is not state]
        before = states
    known = {entry.key_id for entry in told}
    expected = [(entry.time, entry.key_id, entry.state) for entry in told]
    assert sorted(expected, key=str) == sorted((entry for entry in seen if entry[1] in known), key=str)


def test_until_a_time() -> None:
    """As many rollovers as there are until then, and never more than a limit."""
    zone = settled(POLICY._replace(zsk_lifetime_s=100))
    entries = future(zone, until=START + 1000)
    assert len(entries) == 36
    assert entries[-1].time <= START + 1000
    assert len(future(zone, until=START + 10**9)) == MOST_ENTRIES


def test_the_past() -> None:
    """The states a key was in, each since its timer; one that was skipped in the same second is left out."""
    zone = settled(POLICY)
    zone.force("zsk")
    zone.run_for(9)
    assert brief(past_of(zone.keys, zone.now), START) == [
        (0, "KSK", "active"),
        (0, "ZSK", "active"),
        (10, "ZSK", "published"),
        (18, "ZSK", "retired"),
        (18, "ZSK", "active"),
    ]
