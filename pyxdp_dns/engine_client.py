# SPDX-License-Identifier: Apache-2.0
"""The engine process from the control plane: what it is to be, starting, finding and stopping it.

The daemon imports this before it answers anything, so it does without what takes long to import (dataclasses,
subprocess, hashlib).
"""

import json
import marshal
import os
import select
import signal
import struct
import sys
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from pyxdp_dns.errors import EngineError, ResourceError
from pyxdp_dns.native import ffi, lib

if TYPE_CHECKING:
    import socket

UCRED = struct.Struct("3i")
READY_SECONDS = 30.0
ANSWER_SECONDS = 2.0
ENGINE_PROGRAM = "import sys; from pyxdp_dns.engine import main; sys.exit(main())"


class XdpInterface(NamedTuple):
    """An interface to answer on: its name and the path of the pinned XSKMAP of its filter."""

    name: str
    xskmap: str


class _SpecFields(NamedTuple):
    rundir: str
    table: str | None
    """Path of the response table; None reflects queries, for measurements."""
    listen: tuple[tuple[str, int], ...] = ()
    """UDP addresses and ports."""
    udp_workers: int = 1
    interfaces: tuple[XdpInterface, ...] = ()
    xdp_listen: tuple[tuple[str, int], ...] = ()
    """Addresses ("" for any) and ports that AF_XDP workers answer at; none: whatever the filter lets through."""
    ring_size: int = 2048
    zero_copy: bool = False
    busy_poll_us: int = 0
    busy_poll_budget: int = 64
    cpus: tuple[int, ...] = ()
    """CPUs of the workers of each kind, in turn; none: wherever the scheduler likes."""
    uid: int | None = None
    gid: int | None = None


class EngineSpec(_SpecFields):
    """Everything an engine is started with. Equal specifications make interchangeable engines."""

    __slots__ = ()

    def __new__(cls, *args: Any, **fields: Any) -> "EngineSpec":
        """Refuse what no engine could run with."""
        self = super().__new__(cls, *args, **fields)
        self._check()
        return self

    def _check(self) -> None:
        if self.udp_workers < 0 or (self.listen and self.udp_workers == 0):
            raise ValueError("udp_workers: at least 1 where there are addresses to listen on")
        if not 64 <= self.ring_size <= 32768 or self.ring_size & (self.ring_size - 1):
            raise ValueError(f"ring_size {self.ring_size}: a power of two from 64 to 32768")
        for _address, port in (*self.listen, *self.xdp_listen):
            if not 1 <= port <= 65535:
                raise ValueError(f"port {port}: 1 to 65535")

    def pack(self, digest: str | None = None) -> bytes:
        """Return the form that the engine process reads: of the same interpreter, which needs no import for it.

        `digest` is what it says of itself instead of the digest of this specification.
        """
        return marshal.dumps({**self._fields_as_json(), "hash": self.digest() if digest is None else digest})

    def digest(self) -> str:
        """Return what tells specifications apart."""
        text = json.dumps(self._fields_as_json(), sort_keys=True).encode()
        return f"{zlib.crc32(text):08x}{zlib.crc32(text[::-1]):08x}"

    def _fields_as_json(self) -> dict[str, Any]:
        return {**self._asdict(), "interfaces": [interface._asdict() for interface in self.interfaces]}


class EngineStatus(NamedTuple):
    """What a running engine says of itself."""

    pid: int
    build: str
    spec: str
    table_inode: int | None
    udp_workers: int
    is_privileged: bool
    problems: tuple[str, ...]
    queues: tuple[dict[str, Any], ...]

    def fits(self, spec: EngineSpec) -> bool:
        """Return whether this engine is of this build and specification, and its table file still in place."""
        return self.build == build_id() and self.spec == spec.digest() and self._has_table(spec)

    def _has_table(self, spec: EngineSpec) -> bool:
        if spec.table is None:
            return True
        try:
            return os.stat(spec.table).st_ino == self.table_inode
        except OSError:
            return False


class EngineProcess:
    """A running engine, started or adopted. `pidfd` becomes readable when it ends. Close it when done with it."""

    def __init__(self, pid: int, *, is_child: bool = False, pidfd: int | None = None) -> None:
        """Take hold of the process, by `pidfd` where there is one already; ProcessLookupError when it has ended."""
        self.pid = pid
        self.pidfd = os.pidfd_open(pid) if pidfd is None else pidfd
        self._is_child = is_child

    def wait(self, seconds: float) -> bool:
        """Wait until it ended; return whether it did."""
        ended = bool(select.select([self.pidfd], [], [], seconds)[0])
        if ended and self._is_child:
            os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED)
            self._is_child = False
        return ended

    def signal(self, number: int) -> None:
        """Send a signal to this very process; nothing when it has ended."""
        try:
            signal.pidfd_send_signal(self.pidfd, number)
        except ProcessLookupError:
            return

    def stop(self, seconds: float = 5.0) -> None:
        """End it: asked first, killed when it does not within `seconds`."""
        self.signal(signal.SIGTERM)
        if not self.wait(seconds):
            self.signal(signal.SIGKILL)
            self.wait(seconds)

    def close(self) -> None:
        """Let go of it; it goes on running."""
        if self.pidfd >= 0:
            os.close(self.pidfd)
        self.pidfd = -1


def build_id() -> str:
    """Return the build that this process would start."""
    return str(ffi.string(lib.xd_build_id()).decode())


def import_path() -> list[str]:
    """Return the directories that the engine imports from: of this package and of cffi's run-time part."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    cffi = os.path.dirname(os.path.abspath(str(sys.modules["_cffi_backend"].__file__)))
    return list(dict.fromkeys((package, cffi)))


def spawn(spec: EngineSpec) -> EngineProcess:
    """Start an engine and return once it answers on its UDP sockets; ResourceError with its reason when it does not."""
    readable, writable = os.pipe2(os.O_CLOEXEC)
    source = os.memfd_create("engine-spec")
    try:
        os.write(source, spec.pack())
        os.lseek(source, 0, os.SEEK_SET)
        process = EngineProcess(_execute(source, writable), is_child=True)
        os.close(writable)
        writable = -1
        told = _read_line(readable)
    finally:
        os.close(readable)
        os.close(source)
        if writable >= 0:
            os.close(writable)
    if told is None or "error" in told:
        process.signal(signal.SIGKILL)
        process.wait(READY_SECONDS)
        process.close()
        reason = told["error"] if told else "it ended or hung while starting; its reason is on standard error"
        raise ResourceError(f"engine not started: {reason}", told.get("errno") if told else None)
    return process


def command(source: int, ready: int) -> tuple[list[str], dict[str, str]]:
    """Return arguments and environment of the program, which reads its specification and tells readiness there."""
    # Without `site` and runpy (-m), which take longer than the engine's own imports.
    arguments = [sys.executable, "-S", "-P", "-c", ENGINE_PROGRAM, str(source), str(ready)]
    return arguments, {**os.environ, "PYTHONPATH": os.pathsep.join(import_path())}


def _execute(source: int, ready: int) -> int:
    """Start the program in a session of its own with two descriptors of ours; return its PID."""
    os.set_inheritable(source, True)
    os.set_inheritable(ready, True)
    arguments, environment = command(source, ready)
    no_input = (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)
    try:
        return os.posix_spawn(sys.executable, arguments, environment, file_actions=[no_input], setsid=True)
    except OSError as exc:
        raise ResourceError(f"engine not started: {sys.executable}: {exc.strerror}", exc.errno) from exc


def _read_line(fd: int) -> dict[str, Any] | None:
    """Return the JSON object of one line, None at the end of file or when nothing comes in time."""
    data = b""
    while b"\n" not in data:
        if not select.select([fd], [], [], READY_SECONDS)[0]:
            return None
        received = os.read(fd, 4096)
        if not received:
            return None
        data += received
    line: dict[str, Any] = json.loads(data)
    return line


def execute(spec: EngineSpec, digest: str) -> None:
    """Become an engine of `spec` that says of itself `digest`; ResourceError when the program cannot be run."""
    source = os.memfd_create("engine-spec", 0)
    os.write(source, spec.pack(digest))
    os.lseek(source, 0, os.SEEK_SET)
    ready = os.open(os.devnull, os.O_WRONLY)
    os.set_inheritable(ready, True)
    arguments, environment = command(source, ready)
    try:
        os.execve(sys.executable, arguments, environment)
    except OSError as exc:
        raise ResourceError(f"engine not started: {sys.executable}: {exc.strerror}", exc.errno) from exc


def request(rundir: str, operation: str) -> dict[str, Any] | None:
    """Return the reply of the engine of a run directory; None when none is running there, or it ends meanwhile."""
    path = os.path.join(rundir, "engine.sock")
    if not os.path.exists(path):
        return None
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        try:
            owner = UCRED.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, UCRED.size))
            line = _exchange(connection, json.dumps({"op": operation}).encode() + b"\n")
            if not line and _ends(owner[0]):
                return None
            reply = json.loads(line)
        except (OSError, ValueError) as exc:
            raise EngineError(f"{rundir}/engine.sock: the engine does not answer; kill it and start again") from exc
    # Whoever made the socket: it must not have another process stopped in its stead.
    if not isinstance(reply, dict) or "error" in reply or reply.get("pid", owner[0]) != owner[0]:
        raise EngineError(f"{rundir}/engine.sock: an engine of another version; stop it and start again")
    return reply


def _exchange(connection: "socket.socket", line: bytes) -> bytes:
    """Return the line that answers another, empty when the connection is broken off."""
    try:
        connection.sendall(line)
        with connection.makefile("rb") as lines:
            return lines.readline()
    except ConnectionError:
        return b""


def _ends(pid: int) -> bool:
    """Return whether a process, which breaks its connections off, has ended or does so now."""
    try:
        process = EngineProcess(pid)
    except ProcessLookupError:
        return True
    try:
        return process.wait(ANSWER_SECONDS)
    finally:
        process.close()


def connect(rundir: str) -> EngineStatus | None:
    """Return the status of the engine of a run directory, None when none is running there."""
    reply = request(rundir, "status")
    if reply is None:
        return None
    try:
        reply["problems"] = tuple(reply["problems"])
        reply["queues"] = tuple(reply["queues"])
        return EngineStatus(**reply)
    except (KeyError, TypeError) as exc:
        raise EngineError(f"{rundir}/engine.sock: an engine of another version; stop it and start again") from exc


def stop(rundir: str, seconds: float = 5.0) -> bool:
    """Stop the engine of a run directory; return whether there was one. Returns when it has ended."""
    status = connect(rundir)
    if status is None:
        return False
    try:
        process = EngineProcess(status.pid)
    except ProcessLookupError:
        return True
    try:
        process.stop(seconds)
    finally:
        process.close()
    return True
