# SPDX-License-Identifier: Apache-2.0
"""Events that are done together: how many one worker takes, what they give way to, and how each of them ends."""

from collections.abc import Sequence

import pytest

from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import TOGETHER_MAX, Claim, Runner
from control.events.scheduler import HELD_BACK_S
from control.events.zone import ZoneHandle
from tests.support.event_stage import Stage


class Grouped(Stage):
    """One worker; flushes are done together and fail for zones named `bad`."""

    def __init__(self) -> None:
        super().__init__(workers=1)
        self.groups: list[list[str]] = []
        self.outcome: Sequence[Exception | None] = ()
        self.scheduler.runners[Kind.FLUSH] = Runner(
            self._flush, self._note_success, work_many=self._flush_many, gives_way=True
        )

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


def grouped_refreshes(network: int, groups: dict[str, str | None]) -> tuple[Stage, list[list[str]]]:
    """Plan refreshes of zones in groups (None: alone) while the workers are busy; return who is done together."""
    stage, taken = Stage(network=network, network_kinds=frozenset({Kind.REFRESH, Kind.NOTIFY})), []

    def work(zone: ZoneHandle, event: Event) -> str:
        taken.append([zone.name])
        return stage._work(zone, event)

    def work_many(claims: Sequence[Claim]) -> list[str]:
        taken.append([zone.name for zone, _ in claims])
        return ["done"] * len(claims)

    stage.scheduler.runners[Kind.REFRESH] = stage.scheduler.runners[Kind.REFRESH]._replace(
        work=work, work_many=work_many, group_of=lambda zone, _event: groups[zone.name]
    )
    for number in range(network):
        stage.scheduler.plan(stage.zone(f"busy{number}."), Kind.NOTIFY)
    for name in groups:
        stage.scheduler.plan(stage.zone(name), Kind.REFRESH)
    return stage, taken


def test_events_of_a_group_are_done_together() -> None:
    """One worker takes those of one group that stand behind each other; those without a group are done alone."""
    stage, taken = grouped_refreshes(1, {"a.": "x", "b.": "x", "c.": "y", "d.": None, "e.": None, "f.": "x"})
    stage.finish()
    while stage.jobs:
        _, done = stage.jobs.pop(0)
        done(["done"] * len(taken[-1]) if len(taken[-1]) > 1 else "done", None)
    assert taken == [["a.", "b."], ["c."], ["d."], ["e."], ["f."]]
    assert [entry[::2] for entry in stage.ended[1:]] == [(f"{name}.", "done") for name in "abcdef"]


def test_a_worker_takes_its_share() -> None:
    """What waits is shared out among the workers, so that none of them is left without while others have much."""
    stage, taken = grouped_refreshes(2, {f"z{number}.": "x" for number in range(8)})
    stage.finish()
    stage.finish()
    assert taken == [["z0.", "z1.", "z2.", "z3."], ["z4.", "z5."]]


def test_events_that_give_way_wait_for_those_of_other_servers() -> None:
    """While refreshes want for workers no flush begins, until it has waited for as long as it may."""
    stage = Stage(network=1, network_kinds=frozenset({Kind.REFRESH}))
    stage.scheduler.runners[Kind.FLUSH] = stage.scheduler.runners[Kind.FLUSH]._replace(gives_way=True)
    for number in range(3):
        stage.scheduler.plan(stage.zone(f"z{number}."), Kind.REFRESH)
    flushed = stage.zone("flushed.")
    stage.scheduler.plan(flushed, Kind.FLUSH)
    stage.loop.advance(HELD_BACK_S - 1)
    assert stage.names() == [("z0.", "refresh")]
    stage.loop.advance(1)
    assert stage.names() == [("z0.", "refresh"), ("flushed.", "flush")]
    stage.scheduler.plan(stage.zone("later."), Kind.FLUSH)
    stage.finish()
    stage.finish()
    assert ("later.", "flush") not in stage.names()
    stage.finish()
    assert stage.names()[-2:] == [("z2.", "refresh"), ("later.", "flush")]


def test_much_that_is_planned_begins_at_once() -> None:
    """Within `together` nothing begins; all of it does at the end of the outer block, whatever ended the inner one."""
    stage = Stage()
    with stage.scheduler.together():
        stage.scheduler.plan(stage.zone("a."), Kind.LOAD)
        with pytest.raises(OSError, match="broken"), stage.scheduler.together():
            raise OSError("broken")
        assert not stage.begun
    assert stage.names() == [("a.", "load")]


def test_stop_settles_what_waits() -> None:
    """Events in either queue are told that the server stops."""
    stage = Grouped()
    stage.zones(3)
    stage.scheduler.stop()
    assert stage.scheduler.background.pending() == 0
