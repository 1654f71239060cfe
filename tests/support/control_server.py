# SPDX-License-Identifier: Apache-2.0
"""A control server with a small set of commands over made-up zones: for tests of the socket and of its clients.

Run as a program with the socket's path it serves until SIGTERM or the command stop, and prints "ready".
"""

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

from control.ctl import server_commands, stats, zone_status
from control.ctl.command import Command, Reply, Request, signed, stream, zone_command
from control.ctl.connection import Limits
from control.ctl.errors import CommandError, Reason
from control.ctl.server import ControlServer
from control.ctl.server_commands import WorkerCounts
from control.ctl.stats import Counter
from control.ctl.unit import BLOCK, Decoder, Kind, Unit, encode
from control.ctl.zone_status import EventState, Phase, ZoneState
from control.log import Log

NOW = 1_000_000.0
MANY = 20_000
BIG = "x" * 65535


class FakeZone(NamedTuple):
    """A zone of this server."""

    name: str
    serial: int | None


class FakeZones:
    """Two zones, one of them without contents."""

    def __init__(self) -> None:
        self.zones = {name: FakeZone(name, serial) for name, serial in (("a.test.", 7), ("b.test.", None))}

    def all(self) -> Iterable[FakeZone]:
        return list(self.zones.values())

    def find(self, name: str) -> FakeZone | None:
        return self.zones.get(name)


class FakeOperations:
    """What a daemon would do."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.reloads: list[bool] = []
        self.refuse: str | None = None
        self.is_loading = False

    def loading(self) -> bool:
        return self.is_loading

    def certificate_pin(self) -> str | None:
        return None

    def workers(self) -> WorkerCounts:
        return WorkerCounts(2, 1, 0, 4, 1, 0)

    async def reload(self, force: bool) -> None:
        if self.refuse:
            raise CommandError(self.refuse)
        self.reloads.append(force)

    def stop(self) -> None:
        self.stopped.set()


class FakeCounters:
    """Counters of every shape."""

    def server_counters(self) -> Iterable[Counter]:
        yield Counter("server", "zone-count", None, None, 2)
        yield Counter("server", "tcp-io-timeout", None, None, 0)
        for protocol, value in (("udp4", 0), ("tcp4", 5), ("udp6", 3)):
            yield Counter("mod-stats", "request-protocol", protocol, None, value)

    def zone_counters(self, zone: FakeZone) -> Iterable[Counter]:
        yield Counter("zone", "size", None, zone.name, 100)
        if zone.serial is not None:
            yield Counter("mod-stats", "response-code", "NOERROR", zone.name, 9)


def state_of(zone: FakeZone) -> ZoneState:
    """An event in every phase."""
    events = {"notify": EventState(Phase.DUE, NOW + 863), "flush": EventState(Phase.RUNNING, NOW - 3)}
    return ZoneState(zone.name, serial=zone.serial, events=events if zone.serial else {})


class Harness:
    """The server, what its commands use, and what they did."""

    def __init__(self, log: Log | None = None, limits: Limits | None = None) -> None:
        self.zones, self.operations, self.counters = FakeZones(), FakeOperations(), FakeCounters()
        self.flushed: list[tuple[str, str | None, bool, bool]] = []
        self.event: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gate = asyncio.Event()
        self.running = 0
        self.server = ControlServer(self.commands(), log or Log([]), limits or Limits())

    def commands(self) -> Iterable[Command]:
        """Everything this server answers."""
        yield from server_commands.commands(self.operations)
        yield from stats.commands(self.counters, self.zones)
        yield zone_status.command(self.zones, state_of, lambda: NOW)
        yield zone_command("zone-flush", self.zones, self.flush)
        yield zone_command("zone-read", self.zones, self.read)
        yield zone_command("zone-diff", self.zones, self.diff, suppressed=frozenset({Reason.NO_TRANSACTION}))
        yield zone_command("zone-sign", self.zones, self.sign)
        yield Command("conf-read", self.conf_read)
        yield Command("conf-list", self.conf_list)
        yield Command("conf-set", self.conf_set, exclusive=True)
        yield Command("zone-reload", self.fault)
        yield Command("zone-begin", self.held_up)
        yield Command("conf-begin", self.alone, exclusive=True)
        yield Command("conf-commit", self.held_up, exclusive=True)

    async def flush(self, zone: FakeZone, operand: Unit, request: Request, _reply: Reply) -> None:
        if zone.serial is None:
            raise CommandError(Reason.ZONE_EMPTY)
        self.flushed.append((zone.name, operand.data, request.force, "d" in request.letters))

    async def read(self, zone: FakeZone, operand: Unit, _request: Request, reply: Reply) -> None:
        if operand.owner == "missing":
            raise CommandError(Reason.NO_NODE)
        if operand.owner == "many":
            await stream(reply, (record(zone, str(number)) for number in range(MANY)))
        elif operand.owner == "wide":
            await stream(reply, (record(zone, str(number) * 200) for number in range(MANY)))
        elif operand.owner == "big":
            await reply.data(record(zone, BIG))
            await reply.data(record(zone, BIG + "x"))
        else:
            await reply.data(record(zone, "192.0.2.1"))

    async def diff(self, zone: FakeZone, _operand: Unit, _request: Request, reply: Reply) -> None:
        if zone.serial is None:
            raise CommandError(Reason.NO_TRANSACTION)
        await reply.data(signed(record(zone, "192.0.2.1"), "-"))
        await reply.data(signed(record(zone, "192.0.2.2"), "+"))

    async def sign(self, _zone: FakeZone, _operand: Unit, request: Request, reply: Reply) -> None:
        if request.blocking:
            await reply.wait(self.event)

    async def conf_read(self, request: Request, reply: Reply) -> None:
        for operand in request.operands:
            if operand.section == "nope":
                raise CommandError(Reason.INVALID_ITEM, operand=operand)
        await reply.data(Unit(section="zone", item="domain", data="a.test."))
        await reply.data(Unit(section="zone", id="a.test.", item="notify", data="one"))
        await reply.extra(Unit(section="zone", id="a.test.", item="notify", data="two"))

    async def conf_list(self, request: Request, reply: Reply) -> None:
        if "z" in request.letters:
            for zone in self.zones.all():
                await reply.data(Unit(section="zone", id=zone.name))
        elif request.first.section and "s" in request.letters:
            for item in ("domain", "file"):
                await reply.data(Unit(section=request.first.section, item=item))
        else:
            for section in ("server", "zone"):
                await reply.data(Unit(section=section))

    async def conf_set(self, request: Request, reply: Reply) -> None:
        for operand in request.operands:
            await reply.error(operand, Reason.NO_TRANSACTION)
            return

    async def fault(self, _request: Request, _reply: Reply) -> None:
        raise ZeroDivisionError

    async def held_up(self, _request: Request, _reply: Reply) -> None:
        self.running += 1
        await self.gate.wait()

    async def alone(self, _request: Request, _reply: Reply) -> None:
        assert not self.running or self.gate.is_set()


def record(zone: FakeZone, data: str) -> Unit:
    """A record's row."""
    return Unit(zone=zone.name, owner=f"www.{zone.name}", ttl="60", type="A", data=data)


class ControlThread:
    """The server in a thread of its own. `path` is its socket."""

    def __init__(self, directory: Path, limits: Limits | None = None, log: Log | None = None) -> None:
        self.path = str(directory / "knot.sock")
        self._started = threading.Event()
        self._limits, self._log = limits, log
        self._thread = threading.Thread(target=lambda: asyncio.run(self._live()))

    async def _live(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.harness = Harness(self._log, self._limits)
        await self.harness.server.start([self.path])
        self._started.set()
        await self.harness.operations.stopped.wait()
        await self.harness.server.stop()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.loop.call_soon_threadsafe(self.harness.operations.stopped.set)
        self._thread.join(10)
        assert not self._thread.is_alive()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something on the server's loop and return what it gives."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(10)

    def connect(self) -> "RawClient":
        """Open a connection."""
        return RawClient(self.path)


class RawClient:
    """A connection on which octets are sent as they are."""

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # Only a blocking socket waits while the server's queue is full.
        self.socket.settimeout(10)
        self.units = self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def _read(self) -> Iterable[tuple[Kind, Unit]]:
        decoder = Decoder(1 << 40)
        while octets := self.socket.recv(1 << 16):
            yield from decoder.feed(octets)

    def answer(self) -> list[Unit]:
        """Return the units up to the next BLOCK."""
        units = []
        for kind, unit in self.units:
            if kind is Kind.BLOCK:
                return units
            assert kind is not Kind.END
            units.append(unit)
        raise EOFError

    def ask(self, command: str, **items: str) -> list[Unit]:
        """Send one request and return its answer."""
        self.send(request(command, **items))
        return self.answer()

    def closed(self) -> bool:
        """Wait until the server closes; return whether nothing came before."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True


def request(command: str, **items: str) -> bytes:
    """Return the octets of one request."""
    return encode(Kind.DATA, Unit(command=command, **items)) + BLOCK


async def serve(path: str) -> None:
    """Serve until told to stop."""
    harness = Harness()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, harness.operations.stopped.set)
    await harness.server.start([path])
    print("ready", flush=True)
    await harness.operations.stopped.wait()
    await harness.server.stop()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
