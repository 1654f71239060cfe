# SPDX-License-Identifier: Apache-2.0
"""Listening sockets for TCP and TLS, bound before the loop runs so that early connections wait and are not refused."""

import socket
from collections.abc import Iterable
from typing import NamedTuple

from control.conf.model import ServerConf
from control.conf.values import Endpoint
from control.log import Log

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


class Listeners(NamedTuple):
    """Bound sockets."""

    tcp: list[socket.socket]
    tls: list[socket.socket]

    def close(self) -> None:
        """Close those that are still here."""
        for listener in (*self.tcp, *self.tls):
            listener.close()


def bind_all(server: ServerConf, log: Log) -> Listeners:
    """Bind every address; raises OSError that names the address and the item."""
    listeners = Listeners([], [])
    try:
        bind_each(server.listen, listeners.tcp, "listen", "interface", log)
        bind_each(server.listen_tls, listeners.tls, "listen-tls", "TLS interface", log)
    except OSError:
        listeners.close()
        raise
    return listeners


def bind_each(endpoints: Iterable[Endpoint], bound: list[socket.socket], item: str, name: str, log: Log) -> None:
    """Bind the addresses of an item; log lines call them `name`."""
    for endpoint in endpoints:
        try:
            bound.append(bind_tcp(endpoint))
        except OSError as error:
            raise OSError(f"cannot bind address {endpoint} ({error.strerror}), set server.{item}") from error
        log.info(f"binding to {name} {endpoint}")
