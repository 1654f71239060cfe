# SPDX-License-Identifier: Apache-2.0
"""Events that are done together: how many one worker takes, what they give way to, and how each of them ends."""

from collections.abc import Sequence

from control.events.event import Event
from control.events.kinds import Kind
from control.events.scheduler import TOGETHER_MAX, Claim, Runner
from control.events.zone import ZoneHandle
from tests.support.event_stage import Stage


class Grouped(Stage):
    """One worker; flushes are done together and fail for zones named `bad`."""

    def __init__(self) -> None:
        super().__init__(workers=1)
        self.groups: list[list[str]] = []
        self.outcome: Sequence[Exception | None] = ()
        self.scheduler.runners[Kind.FLUSH] = Runner(self._flush, self._note_success, work_many=self._flush_many)

    def zones(self, count: int) -> list[ZoneHandle]:
        """Return zones whose flushes are planned, behind one that holds the only worker."""
        self.scheduler.plan(self.zone("first."), Kind.LOAD)
        zones = [self.zone(f"z{number}.") for number in range(count)]
        for zone in zones:
            self.scheduler.plan(zone, Kind.FLUSH)
        return zones

    def finish_group(self) -> None:
        """End the group that runs with what its work gave."""
        _, done = self.jobs.pop(0)
        done(self.outcome, None)

    def _flush(self, zone: ZoneHandle, event: Event) -> str:
        self.groups.append([zone.name])
        return self._work(zone, event)

    def _flush_many(self, claims: Sequence[Claim]) -> list[Exception | None]:
        self.groups.append([zone.name for zone, _ in claims])
        self.outcome = [OSError("bad") if zone.name == "bad." else None for zone, _ in claims]
        return list(self.outcome)


def test_a_worker_takes_what_waits() -> None:
    """Up to so many at once, in their order, and the rest when it is back."""
    stage = Grouped()
    stage.zones(TOGETHER_MAX + 1)
    stage.finish()
    assert [len(group) for group in stage.groups] == [TOGETHER_MAX]
    assert stage.groups[0][:2] == ["z0.", "z1."]
    stage.finish_group()
    assert stage.groups[1:] == [[f"z{TOGETHER_MAX}."]]
    assert stage.scheduler.background.pending() == 0


def test_each_event_has_its_own_end() -> None:
    """One that failed is reported, the others succeed, and no zone is left busy."""
    stage = Grouped()
    zones = stage.zones(2)
    bad = stage.zone("bad.")
    stage.scheduler.plan(bad, Kind.FLUSH)
    stage.finish()
    assert all(zone.running is not None for zone in (*zones, bad))
    stage.finish_group()
    assert stage.failed == [("bad.", "flush", "bad")]
    assert [entry[0] for entry in stage.ended] == ["first.", "z0.", "z1."]
    assert all(zone.running is None for zone in (*zones, bad))


def test_a_group_that_fails_fails_for_all() -> None:
    """What the work raises is the failure of every event."""
    stage = Grouped()
    stage.zones(2)
    stage.finish()
    stage.finish(OSError("disk"))
    assert stage.failed == [("z0.", "flush", "disk"), ("z1.", "flush", "disk")]


def test_other_events_come_first_and_not_for_ever() -> None:
    """A load that is planned later begins before flushes; they begin while loads go on being planned."""
    stage = Grouped()
    stage.zones(3)
    others = [stage.zone(f"load{number}.") for number in range(8)]
    for zone in others:
        stage.scheduler.plan(zone, Kind.LOAD)
    stage.finish()
    assert stage.names()[1:] == [("load0.", "load")]
    while not stage.groups:
        stage.finish()
    assert len(stage.begun) < len(others)


def test_an_event_somebody_waits_for_does_not_give_way() -> None:
    """A flush an operator waits for keeps its place, and zones that are busy meanwhile are left out of the group."""
    stage = Grouped()
    zones = stage.zones(3)
    waited = stage.zone("waited.")
    stage.scheduler.plan(waited, Kind.FLUSH, waiter=lambda _error: None)
    assert stage.scheduler.claim(zones[1], Kind.LOAD) is not None
    stage.finish()
    assert stage.groups == [["waited."]]
    stage.finish()
    assert stage.groups[1:] == [["z0.", "z2."]]


def test_stop_settles_what_waits() -> None:
    """Events in either queue are told that the server stops."""
    stage = Grouped()
    stage.zones(3)
    stage.scheduler.stop()
    assert stage.scheduler.background.pending() == 0
