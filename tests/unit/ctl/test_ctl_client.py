# SPDX-License-Identifier: Apache-2.0
"""The client's connecting: a server that is busy is waited for, and not for ever."""

import socket
import threading
from pathlib import Path

import pytest

from control.ctl.client import Client, ClientError


def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    """Clients in the server's queue keep others waiting until it accepts."""
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)
        with pytest.raises(ClientError, match="connection timeout"):
            Client(path, 0.01)
        accepting = threading.Timer(0.05, lambda: listener.accept()[0].close())
        accepting.start()
        with Client(path, 20):
            accepting.join()
