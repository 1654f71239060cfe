# SPDX-License-Identifier: Apache-2.0
"""What of replication is planned for a zone, and when. Belongs to the loop's thread."""

from typing import NamedTuple

from control.conf.peers import RemoteConf
from control.conf.zone import ZoneConf
from control.events.kinds import Kind
from control.events.scheduler import Scheduler
from control.events.timing import has_expired, notify_refresh_delay, refresh_delay
from control.events.zone import ZoneHandle

NEVER_EXPIRE = frozenset({"interpret", "generate"})
"""Catalog roles of zones that are kept whatever their primaries do."""


NOTIFY_SLACK_S = 0.1
"""A refresh that is planned is not planned anew to have it so much earlier."""


class Notifier(NamedTuple):
    """Request of a refresh: this remote sent a NOTIFY."""

    id: str


MANUAL, RETRANSFER = "manual", "retransfer"
"""Requests of a refresh: an operator asks for it; all of the zone, whatever the serials."""
TELL_ALL = "tell all"
"""Request of a notify event: an operator asks for it, whatever was told before."""


def is_secondary(conf: ZoneConf) -> bool:
    """Whether the zone comes from primaries."""
    return bool(conf.replication.masters)


def update_target(conf: ZoneConf) -> RemoteConf | None:
    """Return where updates of a zone are forwarded; None: they are carried out here."""
    replication = conf.replication
    if not replication.masters or replication.ddns_local:
        return None
    return replication.ddns_master or replication.masters[0]


def may_expire(conf: ZoneConf) -> bool:
    """Whether the zone expires when its primaries are not reached."""
    return is_secondary(conf) and conf.catalog.role not in NEVER_EXPIRE


def is_expired(zone: ZoneHandle, now: float) -> bool:
    """Whether the zone has expired by its timers."""
    return may_expire(zone.conf) and has_expired(zone.timers, now)


def plan_after_load(scheduler: Scheduler, zone: ZoneHandle, now: float, *, at_once: bool) -> None:
    """Plan what follows a load, whether it gave contents or not. `at_once`: the refresh is not put off."""
    if not is_secondary(zone.conf):
        scheduler.cancel(zone, Kind.REFRESH)
        scheduler.cancel(zone, Kind.EXPIRATION)
        return
    others = zone.masters is not None and zone.masters != zone.conf.replication.masters
    if zone.serial is None or at_once or others:
        scheduler.plan(zone, Kind.REFRESH)
    else:
        scheduler.plan(zone, Kind.REFRESH, refresh_delay(zone.timers, now))
    plan_expiration(scheduler, zone, now)


def plan_expiration(scheduler: Scheduler, zone: ZoneHandle, now: float) -> None:
    """Plan the expiry by the zone's timers; an earlier plan has no effect any more."""
    scheduler.cancel(zone, Kind.EXPIRATION)
    if zone.serial is not None and may_expire(zone.conf) and zone.timers.expires_s:
        scheduler.plan(zone, Kind.EXPIRATION, max(0.0, zone.timers.expires_s - now))


def plan_notify(scheduler: Scheduler, zone: ZoneHandle) -> None:
    """Plan telling others of the serial that is served, if they were not told."""
    conf = zone.conf.replication
    if conf.notify and zone.serial is not None and zone.serial != zone.timers.notified_serial:
        zone.unnotified = ()
        scheduler.plan(zone, Kind.NOTIFY, conf.notify_delay_s)


def plan_notified(scheduler: Scheduler, zone: ZoneHandle, notifiers: tuple[Notifier, ...], now: float) -> bool:
    """Plan the refresh a NOTIFY asks for; `now` is the loop's time. False: it was planned so already.

    Without `notifiers` all primaries are asked.
    """
    is_running = zone.running is not None and zone.running.kind is Kind.REFRESH
    delay = notify_refresh_delay(now if is_running else zone.refreshed_at, now)
    planned = zone.planned(Kind.REFRESH)
    is_soon = planned is not None and planned.due <= now + delay + NOTIFY_SLACK_S
    if planned is not None and is_soon and all(item in planned.requests for item in notifiers):
        return False
    if not notifiers:
        scheduler.plan(zone, Kind.REFRESH, delay)
    for notifier in notifiers:
        scheduler.plan(zone, Kind.REFRESH, delay, request=notifier)
    return True
