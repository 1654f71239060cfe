# SPDX-License-Identifier: Apache-2.0
"""Batches of updates: one commit, each message by itself, and who is at fault when the door refuses."""

from collections.abc import Iterator, Sequence

import pytest

from control.ddns.carry import ATTEMPTS
from control.ddns.message import Rcode, Update, parse_update
from control.errors import JournalFull, StoreFull, ZoneBusy
from control.store.journal import get_journal
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult
from tests.support.updated import UpdatedZones, updated_zones
from tests.support.updates import build

ORIGIN, APEX = "example.", b"\7example\0"
NAMES = [f"n{number}" for number in range(8)]
BAD = "x.tree 60 IN A 192.0.2.1"
"""Beneath a DNAME: the door's checks refuse it."""


@pytest.fixture
def zones() -> Iterator[UpdatedZones]:
    """A store with the zone."""
    with updated_zones() as zones:
        zones.load(ORIGIN)
        yield zones


def update(*changes: str, when: Sequence[str] = ()) -> Update:
    return parse_update(build(ORIGIN, tuple(when), changes))


def adding(name: str) -> Update:
    return update(f"{name} 60 IN A 192.0.2.1")


def has(zones: UpdatedZones, name: str) -> bool:
    owner = bytes((len(name),)) + name.encode() + APEX
    return any(record[0] == owner for record in zones.records(APEX))


class Counting:
    """The door's commit, counted; `errors` are raised first."""

    def __init__(self, zones: UpdatedZones, *errors: Exception) -> None:
        self.zones, self.errors = zones, list(errors)
        self.calls = 0

    def __call__(self, updates: Sequence[ZoneUpdate]) -> list[ChangeResult]:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return self.zones.door.commit(updates)


def test_a_batch_is_one_changeset(zones: UpdatedZones) -> None:
    """Many messages make one commit, one step of the serial and one changeset."""
    commit = Counting(zones)
    carried = zones.carry_out(APEX, [adding(name) for name in NAMES], commit)
    assert (commit.calls, zones.serial(APEX)) == (1, 11)
    assert all(verdict.rcode == Rcode.NOERROR for verdict in carried.verdicts)
    assert all(has(zones, name) for name in NAMES)
    with zones.store.read() as txn:
        state = get_journal(txn, APEX)
    assert state is not None
    assert (state.first, state.last, state.depth) == (10, 11, 1)


def test_messages_see_those_before(zones: UpdatedZones) -> None:
    """A prerequisite is tested on what the messages before it in the batch have made."""
    first = update("new 60 IN A 192.0.2.1", when=["new 0 NONE ANY"])
    again = update("new 60 IN A 192.0.2.2", when=["new 0 NONE ANY"])
    gone = update("new 0 ANY ANY", when=["new 0 ANY A"])
    carried = zones.carry_out(APEX, [first, again, gone, first])
    assert [verdict.rcode for verdict in carried.verdicts] == [0, Rcode.YXDOMAIN, 0, 0]
    assert [verdict.unmet for verdict in carried.verdicts] == [False, True, False, False]
    assert carried.verdicts[1].reason == "name new.example. (YXDOMAIN)"
    assert has(zones, "new")


def test_a_refused_message_changes_nothing(zones: UpdatedZones) -> None:
    """RFC 2136, section 3.7: of a message that is refused nothing is carried out, those beside it are."""
    half = update("half 60 IN A 192.0.2.1", "www 60 IN NSEC3PARAM 1 0 0 -")
    carried = zones.carry_out(APEX, [adding("a"), half, adding("b")])
    assert [verdict.rcode for verdict in carried.verdicts] == [0, Rcode.REFUSED, 0]
    assert (has(zones, "a"), has(zones, "half"), has(zones, "b")) == (True, False, True)


@pytest.mark.parametrize("place", range(len(NAMES)))
def test_the_one_at_fault_is_found(zones: UpdatedZones, place: int) -> None:
    """What the door's checks refuse is refused alone, wherever it is in the batch."""
    batch = [adding(name) for name in NAMES]
    batch[place] = update("half 60 IN A 192.0.2.1", BAD)
    carried = zones.carry_out(APEX, batch)
    wanted = [Rcode.REFUSED if number == place else Rcode.NOERROR for number in range(len(NAMES))]
    assert [verdict.rcode for verdict in carried.verdicts] == wanted
    assert [has(zones, name) for name in NAMES] == [number != place for number in range(len(NAMES))]
    assert not has(zones, "half")
    assert len(carried.errors) == 1


def test_what_depends_on_the_one_at_fault(zones: UpdatedZones) -> None:
    """A message whose prerequisite only the refused one would have met is not carried out."""
    bad = update("half 60 IN A 192.0.2.1", BAD)
    after = update("new 60 IN A 192.0.2.1", when=["half 0 ANY A"])
    carried = zones.carry_out(APEX, [bad, after])
    assert [verdict.rcode for verdict in carried.verdicts] == [Rcode.REFUSED, Rcode.NXRRSET]


def test_zone_max_size(zones: UpdatedZones) -> None:
    """A zone that would become too large refuses the update; one that makes it smaller is carried out."""
    zones.settings = zones.settings._replace(zone_max_size_bytes=100)
    (refused,) = zones.carry_out(APEX, [adding("a")]).verdicts
    assert (refused.rcode, refused.reason) == (Rcode.REFUSED, "zone size exceeded")
    (done,) = zones.carry_out(APEX, [update("www 0 ANY ANY")]).verdicts
    assert done.rcode == Rcode.NOERROR


def test_no_change_is_no_commit(zones: UpdatedZones) -> None:
    """What changes nothing does not raise the serial and does not touch the disk."""
    commit = Counting(zones)
    carried = zones.carry_out(APEX, [update("www 300 IN A 192.0.2.10"), update("nowhere 0 ANY ANY")], commit)
    assert [verdict.rcode for verdict in carried.verdicts] == [0, 0]
    assert (commit.calls, zones.serial(APEX), carried.results) == (0, 10, [])


def test_another_change_in_between(zones: UpdatedZones) -> None:
    """A batch that another change overtakes is done anew on the zone as it is then."""
    commit = Counting(zones, ZoneBusy(APEX, "busy"))
    carried = zones.carry_out(APEX, [adding("a")], commit)
    assert (carried.verdicts[0].rcode, commit.calls, has(zones, "a")) == (Rcode.NOERROR, 2, True)


def test_overtaken_for_ever(zones: UpdatedZones) -> None:
    """After some attempts the client is told to try again (SERVFAIL)."""
    commit = Counting(zones, *[ZoneBusy(APEX, "busy")] * (ATTEMPTS + 1))
    carried = zones.carry_out(APEX, [adding("a")], commit)
    assert (carried.verdicts[0].rcode, commit.calls) == (Rcode.SERVFAIL, ATTEMPTS)


def test_full_journal_refuses_one_by_one(zones: UpdatedZones) -> None:
    """When the journal has no room for all, what fits is still carried out."""
    commit = Counting(zones, JournalFull(APEX, "full"), JournalFull(APEX, "full"))
    carried = zones.carry_out(APEX, [adding("a"), adding("b")], commit)
    assert [verdict.rcode for verdict in carried.verdicts] == [Rcode.SERVFAIL, Rcode.NOERROR]
    assert (has(zones, "a"), has(zones, "b")) == (False, True)


def test_full_store_fails_all(zones: UpdatedZones) -> None:
    """What no message is at fault for is not tried one by one."""
    commit = Counting(zones, StoreFull(zones.directory, "full"))
    carried = zones.carry_out(APEX, [adding("a"), adding("b")], commit)
    assert [verdict.rcode for verdict in carried.verdicts] == [Rcode.SERVFAIL] * 2
    assert commit.calls == 1


def test_zone_without_contents(zones: UpdatedZones) -> None:
    """There is nothing to update: SERVFAIL."""
    carried = zones.carry_out(b"\5other\0", [parse_update(build("other.", (), ("a 60 IN A 192.0.2.1",)))])
    assert carried.verdicts[0].rcode == Rcode.SERVFAIL
