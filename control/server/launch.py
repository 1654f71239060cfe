# SPDX-License-Identifier: Apache-2.0
"""Finding and starting the engine. Runs before anything else of the daemon is imported: queries wait for it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable
from typing import Protocol

from control.conf.model import Config
from control.conf.values import XdpEndpoint
from control.log import Log
from pyxdp_dns.engine_client import EngineProcess, EngineSpec, XdpInterface, connect, request, spawn
from pyxdp_dns.errors import EngineError

STOP_SECONDS = 5.0
RETRY_SECONDS = 0.01
RING_MIN = 64
"""Smallest ring the engine works with."""


class Running(Protocol):
    """A living engine; `pidfd` becomes readable when it ends."""

    pid: int
    pidfd: int

    def wait(self, seconds: float) -> bool:
        """Wait until it ended; whether it did."""

    def stop(self) -> None:
        """End it and wait for its end."""

    def close(self) -> None:
        """Let go of it; it lives on."""


class Launcher(Protocol):
    """Finds and starts engines of one specification."""

    def find(self, log: Log) -> Running | None:
        """Return the living engine of this specification and build; one of another is stopped."""

    def spawn(self) -> Running:
        """Start an engine; EngineError when it cannot be started."""


def start_engine(launcher: Launcher, log: Log) -> Running:
    """Adopt the living engine or start one; raises EngineError."""
    running = launcher.find(log)
    if running is not None:
        log.info(f"engine adopted, PID {running.pid}")
        return running
    running = launcher.spawn()
    log.info(f"engine started, PID {running.pid}")
    return running


def interface_of(endpoint: XdpEndpoint) -> str:
    """Return the interface an endpoint means; raise EngineError when no interface has its address."""
    if endpoint.interface is not None:
        return endpoint.interface
    from pyroute2 import IPRoute

    with IPRoute() as route:
        for message in route.get_addr(address=endpoint.address):
            links = route.get_links(message["index"])
            return str(links[0].get_attr("IFLA_IFNAME"))
    raise EngineError(f"xdp.listen {endpoint}: no interface has the address {endpoint.address}, set one that is there")


def ports_by_interface(config: Config) -> dict[str, list[int]]:
    """Return the UDP ports to take from each interface; raises EngineError."""
    ports: dict[str, list[int]] = {}
    for endpoint in config.xdp.listen:
        found = ports.setdefault(interface_of(endpoint), [])
        if endpoint.port not in found:
            found.append(endpoint.port)
    return ports


def ring_size(configured: int) -> int:
    """Return the power of two the rings get."""
    return max(RING_MIN, 1 << (configured - 1).bit_length())


def xskmap_pin(interface: str) -> str:
    """Return where the filter of an interface pins its XSKMAP."""
    from pyxdp_dns.filter.layout import PIN_XSKMAP
    from pyxdp_dns.filter.status import directory

    return str(directory(interface) / PIN_XSKMAP)


def remove_left_over_pins(interfaces: Iterable[str]) -> None:
    """Remove what filters of interfaces that have gone left under these names: workers would wait in a dead XSKMAP.

    What cannot be removed the loader reports.
    """
    from pyxdp_dns.filter.status import remove_left_over

    for name in interfaces:
        with contextlib.suppress(EngineError):
            remove_left_over(name)


def make_spec(config: Config, interfaces: list[str]) -> EngineSpec:
    """Return what the engine of a configuration is to be."""
    server, xdp = config.server, config.xdp
    return EngineSpec(
        rundir=server.rundir,
        table=os.path.join(config.database.storage, "table"),
        listen=tuple((endpoint.address, endpoint.port) for endpoint in server.listen),
        udp_workers=server.udp_workers if server.listen else 0,
        interfaces=tuple(XdpInterface(name, xskmap_pin(name)) for name in interfaces),
        xdp_listen=tuple(dict.fromkeys((endpoint.address or "", endpoint.port) for endpoint in xdp.listen)),
        ring_size=ring_size(xdp.ring_size),
        zero_copy=xdp.zero_copy,
        busy_poll_us=xdp.busypoll_timeout_us if xdp.busypoll_budget else 0,
        busy_poll_budget=xdp.busypoll_budget or 64,
        cpus=xdp.cpu_affinity,
    )


class EngineLauncher:
    """Engines of one configuration, started with `spec`; the filters of their interfaces take `ports`."""

    def __init__(self, config: Config) -> None:
        """Raises EngineError when an address in xdp.listen belongs to no interface."""
        self.ports = ports_by_interface(config)
        remove_left_over_pins(self.ports)
        self.spec = make_spec(config, list(self.ports))

    def find(self, log: Log) -> Running | None:
        """Return the living engine of this specification and build; one of another is stopped."""
        try:
            status = connect(self.spec.rundir)
        except EngineError as error:
            log.warning(f"{error}; stopping it")
            self._stop_unknown()
            return None
        if status is None:
            return None
        try:
            process = EngineProcess(status.pid)
        except ProcessLookupError:
            return None
        if status.fits(self.spec):
            return process
        log.info(f"engine, PID {status.pid}, is of another configuration or build, stopping it")
        process.stop(STOP_SECONDS)
        process.close()
        return None

    def spawn(self) -> Running:
        """Start an engine; EngineError when it cannot be started."""
        return spawn(self.spec)

    def _stop_unknown(self) -> None:
        """Ask an engine whose status cannot be read to stop, and wait until its run directory is free."""
        try:
            request(self.spec.rundir, "stop")
        except EngineError:
            return
        deadline = time.monotonic() + STOP_SECONDS
        fd = os.open(os.path.join(self.spec.rundir, "engine.lock"), os.O_RDWR | os.O_CLOEXEC)
        try:
            while time.monotonic() < deadline:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    time.sleep(RETRY_SECONDS)
                else:
                    return
        finally:
            os.close(fd)
