# SPDX-License-Identifier: Apache-2.0
"""A server and a client namespace, a small table, and engines started between them."""

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyxdp_dns.counters import CounterRegion, WorkerCounters
from pyxdp_dns.engine_client import EngineProcess, EngineSpec, EngineStatus, XdpInterface, connect, spawn
from pyxdp_dns.filter import loader
from pyxdp_dns.filter.status import directory
from tests.support import frames, netns, tables

WAIT_S = 60.0
QUEUES = 2


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Return once the condition holds; fail when it does not in far more time than it takes."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {WAIT_S} s"
        time.sleep(0.01)


@dataclass(slots=True)
class Running:
    """A running engine and its run directory."""

    process: EngineProcess
    rundir: Path

    def status(self) -> EngineStatus:
        """Return what the engine says of itself."""
        status = connect(str(self.rundir))
        assert status is not None
        return status

    def workers(self, kind: str) -> list[WorkerCounters]:
        """Return the counters of the workers of a kind."""
        with CounterRegion(self.rundir / "engine.shm") as region:
            return [worker for worker in region.workers() if worker.kind == kind]

    def total(self, kind: str, name: str) -> int:
        """Return a counter summed over the workers of a kind."""
        return sum(worker.counters[name] for worker in self.workers(kind))

    def expect(self, kind: str, name: str, count: int) -> None:
        """Wait until a counter is what it is to be: a worker counts when it has sent the reply."""
        wait_for(lambda: self.total(kind, name) == count, f"{kind}, {name}: {count}")

    def wait_for_queues(self) -> None:
        """Wait until every AF_XDP queue is in the filter's map and privileges are gone."""
        wait_for(lambda: not self.status().is_privileged, "engine ready")
        assert [queue.get("error") for queue in self.status().queues if queue["state"] != "running"] == []


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A response table with the zone `example.`."""
    path = tmp_path_factory.mktemp("table") / "table"
    tables.make_table(path, tables.small_zone(), payload=4096)
    return path


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts engines in a namespace, each in a run directory of its own unless given; stops them at the end."""
    running: list[Running] = []

    def start_engine(space: netns.Namespace, rundir: Path | None = None, **options: object) -> Running:
        place = rundir or tmp_path / f"run{len(running)}"
        place.mkdir(exist_ok=True)
        with space.entered():
            process = spawn(EngineSpec(rundir=str(place), **options))  # type: ignore[arg-type]
        running.append(Running(process, place))
        return running[-1]

    yield start_engine
    for engine in running:
        engine.process.stop()
        engine.process.close()


@dataclass(slots=True)
class XdpBench:
    """A wire with the filter loaded on the server's side and an engine on all its queues."""

    wire: netns.Wire
    engine: Running
    packets: frames.PacketSocket
    ask4: frames.Frame
    ask6: frames.Frame


@pytest.fixture(scope="module")
def wire() -> Iterator[netns.Wire]:
    """Two namespaces and a veth pair with several queues."""
    if reason := netns.missing():
        pytest.skip(reason)
    with netns.link(netns.End(queues=QUEUES), netns.End(queues=QUEUES)) as joined:
        yield joined


def mac_of(space: netns.Namespace, interface: str) -> bytes:
    """Return the MAC address of an interface."""
    with space.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as probe:
        probe.bind((interface, 0))
        return bytes(probe.getsockname()[4])


@pytest.fixture(scope="module")
def xskmap(wire: netns.Wire) -> Iterator[Path]:
    """The filter loaded on the server's side; its pinned XSKMAP."""
    with wire.server.entered():
        loader.load(wire.server_if)
        pin = directory(wire.server_if) / "xskmap"
    yield pin
    with wire.server.entered():
        loader.unload(wire.server_if)


@pytest.fixture
def bench(wire: netns.Wire, xskmap: Path, table: Path, start: Callable[..., Running]) -> Iterator[XdpBench]:
    """An engine with its AF_XDP queues running behind the filter."""
    engine = start(
        wire.server,
        table=str(table),
        listen=((wire.server_v4, 53), (wire.server_v6, 53)),
        interfaces=(XdpInterface(wire.server_if, str(xskmap)),),
    )
    engine.wait_for_queues()
    macs = (mac_of(wire.server, wire.server_if), mac_of(wire.client, wire.client_if))
    message = frames.question("www.example.")
    with wire.client.entered():
        packets = frames.PacketSocket(wire.client_if)
    try:
        yield XdpBench(
            wire,
            engine,
            packets,
            frames.Frame(*macs, wire.client_v4, wire.server_v4, 40000, 53, message),
            frames.Frame(*macs, wire.client_v6, wire.server_v6, 40000, 53, message),
        )
    finally:
        packets.close()
