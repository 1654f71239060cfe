# SPDX-License-Identifier: Apache-2.0
"""The process that keeps root when the daemon gives it up, for three things: start the engine, load and unload filters.

It is forked before the daemon becomes server.user, knows the engine's specification and the interfaces from then, and
ends with the daemon. A request is two octets, operation and number of the interface, with the socket for the reply;
nothing else is taken from the daemon. Each is carried out by a process of its own, so none waits for another.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from control.log import Log
from pyxdp_dns.engine_client import EngineProcess, EngineSpec, spawn
from pyxdp_dns.errors import EngineError, ResourceError

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

ENGINE, LOAD, UNLOAD = range(3)
REQUEST_BYTES = 2
REPLY_BYTES = 8192
TEXT_CHARS = 1000
"""Most of a reason that is passed on; JSON makes at most six octets of each."""
REPLY_SECONDS = 180.0
"""Above what any operation takes: the compiler of the filter is given up after two minutes."""
ENDED = "the helper process that starts engines and loads filters has ended, restart the daemon"

Loader = Callable[[int, str, list[int]], tuple[str, str]]
"""Carries out LOAD or UNLOAD for an interface and its ports; returns outcome and remark."""


class Work(NamedTuple):
    """What the helper may do."""

    spec: EngineSpec
    ports: Mapping[str, list[int]]
    """UDP ports by interface; the order of interfaces numbers them."""


def run_loader(operation: int, interface: str, ports: list[int]) -> tuple[str, str]:
    """Load or unload the filter of an interface."""
    from control.server import loader

    return loader.load(interface, ports) if operation == LOAD else loader.unload(interface)


def carry_out(work: Work, operation: int, number: int, run: Loader = run_loader) -> tuple[dict[str, Any], int | None]:
    """Do what one request asks; return the reply, and the engine's pidfd where one was started."""
    if operation == ENGINE:
        try:
            process = spawn(work.spec)
        except (EngineError, OSError) as error:
            return {"error": str(error)[:TEXT_CHARS], "errno": getattr(error, "errno", None)}, None
        return {"pid": process.pid}, process.pidfd
    interfaces = list(work.ports)
    if operation not in (LOAD, UNLOAD) or number >= len(interfaces):
        return {"error": "unknown request", "errno": None}, None
    name = interfaces[number]
    outcome, text = run(operation, name, work.ports[name])
    return {"outcome": outcome, "text": text[:TEXT_CHARS]}, None


def serve(channel: socket.socket, work: Work) -> None:
    """Work off requests until the daemon has gone."""
    while True:
        try:
            request, fds, _flags, _address = socket.recv_fds(channel, REQUEST_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
        except OSError:
            return
        if not request:
            return
        if len(request) == REQUEST_BYTES and fds and os.fork() == 0:
            work_off(work, request, socket.socket(fileno=fds[0]))
        for fd in fds:
            os.close(fd)


def work_off(work: Work, request: bytes, reply: socket.socket) -> None:
    """Carry out one request and end this process."""
    status = 1
    try:
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
        answer, pidfd = carry_out(work, request[0], request[1])
        socket.send_fds(reply, [json.dumps(answer).encode()], [] if pidfd is None else [pidfd])
        status = 0
    except OSError as error:
        print(f"xdpdnsd: helper: {error}", file=sys.stderr, flush=True)
    finally:
        os._exit(status)


HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD)
"""Signals that the helper ignores: it ends when the daemon has ended, and its children leave no zombies."""


def live(channel: socket.socket, work: Work) -> None:
    """Be the helper: let go of everything of the daemon's, and serve."""
    try:
        os.setsid()
        os.chdir("/")
        for number in HANDLED:
            signal.signal(number, signal.SIG_IGN)
        own = channel.fileno()
        os.closerange(3, own)
        os.closerange(own + 1, os.sysconf("SC_OPEN_MAX"))
        serve(channel, work)
    finally:
        os._exit(0)


class Helper:
    """The daemon's end. Methods block and may be called from any thread."""

    def __init__(self, channel: socket.socket, pid: int, interfaces: list[str]) -> None:
        self.channel, self.pid, self.interfaces = channel, pid, interfaces

    @classmethod
    def start(cls, work: Work) -> "Helper":
        """Fork the helper; from a process with one thread only."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            live(theirs, work)
        theirs.close()
        return cls(ours, pid, list(work.ports))

    def watch(self, loop: "AbstractEventLoop", log: Log) -> None:
        """Log when the helper ends before the daemon."""

        def on_end() -> None:
            loop.remove_reader(self.channel)
            log.error(ENDED)

        loop.add_reader(self.channel, on_end)

    def close(self) -> None:
        """Let the helper end, and wait for it."""
        self.channel.close()
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            return

    def spawn(self) -> EngineProcess:
        """Start an engine; ResourceError when it cannot be started."""
        told, fd = self._ask(ENGINE, 0)
        if "pid" not in told or fd is None:
            raise ResourceError(str(told.get("error", ENDED)), told.get("errno"))
        return EngineProcess(told["pid"], pidfd=fd)

    def run_loader(self, operation: int, interface: str, _ports: list[int]) -> tuple[str, str]:
        """LOAD or UNLOAD the filter of an interface that was known at the start; return outcome and remark."""
        from control.server.loader import FAILED

        try:
            told, _ = self._ask(operation, self.interfaces.index(interface))
        except (EngineError, ValueError) as error:
            return FAILED, str(error)
        return told.get("outcome", FAILED), str(told.get("text", told.get("error", "")))

    def _ask(self, operation: int, number: int) -> tuple[dict[str, Any], int | None]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                try:
                    socket.send_fds(self.channel, [bytes((operation, number))], [theirs.fileno()])
                except OSError as error:
                    raise ResourceError(ENDED, error.errno) from error
            if not select.select([ours], [], [], REPLY_SECONDS)[0]:
                raise ResourceError("the helper process does not answer, restart the daemon", None)
            data, fds, _flags, _address = socket.recv_fds(ours, REPLY_BYTES, 1, socket.MSG_CMSG_CLOEXEC)
        if not data:
            raise ResourceError(ENDED, None)
        told: dict[str, Any] = json.loads(data)
        return told, fds[0] if fds else None
