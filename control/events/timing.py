# SPDX-License-Identifier: Apache-2.0
"""When a secondary zone is refreshed, tried again and expires (RFC 1035, 1996, 7314), and which primaries are asked.

Everything is a function of its arguments: times are Unix seconds, chance is a number in [0, 1). A zone's timers
(`ZoneTimers`) go in and come out.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from hashlib import blake2b
from typing import NamedTuple

from control.conf.peers import IntervalLimits, RemoteConf, ReplicationConf
from control.store.timers import ZoneTimers
from control.update.serial import compare_serials

BOOTSTRAP_STEP_S = 5
BOOTSTRAP_MAX_S = 7200
BOOTSTRAP_SPREAD_S = 30
NOTIFY_GAP_S = 1.0
"""Between the end of a refresh and the next one that a NOTIFY asks for: forged ones cannot keep a primary busy."""
SOA_NUMBERS = 20
"""Octets of the five numbers that end an SOA's data (RFC 1035, section 3.3.13)."""


class SoaTimes(NamedTuple):
    """The numbers of an SOA record."""

    serial: int
    refresh: int
    retry: int
    expire: int
    minimum: int

    @classmethod
    def of(cls, rdata: bytes) -> "SoaTimes":
        """Read them from the record's data."""
        numbers = rdata[-SOA_NUMBERS:]
        return cls(*(int.from_bytes(numbers[at : at + 4], "big") for at in range(0, SOA_NUMBERS, 4)))


def clamp(seconds: int, limits: IntervalLimits) -> int:
    """Return an interval within its limits; the greatest counts where they contradict each other."""
    seconds = max(seconds, limits.least)
    return seconds if limits.greatest is None else min(seconds, limits.greatest)


def jitter(zone: bytes, interval: int, conf: ReplicationConf) -> int:
    """Return by how much a refresh interval is shortened: 0 to what is configured, always the same for a zone."""
    most = conf.refresh_jitter_s or interval * conf.refresh_jitter_percent // 100
    if not most:
        return 0
    return int.from_bytes(blake2b(zone, digest_size=8).digest(), "big") % (most + 1)


def refresh_interval(zone: bytes, soa: SoaTimes, conf: ReplicationConf) -> int:
    """Return after how many seconds a zone is refreshed again."""
    interval = clamp(soa.refresh, conf.refresh)
    return max(1, interval - jitter(zone, interval, conf))


def retry_interval(soa: SoaTimes, conf: ReplicationConf) -> int:
    """Return after how many seconds is tried again what failed, for a zone that has contents."""
    return clamp(soa.retry, conf.retry)


def bootstrap_delay(attempt: int, conf: ReplicationConf, chance: float) -> int:
    """Return after how many seconds a zone without contents is asked for again; `attempt` counts failures from 1."""
    delay = min(BOOTSTRAP_STEP_S * attempt**2, BOOTSTRAP_MAX_S)
    return clamp(delay + int(chance * (BOOTSTRAP_SPREAD_S + 1)), conf.retry)


def contacted(
    timers: ZoneTimers, zone: bytes, soa: SoaTimes, expire: int | None, conf: ReplicationConf, now: int
) -> ZoneTimers:
    """Return the timers after an SOA query that found the contents up to date.

    `expire` is the EXPIRE option of the reply: it may put the expiry off, never forward (RFC 7314, section 4).
    """
    expires = now + clamp(soa.expire if expire is None else expire, conf.expire)
    if expire is not None:
        expires = max(expires, timers.expires_s)
    return reached(timers._replace(refreshed_s=now, expires_s=expires), zone, soa, conf, now)


def transferred(
    timers: ZoneTimers, zone: bytes, soa: SoaTimes, expire: int | None, conf: ReplicationConf, now: int, source: str
) -> ZoneTimers:
    """Return the timers after a transfer that brought an SOA; `source` is the id of the primary."""
    return timers._replace(
        refreshed_s=now,
        next_refresh_s=now + refresh_interval(zone, soa, conf),
        expires_s=now + clamp(soa.expire if expire is None else expire, conf.expire),
        pinned=source if conf.master_pin_tolerance_s else "",
        outpaced_s=0,
    )


def lasting(timers: ZoneTimers) -> ZoneTimers:
    """Return the timers of a zone that does not expire (catalogs)."""
    return timers._replace(expires_s=0)


def independent(timers: ZoneTimers) -> ZoneTimers:
    """Return the timers of a zone that has no primaries: should it get some, it does not expire by old ones."""
    if not (timers.next_refresh_s or timers.expires_s):
        return timers
    return timers._replace(refreshed_s=0, next_refresh_s=0, expires_s=0, pinned="", outpaced_s=0)


def refresh_delay(timers: ZoneTimers, now: float) -> float:
    """Return in how many seconds a zone with contents is to be refreshed, after a start.

    Times that were noted by a clock that has been set back since are not believed.
    """
    if not timers.next_refresh_s or now < timers.refreshed_s:
        return 0.0
    return max(0.0, timers.next_refresh_s - now)


def has_expired(timers: ZoneTimers, now: float) -> bool:
    """Tell whether a secondary zone has expired."""
    return 0 < timers.expires_s <= now


def reached(timers: ZoneTimers, zone: bytes, soa: SoaTimes, conf: ReplicationConf, now: int) -> ZoneTimers:
    """Return the timers after a refresh that brought nothing: it does not put expiry off.

    The next one is sooner when the pinned primary has been waited for long enough by then.
    """
    return impatient(timers._replace(next_refresh_s=now + refresh_interval(zone, soa, conf)), conf, now)


def impatient(timers: ZoneTimers, conf: ReplicationConf, now: int) -> ZoneTimers:
    """Return timers by which the next refresh comes when the pinned primary has been behind for too long."""
    patience_ends = timers.outpaced_s + conf.master_pin_tolerance_s
    if timers.outpaced_s and now < patience_ends:
        return timers._replace(next_refresh_s=min(timers.next_refresh_s, patience_ends))
    return timers


class Usable(Enum):
    """What is done with a primary that has a newer zone."""

    YES = "transfer from it"
    NO = "the zone keeps to another primary"
    SWITCH = "transfer everything from it, and keep to it"


def judge_newer(timers: ZoneTimers, remote: str, conf: ReplicationConf, now: int) -> tuple[Usable, ZoneTimers]:
    """Decide by `master-pin-tolerance` about a primary whose zone is newer; also return the timers that follow."""
    tolerance = conf.master_pin_tolerance_s
    if not tolerance or timers.pinned in ("", remote) or all(timers.pinned != other.id for other in conf.masters):
        return Usable.YES, timers
    if timers.outpaced_s and now - timers.outpaced_s >= tolerance:
        return Usable.SWITCH, timers
    return Usable.NO, timers._replace(outpaced_s=timers.outpaced_s or now)


def sources(masters: Sequence[RemoteConf], notifiers: Iterable[str]) -> tuple[Sequence[RemoteConf], bool]:
    """Return the primaries to be asked, in order, and whether they are those that sent a NOTIFY.

    `notifiers` are ids; what is none of the primaries (any more) does not count, and without any all are asked.
    """
    wanted = frozenset(notifiers)
    named = [remote for remote in masters if remote.id in wanted]
    return (named, True) if named else (masters, False)


class News(Enum):
    """What the serial of a primary means."""

    NEWER = "zone is outdated"
    SAME = "zone is up-to-date"
    OLDER = "remote is outdated"


def compare(own: int | None, theirs: int) -> News:
    """Compare the serial of a zone (None: no contents) with that of a primary; what RFC 1982 leaves open is newer."""
    if own is None:
        return News.NEWER
    match compare_serials(own, theirs):
        case 0:
            return News.SAME
        case 1:
            return News.OLDER
    return News.NEWER


def notify_refresh_delay(last_end: float, now: float) -> float:
    """Return in how many seconds a NOTIFY leads to a refresh; the last one ended at `last_end`, by the same clock.

    While one runs that is now.
    """
    return max(0.0, last_end + NOTIFY_GAP_S - now)


def next_retry(soa: SoaTimes | None, attempt: int, conf: ReplicationConf, chance: float) -> int:
    """Return in how many seconds a refresh that failed is tried again; `soa` None: the zone has no contents."""
    return bootstrap_delay(attempt, conf, chance) if soa is None else retry_interval(soa, conf)
