# SPDX-License-Identifier: Apache-2.0
"""A scheduler, a store and a table for tests of replication; other servers are fakes that say what a test wants."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from control.clock import Clock
from control.conf.peers import NO_REPLICATION, PeerEndpoint, RemoteConf, ReplicationConf
from control.conf.values import name_to_wire
from control.conf.zone import ZoneConf
from control.errors import ControlError
from control.events.event import Event
from control.events.kinds import Kind
from control.events.lane import Done, Lane
from control.events.scheduler import Scheduler
from control.events.zone import ZoneHandle
from control.log import INFO, NAMES, Log
from control.server.replication.accepting import Also, Arrival
from control.server.replication.expiration import Expirations
from control.server.replication.notify import Notifies, NotifyHandler
from control.server.replication.refresh import Refreshes
from control.server.replication.timers import Timers
from control.store.environment import Store
from control.store.keys import Record
from control.store.timers import ZoneTimers, get_timers
from control.transfer.client import NotifyReply, RemoteFailed, SoaReply, TransferResult
from control.transfer.incoming import Kind as TransferKind
from control.transfer.incoming import TransferIn
from control.update.door import Door
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult
from pyxdp_dns.table import Table
from tests.support.doors import PLAIN
from tests.support.event_stage import FakeLoop

NAME = "example.com."
APEX = name_to_wire(NAME)
START_S = 1_900_000_000
SOA, NS = 6, 2


def soa_data(serial: int, refresh: int = 3600, retry: int = 600, expire: int = 86400) -> bytes:
    """Return the data of an SOA record."""
    numbers = (serial, refresh, retry, expire, 60)
    return b"\2ns" + APEX + b"\1h" + APEX + b"".join(number.to_bytes(4, "big") for number in numbers)


def remote(name: str, *addresses: str, **fields: Any) -> RemoteConf:
    """Return a remote; addresses are on port 53."""
    return RemoteConf(name, tuple(PeerEndpoint(address, 53) for address in addresses), **fields)


class FakeServers:
    """Other servers by address: the serial each has, an RCODE for NOTIFY, or the error that talking to it ends with."""

    def __init__(self) -> None:
        self.serials: dict[str, int | Exception] = {}
        self.rcodes: dict[str, int | Exception] = {}
        self.expire: int | None = None
        self.soa = soa_data
        self.asked: list[tuple[str, str]] = []
        """What was asked for, and where."""
        self.settings = None
        self.transferring: Callable[[], None] = lambda: None
        """What happens during the next transfer."""

    @contextmanager
    def open(self, remote: RemoteConf) -> Iterator["FakeSession"]:
        yield FakeSession(self, remote.addresses[0].address)

    @contextmanager
    def sharing(self) -> Iterator["FakeServers"]:
        yield self

    def notify(self, remote: RemoteConf, _zone: bytes, _soa: bytes | None) -> NotifyReply:
        where = remote.addresses[0].address
        self.asked.append(("notify", where))
        rcode = self.rcodes.get(where, RemoteFailed("connection timeout"))
        if isinstance(rcode, Exception):
            raise rcode
        return NotifyReply(rcode, where)

    def serial(self, what: str, where: str) -> int:
        self.asked.append((what, where))
        serial = self.serials.get(where, RemoteFailed("connection timeout"))
        if isinstance(serial, Exception):
            raise serial
        return serial


class FakeSession:
    """An exchange with one of them."""

    def __init__(self, servers: FakeServers, where: str) -> None:
        self.servers, self.where = servers, where

    def query_soa(self, _zone: bytes) -> SoaReply:
        serial = self.servers.serial("SOA", self.where)
        return SoaReply(serial, self.servers.soa(serial), self.servers.expire, self.where)

    def finish(self) -> None:
        pass

    def transfer(self, incoming: TransferIn) -> TransferResult:
        name = "AXFR" if incoming.base_serial is None else f"IXFR {incoming.base_serial}"
        incoming.serial = self.servers.serial(name, self.where)
        during, self.servers.transferring = self.servers.transferring, lambda: None
        during()
        kind = TransferKind.AXFR if incoming.base_serial is None else TransferKind.IXFR
        return TransferResult(kind, incoming.serial, 1, 200, 0.0, self.servers.expire, self.where)


class Stage:
    """One zone, its store, and the runners of replication; events run when the test lets them."""

    def __init__(self, directory: Path) -> None:
        self.loop = FakeLoop()
        self.lines: list[str] = []
        self.failures: list[str] = []
        self.servers = FakeServers()
        self.store = Store(directory / "store", 1 << 26, 1)
        self.table = Table.create(directory / "table")
        self.clock = Clock(lambda: int(self.now() * 1e9), lambda: int(self.loop.time() * 1e9))
        self.door = Door(self.store, self.table, self.clock)
        self.log = Log([])
        self.log.zone = self.note  # type: ignore[method-assign]
        self.refused: ControlError | None = None
        """What the door says to the next transfer."""
        lanes = Lane(self._execute, 8), Lane(self._execute, 8)
        self.scheduler = Scheduler(self.loop, *lanes, self._failed)
        self.timers = Timers(self.loop, self._read, self.store.write, self._execute, self.log)
        servers: Any = self.servers
        self.refreshes = Refreshes(
            self, self.log, self.scheduler, self.timers, servers, self._accept, self.clock,
            self.loop.time, lambda: 0.0, self._nothing,
        )  # fmt: skip
        zones: Any = self
        self.expirations = Expirations(zones, self.log, self.scheduler, self.clock, self._nothing)
        self.notifies = Notifies(self, self.log, self.scheduler, self.timers, servers)
        self.handler = NotifyHandler(self.log, self.scheduler, self.loop.time)
        runners = self.scheduler.runners
        runners[Kind.REFRESH] = self.refreshes.runner()
        runners[Kind.EXPIRATION] = self.expirations.runner()
        runners[Kind.NOTIFY] = self.notifies.runner()
        runners[Kind.FLUSH] = runners[Kind.NOTIFY]._replace(work=lambda _zone, _event: None, succeeded=self._ended)
        self.zone = ZoneHandle(NAME, APEX, ZoneConf(NAME, str(directory / "zone"), PLAIN, NO_REPLICATION))

    def close(self) -> None:
        """Close store and table."""
        self.table.close()
        self.store.close()

    def configure(self, *masters: RemoteConf, **fields: Any) -> None:
        """Give the zone primaries."""
        self.zone.conf = self.zone.conf._replace(replication=ReplicationConf(masters=masters, **fields))

    def fill(self, serial: int) -> None:
        """Give the zone contents."""
        self.zone.serial = self._put(serial, lambda _txn: None).new_serial
        self.zone.loaded = True

    def now(self) -> float:
        """Return the time of day."""
        return START_S + self.loop.now - 1000.0

    def refresh(self, *requests: Any) -> None:
        """Have the zone refreshed now."""
        self.scheduler.plan(self.zone, Kind.REFRESH)
        for request in requests:
            self.scheduler.plan(self.zone, Kind.REFRESH, request=request)

    def due(self, kind: Kind) -> float | None:
        """Return in how many seconds an event is due."""
        event = self.zone.planned(kind)
        return None if event is None else event.due - self.loop.now

    def stored_timers(self) -> ZoneTimers:
        """Return what the store knows."""
        with self.store.read() as txn:
            return get_timers(txn, APEX)

    def note(self, severity: int, _zone: str, text: str) -> None:
        """Note a log line."""
        if severity <= INFO:
            self.lines.append(f"{NAMES[severity]}: {text}")

    def _put(self, serial: int, also: Also) -> ChangeResult:
        records = [Record(APEX, SOA, 60, self.servers.soa(serial)), Record(APEX, NS, 60, b"\2ns\3net\0")]
        stored = self.door.find_zone(APEX)
        old = []
        if stored is not None and not stored.expired:
            old = [Record(APEX, SOA, 60, self.servers.soa(stored.serial))]
        update = ZoneUpdate(APEX, PLAIN, (), old, records, may_create=True, keeps_serial=True, also=also)
        return self.door.commit([update])[0]

    def _accept(self, arrivals: Sequence[Arrival]) -> list[ChangeResult | Exception]:
        return [self._accept_one(arrival) for arrival in arrivals]

    def _accept_one(self, arrival: Arrival) -> ChangeResult | Exception:
        try:
            return self.refused or self._put(arrival.incoming.serial, arrival.also)
        except ControlError as error:
            return error

    def _read(self, job: Callable[[Any], None]) -> None:
        with self.store.read() as txn:
            job(txn)

    def _execute(self, work: Callable[[], Any], done: Done) -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - the scheduler is told of it
            done(None, error)
        else:
            done(result, None)

    def _failed(self, _zone: ZoneHandle, event: Event, error: Exception) -> None:
        self.failures.append(f"{event.kind.label}: {error}")

    def _ended(self, _zone: ZoneHandle, _event: Event, _result: Any) -> None:
        pass

    def _nothing(self) -> None:
        pass
