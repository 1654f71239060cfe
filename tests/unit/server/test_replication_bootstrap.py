# SPDX-License-Identifier: Apache-2.0
"""Zones without contents that are refreshed together: which they are, and how their transfers are accepted."""

from collections.abc import Sequence
from typing import Any

import pytest

from control.clock import Clock
from control.conf.peers import NO_REPLICATION, RemoteConf
from control.conf.zone import ZoneConf
from control.errors import ControlError
from control.events.event import Event
from control.events.kinds import Kind
from control.events.zone import ZoneHandle
from control.server.replication.accepting import HELD_NS, Arrival, Steps, accept_together
from control.server.replication.planning import MANUAL
from control.server.replication.refresh import bootstrapped_from
from control.transfer.ahead import SMALL_BYTES
from tests.support.doors import PLAIN
from tests.support.replication_stage import remote

FIRST, SECOND = remote("first", "192.0.2.1"), remote("second", "192.0.2.2")

AT_ONCE = Clock(monotonic_ns=lambda: 0)
"""By which no time passes."""


class Sized:
    """A transfer of so many octets."""

    def __init__(self, octets: int) -> None:
        self.octets = octets


class Accepting:
    """Notes what is accepted together; what a transfer is answered with is in `answers`, by its octets."""

    def __init__(self, **answers: Exception) -> None:
        self.groups: list[list[int]] = []
        self.answers = {int(octets[1:]): answer for octets, answer in answers.items()}

    def __call__(self, arrivals: Sequence[Arrival]) -> list[Any]:
        self.groups.append([arrival.incoming.octets for arrival in arrivals])
        return [self.answers.get(octets, f"took {octets}") for octets in self.groups[-1]]


def work(*sizes: int) -> Steps[Any]:
    """Transfer from primaries until one is accepted; return what that gave and raise what the last was refused for."""
    refused: Exception = ControlError("no primary")
    for octets in sizes:
        incoming: Any = Sized(octets)
        zone: Any = None
        try:
            return (yield Arrival(incoming, zone, lambda _txn: None, None))
        except ControlError as error:
            refused = error
    raise refused


def test_small_transfers_are_accepted_together() -> None:
    """In one call, and each work goes on with its own result."""
    accept = Accepting()
    assert accept_together([work(1), work(2), work(3)], accept, AT_ONCE) == [
        "took 1",
        "took 2",
        "took 3",
    ]
    assert accept.groups == [[1, 2, 3]]


def test_a_large_transfer_is_accepted_before_the_next_begins() -> None:
    """Its contents would take memory until then."""
    accept = Accepting()
    large = SMALL_BYTES + 1
    assert accept_together([work(1), work(large), work(2)], accept, AT_ONCE) == [
        "took 1",
        f"took {large}",
        "took 2",
    ]
    assert accept.groups == [[large], [1, 2]]


def test_what_is_held_does_not_wait_for_slow_primaries() -> None:
    """When half a second is over it is accepted, before the next transfer begins."""
    accept, times = Accepting(), iter(range(0, 100 * HELD_NS, HELD_NS // 2))
    clock = Clock(monotonic_ns=lambda: next(times))
    assert accept_together([work(1), work(2), work(3), work(4)], accept, clock) == [f"took {n}" for n in (1, 2, 3, 4)]
    assert accept.groups == [[1, 2, 3], [4]]


def test_what_is_refused_may_come_from_another_primary() -> None:
    """Alone then; who has none left fails, and the others do not."""
    accept = Accepting(_2=ControlError("two"), _9=ControlError("nine"))
    one, two, nine, none = accept_together(
        [work(1), work(2, 5), work(9), work()], accept, Clock(monotonic_ns=lambda: 0)
    )
    assert (one, two) == ("took 1", "took 5")
    assert [str(error) for error in (nine, none)] == ["nine", "no primary"]
    assert accept.groups == [[1, 2, 9], [5]]


def test_nothing_is_accepted_where_nothing_came() -> None:
    """Works that end without a transfer are not waited for."""
    accept = Accepting()
    (error,) = accept_together([work()], accept, AT_ONCE)
    assert isinstance(error, ControlError)
    assert not accept.groups


def zone_of(*masters: RemoteConf) -> ZoneHandle:
    replication = NO_REPLICATION._replace(masters=masters)
    return ZoneHandle("a.", b"\1a\0", ZoneConf("a.", "/zones/a", PLAIN, replication))


def test_zones_of_the_same_primaries_are_a_group() -> None:
    """Whatever else they have; those of others, or in another order, are another one."""
    event = Event(Kind.REFRESH, 0.0)
    assert bootstrapped_from(zone_of(FIRST, SECOND), event) == bootstrapped_from(zone_of(FIRST, SECOND), event)
    assert bootstrapped_from(zone_of(FIRST, SECOND), event) != bootstrapped_from(zone_of(SECOND, FIRST), event)


@pytest.mark.parametrize("reason", ["contents", "request", "no EDNS", "no primary"])
def test_zones_that_are_refreshed_alone(reason: str) -> None:
    """Those that may need no transfer or are asked for in particular, and those with a primary without EDNS."""
    zone, event = zone_of(FIRST), Event(Kind.REFRESH, 0.0)
    if reason == "contents":
        zone.serial = 7
    elif reason == "request":
        event.merge(0.0, False, MANUAL, None)
    else:
        zone = zone_of(FIRST, SECOND._replace(no_edns=True)) if reason == "no EDNS" else zone_of()
    assert bootstrapped_from(zone, event) is None
