# SPDX-License-Identifier: Apache-2.0
"""Finding and starting the engine. Runs before anything else of the daemon is imported: queries wait for it."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Protocol

from control.conf.model import Config
from control.conf.values import XdpEndpoint
from control.log import Log
from control.server.user import User
from pyxdp_dns.engine_client import EngineProcess, EngineSpec, XdpInterface, connect, request, spawn
from pyxdp_dns.errors import EngineError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from control.server.helper import Helper, Loader

STOP_SECONDS = 5.0
RETRY_SECONDS = 0.01
ADOPT_SECONDS = 10.0
"""How long the engine of another unit is waited for: its start and the service manager's pause before it."""
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


def table_path(config: Config) -> str:
    """Return where the response table is."""
    return os.path.join(config.database.storage, "table")


def make_spec(config: Config, pins: Mapping[str, str], user: User | None = None) -> EngineSpec:
    """Return what the engine of a configuration is to be; `pins` are the XSKMAPs by interface."""
    server, xdp = config.server, config.xdp
    return EngineSpec(
        rundir=server.rundir,
        table=table_path(config),
        listen=tuple((endpoint.address, endpoint.port) for endpoint in server.listen),
        udp_workers=server.udp_workers if server.listen else 0,
        interfaces=tuple(XdpInterface(name, pin) for name, pin in pins.items()),
        xdp_listen=tuple(dict.fromkeys((endpoint.address or "", endpoint.port) for endpoint in xdp.listen)),
        ring_size=ring_size(xdp.ring_size),
        zero_copy=xdp.zero_copy,
        busy_poll_us=xdp.busypoll_timeout_us if xdp.busypoll_budget else 0,
        busy_poll_budget=xdp.busypoll_budget or 64,
        cpus=xdp.cpu_affinity,
        uid=None if user is None else user.uid,
        gid=None if user is None else user.gid,
    )


class EngineLauncher:
    """Engines of one configuration, started with `spec`; the filters of their interfaces take `ports`.

    After `delegate` a helper process starts them, for a daemon that is no longer root.
    """

    keeps_engine = False
    """Whether the engine lives on when the daemon stops."""

    def __init__(self, config: Config, user: User | None = None) -> None:
        """`user` is whom the engine becomes. Raises EngineError when an address in xdp.listen has no interface."""
        self.config = config
        self.ports = ports_by_interface(config)
        remove_left_over_pins(self.ports)
        self.spec = make_spec(config, {name: xskmap_pin(name) for name in self.ports}, user)
        self.helper: Helper | None = None

    @property
    def table(self) -> str:
        """Path of the response table."""
        return table_path(self.config)

    def delegate(self) -> "Helper":
        """Fork the helper that keeps root; from a process with one thread only."""
        from control.server.filters import memory_path, read_own
        from control.server.helper import Helper, Work

        others = {name: list[int]() for name in read_own(memory_path(self.spec.rundir))}
        self.helper = Helper.start(Work(self.spec, {**others, **self.ports}))
        return self.helper

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
        return spawn(self.spec) if self.helper is None else self.helper.spawn()

    def loader(self) -> "Loader":
        """Return what loads and unloads filters."""
        from control.server.helper import run_loader

        return run_loader if self.helper is None else self.helper.run_loader

    def watch_helper(self, loop: "AbstractEventLoop", log: Log) -> None:
        """Log when the helper ends before the daemon."""
        if self.helper is not None:
            self.helper.watch(loop, log)

    def close(self) -> None:
        """End the helper; engines live on."""
        if self.helper is not None:
            self.helper.close()

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


class AdoptingLauncher(EngineLauncher):
    """The engine is another unit's of the service manager: waited for, stopped to be replaced, and left at the end.

    It says of itself the specification without pins, which the daemon cannot look up. An engine that has no table yet
    waits for the file `engine.wanted`.
    """

    keeps_engine = True

    def __init__(self, config: Config, user: User | None = None) -> None:
        """Raises EngineError when an address in xdp.listen has no interface."""
        self.config, self.helper = config, None
        self.ports = {}
        self.spec = make_shared_spec(config, ports_by_interface(config))

    def spawn(self) -> Running:
        """Wait for an engine; EngineError when none comes."""
        wanted = wanted_path(self.spec.rundir)
        os.close(os.open(wanted, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644))
        deadline = time.monotonic() + ADOPT_SECONDS
        while time.monotonic() < deadline:
            status = connect(self.spec.rundir)
            if status is not None and status.fits(self.spec):
                os.unlink(wanted)
                with contextlib.suppress(ProcessLookupError):
                    return EngineProcess(status.pid)
            time.sleep(RETRY_SECONDS)
        raise EngineError(
            f"no engine of this configuration and build in {self.spec.rundir}, "
            "start its unit (systemctl restart xdpdns-engine)"
        )


def wanted_path(rundir: str) -> str:
    """Return the file for which an engine waits that has no table."""
    return os.path.join(rundir, "engine.wanted")


def make_shared_spec(config: Config, interfaces: Iterable[str]) -> EngineSpec:
    """Return the specification whose digest an engine of a unit of its own says of itself."""
    return make_spec(config, dict.fromkeys(interfaces, ""))
