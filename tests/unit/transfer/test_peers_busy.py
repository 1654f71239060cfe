# SPDX-License-Identifier: Apache-2.0
"""The end of the server while it waits for others."""

import socket
import threading

import pytest

from control.clock import Clock
from control.conf.peers import PeerEndpoint
from control.transfer.busy import Busy, ClientStopped
from control.transfer.connection import Connection, Deadline, RemoteFailed

ENDPOINT = PeerEndpoint("192.0.2.1", 53)


def test_who_waits_for_another_server_waits_no_longer() -> None:
    """A thread in the middle of receiving gets an error at once."""
    busy, errors = Busy(), []
    ours, theirs = socket.socketpair()
    connection = Connection(ours, ENDPOINT, None, "TCP")
    busy.add(connection)
    busy.check()

    def wait() -> None:
        try:
            connection.receive(Deadline(Clock(), 60))
        except RemoteFailed as error:
            errors.append(error.reason)

    thread = threading.Thread(target=wait)
    thread.start()
    busy.interrupt()
    thread.join(10)
    assert errors == ["connection reset"]
    with pytest.raises(ClientStopped):
        busy.check()
    connection.close()
    theirs.close()


def test_a_connection_that_comes_too_late_is_closed() -> None:
    """It was being made when the server stopped."""
    busy = Busy()
    busy.interrupt()
    ours, theirs = socket.socketpair()
    with pytest.raises(ClientStopped):
        busy.add(Connection(ours, ENDPOINT, None, "TCP"))
    assert theirs.recv(1) == b""
    theirs.close()


def test_connections_that_were_given_back_are_left_alone() -> None:
    """They are no longer in use."""
    busy = Busy()
    ours, theirs = socket.socketpair()
    connection = Connection(ours, ENDPOINT, None, "TCP")
    busy.add(connection)
    busy.discard(connection)
    busy.interrupt()
    theirs.send(b"\0\1x")
    assert connection.receive(Deadline(Clock(), 60)) == b"x"
    connection.close()
    theirs.close()
