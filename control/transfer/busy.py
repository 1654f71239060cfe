# SPDX-License-Identifier: Apache-2.0
"""Connections in use, so that the end of the server need not wait for other servers."""

import threading

from control.errors import ControlError
from control.transfer.connection import Connection


class ClientStopped(ControlError):
    """The server stops: nobody is asked anything any more."""

    def __init__(self) -> None:
        super().__init__("the server stops")


class Busy:
    """Any thread may call."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._connections: set[Connection] = set()
        self._is_over = False

    def check(self) -> None:
        """Raise ClientStopped after `interrupt`."""
        if self._is_over:
            raise ClientStopped

    def add(self, connection: Connection) -> None:
        """Take note of a connection. Raises ClientStopped, and closes it."""
        with self._mutex:
            self._connections.add(connection)
        if self._is_over:
            self.discard(connection)
            connection.close()
            raise ClientStopped

    def discard(self, connection: Connection) -> None:
        """Forget a connection."""
        with self._mutex:
            self._connections.discard(connection)

    def interrupt(self) -> None:
        """End every connection, now and from now on; threads that wait for the other end wait no longer."""
        self._is_over = True
        with self._mutex:
            for connection in self._connections:
                connection.interrupt()
