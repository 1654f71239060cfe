# SPDX-License-Identifier: Apache-2.0
"""Ports for servers under test, chosen where no other process takes them before the server does.

They lie beneath those that the kernel gives to clients, and are drawn by chance, so that several test processes at the
same time do not go through them side by side.
"""

import random
import socket
from contextlib import nullcontext

from tests.support.netns import Namespace

FIRST, LAST = 10_000, 32_767
TRIES = 1000

_chance = random.SystemRandom()
_given: set[int] = set()


def make_socket(address: str, kind: socket.SocketKind, space: Namespace | None = None) -> socket.socket:
    """Return a socket of an address's family, inside a namespace."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with nullcontext() if space is None else space.entered():
        return socket.socket(family, kind)


def free_port(address: str = "127.0.0.1", space: Namespace | None = None) -> int:
    """Return a port that is free for UDP and TCP and that this process was not given before."""
    for _ in range(TRIES):
        port = _chance.randint(FIRST, LAST)
        if port not in _given and _is_free(address, port, space):
            _given.add(port)
            return port
    raise AssertionError(f"no free port on {address}; free some of the ports from {FIRST} to {LAST}")


def _is_free(address: str, port: int, space: Namespace | None) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with make_socket(address, kind, space) as probe:
                probe.bind((address, port))
    except OSError:
        return False
    return True
