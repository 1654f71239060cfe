# SPDX-License-Identifier: Apache-2.0
"""Listening TCP sockets, bound before the loop runs so that early connections wait instead of being refused."""

import socket

from control.conf.values import Endpoint

BACKLOG = 512


def bind_tcp(endpoint: Endpoint) -> socket.socket:
    """Return a listening socket; raise OSError."""
    family = socket.AF_INET6 if ":" in endpoint.address else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((endpoint.address, endpoint.port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener
