# SPDX-License-Identifier: Apache-2.0
"""The control server: UNIX sockets, their files and the connections that come in on them."""

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterable, Sequence

from control.ctl.command import Command
from control.ctl.connection import Connection, Limits, Shared
from control.ctl.lock import CommandLock
from control.log import INFO, Log

MODE = 0o220
MAX_PATH_BYTES = 107
DEFAULT_LIMITS = Limits()
ACCEPT_RETRY_S = 0.5
"""Pause when the system has no descriptor for a client."""


class ControlServer:
    """Listens between `start` and `stop`, and answers `commands`."""

    def __init__(self, commands: Iterable[Command], log: Log, limits: Limits = DEFAULT_LIMITS) -> None:
        self._shared = Shared(register(commands), CommandLock(), log, limits)
        self._sockets: list[tuple[socket.socket, str, tuple[int, int]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections: dict[Connection, None] = {}
        """In the order in which they came."""

    @property
    def connections(self) -> int:
        """Clients that are connected."""
        return len(self._connections)

    async def start(self, paths: Sequence[str]) -> None:
        """Bind every path and begin to answer; raises OSError that names the path, with nothing left bound."""
        try:
            for path in paths:
                self._shared.log.write(INFO, f"control, binding to '{path}'", "control")
                self._sockets.append(listen(path, self._shared.limits.backlog))
        except OSError:
            await self.stop()
            raise
        for listener, _, _ in self._sockets:
            self._tasks.add(asyncio.create_task(self._accept(listener)))

    async def stop(self) -> None:
        """Close and remove the sockets, end every connection."""
        sockets, self._sockets = self._sockets, []
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        connections = list(self._connections)
        for connection in connections:
            connection.stop()
        await asyncio.gather(*(connection.closed for connection in connections))
        for listener, path, identity in sockets:
            listener.close()
            remove(path, identity)

    def set_limits(self, limits: Limits) -> None:
        """Change what clients are given from now on; the backlog stays."""
        self._shared = self._shared._replace(limits=limits)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                peer, _ = await loop.sock_accept(listener)
                await self._make_room()
                _, connection = await loop.create_unix_connection(lambda: Connection(self._shared), sock=peer)
            except OSError:
                await asyncio.sleep(ACCEPT_RETRY_S)
                continue
            self._connections[connection] = None
            connection.closed.add_done_callback(lambda _, ended=connection: self._connections.pop(ended))  # type: ignore[misc]

    async def _make_room(self) -> None:
        """At the limit of connections close the oldest idle one; wait for the first to end when none is idle."""
        while len(self._connections) >= self._shared.limits.clients:
            idle = next((one for one in self._connections if one.idle), None)
            if idle is not None:
                idle.close()
                await idle.closed
            else:
                closed = [connection.closed for connection in self._connections]
                await asyncio.wait(closed, return_when=asyncio.FIRST_COMPLETED)


def register(commands: Iterable[Command]) -> dict[str, Command]:
    """Return the commands by name; raises ValueError when two have the same."""
    registry: dict[str, Command] = {}
    for command in commands:
        if registry.setdefault(command.name, command) is not command:
            raise ValueError(f"two commands are named '{command.name}'")
    return registry


def listen(path: str, backlog: int) -> tuple[socket.socket, str, tuple[int, int]]:
    """Return a listening socket at `path`, the path, and device and inode of its file; raises OSError with the path.

    A socket file that nobody listens on is replaced. Clients are let in when the mode is set, not before.
    """
    if len(os.fsencode(path)) > MAX_PATH_BYTES:
        raise OSError(errno.ENAMETOOLONG, f"socket path has more than {MAX_PATH_BYTES} octets", path)
    remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.bind(path)
        os.chmod(path, MODE)
        listener.listen(backlog)
        status = os.stat(path)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, error.strerror, path) from error
    return listener, path, (status.st_dev, status.st_ino)


def remove_stale(path: str) -> None:
    """Remove the socket a server has left; raises OSError when there is a server, or a file that is no socket."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "a file that is no socket is in the way", path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        answer = probe.connect_ex(path)
    if answer in (0, errno.EAGAIN):
        raise OSError(errno.EADDRINUSE, "another server listens on it", path)
    os.unlink(path)


def remove(path: str, identity: tuple[int, int]) -> None:
    """Remove the socket file if it is still the one that was made."""
    with contextlib.suppress(OSError):
        status = os.lstat(path)
        if (status.st_dev, status.st_ino) == identity:
            os.unlink(path)
