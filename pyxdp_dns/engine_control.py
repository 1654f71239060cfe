# SPDX-License-Identifier: Apache-2.0
"""The engine's control socket: requests and replies are lines of JSON; and the signal that stops it."""

import json
import os
import select
import signal
import socket
from typing import Any

from pyxdp_dns.engine import Engine

REQUEST_BYTES = 4096
CLIENTS_MAX = 16


def catch_signals() -> int:
    """Ignore the terminal's signals; return the descriptor that becomes readable on SIGTERM."""
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(writable)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)
    return readable


class ControlSocket:
    """`engine.sock` and SIGTERM. Other signals that a terminal sends are ignored from its making on."""

    def __init__(self, rundir: str) -> None:
        self._stop_fd = catch_signals()
        path = os.path.join(rundir, "engine.sock")
        if os.path.lexists(path):
            os.unlink(path)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(path)
        os.chmod(path, 0o660)
        self._listener.listen(CLIENTS_MAX)
        self._listener.setblocking(False)
        self._clients: dict[int, tuple[socket.socket, bytes]] = {}

    def serve(self, engine: Engine, pause: float | None) -> bool:
        """Wait up to `pause` seconds and work off what came; return whether to go on running."""
        waiting = [self._stop_fd, self._listener.fileno(), *self._clients]
        readable, _, _ = select.select(waiting, [], [], pause)
        return self._stop_fd not in readable and all([self._take(fd, engine) for fd in readable])

    def _take(self, fd: int, engine: Engine) -> bool:
        if fd == self._listener.fileno():
            client, _ = self._listener.accept()
            client.setblocking(False)
            if len(self._clients) >= CLIENTS_MAX:
                client.close()
            else:
                self._clients[client.fileno()] = (client, b"")
            return True
        client, pending = self._clients[fd]
        try:
            received = client.recv(REQUEST_BYTES)
        except OSError:
            received = b""
        pending += received
        if not received or len(pending) > REQUEST_BYTES:
            self._drop(fd)
            return True
        *lines, rest = pending.split(b"\n")
        self._clients[fd] = (client, rest)
        return all([self._answer(fd, client, line, engine) for line in lines])

    def _answer(self, fd: int, client: socket.socket, line: bytes, engine: Engine) -> bool:
        try:
            request = json.loads(line)
            operation = request.get("op") if isinstance(request, dict) else None
        except ValueError:
            operation = None
        reply: dict[str, Any] = {"error": 'unknown request; there are {"op": "status"} and {"op": "stop"}'}
        if operation == "status":
            reply = engine.status()
        elif operation == "stop":
            reply = {"stopping": True}
        try:
            client.send(json.dumps(reply).encode() + b"\n")
        except OSError:
            self._drop(fd)
        return operation != "stop"

    def _drop(self, fd: int) -> None:
        entry = self._clients.pop(fd, None)
        if entry:
            entry[0].close()
