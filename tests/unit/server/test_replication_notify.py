# SPDX-License-Identifier: Apache-2.0
"""NOTIFY: others are told of changes, and what others tell leads to refreshes."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import dns.message
import dns.rrset
import pytest

from control.access.acl import Source
from control.conf.peers import ReplicationConf
from control.errors import StoreRefused
from control.events.event import Event
from control.events.kinds import Kind
from control.server.inbound import InboundRequest
from control.server.replication.notify import announced_serial
from control.server.replication.planning import TELL_ALL, Notifier, plan_notify
from control.server.runners import note_change
from control.store.timers import ZoneTimers
from control.transfer.client import RemoteFailed
from control.update.results import ChangeResult, Outcome
from control.wire.request import read_request
from tests.support.replication_stage import APEX, Stage, remote

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
FIRST, SECOND = remote("first", A), remote("second", B)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def tells(stage: Stage, *, delay_s: int = 0) -> None:
    """Let the zone have contents and two to be told; the server answers."""
    stage.zone.conf = stage.zone.conf._replace(
        replication=ReplicationConf(notify=(FIRST, SECOND), notify_delay_s=delay_s)
    )
    stage.fill(7)
    stage.notifies.start(())


def change(stage: Stage, serial: int) -> None:
    """Change the zone, as every change does."""
    stage.fill(serial)
    note_change(stage.scheduler, stage.zone, ChangeResult(APEX, Outcome.UPDATED, 7, serial, 1, 1, 1))


def test_a_change_is_told_in_order(stage: Stage) -> None:
    """And only once: the serial that was told last is remembered."""
    tells(stage)
    stage.servers.rcodes.update({A: 0, B: 0})
    change(stage, 8)
    assert stage.servers.asked == [("notify", A), ("notify", B)]
    assert stage.lines == [
        f"info: notify, outgoing, remote {A}@53 TCP, serial 8",
        f"info: notify, outgoing, remote {B}@53 TCP, serial 8",
    ]
    plan_notify(stage.scheduler, stage.zone)
    stage.loop.advance(10)
    assert len(stage.servers.asked) == 2
    assert stage.stored_timers().notified_serial == 8


def test_changes_within_the_delay_are_told_together(stage: Stage) -> None:
    """`notify-delay` counts from the first of them."""
    tells(stage, delay_s=30)
    stage.servers.rcodes.update({A: 0, B: 0})
    change(stage, 8)
    stage.loop.advance(20)
    change(stage, 9)
    stage.loop.advance(9)
    assert stage.servers.asked == []
    stage.loop.advance(1)
    assert [line[-1] for line in stage.lines] == ["9", "9"]


def test_who_could_not_be_told_is_told_again(stage: Stage) -> None:
    """After the SOA's retry interval, the others not; every failure is told of."""
    tells(stage)
    stage.servers.rcodes.update({A: 9, B: 0})
    change(stage, 8)
    assert stage.lines[0] == (
        f"warning: notify, outgoing, remote {A}@53 TCP, serial 8, server responded with error 'NOTAUTH'"
    )
    assert stage.failures == ["notify: failed"]
    assert stage.due(Kind.NOTIFY) == 600
    stage.servers.rcodes[A] = 0
    stage.servers.asked.clear()
    stage.loop.advance(600)
    assert stage.servers.asked == [("notify", A)]
    assert stage.zone.timers.notified_serial == 8
    assert stage.zone.events == ()


def test_a_newer_serial_is_told_to_all(stage: Stage) -> None:
    """Also to those that knew the one before."""
    tells(stage)
    stage.servers.rcodes[B] = 0
    change(stage, 8)
    stage.servers.rcodes[A] = 0
    stage.servers.asked.clear()
    change(stage, 9)
    assert stage.servers.asked == [("notify", A), ("notify", B)]


def test_addresses_are_tried_until_one_is_reached(stage: Stage) -> None:
    """One that cannot be reached is no failure when the next is."""
    tells(stage)
    stage.zone.conf = stage.zone.conf._replace(replication=ReplicationConf(notify=(remote("x", A, B),)))
    stage.servers.rcodes.update({A: RemoteFailed("connection timeout"), B: 0})
    change(stage, 8)
    assert stage.failures == []
    assert stage.lines[0] == f"warning: notify, outgoing, remote {A}@53 TCP, serial 8, failed (connection timeout)"


def test_nobody_is_told_before_the_server_answers(stage: Stage) -> None:
    """Then all are whose serials have moved since they were told last."""
    stage.zone.conf = stage.zone.conf._replace(replication=ReplicationConf(notify=(FIRST,)))
    stage.servers.rcodes[A] = 0
    change(stage, 7)
    assert stage.servers.asked == []
    stage.notifies.start([stage.zone])
    assert stage.servers.asked == [("notify", A)]


def test_a_restart_tells_nothing_that_was_told(stage: Stage) -> None:
    """The serial told last is in the timers."""
    stage.zone.conf = stage.zone.conf._replace(replication=ReplicationConf(notify=(FIRST,)))
    stage.fill(7)
    stage.zone.timers = ZoneTimers(notified_serial=7)
    stage.notifies.start([stage.zone])
    assert stage.servers.asked == []


def test_an_operator_has_all_told(stage: Stage) -> None:
    """Whatever was told before."""
    tells(stage)
    stage.zone.timers = ZoneTimers(notified_serial=7)
    stage.servers.rcodes.update({A: 0, B: 0})
    stage.scheduler.plan(stage.zone, Kind.NOTIFY, request=TELL_ALL)
    assert stage.servers.asked == [("notify", A), ("notify", B)]


def test_a_store_that_cannot_be_read_is_no_end_of_it(stage: Stage) -> None:
    """All are told a little later."""
    tells(stage)
    stage.servers.rcodes.update({A: 0, B: 0})
    read = stage.store.read
    stage.store.read = lambda: raise_full(stage)  # type: ignore[method-assign]
    stage.scheduler.plan(stage.zone, Kind.NOTIFY)
    stage.store.read = read  # type: ignore[method-assign]
    assert len(stage.failures) == 1
    stage.loop.advance(60)
    assert stage.servers.asked == [("notify", A), ("notify", B)]


def raise_full(stage: Stage) -> NoReturn:
    """Fail as the store does when it has no room for another snapshot."""
    raise StoreRefused(stage.store.path, "more snapshots in use than there may be")


def test_a_transfer_is_told_on(stage: Stage) -> None:
    """A secondary tells its own secondaries, unless the primary's configuration says not to."""
    quiet = remote("second", B, block_notify_after_transfer=True)
    stage.configure(FIRST, quiet, notify=(remote("third", C),))
    stage.notifies.start(())
    stage.servers.rcodes[C] = 0
    stage.servers.serials[A] = 1
    stage.refresh()
    assert stage.servers.asked[-1] == ("notify", C)
    stage.servers.serials.update({A: RemoteFailed("connection timeout"), B: 2})
    stage.refresh()
    assert stage.servers.asked[-1] == ("IXFR 1", B)
    assert stage.zone.timers.notified_serial == 2


class FakeReplier:
    """Notes the RCODE."""

    is_udp, max_bytes = True, 1232

    def __init__(self) -> None:
        self.rcodes: list[int] = []

    async def send(self, message: bytes) -> None:
        raise AssertionError(message)

    def refuse(self, rcode: int) -> None:
        self.rcodes.append(rcode)


def notify_message(serial: int | None, rtype: str = "SOA") -> bytes:
    """Return a NOTIFY, with an SOA unless there is no serial."""
    message = dns.message.make_query("example.com", rtype)
    message.flags = 0
    message.set_opcode(dns.opcode.NOTIFY)
    if serial is not None:
        message.answer.append(dns.rrset.from_text("example.com.", 0, "IN", "SOA", f"ns. h. {serial} 1 2 3 4"))
    return message.to_wire()


def receive(stage: Stage, address: str, serial: int | None = 8, rtype: str = "SOA") -> list[int]:
    """Let a NOTIFY come from an address; return the RCODE it was answered with."""
    message = notify_message(serial, rtype)
    source = Source(socket.inet_aton(address), "udp", None, 4242)
    reply = FakeReplier()
    stage.handler(InboundRequest(message, read_request(message), stage.zone, source, None), reply)
    return reply.rcodes


def test_a_notify_has_its_sender_asked(stage: Stage) -> None:
    """At once, and no other primary."""
    stage.configure(FIRST, SECOND)
    stage.fill(7)
    stage.servers.serials.update({A: 8, B: 9})
    assert receive(stage, B, 9) == [0]
    assert stage.zone.serial == 9
    assert stage.servers.asked == [("SOA", B), ("IXFR 7", B)]
    assert stage.lines[-1] == f"info: notify, incoming, remote {B}@4242 UDP, serial 9"


def test_a_notify_of_a_stranger_has_all_primaries_asked(stage: Stage) -> None:
    """The access rules allowed it, so there is a reason to look."""
    stage.configure(FIRST, SECOND)
    stage.fill(7)
    stage.servers.serials[B] = 8
    receive(stage, C, None)
    assert stage.servers.asked[:2] == [("SOA", A), ("SOA", B)]
    assert stage.lines[-1] == f"info: notify, incoming, remote {C}@4242 UDP"


def test_a_storm_of_notifies_causes_one_refresh_a_second(stage: Stage) -> None:
    """And as many lines as refreshes."""
    stage.configure(FIRST)
    stage.fill(7)
    stage.servers.serials[A] = 7
    for number in range(3000):
        receive(stage, A, number)
        stage.loop.advance(0.001)
    assert len(stage.servers.asked) <= 4
    assert sum("notify, incoming" in line for line in stage.lines) <= 4


def test_a_notify_during_a_refresh_waits_as_well(stage: Stage) -> None:
    """What was told while a primary is asked does not lead to a refresh right behind that one."""
    stage.configure(FIRST)
    stage.fill(7)
    stage.loop.advance(50)
    stage.zone.running = Event(Kind.REFRESH, stage.loop.time())
    for _ in range(3):
        receive(stage, A, 8)
        stage.loop.advance(0.1)
    assert sum("notify, incoming" in line for line in stage.lines) == 1
    assert stage.due(Kind.REFRESH) == pytest.approx(0.7)
    stage.zone.running = None


def test_a_refresh_that_is_due_soon_is_not_planned_anew(stage: Stage) -> None:
    """A clock that goes on between two calls does not make each NOTIFY of a storm one that is told of."""
    stage.configure(FIRST)
    stage.fill(7)
    stage.zone.refreshed_at = stage.loop.time()
    stage.scheduler.plan(stage.zone, Kind.REFRESH, 1.01, request=Notifier("first"))
    receive(stage, A, 8)
    assert stage.lines == []
    assert stage.due(Kind.REFRESH) == pytest.approx(1.01)


def test_a_notify_while_frozen_is_remembered(stage: Stage) -> None:
    """It is acted on after the thaw; again and again it says nothing new."""
    stage.configure(FIRST, SECOND)
    stage.fill(7)
    stage.scheduler.freeze(stage.zone)
    for address in (B, B, A):
        assert receive(stage, address) == [0]
    assert len(stage.lines) == 2
    stage.servers.serials.update({A: 8, B: 8})
    stage.scheduler.thaw(stage.zone)
    assert stage.zone.serial == 8


def test_a_primary_takes_a_notify_without_effect(stage: Stage) -> None:
    """It has nobody to ask."""
    stage.fill(7)
    assert receive(stage, A) == [0]
    assert stage.zone.events == ()


def test_a_notify_is_about_the_soa(stage: Stage) -> None:
    """Other types are refused (RFC 1996, section 3.7)."""
    stage.configure(FIRST)
    assert receive(stage, A, None, "A") == [1]
    assert stage.servers.asked == []


def test_an_older_announcement_of_a_primary_is_told_of(stage: Stage) -> None:
    """It sent a NOTIFY and has an older zone: something is wrong there."""
    stage.configure(FIRST)
    stage.fill(7)
    stage.servers.serials[A] = 6
    receive(stage, A, 6)
    assert "warning: NOTIFYing master is outdated" in stage.lines


@pytest.mark.parametrize("octets", [0, 1, 5])
def test_a_broken_announcement_is_none(octets: int) -> None:
    """The serial in a NOTIFY is a hint at most (RFC 1996, section 3.11)."""
    message = notify_message(4)
    assert announced_serial(message) == 4
    assert announced_serial(message[: len(message) - octets - 1]) is None
    assert announced_serial(notify_message(None)) is None
