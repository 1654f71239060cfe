# SPDX-License-Identifier: Apache-2.0
"""Updates on their way through the queue of their zone: batches, freezes, what ends them, and forwarding."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from control.access.acl import Source
from control.conf.model import ZoneConf
from control.conf.peers import NO_REPLICATION, PeerEndpoint, RemoteConf, ReplicationConf
from control.events.kinds import Kind
from control.events.lane import Done, Lane, Runner
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import Log
from control.server.inbound import InboundRequest
from control.server.replication import updates as updates_module
from control.server.replication.updates import FROZEN_MAX, Updates
from control.server.replying import Replier
from control.transfer.client import RemoteFailed
from control.wire.request import read_request
from tests.support.event_stage import FakeLoop
from tests.support.updated import UpdatedZones, updated_zones
from tests.support.updates import build

SOURCE = Source(bytes((192, 0, 2, 1)), "tcp")
REMOTE = RemoteConf("primary", (PeerEndpoint("192.0.2.53", 53),))
FORWARDED = ReplicationConf(masters=(REMOTE,))
NOERROR, FORMERR, SERVFAIL, REFUSED, NOTAUTH = 0, 1, 2, 5, 9


class Sent(Replier):
    """Keeps what is sent."""

    __slots__ = ("messages",)

    def __init__(self, message: bytes) -> None:
        super().__init__(message, SOURCE, lambda *_: None)
        self.request = read_request(message)
        self.messages: list[bytes] = []

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        raise NotImplementedError

    def abort(self) -> None:
        raise NotImplementedError

    def _write(self, message: bytes) -> None:
        self.messages.append(message)

    async def _room(self) -> None:
        pass


class World:
    """One zone, a scheduler whose events run when the test says so, and clients."""

    def __init__(self, zones: UpdatedZones, replication: ReplicationConf) -> None:
        self.loop = FakeLoop()
        self.jobs: list[tuple[Callable[[], Any], Done]] = []
        lanes = [Lane(lambda work, done: self.jobs.append((work, done)), 1) for _ in range(2)]
        self.scheduler = Scheduler(self.loop, lanes[0], lanes[1], lambda *_: None)
        for kind in (Kind.FLUSH, Kind.NOTIFY):
            self.scheduler.runners[kind] = Runner(lambda *_: None, lambda *_: None)
        apex = zones.load("example.")
        conf = ZoneConf("example.", "/zone", zones.settings, replication)
        self.zone = ZoneHandle("example.", apex, conf)
        self.zone.serial = zones.serial(apex)
        self.forwarded: list[bytes] = []
        self.primary: bytes | None = None
        place = SimpleNamespace(store=zones.store, door=zones.door)
        self.updates = Updates(
            asyncio.get_running_loop(), self.scheduler, Log([]), place, self, lambda: 0.0, lambda: None
        )
        self.scheduler.runners[Kind.UPDATE] = self.updates.runner()

    def forward(self, remote: RemoteConf, message: bytes) -> bytes:
        """What the client of other servers does."""
        self.forwarded.append(message)
        if self.primary is None:
            raise RemoteFailed("timed out")
        return self.primary

    def send(self, *changes: str, message: bytes | None = None) -> "asyncio.Task[int]":
        """Send an update; the task ends with the RCODE of the reply."""
        message = message or build("example.", (), changes)
        return asyncio.get_running_loop().create_task(self._send(message))

    async def _send(self, message: bytes) -> int:
        reply = Sent(message)
        await self.updates.handle(InboundRequest(message, read_request(message), self.zone, SOURCE, None), reply)
        (sent,) = reply.messages
        return sent[3] & 0xF

    async def run(self) -> None:
        """Let what was sent be queued, and the oldest event run."""
        await asyncio.sleep(0)
        self.loop.advance(1.0)
        work, done = self.jobs.pop(0)
        done(work(), None)
        await asyncio.sleep(0)


def play(scene: Callable[[World], Coroutine[Any, Any, None]], replication: ReplicationConf = NO_REPLICATION) -> None:
    """Run a scene in a world of its own."""

    async def main() -> None:
        with updated_zones() as zones:
            await scene(World(zones, replication))

    asyncio.run(main())


def add(number: int) -> str:
    return f"n{number} 60 IN A 192.0.2.1"


def test_what_waits_is_one_batch() -> None:
    """Updates that came before the event begins end with one serial; those after it wait for the next."""

    async def scene(world: World) -> None:
        tasks = [world.send(add(number)) for number in range(5)]
        await world.run()
        assert [await task for task in tasks] == [NOERROR] * 5
        assert world.zone.serial == 11
        late = world.send(add(9))
        await world.run()
        assert (await late, world.zone.serial) == (NOERROR, 12)

    play(scene)


def test_what_comes_while_an_event_runs() -> None:
    """It is carried out by an event of its own afterwards."""

    async def scene(world: World) -> None:
        first = world.send(add(1))
        await asyncio.sleep(0)
        world.loop.advance(0)
        work, done = world.jobs.pop(0)
        result = work()
        second = world.send(add(2))
        await asyncio.sleep(0)
        assert not world.jobs
        done(result, None)
        assert await first == NOERROR
        await world.run()
        assert (await second, world.zone.serial) == (NOERROR, 12)

    play(scene)


def test_frozen_zone() -> None:
    """Some updates wait for the thaw, the next one is refused at once."""

    async def scene(world: World) -> None:
        world.scheduler.freeze(world.zone)
        tasks = [world.send(add(number)) for number in range(FROZEN_MAX + 1)]
        await asyncio.sleep(0)
        assert await tasks[-1] == REFUSED
        world.loop.advance(1.0)
        assert not world.jobs
        world.scheduler.thaw(world.zone)
        await world.run()
        assert [await task for task in tasks[:-1]] == [NOERROR] * FROZEN_MAX

    play(scene)


@pytest.mark.parametrize("end", ["forget", "cancel"])
def test_zone_that_goes(end: str) -> None:
    """Clients whose updates will never be carried out are told so."""

    async def scene(world: World) -> None:
        world.scheduler.freeze(world.zone)
        task = world.send(add(1))
        await asyncio.sleep(0)
        if end == "cancel":
            world.scheduler.cancel(world.zone, Kind.UPDATE)
        else:
            world.scheduler.forget(world.zone)
        assert await task == SERVFAIL
        assert not world.jobs

    play(scene)


def test_client_that_went_away() -> None:
    """Its update is carried out; nobody is disturbed."""

    async def scene(world: World) -> None:
        gone, stays = world.send(add(1)), world.send(add(2))
        await asyncio.sleep(0)
        gone.cancel()
        await world.run()
        assert (await stays, world.zone.serial) == (NOERROR, 11)
        assert gone.cancelled()

    play(scene)


def test_refused_at_once() -> None:
    """What is malformed, for another zone or for a zone without contents does not wait."""

    async def scene(world: World) -> None:
        assert await world.send("n1 60 IN A !c000") == FORMERR
        assert await world.send(message=build("other.", (), ())) == NOTAUTH
        world.zone.serial = None
        assert await world.send(add(1)) == SERVFAIL

    play(scene)


def test_forwarded() -> None:
    """An update of a secondary goes to the primary as it is, and its reply to the client."""

    async def scene(world: World) -> None:
        message = build("example.", (), (add(1),))
        world.primary = message[:2] + b"\xa8\x06" + bytes(8)
        task = world.send(message=message)
        await world.run()
        assert (await task, world.forwarded, world.zone.serial) == (6, [message], 10)

    play(scene, FORWARDED)


def test_primary_not_reached() -> None:
    """SERVFAIL for all that waited; the primary is asked once."""

    async def scene(world: World) -> None:
        tasks = [world.send(add(number)) for number in range(3)]
        await world.run()
        assert [await task for task in tasks] == [SERVFAIL] * 3
        assert len(world.forwarded) == 1

    play(scene, FORWARDED)


def test_local_although_secondary() -> None:
    """With an empty `ddns-master` updates are carried out here."""

    async def scene(world: World) -> None:
        task = world.send(add(1))
        await world.run()
        assert (await task, world.forwarded, world.zone.serial) == (NOERROR, [], 11)

    play(scene, FORWARDED._replace(ddns_local=True))


def test_clients_that_go_away_leave_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their updates wait on, and count, until they are carried out."""
    monkeypatch.setattr(updates_module, "QUEUE_BYTES_MAX", 40)

    async def scene(world: World) -> None:
        gone = world.send(add(1))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        refused = world.send(add(2))
        await asyncio.sleep(0)
        assert refused.done()
        assert await refused == REFUSED
        await world.run()
        assert world.zone.serial == 11
        back = world.send(add(3))
        await world.run()
        assert (await back, world.zone.serial) == (NOERROR, 12)

    play(scene)
