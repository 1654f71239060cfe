# SPDX-License-Identifier: Apache-2.0
"""When a secondary zone is refreshed, tried again and expires, and which primaries are asked."""

import pytest

from control.conf.peers import IntervalLimits, RemoteConf, ReplicationConf
from control.conf.values import name_to_wire
from control.events import timing
from control.events.timing import News, SoaTimes, Usable
from control.store.timers import NO_TIMERS, ZoneTimers

ZONE = name_to_wire("example.com.")
SOA = SoaTimes(serial=7, refresh=3600, retry=600, expire=86400, minimum=60)
PLAIN = ReplicationConf()
NOW = 1_900_000_000
FIRST, SECOND, THIRD = (RemoteConf(name, ()) for name in ("first", "second", "third"))
PINNED = ReplicationConf(masters=(FIRST, SECOND, THIRD), master_pin_tolerance_s=100)


def test_the_numbers_of_an_soa_are_read() -> None:
    """They are the last twenty octets of its data."""
    rdata = b"\0\0" + b"".join(number.to_bytes(4, "big") for number in (1, 2, 3, 4, 4_294_967_295))
    assert SoaTimes.of(rdata) == (1, 2, 3, 4, 4_294_967_295)


@pytest.mark.parametrize(
    ("seconds", "limits", "expected"),
    [
        (100, IntervalLimits(2), 100),
        (0, IntervalLimits(2), 2),
        (100, IntervalLimits(2, 50), 50),
        (10, IntervalLimits(20, 50), 20),
        (50, IntervalLimits(50, 50), 50),
        (4_294_967_295, IntervalLimits(2), 4_294_967_295),
    ],
)
def test_intervals_keep_to_their_limits(seconds: int, limits: IntervalLimits, expected: int) -> None:
    """Too short and too long ones become the nearest that is allowed."""
    assert timing.clamp(seconds, limits) == expected


def test_jitter_shortens_the_refresh_interval_by_the_name_of_the_zone() -> None:
    """It lies between nothing and what is configured, differs between zones and stays the same for a zone."""
    conf = ReplicationConf(refresh_jitter_s=100)
    zones = [name_to_wire(f"zone{number}.") for number in range(200)]
    intervals = [timing.refresh_interval(zone, SOA, conf) for zone in zones]
    assert intervals == [timing.refresh_interval(zone, SOA, conf) for zone in zones]
    assert min(intervals) >= 3500
    assert max(intervals) <= 3600
    assert len(set(intervals)) > 50


def test_jitter_may_be_a_share_of_the_interval() -> None:
    """A percentage is of the interval within its limits."""
    conf = ReplicationConf(refresh=IntervalLimits(2, 1000), refresh_jitter_percent=10)
    intervals = {timing.refresh_interval(name_to_wire(f"zone{number}."), SOA, conf) for number in range(200)}
    assert min(intervals) >= 900
    assert max(intervals) <= 1000
    assert len(intervals) > 50


def test_jitter_never_takes_the_whole_interval() -> None:
    """Some time is left between two refreshes, however large the jitter."""
    conf = ReplicationConf(refresh_jitter_s=1_000_000)
    assert all(timing.refresh_interval(name_to_wire(f"zone{n}."), SOA, conf) >= 1 for n in range(50))


@pytest.mark.parametrize(
    ("attempt", "chance", "limits", "expected"),
    [
        (1, 0.0, IntervalLimits(1), 5),
        (1, 0.999, IntervalLimits(1), 35),
        (2, 0.0, IntervalLimits(1), 20),
        (10, 0.5, IntervalLimits(1), 515),
        (37, 0.0, IntervalLimits(1), 6845),
        (38, 0.0, IntervalLimits(1), 7200),
        (1_000_000, 0.999, IntervalLimits(1), 7230),
        (1, 0.0, IntervalLimits(60), 60),
        (38, 0.999, IntervalLimits(1, 900), 900),
    ],
)
def test_bootstrap_backs_off(attempt: int, chance: float, limits: IntervalLimits, expected: int) -> None:
    """Five seconds times the square of the attempt, two hours at most, spread over 30 s, within the retry limits."""
    assert timing.bootstrap_delay(attempt, ReplicationConf(retry=limits), chance) == expected


def test_a_zone_with_contents_is_tried_again_after_its_retry_interval() -> None:
    """The SOA's number counts, within the limits; without contents it is the bootstrap's delay."""
    assert timing.next_retry(SOA, 9, PLAIN, 0.5) == 600
    assert timing.next_retry(SOA, 9, ReplicationConf(retry=IntervalLimits(1, 30)), 0.5) == 30
    assert timing.next_retry(None, 1, PLAIN, 0.0) == 5


def test_contact_puts_refresh_and_expiry_off() -> None:
    """Both are counted from the reply."""
    timers = timing.contacted(NO_TIMERS, ZONE, SOA, None, PLAIN, NOW)
    assert timers == ZoneTimers(refreshed_s=NOW, next_refresh_s=NOW + 3600, expires_s=NOW + 86400)


@pytest.mark.parametrize(("expire", "expected"), [(50, 1000), (2000, 2000), (0, 1000)])
def test_the_expire_option_of_an_soa_reply_only_prolongs(expire: int, expected: int) -> None:
    """RFC 7314, section 4: the timer becomes the option's value where that is later."""
    timers = timing.contacted(ZoneTimers(expires_s=NOW + 1000), ZONE, SOA, expire, PLAIN, NOW)
    assert timers.expires_s == NOW + expected


def test_the_expire_option_of_a_transfer_sets_the_expiry() -> None:
    """It may be sooner than it was and sooner than the SOA says; the limits still count."""
    before = ZoneTimers(expires_s=NOW + 80000)
    assert timing.transferred(before, ZONE, SOA, 500, PLAIN, NOW, "first").expires_s == NOW + 500
    assert timing.transferred(before, ZONE, SOA, None, PLAIN, NOW, "first").expires_s == NOW + 86400
    assert timing.transferred(before, ZONE, SOA, 0, PLAIN, NOW, "first").expires_s == NOW + 3


def test_expiry_keeps_to_its_limits() -> None:
    """`expire-min-interval` and `expire-max-interval` count for the SOA's number."""
    conf = ReplicationConf(expire=IntervalLimits(3, 100))
    assert timing.contacted(NO_TIMERS, ZONE, SOA, None, conf, NOW).expires_s == NOW + 100


@pytest.mark.parametrize(
    ("refreshed", "due", "expected"),
    [(NOW - 9, 0, 0.0), (NOW - 9, NOW - 5, 0.0), (NOW - 9, NOW + 90, 90.0), (NOW + 1000, NOW + 2000, 0.0)],
)
def test_a_refresh_that_was_planned_before_a_restart_keeps_its_time(refreshed: int, due: int, expected: float) -> None:
    """What is overdue is done at once, and so it is when the clock was set back."""
    assert timing.refresh_delay(ZoneTimers(refreshed_s=refreshed, next_refresh_s=due), NOW) == expected


def test_without_pinning_every_newer_primary_is_used() -> None:
    """So it is when nothing is pinned, for the pinned one itself, and when that is no primary any more."""
    for timers, remote, conf in (
        (ZoneTimers(pinned="first"), "second", PLAIN),
        (NO_TIMERS, "second", PINNED),
        (ZoneTimers(pinned="first"), "first", PINNED),
        (ZoneTimers(pinned="gone"), "second", PINNED),
    ):
        assert timing.judge_newer(timers, remote, conf, NOW) == (Usable.YES, timers)


def test_a_pinned_primary_is_left_when_another_was_newer_for_long() -> None:
    """The time counts from when the other was first seen newer, and a refresh is planned for its end."""
    verdict, timers = timing.judge_newer(ZoneTimers(pinned="first", next_refresh_s=NOW + 3600), "second", PINNED, NOW)
    assert (verdict, timers.outpaced_s) == (Usable.NO, NOW)
    assert timing.reached(timers, ZONE, SOA, PINNED, NOW).next_refresh_s == NOW + 100
    assert timing.contacted(timers, ZONE, SOA, None, PINNED, NOW + 60).next_refresh_s == NOW + 100
    assert timing.reached(timers, ZONE, SOA, PINNED, NOW + 100).next_refresh_s == NOW + 100 + 3600
    assert timing.judge_newer(timers, "third", PINNED, NOW + 99)[0] is Usable.NO
    assert timing.judge_newer(timers, "second", PINNED, NOW + 100)[0] is Usable.SWITCH


def test_a_zone_that_becomes_a_primary_forgets_its_primaries() -> None:
    """Years later it may be a secondary again, and must not be found expired; what is its own stays."""
    own = ZoneTimers(notified_serial=7, xfr_frozen=True)
    before = own._replace(refreshed_s=1, next_refresh_s=2, expires_s=3, pinned="first", outpaced_s=1)
    assert timing.independent(before) == own
    assert timing.independent(own) is own


def test_a_transfer_pins_its_primary() -> None:
    """And what was known of others being newer is forgotten; without tolerance nothing is pinned."""
    before = ZoneTimers(pinned="first", outpaced_s=NOW - 100)
    after = timing.transferred(before, ZONE, SOA, None, PINNED, NOW, "second")
    assert (after.pinned, after.outpaced_s) == ("second", 0)
    assert timing.transferred(before, ZONE, SOA, None, PLAIN, NOW, "second").pinned == ""


@pytest.mark.parametrize(
    ("notifiers", "expected"),
    [
        ((), ("first", "second", "third")),
        (("second",), ("second",)),
        (("third", "first"), ("first", "third")),
        (("gone",), ("first", "second", "third")),
        (("gone", "second"), ("second",)),
    ],
)
def test_those_who_sent_a_notify_are_asked(notifiers: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """All of them and no others, in configured order; without any, all primaries are."""
    remotes, notified = timing.sources(PINNED.masters, notifiers)
    assert tuple(remote.id for remote in remotes) == expected
    assert notified == (len(expected) < 3)


@pytest.mark.parametrize(
    ("own", "theirs", "expected"),
    [
        (None, 1, News.NEWER),
        (1, 2, News.NEWER),
        (2, 2, News.SAME),
        (3, 2, News.OLDER),
        (4_294_967_295, 0, News.NEWER),
        (0, 0x80000000, News.NEWER),
    ],
)
def test_serials_tell_what_is_news(own: int | None, theirs: int, expected: News) -> None:
    """Serial arithmetic decides; a zone without contents is always outdated."""
    assert timing.compare(own, theirs) is expected


def test_notifies_leave_a_pause_between_refreshes() -> None:
    """However many come, a refresh begins a second after the last one at the earliest."""
    assert timing.notify_refresh_delay(100.0, 100.0) == 1.0
    assert timing.notify_refresh_delay(100.0, 100.4) == pytest.approx(0.6)
    assert timing.notify_refresh_delay(100.0, 500.0) == 0.0


def test_a_catalog_does_not_expire() -> None:
    """Its timers have no expiry."""
    assert timing.lasting(ZoneTimers(refreshed_s=1, expires_s=9)) == ZoneTimers(refreshed_s=1)
