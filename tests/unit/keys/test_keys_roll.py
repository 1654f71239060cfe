# SPDX-License-Identifier: Apache-2.0
"""Rollovers step by step: which key is used for what when, as Knot DNS was seen to do it and as its manual shows.

Keys are numbered as they are made; times are seconds since the step before which nothing is told.
"""

import pytest

from control.conf.policy import PolicyConf
from control.keys.dnskey import tag_of
from control.keys.events import EventKind
from control.store.kasp import Key, KeyTimers
from tests.support.keyed_zone import START, KeyedZone, Parent

PENDING = Parent(is_pending=True)
POLICY = PolicyConf(propagation_delay_s=3, zsk_lifetime_s=0)
"""Seen with a DNSKEY TTL of 5 and a largest TTL of 7."""


class Watch:
    """Lets a zone go on second by second and writes down what changes."""

    def __init__(self, zone: KeyedZone) -> None:
        self.zone = zone
        self.start = zone.now
        self.seen: list[tuple[int, list[str]]] = []
        self.told = len(zone.events)

    def until(self, second: int) -> None:
        """Go on to `second`, which is not done yet."""
        while self.zone.now < self.start + second:
            self.zone.sign()
            self.note()
            self.zone.now += 1

    def note(self) -> None:
        lines = self.zone.lines()
        if not self.seen or self.seen[-1][1] != lines:
            self.seen.append((self.zone.now - self.start, lines))

    @property
    def events(self) -> list[tuple[int, str]]:
        return [(time - self.start, event.text) for time, event in self.zone.events[self.told :]]


def settled(policy: PolicyConf) -> KeyedZone:
    """A zone whose first keys the parent has confirmed."""
    zone = KeyedZone(policy, parent=PENDING)
    zone.sign()
    zone.confirm(0)
    zone.run_for(50)
    return zone


def planned(zone: KeyedZone, start: int) -> tuple[str, int] | None:
    """The words of the next action, its key by number instead of tag, and its time."""
    action = zone.result.next_action
    if action is None:
        return None
    tag, number = (str(tag_of(action.key)), f"{int(action.key.id, 16)}") if action.key is not None else ("", "")
    return action.words.replace(f"tag {tag}", f"key {number}"), action.time - start


def test_first_keys() -> None:
    """At first a KSK waits for the parent and a ZSK signs at once."""
    zone = KeyedZone(POLICY, parent=PENDING)
    result = zone.sign()
    assert zone.lines() == ["KSK1 public ready active+", "ZSK2 public active"]
    assert [event.kind for event in result.events] == [EventKind.SUBMISSION_WAITING]
    assert [event.severity for event in result.events] == ["notice"]
    ksk, zsk = result.keys
    assert ksk.timers == KeyTimers(created=START, publish=START, ready=START)
    assert zsk.timers == KeyTimers(created=START, publish=START, active=START)
    assert result.next_action is None


def test_first_key_of_a_single_type_scheme() -> None:
    """A first CSK signs everything while it waits for the parent."""
    zone = KeyedZone(POLICY._replace(single_type_signing=True), parent=PENDING)
    result = zone.sign()
    assert zone.lines() == ["CSK1 public ready active+"]
    assert zone.shown[-1].zone_signers == zone.shown[-1].key_signers == zone.shown[-1].dnskeys
    assert len(result.events) == 1


def test_zsk_is_published_before_it_is_used() -> None:
    """Replaced after propagation delay and DNSKEY TTL, removed after propagation delay and the largest TTL."""
    zone = settled(POLICY)
    watch = Watch(zone)
    zone.force("zsk")
    watch.until(40)
    assert watch.seen == [
        (0, ["KSK1 public active", "ZSK2 public active", "ZSK3 public"]),
        (8, ["KSK1 public active", "ZSK2 public", "ZSK3 public active"]),
        (18, ["KSK1 public active", "ZSK3 public active"]),
    ]
    assert watch.events == [(0, "ZSK rollover started")]
    (old,) = zone.removed
    assert old.timers.retire == watch.start + 8
    assert old.timers.remove == watch.start + 18


@pytest.mark.parametrize(("ttl", "end"), [(0, 20), (6, 26)])
def test_ksk_signs_beside_the_old_one(ttl: int, end: int) -> None:
    """Submitted after propagation delay and DNSKEY TTL; the old one leaves when the DS from before is forgotten."""
    zone = settled(POLICY)
    watch = Watch(zone)
    zone.force("ksk")
    watch.until(20)
    zone.confirm(ttl)
    watch.until(40)
    assert watch.seen[:2] == [
        (0, ["KSK1 public active", "ZSK2 public active", "KSK3 public active+"]),
        (8, ["KSK1 public active", "ZSK2 public active", "KSK3 public ready active+"]),
    ]
    leaving = [(20, ["KSK1 public active+", "ZSK2 public active", "KSK3 public active"])] if ttl else []
    assert watch.seen[2:] == [*leaving, (end, ["ZSK2 public active", "KSK3 public active"])]
    assert watch.events == [
        (0, "KSK rollover started"),
        (8, "KSK submission, waiting for confirmation"),
        (20, "KSK submission, confirmed"),
    ]
    (old,) = zone.removed
    assert old.timers.retire_active == (watch.start + 20 if ttl else 0)
    assert old.timers.remove == watch.start + end


@pytest.mark.parametrize(("ttl", "retire"), [(0, 20), (6, 26)])
def test_csk_stays_published_after_it_signs_no_more(ttl: int, retire: int) -> None:
    """After the DS from before is forgotten it is retired, and removed when its signatures are forgotten."""
    zone = settled(POLICY._replace(single_type_signing=True))
    watch = Watch(zone)
    zone.force("ksk")
    watch.until(20)
    zone.confirm(ttl)
    watch.until(60)
    assert watch.seen[:2] == [
        (0, ["CSK1 public active", "CSK2 public active+"]),
        (8, ["CSK1 public active", "CSK2 public ready active+"]),
    ]
    leaving = [(20, ["CSK1 public active+", "CSK2 public active"])] if ttl else []
    assert watch.seen[2:] == [
        *leaving,
        (retire, ["CSK1 public", "CSK2 public active"]),
        (retire + 10, ["CSK2 public active"]),
    ]
    assert watch.events[0] == (0, "KSK rollover started")


def test_the_zone_is_never_signed_by_two_csks_of_an_algorithm() -> None:
    """A CSK that is ready signs the DNSKEY RRset only; the zone is signed by one of the two at any time."""
    zone = settled(POLICY._replace(single_type_signing=True))
    zone.force("ksk")
    zone.run_for(20)
    zone.confirm(6)
    zone.run_for(60)
    assert {len(shown.zone_signers) for shown in zone.shown} == {1}
    assert max(len(shown.key_signers) for shown in zone.shown) == 2


@pytest.mark.parametrize(("ttl", "retire"), [(0, 30), (6, 36)])
def test_algorithm_rollover(ttl: int, retire: int) -> None:
    """Signatures before DNSKEY records when it comes, and DNSKEY records before signatures when the old one goes."""
    zone = settled(POLICY)
    watch = Watch(zone)
    zone.policy = zone.policy._replace(algorithm=15)
    watch.until(30)
    zone.confirm(ttl)
    watch.until(80)
    assert watch.seen[:3] == [
        (0, ["KSK1 public active", "ZSK2 public active", "KSK3", "ZSK4 active+"]),
        (10, ["KSK1 public active", "ZSK2 public active", "KSK3 public active+", "ZSK4 public active+"]),
        (18, ["KSK1 public active", "ZSK2 public active+", "KSK3 public ready active+", "ZSK4 public active"]),
    ]
    new = ["KSK3 public active", "ZSK4 public active"]
    leaving = [(30, ["KSK1 public active+", "ZSK2 public active+", *new])] if ttl else []
    assert watch.seen[3:] == [*leaving, (retire, ["KSK1", "ZSK2 active+", *new]), (retire + 8, new)]
    assert watch.events[0] == (0, "algorithm rollover started")
    assert [text for _, text in watch.events].count("algorithm rollover started") == 1


def test_algorithm_rollover_of_csks() -> None:
    """A CSK of a new algorithm signs the zone from the start."""
    zone = settled(POLICY._replace(single_type_signing=True))
    watch = Watch(zone)
    zone.policy = zone.policy._replace(algorithm=15)
    watch.until(30)
    zone.confirm(6)
    watch.until(80)
    assert watch.seen == [
        (0, ["CSK1 public active", "CSK2 active+"]),
        (10, ["CSK1 public active", "CSK2 public active+"]),
        (18, ["CSK1 public active", "CSK2 public ready active+"]),
        (30, ["CSK1 public active+", "CSK2 public active"]),
        (36, ["CSK1 active+", "CSK2 public active"]),
        (44, ["CSK2 public active"]),
    ]


def test_from_two_keys_to_one() -> None:
    """The old ZSK retires when the CSK is confirmed, the old KSK leaves with the DS from before."""
    zone = settled(POLICY)
    watch = Watch(zone)
    zone.policy = zone.policy._replace(single_type_signing=True)
    watch.until(20)
    zone.confirm(6)
    watch.until(60)
    assert watch.seen == [
        (0, ["KSK1 public active", "ZSK2 public active", "CSK3 public active+"]),
        (8, ["KSK1 public active", "ZSK2 public active", "CSK3 public ready active+"]),
        (20, ["KSK1 public active+", "ZSK2 public", "CSK3 public active"]),
        (26, ["ZSK2 public", "CSK3 public active"]),
        (30, ["CSK3 public active"]),
    ]
    assert watch.events[0] == (0, "signing scheme rollover started")


def test_from_one_key_to_two() -> None:
    """The new ZSK signs when the new KSK is submitted; the CSK retires when the DS from before is forgotten."""
    zone = settled(POLICY._replace(single_type_signing=True))
    watch = Watch(zone)
    zone.policy = zone.policy._replace(single_type_signing=False)
    watch.until(20)
    zone.confirm(6)
    watch.until(60)
    assert watch.seen == [
        (0, ["CSK1 public active", "KSK2 public active+", "ZSK3 public"]),
        (8, ["CSK1 public active", "KSK2 public ready active+", "ZSK3 public active"]),
        (20, ["CSK1 public active+", "KSK2 public active", "ZSK3 public active"]),
        (26, ["CSK1 public", "KSK2 public active", "ZSK3 public active"]),
        (36, ["KSK2 public active", "ZSK3 public active"]),
    ]


@pytest.mark.parametrize("is_csk", [False, True])
def test_algorithm_and_scheme_at_once(is_csk: bool) -> None:
    """It is one rollover, told as that of the algorithm."""
    zone = settled(POLICY._replace(single_type_signing=is_csk))
    watch = Watch(zone)
    zone.policy = zone.policy._replace(single_type_signing=not is_csk, algorithm=8)
    watch.until(30)
    zone.confirm(6)
    watch.until(80)
    assert [time for time, _ in watch.seen] == [0, 10, 18, 30, 36, 44]
    assert watch.events[0] == (0, "algorithm rollover started")
    assert len(watch.events) == 3


def test_the_example_of_the_manual() -> None:
    """The same keys, next actions and times as the manual's log of a KSK and a ZSK rollover."""
    policy = PolicyConf(ksk_lifetime_s=300, zsk_lifetime_s=120, propagation_delay_s=2)
    zone = KeyedZone(policy, max_ttl_s=15, dnskey_ttl_s=10, parent=PENDING)
    zone.keys = (
        _key(zone, is_ksk=True, created=START - 300, publish=START - 300, active=START - 300),
        _key(zone, is_ksk=False, created=START - 6, publish=START - 6, active=START - 6),
    )
    zone.signed_at = START - 1
    log: list[tuple[int, list[str], list[str], tuple[str, int] | None]] = []
    end = START + 301
    while zone.now < end:
        told = len(zone.events)
        if zone.now == START + 16:
            zone.confirm(7)
        before = zone.lines()
        zone.sign()
        events = [event.text for _, event in zone.events[told:]]
        if zone.lines() != before or events:
            log.append((zone.now - START, events, zone.lines(), planned(zone, START)))
        zone.now += 1
    assert log[:5] == [
        (
            0,
            ["KSK rollover started"],
            ["KSK1 public active", "ZSK2 public active", "KSK3 public active+"],
            ("KSK key 3, submit at", 12),
        ),
        (
            12,
            ["KSK submission, waiting for confirmation"],
            ["KSK1 public active", "ZSK2 public active", "KSK3 public ready active+"],
            None,
        ),
        (
            16,
            ["KSK submission, confirmed"],
            ["KSK1 public active+", "ZSK2 public active", "KSK3 public active"],
            None,
        ),
        (23, [], ["ZSK2 public active", "KSK3 public active"], ("ZSK, generate at", 114)),
        (
            114,
            ["ZSK rollover started"],
            ["ZSK2 public active", "KSK3 public active", "ZSK4 public"],
            ("ZSK key 4, replace at", 126),
        ),
    ]
    assert log[5:] == [
        (
            126,
            [],
            ["ZSK2 public", "KSK3 public active", "ZSK4 public active"],
            ("ZSK key 2, remove at", 143),
        ),
        (143, [], ["KSK3 public active", "ZSK4 public active"], ("ZSK, generate at", 246)),
        (
            246,
            ["ZSK rollover started"],
            ["KSK3 public active", "ZSK4 public active", "ZSK5 public"],
            ("ZSK key 5, replace at", 258),
        ),
        (
            258,
            [],
            ["KSK3 public active", "ZSK4 public", "ZSK5 public active"],
            ("ZSK key 4, remove at", 275),
        ),
        (275, [], ["KSK3 public active", "ZSK5 public active"], ("KSK, generate at", 300)),
        (
            300,
            ["KSK rollover started"],
            ["KSK3 public active", "ZSK5 public active", "KSK6 public active+"],
            ("KSK key 6, submit at", 312),
        ),
    ]


def _key(zone: KeyedZone, *, is_ksk: bool, **timers: int) -> Key:
    return zone.generate(
        zone.policy,
        is_ksk=is_ksk,
        is_zsk=not is_ksk,
        now_s=timers["created"],
        taken_tags=frozenset(),
        timers=KeyTimers(**timers),
    )
