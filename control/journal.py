# SPDX-License-Identifier: Apache-2.0
"""systemd's journal by its native protocol: one datagram per line, with fields (systemd.journal-fields(7))."""

import os
from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

SOCKET = "/run/systemd/journal/socket"
SEND_SECONDS = 1.0
"""How long a line waits for a journal that takes none; it is lost after that."""


def runs_under_systemd(environment: Mapping[str, str], path: str = SOCKET) -> bool:
    """Whether systemd started this process and its journal is there."""
    return ("JOURNAL_STREAM" in environment or "INVOCATION_ID" in environment) and os.path.exists(path)


def encode(fields: Mapping[str, str]) -> bytes:
    """Return the datagram of one entry."""
    parts = []
    for name, text in fields.items():
        value = text.encode("utf-8", "backslashreplace")
        if b"\n" in value:
            parts.append(name.encode() + b"\n" + len(value).to_bytes(8, "little") + value + b"\n")
        else:
            parts.append(name.encode() + b"=" + value + b"\n")
    return b"".join(parts)


class Journal:
    """The way to the journal."""

    def __init__(self, path: str = SOCKET) -> None:
        self.path = path
        self._socket: socket.socket | None = None

    def send(self, fields: Mapping[str, str]) -> bool:
        """Send one entry; false when there is no journal or the entry is too large for it."""
        import socket

        try:
            if self._socket is None:
                self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
                self._socket.settimeout(SEND_SECONDS)
            self._socket.sendto(encode(fields), self.path)
        except TimeoutError:
            return True
        except OSError:
            return False
        return True

    def close(self) -> None:
        """Let go of it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
