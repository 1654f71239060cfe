# SPDX-License-Identifier: Apache-2.0
"""The refresh event against servers that are fakes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.peers import IntervalLimits, KeyConf, PeerEndpoint
from control.conf.zone import ZoneConf
from control.errors import ZoneInvalid
from control.events.event import Event
from control.events.kinds import Kind
from control.server.replication.planning import MANUAL, RETRANSFER, Notifier, plan_after_load
from control.server.replication.refresh import NotRefreshed, one_by_one
from control.store.timers import ZoneTimers
from control.transfer.client import RemoteFailed
from tests.support.replication_stage import APEX, START_S, Stage, remote, soa_data

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
FIRST, SECOND = remote("first", A), remote("second", B)
TIMEOUT = RemoteFailed("connection timeout")
REFUSED = RemoteFailed("server responded with error 'REFUSED'", reached=True)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    stage.configure(FIRST, SECOND)
    yield stage
    stage.close()


def test_a_zone_without_contents_is_transferred_at_once(stage: Stage) -> None:
    """No SOA is asked for; what follows is planned by the SOA that came."""
    stage.servers.serials[A] = 7
    stage.refresh()
    assert stage.servers.asked == [("AXFR", A)]
    assert stage.zone.serial == 7
    assert (stage.due(Kind.REFRESH), stage.due(Kind.EXPIRATION)) == (3600, 86400)
    assert stage.stored_timers() == ZoneTimers(START_S, START_S + 3600, START_S + 86400)
    assert stage.lines == [
        f"info: AXFR, incoming, remote {A}@53 TCP, started",
        f"info: AXFR, incoming, remote {A}@53 TCP, finished, remote serial 7, 0.00 seconds, 1 messages, 200 bytes",
        f"info: refresh, remote {A}@53, zone updated, 0.00 seconds, serial none -> 7, expires in 86400 seconds",
    ]


def test_a_zone_that_is_up_to_date_is_left_as_it_is(stage: Stage) -> None:
    """Contact alone puts refresh and expiry off; the store hears of it soon."""
    stage.fill(7)
    stage.servers.serials[A] = 7
    stage.refresh()
    assert stage.servers.asked == [("SOA", A)]
    assert stage.lines == [
        f"info: refresh, remote {A}@53, remote serial 7, zone is up-to-date, expires in 86400 seconds"
    ]
    stage.loop.advance(1)
    assert stage.stored_timers().expires_s == START_S + 86400


def test_a_newer_zone_is_transferred_by_its_changes(stage: Stage) -> None:
    """IXFR begins at the serial there is."""
    stage.fill(7)
    stage.servers.serials[A] = 9
    stage.refresh()
    assert stage.servers.asked == [("SOA", A), ("IXFR 7", A)]
    assert stage.zone.serial == 9
    assert stage.lines[0] == f"info: refresh, remote {A}@53, remote serial 9, zone is outdated"
    assert "serial 7 -> 9" in stage.lines[-1]


def test_an_older_zone_of_a_primary_is_not_taken(stage: Stage) -> None:
    """The others are asked; with none better the zone keeps its contents and its expiry."""
    stage.fill(7)
    stage.zone.timers = ZoneTimers(expires_s=START_S + 500)
    stage.servers.serials.update({A: 5, B: 6})
    stage.refresh()
    assert stage.zone.serial == 7
    assert stage.lines == [
        f"info: refresh, remote {A}@53, remote serial 5, remote is outdated",
        f"info: refresh, remote {B}@53, remote serial 6, remote is outdated",
    ]
    assert (stage.due(Kind.REFRESH), stage.due(Kind.EXPIRATION)) == (3600, 500)


def test_the_next_primary_takes_the_place_of_one_that_fails(stage: Stage) -> None:
    """Each failure is told of."""
    stage.servers.serials.update({A: TIMEOUT, B: 3})
    stage.refresh()
    assert stage.zone.serial == 3
    assert stage.lines[1:3] == [
        f"warning: AXFR, incoming, remote {A}@53 TCP, failed (connection timeout)",
        f"info: refresh, remote first, address {A}@53, failed (connection timeout)",
    ]
    assert stage.lines[3] == "warning: refresh, remote first not usable"


def test_addresses_are_tried_until_one_is_reached(stage: Stage) -> None:
    """A refusal ends that primary although it has another address."""
    stage.configure(remote("first", A, B, C))
    stage.fill(1)
    stage.servers.serials.update({A: TIMEOUT, B: REFUSED, C: 2})
    stage.refresh()
    assert stage.servers.asked == [("SOA", A), ("SOA", B)]
    assert stage.failures == ["refresh: no usable master"]


def test_a_failed_refresh_is_tried_again(stage: Stage) -> None:
    """After the SOA's retry interval when there are contents, and the time is told."""
    stage.fill(7)
    stage.refresh()
    assert stage.failures == ["refresh: no usable master"]
    assert stage.due(Kind.REFRESH) == 600
    assert stage.lines[-1].startswith("error: refresh, failed (no usable master), next retry at 2030-03-17T")
    assert stage.lines[-1].endswith(", expires in 86400 seconds")
    stage.servers.serials[A] = 8
    stage.loop.advance(600)
    assert stage.zone.serial == 8


def test_bootstrap_backs_off_until_an_operator_asks(stage: Stage) -> None:
    """Five seconds times the square of the attempt; a refresh by hand begins anew."""
    stage.refresh()
    delays = [stage.due(Kind.REFRESH)]
    for _ in range(3):
        stage.loop.advance(delays[-1] or 0)
        delays.append(stage.due(Kind.REFRESH))
    assert delays == [5, 20, 45, 80]
    stage.refresh(MANUAL)
    assert stage.due(Kind.REFRESH) == 5


def test_the_limits_of_retries_count_for_bootstrap(stage: Stage) -> None:
    """`retry-min-interval` is the least pause."""
    stage.configure(FIRST, retry=IntervalLimits(60))
    stage.refresh()
    assert stage.due(Kind.REFRESH) == 60


def test_retransfer_takes_everything_whatever_the_serial(stage: Stage) -> None:
    """The serial is not even asked for."""
    stage.fill(7)
    stage.servers.serials[A] = 7
    stage.refresh(RETRANSFER)
    assert stage.servers.asked[-1] == ("AXFR", A)


def test_a_notifier_alone_is_asked(stage: Stage) -> None:
    """Its failure leads to a retry in which all primaries are asked."""
    stage.fill(7)
    stage.servers.serials[A] = 8
    stage.scheduler.plan(stage.zone, Kind.REFRESH, request=Notifier("second"))
    assert stage.servers.asked == [("SOA", B)]
    assert "warning: refresh, notifier remote second not usable" in stage.lines
    stage.loop.advance(600)
    assert stage.zone.serial == 8


def test_notifiers_do_not_keep_the_others_from_being_asked(stage: Stage) -> None:
    """A refresh that is planned takes place however often one that cannot be asked sends a NOTIFY."""
    stage.fill(7)
    stage.servers.serials.update({A: 7, B: 7})
    stage.refresh()
    stage.servers.serials.update({A: 8, B: TIMEOUT})
    due = []
    for serial in (TIMEOUT, TIMEOUT, 6, 6):
        stage.servers.serials[B] = serial
        stage.loop.advance(100)
        stage.scheduler.plan(stage.zone, Kind.REFRESH, request=Notifier("second"))
        due.append(stage.due(Kind.REFRESH))
    assert due == [600, 500, 400, 300]
    assert stage.lines[-1] == "warning: NOTIFYing master is outdated"
    stage.loop.advance(300)
    assert stage.zone.serial == 8


def test_notifiers_do_not_slow_bootstrap(stage: Stage) -> None:
    """Only attempts with all primaries count."""
    stage.refresh()
    for _ in range(5):
        stage.scheduler.plan(stage.zone, Kind.REFRESH, request=Notifier("second"))
    assert stage.due(Kind.REFRESH) == 5
    stage.loop.advance(5)
    assert stage.due(Kind.REFRESH) == 20


def test_an_operator_has_all_primaries_asked(stage: Stage) -> None:
    """Whoever sent a NOTIFY meanwhile."""
    stage.fill(7)
    stage.scheduler.freeze(stage.zone)
    stage.scheduler.plan(stage.zone, Kind.REFRESH, request=Notifier("second"))
    stage.scheduler.plan(stage.zone, Kind.REFRESH, forced=True, request=MANUAL)
    assert stage.servers.asked == [("SOA", A), ("SOA", B)]


def test_all_that_sent_a_notify_while_frozen_are_asked(stage: Stage) -> None:
    """Not the last one alone."""
    stage.configure(FIRST, SECOND, remote("third", C))
    stage.fill(7)
    stage.scheduler.freeze(stage.zone)
    for name in ("third", "second"):
        stage.scheduler.plan(stage.zone, Kind.REFRESH, request=Notifier(name))
    assert stage.servers.asked == []
    stage.servers.serials[C] = 9
    stage.scheduler.thaw(stage.zone)
    assert stage.servers.asked == [("SOA", B), ("SOA", C), ("IXFR 7", C)]
    assert stage.zone.serial == 9


def test_a_transfer_that_is_refused_leaves_the_zone(stage: Stage) -> None:
    """The contents there were stay; the next primary is asked, and then again later."""
    stage.fill(7)
    stage.servers.serials.update({A: 8, B: 8})
    stage.refused = ZoneInvalid(APEX, "no NS records at the apex")
    stage.refresh()
    assert stage.zone.serial == 7
    assert [what for what, _ in stage.servers.asked] == ["SOA", "IXFR 7"] * 2
    assert stage.due(Kind.REFRESH) == 600


def test_a_transfer_that_the_configuration_overtakes_is_not_used(stage: Stage) -> None:
    """A zone that is no secondary any more keeps its contents, and no other primary is asked."""
    stage.fill(7)
    stage.servers.serials.update({A: 9, B: 9})
    stage.servers.transferring = stage.configure
    stage.refresh()
    assert stage.servers.asked == [("SOA", A), ("IXFR 7", A)]
    assert stage.zone.serial == 7
    stored = stage.door.find_zone(APEX)
    assert stored is not None
    assert stored.serial == 7
    assert stage.failures == []
    assert stage.zone.planned(Kind.REFRESH) is None


def test_a_primary_that_is_taken_away_gives_nothing_any_more(stage: Stage) -> None:
    """The others are asked."""
    stage.fill(7)
    stage.servers.serials.update({A: 9, B: 8})
    stage.servers.transferring = lambda: stage.configure(SECOND)
    stage.refresh()
    assert stage.zone.serial == 8
    assert f"info: refresh, remote first, address {A}@53, failed (no longer configured)" in stage.lines


def test_a_refresh_of_a_zone_without_primaries_does_nothing(stage: Stage) -> None:
    """It was planned while the zone had some."""
    stage.fill(7)
    stage.configure()
    stage.refresh()
    assert (stage.lines, stage.failures, stage.zone.events) == ([], [], ())


def test_serials_without_an_order_need_the_whole_zone(stage: Stage) -> None:
    """RFC 1982, section 3.2: half the circle away; servers differ in what they take for newer."""
    stage.fill(7)
    stage.servers.serials[A] = 7 + 0x80000000
    stage.refresh()
    assert stage.servers.asked == [("SOA", A), ("AXFR", A)]
    assert stage.zone.serial == 7 + 0x80000000


def test_expire_options_are_followed(stage: Stage) -> None:
    """A transfer sets the expiry, an SOA reply only puts it off."""
    stage.servers.serials[A] = 1
    stage.servers.expire = 5000
    stage.refresh()
    assert stage.due(Kind.EXPIRATION) == 5000
    stage.servers.expire = 100
    stage.refresh()
    assert stage.due(Kind.EXPIRATION) == 5000
    stage.servers.expire = 9000
    stage.refresh()
    assert stage.due(Kind.EXPIRATION) == 9000


def test_a_zone_whose_primaries_are_gone_expires(stage: Stage) -> None:
    """It is answered SERVFAIL, its primaries are asked at once, and a transfer brings it back."""
    stage.servers.soa = lambda serial: soa_data(serial, 30, 10, 95)
    stage.servers.serials[A] = 1
    stage.refresh()
    del stage.servers.serials[A]
    stage.loop.advance(94)
    assert stage.zone.serial == 1
    stage.loop.advance(1)
    assert stage.zone.serial is None
    assert "info: zone expired" in stage.lines
    stored = stage.door.find_zone(APEX)
    assert stored is not None
    assert stored.expired
    assert stage.servers.asked[-2:] == [("AXFR", A), ("AXFR", B)]
    stage.servers.serials[B] = 1
    stage.loop.advance(10)
    assert stage.zone.serial == 1
    assert stage.lines[-1].endswith("serial none -> 1, expires in 95 seconds")


def test_a_zone_that_was_never_refreshed_expires_too(stage: Stage) -> None:
    """Contents from a file count from the first attempt that failed."""
    stage.fill(7)
    stage.refresh()
    assert stage.due(Kind.EXPIRATION) == 86400


def test_a_catalog_does_not_expire(stage: Stage) -> None:
    """Its members would be removed with it."""
    catalog = stage.zone.conf.catalog._replace(role="interpret")
    stage.zone.conf = ZoneConf(*stage.zone.conf[:3], stage.zone.conf.replication, catalog)
    stage.servers.serials[A] = 7
    stage.refresh()
    assert stage.due(Kind.EXPIRATION) is None
    assert stage.lines[-1].endswith("serial none -> 7")


def test_a_pinned_primary_is_kept_to(stage: Stage) -> None:
    """Another that is newer is used, for the whole zone, once it was newer for long enough."""
    stage.configure(FIRST, SECOND, master_pin_tolerance_s=100)
    stage.servers.serials[B] = 1
    stage.refresh()
    assert stage.zone.timers.pinned == "second"
    stage.servers.serials.update({A: 5, B: 1})
    stage.refresh()
    assert stage.zone.serial == 1
    stage.servers.asked.clear()
    stage.loop.advance(99)
    assert stage.servers.asked == []
    stage.loop.advance(1)
    assert stage.zone.serial == 5
    assert stage.servers.asked == [("SOA", A), ("AXFR", A)]


def test_other_primaries_are_asked_at_once(stage: Stage) -> None:
    """A configuration with other masters does not wait for the time of the next refresh."""
    stage.servers.serials.update({A: 1, B: 1})
    stage.refresh()
    plan_after_load(stage.scheduler, stage.zone, stage.now(), at_once=False)
    assert stage.due(Kind.REFRESH) == 3600
    stage.configure(SECOND)
    plan_after_load(stage.scheduler, stage.zone, stage.now(), at_once=False)
    assert stage.servers.asked[-1] == ("SOA", B)


def test_a_zone_without_primaries_is_no_longer_refreshed(stage: Stage) -> None:
    """Nor does it expire."""
    stage.servers.serials[A] = 1
    stage.refresh()
    stage.configure()
    plan_after_load(stage.scheduler, stage.zone, stage.now(), at_once=True)
    assert stage.zone.events == ()


def test_a_restart_keeps_the_times(stage: Stage) -> None:
    """Refresh and expiry of a zone that is loaded are where they were."""
    stage.fill(7)
    stage.zone.timers = ZoneTimers(START_S - 100, START_S + 50, START_S + 900)
    plan_after_load(stage.scheduler, stage.zone, stage.now(), at_once=False)
    assert (stage.due(Kind.REFRESH), stage.due(Kind.EXPIRATION)) == (50, 900)


def test_freezing_transfers_during_a_refresh_is_not_lost(stage: Stage) -> None:
    """What an operator set outlasts what the refresh began with."""
    stage.zone.timers = ZoneTimers(xfr_frozen=True)
    stage.servers.serials[A] = 1
    stage.refresh()
    assert stage.zone.timers.xfr_frozen
    assert stage.stored_timers().xfr_frozen


def test_freezing_transfers_during_a_refresh_that_fails_is_not_lost(stage: Stage) -> None:
    """The timers are the loop's, whenever the worker is done."""
    stage.fill(7)
    zone = stage.zone
    runner = stage.scheduler.runners[Kind.REFRESH]
    with pytest.raises(NotRefreshed) as caught:
        runner.work(zone, Event(Kind.REFRESH, 0.0))
    assert zone.timers == ZoneTimers()
    stage.timers.set(zone, zone.timers._replace(xfr_frozen=True))
    runner.failed(zone, Event(Kind.REFRESH, 0.0), caught.value)
    assert zone.timers.xfr_frozen
    assert zone.timers.expires_s == START_S + 86400


def test_lines_name_the_key(stage: Stage) -> None:
    """As Knot has it."""
    key = KeyConf(b"\1k\0", "hmac-sha256", b"secret")
    stage.configure(remote("first", A, key=key))
    stage.fill(1)
    stage.servers.serials[A] = 1
    stage.refresh()
    assert stage.lines[0].startswith(f"info: refresh, remote {A}@53, key k., remote serial 1, zone is up-to-date")


def test_source_addresses_go_with_addresses_of_their_family() -> None:
    """The one with the greatest index that is not above the address's own."""
    via = tuple(map(PeerEndpoint, ("10.0.0.1", "fd00::1", "10.0.0.2")))
    found = list(one_by_one(remote("x", "192.0.2.1", "2001:db8::1", "192.0.2.2", "192.0.2.3", "2001:db8::2", via=via)))
    assert [single.via[0].address for single in found] == ["10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.2", "fd00::1"]
    assert next(one_by_one(remote("x", "192.0.2.1"))).via == ()
