# SPDX-License-Identifier: Apache-2.0
"""Years of policy with real keys and signatures: the zone validates at every event, and nothing is signed too much.

Which caches a rollover may meet is shown by the resolver model of `tests/unit/keys`; here is shown that the zone is
what that model takes it for.
"""

from pathlib import Path

import pytest

from control.conf.policy import PolicyConf, SubmissionConf
from control.keys.plan import wake_time
from control.keys.state import use_of
from control.sign.plan import lifetimes
from control.sign.signers import Wanted
from control.store.keys import Record, unpack_rdatas
from tests.support.signed import DAY, SignedZones, signed_zones

APEX = b"\7example\0"
ZONE = "$ORIGIN example.\n$TTL 60\n@ SOA ns hm 1 3600 900 604800 30\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.2\n"
HOUR = 3600
QUICK = PolicyConf(
    propagation_delay_s=HOUR,
    dnskey_ttl_s=600,
    ksk_lifetime_s=120 * DAY,
    zsk_lifetime_s=30 * DAY,
    submission=SubmissionConf("s", timeout_s=2 * DAY),
)


def next_event(zones: SignedZones) -> int:
    """Return when the event re-sign comes next."""
    with zones.store.read() as txn:
        state = zones.signers.read(txn, APEX)
    assert state is not None
    times = lifetimes(state.conf.policy, APEX, state.timing.zone_max_ttl_s)
    wake = wake_time(state.keys, state.conf.policy, state.timing, zones.now_s)
    due = times.refresh_at(state.kasp.expires)
    return due if wake is None else min(due, wake)


def check(zones: SignedZones) -> None:
    """See that the zone validates, has the records of its keys, and no signature but by keys that sign now."""
    assert zones.faults(APEX) == ()
    assert zones.lacking(APEX) == []
    keys = zones.keys(APEX)
    tags = {tag for key, tag in zones.tags(APEX).items() if use_of(key, zones.now_s, keys).signs_zone or key.is_ksk}
    assert {int.from_bytes(rdata[16:18], "big") for rdata in zones.signatures(APEX)} <= tags


def pass_time(zones: SignedZones, seconds: int) -> int:
    """Let all events take place that come in a time; return how many they were."""
    end, count = zones.now_s + seconds, 0
    while (due := next_event(zones)) <= end:
        zones.now_s = max(zones.now_s, due)
        before = zones.serial(APEX)
        zones.sign(APEX)
        check(zones)
        assert zones.serial(APEX) - before <= 1
        count += 1
    zones.now_s = end
    return count


@pytest.mark.parametrize(
    ("policy", "least"),
    [
        (QUICK, 60),
        (QUICK._replace(single_type_signing=True, nsec3=True, nsec3_salt_length=4), 40),
        (QUICK._replace(algorithm=15, ksk_size=256, zsk_size=256, cds_cdnskey_publish="double-ds"), 60),
    ],
)
def test_two_years(tmp_path: Path, policy: PolicyConf, least: int) -> None:
    """ZSKs, KSKs and CSKs are rolled over by policy, signatures renewed; the zone validates at each event."""
    with signed_zones(tmp_path, policy) as zones:
        zones.load(APEX, ZONE, cold=True)
        assert pass_time(zones, 2 * 365 * DAY) > least
        assert len(zones.made) > (2 * 365 // 120 if policy.single_type_signing else 2 * 365 // 32)


@pytest.mark.parametrize("then", [{"algorithm": 15}, {"single_type_signing": True}, {"algorithm": 8, "ksk_size": 2048}])
def test_policy_changes(tmp_path: Path, then: dict[str, int]) -> None:
    """Algorithm and scheme are rolled over when the policy changes, in the middle of a ZSK rollover as well."""
    with signed_zones(tmp_path, QUICK) as zones:
        zones.load(APEX, ZONE, cold=True)
        pass_time(zones, 30 * DAY + 600)
        zones.policy = zones.policy._replace(**{"zsk_size": then.get("ksk_size", 256), **then})
        zones.sign(APEX)
        check(zones)
        pass_time(zones, 20 * DAY)
        in_use = [key for key in zones.keys(APEX) if use_of(key, zones.now_s, zones.keys(APEX)).is_public]
        assert {key.algorithm for key in in_use} == {zones.policy.algorithm}
        assert any(key.is_ksk and key.is_zsk for key in in_use) == zones.policy.single_type_signing


def test_rolls_by_hand(tmp_path: Path) -> None:
    """An operator begins rollovers and confirms the DS; a second one waits for the first."""
    with signed_zones(tmp_path, QUICK._replace(submission=None, ksk_lifetime_s=0, zsk_lifetime_s=0)) as zones:
        zones.load(APEX, ZONE, cold=True)
        zones.sign(APEX, Wanted(confirmed_ttl_s=0))
        check(zones)
        zones.sign(APEX, Wanted(rolls=("ksk",)))
        check(zones)
        assert len(zones.keys(APEX)) == 3
        zones.sign(APEX, Wanted(rolls=("zsk",)))
        assert len(zones.keys(APEX)) == 3
        pass_time(zones, DAY)
        zones.sign(APEX, Wanted(confirmed_ttl_s=7200))
        check(zones)
        assert len(zones.keys(APEX)) == 3
        pass_time(zones, DAY)
        assert sorted((key.is_ksk, key.is_zsk) for key in zones.keys(APEX)) == [(False, True), (True, False)]


def test_changes_in_the_middle(tmp_path: Path) -> None:
    """Updates at any moment are signed as the zone was signed last, and what is due comes with the event."""
    with signed_zones(tmp_path, QUICK._replace(zsk_lifetime_s=3 * DAY)) as zones:
        zones.load(APEX, ZONE, cold=True)
        for number in range(40):
            zones.now_s += 5 * HOUR + 700 * number
            zones.change(APEX, (), [Record(b"\3n%02d" % number + APEX, 1, 60, b"\xc0\0\2\1")])
            assert zones.lacking(APEX) == []
            if next_event(zones) <= zones.now_s:
                zones.sign(APEX)
                check(zones)


def test_clock_set_back(tmp_path: Path) -> None:
    """A clock that goes back takes nothing from the zone and rolls nothing over."""
    with signed_zones(tmp_path, QUICK) as zones:
        zones.load(APEX, ZONE, cold=True)
        pass_time(zones, 31 * DAY)
        keys = zones.keys(APEX)
        zones.now_s -= 20 * DAY
        zones.sign(APEX)
        assert zones.keys(APEX) == keys
        zones.now_s += 20 * DAY + 1
        zones.sign(APEX)
        check(zones)


def test_away_for_long(tmp_path: Path) -> None:
    """After a month away everything is renewed at once, and rollovers wait their times from then."""
    with signed_zones(tmp_path, QUICK) as zones:
        zones.load(APEX, ZONE, cold=True)
        zones.now_s += 60 * DAY
        zones.sign(APEX)
        check(zones)
        assert next_event(zones) >= zones.now_s + HOUR
        assert len(unpack_rdatas(zones.dnskeys(APEX))) == 3
        pass_time(zones, 10 * DAY)


def test_lowered_ttls(tmp_path: Path) -> None:
    """When TTLs are lowered, rollovers wait for what caches still have with the larger ones."""
    with signed_zones(tmp_path, QUICK._replace(dnskey_ttl_s=6 * HOUR, zsk_lifetime_s=0)) as zones:
        zones.load(APEX, ZONE.replace("60", "43200"), cold=True)
        zones.policy = zones.policy._replace(dnskey_ttl_s=600)
        zones.sign(APEX, Wanted(rolls=("zsk",)))
        assert next_event(zones) == zones.now_s + HOUR + 6 * HOUR
        pass_time(zones, 8 * HOUR)
        zones.load(APEX, ZONE)
        zones.sign(APEX)
        with zones.store.read() as txn:
            state = zones.signers.read(txn, APEX)
        assert state is not None
        assert state.timing.zone_max_ttl_s == 43200
        pass_time(zones, 3 * DAY)
        with zones.store.read() as txn:
            state = zones.signers.read(txn, APEX)
        assert state is not None
        assert (state.timing.zone_max_ttl_s, state.timing.dnskey_ttl_s) == (600, 600)


def test_lowered_ttl_of_the_soa(tmp_path: Path) -> None:
    """DNSKEY records have the TTL of the SOA where nothing else is said: an update of it counts as well."""
    with signed_zones(tmp_path, QUICK._replace(dnskey_ttl_s=None, zsk_lifetime_s=0, zone_max_ttl_s=60)) as zones:
        lasting = ZONE + "lasting 86400 A 192.0.2.3\n"
        zones.load(APEX, lasting.replace("@ SOA", "@ 7200 SOA"), cold=True)
        zones.load(APEX, lasting)
        zones.sign(APEX, Wanted(rolls=("zsk",)))
        assert next_event(zones) == zones.now_s + HOUR + 7200
