# SPDX-License-Identifier: Apache-2.0
"""Other name servers as peers: started with given zones, waited for, stopped and cleaned up.

    with peers.knot({"example.": zone_file}) as peer:
        ask(peer.address, peer.port, ...)

`knot`, `nsd` and `named` serve UDP and TCP on one address and port, alone on the host's loopback or inside a namespace
of `netns`; `knot_xdp` serves an interface through AF_XDP. Each works in a directory of its own, which goes with it.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import dns.message

from tests.support.netns import Namespace
from tests.support.ports import free_port, make_socket

START_TIMEOUT_S = 60.0
"""Time for a peer to answer for all its zones; large zones need more, given as `start_timeout_s`."""

STOP_TIMEOUT_S = 10.0
PROBE_PAUSE_S = 0.02
PROBE_TIMEOUT_S = 0.5
LOG_TAIL_LINES = 40

PROGRAMS = {"knot": "knotd", "nsd": "nsd", "named": "named"}


class PeerFailed(Exception):
    """A peer ended or did not answer in time; the message ends with the tail of its log."""


def missing(*names: str) -> str | None:
    """Return why one of `knot`, `nsd`, `named` cannot run here, None when all can; tests skip by this text."""
    for name in names:
        if _program(name) is None:
            return f"needs the program {PROGRAMS[name]}"
    return None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a peer runs: `port` 0 takes a free one, `cpus` is a list as taskset(1) has it."""

    address: str = "127.0.0.1"
    port: int = 0
    space: Namespace | None = None
    cpus: str | None = None

    def wrap(self, argv: Sequence[str]) -> list[str]:
        """Return the argument vector that runs `argv` there."""
        words = list(argv)
        if self.cpus is not None:
            words = ["taskset", "-c", self.cpus, *words]
        return words if self.space is None else self.space.wrap(*words)

    def settled(self) -> "Place":
        """Return the place with its port chosen."""
        if self.port:
            return self
        return Place(self.address, free_port(self.address, self.space), self.space, self.cpus)


@dataclass(slots=True)
class Peer:
    """A running peer. `directory` holds its configuration, log and state and lives as long as the peer."""

    name: str
    address: str
    port: int
    directory: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    @property
    def log(self) -> str:
        """What the peer has logged so far."""
        with suppress(FileNotFoundError):
            return (self.directory / "log").read_text(errors="replace")
        return ""

    def pids(self) -> list[int]:
        """Return the process ids of the peer and its children, the main process first."""
        found = [self.process.pid]
        for pid in found:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    found += map(int, children.read_text().split())
        return found

    def cpu_seconds(self) -> tuple[float, float]:
        """Return user and kernel CPU time spent so far by all processes of the peer, in seconds."""
        ticks = [0, 0]
        for pid in self.pids():
            with suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks[0] += int(fields[11])
                ticks[1] += int(fields[12])
        hertz = os.sysconf("SC_CLK_TCK")
        return ticks[0] / hertz, ticks[1] / hertz

    def failed(self, what: str) -> PeerFailed:
        """Return the error that says what went wrong, with the tail of the log."""
        tail = "\n".join(self.log.splitlines()[-LOG_TAIL_LINES:])
        return PeerFailed(f"{self.name} at {self.address}#{self.port}: {what}; its log ends:\n{tail}")


@contextmanager
def knot(
    zones: Mapping[str, Path],
    place: Place = Place(),
    *,
    workers: int = 1,
    server: str = "",
    start_timeout_s: float = START_TIMEOUT_S,
    probes: Collection[str] | None = None,
    journal: str = "none",
    transfers: bool = False,
    sections: str = "",
    template: str = "",
) -> Iterator[Peer]:
    """Run knotd; `server` is more text for the `server` section (lines of four spaces and an item).

    `sections` are put before the zones, `template` is more text for what all zones have. With `transfers`, here and in
    `nsd`, its address may transfer the zones. With `probes`, only these zones are waited for, here and in the other
    functions.
    """
    place = place.settled()
    with _directory("knot") as directory:
        listen = f"    listen: {place.address}@{place.port}\n{server}"
        if transfers:
            sections += f"acl:\n  - id: clients\n    address: {place.address}\n    action: transfer\n"
            template += "    acl: clients\n"
        config = _knot_config(directory, zones, listen, workers, sections, journal, template)
        with _run("knot", ["knotd", "-c", config], place, directory) as peer:
            wait(peer, zones if probes is None else probes, place.space, start_timeout_s)
            yield peer


@contextmanager
def knot_xdp(
    zones: Mapping[str, Path],
    place: Place,
    interface: str,
    client: Namespace,
    *,
    server: str = "",
    start_timeout_s: float = START_TIMEOUT_S,
) -> Iterator[Peer]:
    """Run knotd in XDP mode on `interface` of the namespace `place.space`.

    `place.address` is the interface's address, as seen from the namespace `client`, which has to see the answers.
    knotd leaves its program on the interface; it is taken off at the end.
    """
    place = place.settled()
    with _directory("knot") as directory:
        xdp = f"xdp:\n    listen: {interface}@{place.port}\n"
        config = _knot_config(directory, zones, server, 1, xdp)
        try:
            with _run("knot", ["knotd", "-c", config], place, directory) as peer:
                wait(peer, zones, client, start_timeout_s)
                yield peer
        finally:
            off = Place(space=place.space).wrap(["ip", "link", "set", "dev", interface, "xdp", "off"])
            subprocess.run(off, capture_output=True, check=False, timeout=STOP_TIMEOUT_S)


@contextmanager
def nsd(
    zones: Mapping[str, Path],
    place: Place = Place(),
    *,
    servers: int = 1,
    options: str = "",
    start_timeout_s: float = START_TIMEOUT_S,
    probes: Collection[str] | None = None,
    transfers: bool = False,
) -> Iterator[Peer]:
    """Run nsd without rate limit and control; `options` is more text for its `server` section."""
    place = place.settled()
    with _directory("nsd") as directory:
        config = directory / "nsd.conf"
        lines = [
            "server:", f"ip-address: {place.address}@{place.port}", f"port: {place.port}", f"server-count: {servers}",
            'username: ""', 'chroot: ""', 'database: ""', f'zonesdir: "{directory}"', f'xfrdir: "{directory}"',
            f'pidfile: "{directory}/pid"', f'zonelistfile: "{directory}/zone.list"', f'xfrdfile: "{directory}/xfrd"',
            f'cookie-secret-file: "{directory}/cookies"', "rrl-ratelimit: 0", "rrl-whitelist-ratelimit: 0",
            "verbosity: 1", options, "remote-control:", "control-enable: no",
        ]  # fmt: skip
        for name, file in zones.items():
            lines += ["zone:", f'name: "{name}"', f'zonefile: "{file.absolute()}"']
            lines += [f"provide-xfr: {place.address} NOKEY"] if transfers else []
        config.write_text("\n".join(lines) + "\n")
        with _run("nsd", ["nsd", "-d", "-c", str(config)], place, directory) as peer:
            wait(peer, zones if probes is None else probes, place.space, start_timeout_s)
            yield peer


@contextmanager
def named(
    zones: Mapping[str, Path],
    place: Place = Place(),
    *,
    threads: int = 1,
    options: str = "minimal-responses yes;",
    zone_options: str = "",
    start_timeout_s: float = START_TIMEOUT_S,
    probes: Collection[str] | None = None,
) -> Iterator[Peer]:
    """Run BIND's named, authoritative only; `options` is more text for its `options` statement, `zone_options` for
    each zone."""
    place = place.settled()
    with _directory("named") as directory:
        config = directory / "named.conf"
        statements = [
            "controls { };",
            f'options {{ directory "{directory}"; {listen_on(place)}',
            "pid-file none; session-keyfile none; lock-file none; recursion no; notify no;",
            f"dnssec-validation no; empty-zones-enable no; check-names primary ignore; {options} }};",
        ]
        for name, file in zones.items():
            statements.append(
                f'zone "{name}" {{ type primary; file "{file.absolute()}"; check-integrity no; check-mx ignore; '
                f"{zone_options} }};"
            )
        config.write_text("\n".join(statements) + "\n")
        argv = ["named", "-g", "-n", str(threads), "-c", str(config)]
        with _run("named", argv, place, directory) as peer:
            wait(peer, zones if probes is None else probes, place.space, start_timeout_s)
            yield peer


def listen_on(place: Place) -> str:
    """Return the options by which named listens there and nowhere else."""
    family, other = ("listen-on-v6", "listen-on") if ":" in place.address else ("listen-on", "listen-on-v6")
    return f"{family} port {place.port} {{ {place.address}; }}; {other} {{ none; }};"


@contextmanager
def configured(name: str, write: Callable[[Path, Place], str], place: Place = Place()) -> Iterator[Peer]:
    """Run knotd (`knot`), `nsd` or `named` with the configuration that `write` gives for a directory and a place.

    Nothing is waited for.
    """
    place = place.settled()
    with _directory(name) as directory:
        config = directory / f"{name}.conf"
        config.write_text(write(directory, place))
        words = {"knot": ["knotd", "-c"], "nsd": ["nsd", "-d", "-c"], "named": ["named", "-g", "-n", "1", "-c"]}[name]
        with _run(name, [*words, str(config)], place, directory) as peer:
            yield peer


def _knot_config(
    directory: Path,
    zones: Mapping[str, Path],
    server: str,
    workers: int,
    sections: str = "",
    journal: str = "none",
    template: str = "",
) -> str:
    file = directory / "knot.conf"
    (directory / "db").mkdir()  # knotd makes the journal's directory in it, not this one
    text = (
        f"server:\n    rundir: {directory}\n    udp-workers: {workers}\n    tcp-workers: {workers}\n"
        f"    background-workers: 1\n{server}\n{sections}"
        f"control:\n    listen: {directory}/control.sock\n"
        "log:\n  - target: stderr\n    any: info\n"
        f"database:\n    storage: {directory}/db\n"
        "template:\n  - id: default\n    zonefile-sync: -1\n"
        f"    journal-content: {journal}\n    semantic-checks: off\n{template}zone:\n"
    )
    for name, path in zones.items():
        text += f'  - domain: "{name}"\n    file: "{path.absolute()}"\n'
    file.write_text(text)
    return str(file)


def _program(name: str) -> str | None:
    return shutil.which(PROGRAMS[name], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@contextmanager
def _directory(name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=f"peer-{name}-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@contextmanager
def _run(name: str, argv: list[str], place: Place, directory: Path) -> Iterator[Peer]:
    program = _program(name)
    if program is None:
        raise PeerFailed(f"{name}: no program {PROGRAMS[name]}; install it with apt-get")
    with open(directory / "log", "wb") as log:
        process = subprocess.Popen(
            place.wrap([program, *argv[1:]]),
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=directory, start_new_session=True,
        )  # fmt: skip
    peer = Peer(name, place.address, place.port, directory, process)
    try:
        yield peer
    finally:
        stop(peer)


def stop(peer: Peer) -> None:
    """End the peer and its children and wait until they are gone."""
    pids = peer.pids()
    peer.process.terminate()
    with suppress(subprocess.TimeoutExpired):
        peer.process.wait(STOP_TIMEOUT_S)
    with suppress(ProcessLookupError):
        os.killpg(peer.process.pid, signal.SIGKILL)
    peer.process.wait()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(PROBE_PAUSE_S)


def alive(pid: int) -> bool:
    """Return whether the process runs; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait(peer: Peer, zones: Iterable[str], space: Namespace | None, timeout_s: float) -> None:
    """Return when the peer answers for each zone with authority."""
    deadline = time.monotonic() + timeout_s
    with make_socket(peer.address, socket.SOCK_DGRAM, space) as sock:
        sock.settimeout(PROBE_TIMEOUT_S)
        sock.connect((peer.address, peer.port))
        for number, zone in enumerate(zones):
            while (state := _probe(sock, zone, number)) != "":
                if peer.process.poll() is not None:
                    raise peer.failed(f"ended with status {peer.process.returncode}")
                if time.monotonic() > deadline:
                    raise peer.failed(f"zone {zone}: {state} after {timeout_s:g} s")
                time.sleep(PROBE_PAUSE_S)


def _probe(sock: socket.socket, zone: str, number: int) -> str:
    """Ask for the zone's SOA; return what is wrong with the answer, nothing when all is well."""
    query = dns.message.make_query(zone, "SOA", id=number & 0xFFFF).to_wire()
    try:
        sock.send(query)
        reply = sock.recv(65535)
        while reply[:2] != query[:2]:
            reply = sock.recv(65535)
    except OSError:
        return "no answer"
    flags = int.from_bytes(reply[2:4], "big")
    if flags & 0x000F:
        return f"answers with RCODE {flags & 0x000F}"
    return "" if flags & 0x0400 else "answers without authority"
