# SPDX-License-Identifier: Apache-2.0
"""What a process tells the service manager that started it (sd_notify(3)): datagrams on the socket it named."""

import os
from collections.abc import MutableMapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket


class Notifier:
    """The way to the service manager; without one everything is a no-op."""

    def __init__(self, environment: "MutableMapping[str, str] | None" = None) -> None:
        """Take the variables out of the environment: they are not meant for processes started from here."""
        variables = os.environ if environment is None else environment
        path = variables.pop("NOTIFY_SOCKET", "")
        self.address = "\0" + path[1:] if path.startswith("@") else path
        period, pid = variables.pop("WATCHDOG_USEC", ""), variables.pop("WATCHDOG_PID", "")
        is_watched = self.address != "" and period.isdigit() and pid in ("", str(os.getpid()))
        self.watchdog_s = int(period) / 1e6 if is_watched else 0.0
        """Within which the watchdog wants to be fed; 0: there is none."""
        self._socket: socket.socket | None = None

    def send(self, *assignments: str) -> None:
        """Send assignments like READY=1; a service manager that does not listen misses them."""
        if not self.address:
            return
        import socket

        try:
            if self._socket is None:
                kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
                self._socket = socket.socket(socket.AF_UNIX, kind)
            self._socket.sendto("\n".join(assignments).encode(), self.address)
        except OSError:
            return
