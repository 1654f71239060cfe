# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared, each started with one zone on one core, and what they cost in CPU time and memory."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import report
from tests.support import peers
from tests.support.netns import Namespace
from tests.support.peers import Peer, Place

START_TIMEOUT_S = 180.0
FILTER_TIMEOUT_S = 60.0
PAUSE_S = 0.05
BIND_S = 1.0
"""Time for the engine to bind its queues after it is ready."""
SERVER_CPU = max(os.cpu_count() or 1, 2) - 1
CLIENT_CPU = 0
DAEMON = Path(sys.executable).parent / "xdpdnsd"

Start = Callable[[Mapping[str, Path], Place], AbstractContextManager[Peer]]


@dataclass(slots=True)
class Daemon(Peer):
    """xdpdnsd: its engine is no child of it, its process id stands in the shared region (csrc/shm.h)."""

    def pids(self) -> list[int]:
        """Return the process ids of the control plane and of the engine."""
        found = Peer.pids(self)
        with suppress(FileNotFoundError):
            engine = int.from_bytes((self.directory / "engine.shm").read_bytes()[20:24], sys.byteorder)
            found += [engine] if engine not in found and peers.alive(engine) else []
        return found


@contextmanager
def ours(
    zones: Mapping[str, Path],
    place: Place,
    *,
    interface: str | None = None,
    client: Namespace | None = None,
    storage: Path | None = None,
    wait: bool = True,
    extra: str = "",
    more_zones: str = "",
) -> Iterator[Peer]:
    """Run xdpdnsd with one UDP worker, on `interface` through AF_XDP when one is given.

    `client` is the namespace the answers have to be seen from; `storage` keeps store and table from run to run; `extra`
    is more text before section `zone`, `more_zones` at its end.
    """
    place = place.settled()
    with tempfile.TemporaryDirectory(prefix="bench-xdpdns-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        config = directory / "xdpdnsd.conf"
        text = config_text(zones, place, directory, storage or directory / "db", interface, extra)
        config.write_text(text + more_zones)
        with open(directory / "log", "wb") as log:
            process = subprocess.Popen(
                place.wrap([str(DAEMON), "-c", str(config)]),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        peer = Daemon(report.OURS, place.address, place.port, directory, process)
        try:
            if wait:
                peers.wait(peer, zones, client or place.space, START_TIMEOUT_S)
            if interface is not None:
                wait_for_log(peer, f"filter loaded on interface {interface}")
            yield peer
        finally:
            peers.stop(peer)


@contextmanager
def reflecting(place: Place, interface: str) -> Iterator[Peer]:
    """Run an engine that only sends queries back, on `interface` (bench.floor)."""
    with tempfile.TemporaryDirectory(prefix="bench-floor-", ignore_cleanup_errors=True) as name:
        directory = Path(name)
        argv = [sys.executable, "-m", "bench.floor", name, interface, str(place.port)]
        with open(directory / "log", "wb") as log:
            process = subprocess.Popen(
                place.wrap(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        peer = Peer("reflect", place.address, place.port, directory, process)
        try:
            wait_for_log(peer, "ready")
            time.sleep(BIND_S)
            yield peer
        finally:
            peers.stop(peer)


def wait_for_log(peer: Peer, text: str) -> None:
    """Return when the server has logged the text."""
    deadline = time.monotonic() + FILTER_TIMEOUT_S
    while text not in peer.log:
        if peer.process.poll() is not None or time.monotonic() > deadline:
            raise peer.failed(f"has not logged '{text}' after {FILTER_TIMEOUT_S:g} s")
        time.sleep(PAUSE_S)


def config_text(
    zones: Mapping[str, Path], place: Place, directory: Path, storage: Path, interface: str | None, extra: str
) -> str:
    """Return the daemon's configuration."""
    text = f"server:\n    listen: {place.address}@{place.port}\n    rundir: {directory}\n    udp-workers: 1\n"
    if interface is not None:
        text += f"xdp:\n    listen: {interface}@{place.port}\n"
    text += f"database:\n    storage: {storage}\nlog:\n  - target: stderr\n    any: info\n{extra}zone:\n"
    return text + "".join(f'  - domain: "{name}"\n    file: "{path.absolute()}"\n' for name, path in zones.items())


def sockets(names: tuple[str, ...] = (report.OURS, "knot", "nsd", "named")) -> dict[str, Start]:
    """Return how each contestant on sockets is started; ours is left out while it is not installed."""
    known: dict[str, Start] = {
        report.OURS: ours,
        "knot": partial(peers.knot, start_timeout_s=START_TIMEOUT_S),
        "nsd": partial(peers.nsd, start_timeout_s=START_TIMEOUT_S),
        "named": partial(peers.named, start_timeout_s=START_TIMEOUT_S),
    }
    return {name: known[name] for name in names if available(name)}


def available(name: str) -> bool:
    """Return whether the contestant can run here; say so when not."""
    reason = None if name == report.OURS else peers.missing(name)
    if reason:
        print(f"{name} is left out: {reason}")
    return reason is None


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU time in seconds: of a server's processes, and of interrupts on its core, which no process is charged with."""

    user: float
    kernel: float
    softirq: float

    def __sub__(self, other: "Usage") -> "Usage":
        return Usage(self.user - other.user, self.kernel - other.kernel, self.softirq - other.softirq)


def usage(peer: Peer) -> Usage:
    """Return what the server and its core have spent so far."""
    line = re.search(rf"^cpu{SERVER_CPU} (.*)$", Path("/proc/stat").read_text(), re.MULTILINE)
    assert line is not None
    user, kernel = peer.cpu_seconds()
    return Usage(user, kernel, int(line[1].split()[6]) / os.sysconf("SC_CLK_TCK"))


def per_reply(spent: Usage, replies: int) -> dict[str, float]:
    """Return the cost of one reply, in microseconds."""
    each = 1e6 / max(replies, 1)
    return {
        "user us": spent.user * each,
        "kernel us": spent.kernel * each,
        "softirq us": spent.softirq * each,
    }
