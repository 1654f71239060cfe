# SPDX-License-Identifier: Apache-2.0
"""The state of a zone as zone-status shows it, made of its handle."""

from collections.abc import Callable

from control.conf.peers import CatalogConf
from control.ctl.zone_status import EventState, Freeze, Phase, ZoneState
from control.events.event import Phase as EventPhase
from control.events.kinds import Kind
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.server.replication.planning import is_secondary

PHASES = {
    EventPhase.PLANNED: Phase.DUE,
    EventPhase.PENDING: Phase.PENDING,
    EventPhase.RUNNING: Phase.RUNNING,
    EventPhase.FROZEN: Phase.FROZEN,
}
OPEN, NONE = "open", "-"


def state_of(zone: ZoneHandle, scheduler: Scheduler, unix_offset: float) -> ZoneState:
    """Return the state; `unix_offset` turns the scheduler's times into Unix seconds."""
    events = {}
    if zone.events or zone.running is not None:
        for kind in Kind:
            status = scheduler.status(zone, kind)
            if status is not None:
                events[kind.label] = EventState(PHASES[status.phase], status.time + unix_offset)
    return ZoneState(
        zone=zone.name,
        secondary=is_secondary(zone.conf),
        serial=zone.serial,
        transaction=NONE if zone.transaction is None else OPEN,
        freeze=Freeze(zone.freeze.value),
        catalog=catalog_text(zone.conf.catalog),
        member=bool(zone.conf.catalog.interpreted_from),
        xfr_frozen=zone.timers.xfr_frozen,
        events=events,
    )


def catalog_text(catalog: CatalogConf) -> str:
    """Return what a zone has to do with catalogs; a member of two kinds is shown as the interpreted one."""
    if catalog.interpreted_from:
        return catalog.interpreted_from + (f"#{catalog.interpreted_group}" if catalog.interpreted_group else "")
    if catalog.role == "member":
        return f"@{catalog.zone}" + (f"#{catalog.group}" if catalog.group else "")
    return NONE if catalog.role == "none" else catalog.role


def state_reader(
    scheduler: Scheduler, loop_time: Callable[[], float], unix_time: Callable[[], float]
) -> Callable[[ZoneHandle], ZoneState]:
    """Return the function that tells the state of a zone now."""
    return lambda zone: state_of(zone, scheduler, unix_time() - loop_time())
