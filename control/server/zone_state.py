# SPDX-License-Identifier: Apache-2.0
"""The state of a zone as zone-status shows it, made of its handle."""

from collections.abc import Callable

from control.ctl.zone_status import EventState, Freeze, Phase, ZoneState
from control.events.event import Phase as EventPhase
from control.events.kinds import Kind
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle

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
        serial=zone.serial,
        transaction=NONE if zone.transaction is None else OPEN,
        freeze=Freeze(zone.freeze.value),
        events=events,
    )


def state_reader(
    scheduler: Scheduler, loop_time: Callable[[], float], unix_time: Callable[[], float]
) -> Callable[[ZoneHandle], ZoneState]:
    """Return the function that tells the state of a zone now."""
    return lambda zone: state_of(zone, scheduler, unix_time() - loop_time())
