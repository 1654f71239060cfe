# SPDX-License-Identifier: Apache-2.0
"""What zone-dnssec tells of a zone: from real key management, with keys that are numbers."""

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from control.conf.peers import RemoteConf
from control.conf.policy import DnssecConf, PolicyConf, SubmissionConf
from control.ctl.zone_dnssec import DnssecReport, ReportAnchor, ReportParent
from control.keys.timing import ZoneTiming
from control.server.dnssec.ds_check import Checked, ParentAnswer
from control.server.dnssec.report import NO_PLANS, Plans, Subject, make_report
from control.sign.signers import State
from control.store.kasp import ZoneKasp
from control.transfer.ds_check import Verdict
from tests.support.keyed_zone import START, KeyedZone, Parent

SUBJECT = Subject("example.com.", b"\7example\3com\0", 7)
DAY = 86400
WAITS = Parent(is_pending=True)
LOOKS = SubmissionConf("s", (RemoteConf("registry", ()),), check_interval_s=600, parent_delay_s=5, timeout_s=3 * DAY)


def report(zone: KeyedZone, plans: Plans = NO_PLANS) -> DnssecReport:
    """Return the report of a zone as it is."""
    timing = ZoneTiming(zone.max_ttl_s, zone.dnskey_ttl_s, signed_at=zone.signed_at)
    kasp = ZoneKasp(expires=zone.now + 14 * DAY, salt=b"\xab")
    return make_report(
        SUBJECT, State(DnssecConf(True, policy=zone.policy), zone.keys, kasp, timing, is_current=True), zone.now, plans
    )


def steps(told: DnssecReport) -> list[tuple[int, str, str, int]]:
    """Return what happens to which role from now on, by seconds."""
    return [(one.time - told.now, one.role, one.state, one.expected) for one in told.steps if one.time > told.now]


def test_a_zone_that_is_not_signed() -> None:
    """There is nothing to tell but that."""
    told = make_report(SUBJECT, None, START)
    assert told == DnssecReport("example.com.", START, serial=7)
    assert not told.is_signed


def test_a_zone_that_waits_for_the_parent() -> None:
    """Its first key is in the zone and the parent's servers do not have its DS record yet."""
    zone = KeyedZone(PolicyConf("p", submission=LOOKS, zsk_lifetime_s=0), parent=WAITS)
    zone.sign()
    zone.now += 60
    answers = (ParentAnswer("registry", Verdict.FAILED, "timed out"),)
    told = report(zone, Plans(zone.now + DAY, zone.now + 540, zone.now + 1, Checked(zone.now - 60, answers)))
    assert (told.policy, told.mode, told.algorithm, told.scheme) == ("p", "automatic", "ECDSAP256SHA256", "KSK and ZSK")
    assert (told.refresh, told.expires, told.push_due) == (zone.now + DAY, zone.now + 14 * DAY, zone.now + 1)
    ksk = next(key for key in told.keys if key.role == "KSK")
    assert (ksk.state, ksk.since, ksk.use) == ("ready", START, "public, ready, active+")
    assert (told.waiting, told.waiting_since, told.waiting_until) == (ksk.tag, START, START + 3 * DAY)
    assert (told.asked, told.ask_next) == (START, START + 600)
    assert told.parents == (ReportParent("registry", "failed", "timed out"),)
    assert steps(told) == [(600, "KSK", "active", 1)]


def test_a_quiet_zone_tells_of_the_next_rollover() -> None:
    """Until its end, with keys that are still to be made."""
    zone = KeyedZone(PolicyConf(zsk_lifetime_s=100 * DAY, propagation_delay_s=3))
    zone.run_for(DAY)
    told = report(zone)
    assert told.action.startswith("ZSK, generate at")
    assert told.action_time == START + 100 * DAY
    assert not told.waiting
    after = 99 * DAY
    assert sorted(steps(told)) == [
        (after, "ZSK", "published", 0),
        (after + 8, "ZSK", "active", 0),
        (after + 8, "ZSK", "retired", 0),
        (after + 18, "ZSK", "removed", 0),
    ]
    assert [one.tag for one in told.steps if one.state == "published"][-1] == 0


def test_what_the_parent_decides_is_expected() -> None:
    """In the middle of a KSK rollover: as if it had the DS record by the next look, with the TTL that was seen."""
    zone = KeyedZone(PolicyConf("p", submission=LOOKS, ksk_lifetime_s=DAY, zsk_lifetime_s=0), parent=Parent())
    zone.run_for(DAY + 1)
    zone.parent = WAITS
    zone.run_for(8000)
    answers = (ParentAnswer("registry", Verdict.NEGATIVE, "", 300),)
    told = report(zone, Plans(checked=Checked(zone.now, answers)))
    assert told.waiting
    coming = steps(told)
    assert {(role, state, expected) for _, role, state, expected in coming} == {
        ("KSK", "active", 1),
        ("KSK", "retire-active", 1),
        ("KSK", "removed", 1),
    }
    times = {state: time for time, _, state, _ in coming}
    assert times["active"] == 600
    assert times["removed"] - times["active"] == 305


def test_the_registrar_gets_the_new_key_first() -> None:
    """DS and DNSKEY as others compute and read them, with the digest of the policy."""
    zone = KeyedZone(PolicyConf(cds_digest_type=4, ksk_lifetime_s=DAY, zsk_lifetime_s=0))
    zone.run_for(DAY + 1)
    zone.parent = WAITS
    zone.run_for(8000)
    told = report(zone)
    assert [anchor.state for anchor in told.anchors] == ["ready", "active"]
    for anchor in told.anchors:
        check_anchor(anchor)


def check_anchor(anchor: ReportAnchor) -> None:
    """Check that the DS is of the DNSKEY."""
    key = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.DNSKEY, anchor.dnskey)
    ds = dns.dnssec.make_ds(dns.name.from_text("example.com."), key, "SHA384")
    assert anchor.ds == ds.to_text().rsplit(" ", 1)[0] + " " + ds.digest.hex().upper()
    assert anchor.ds.startswith(f"{anchor.tag} 13 4 ")


def test_denial_and_mode() -> None:
    """As they are in the policy, the salt as it is in the zone."""
    nsec3 = PolicyConf(nsec3=True, nsec3_iterations=2, nsec3_opt_out=True, manual=True, single_type_signing=True)
    told = report(KeyedZone(nsec3))
    assert (told.mode, told.scheme, told.denial) == ("manual", "CSK", "NSEC3 (iterations 2, salt ab, opt-out)")
    assert report(KeyedZone(PolicyConf(nsec3=False))).denial == "NSEC"
    assert told.steps == told.keys == told.anchors == ()
