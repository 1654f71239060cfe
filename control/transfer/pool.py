# SPDX-License-Identifier: Apache-2.0
"""What is remembered between sessions: connections kept open, and addresses that were not reached."""

import threading
from typing import NamedTuple, Protocol, TypeAlias

from control.clock import Clock
from control.conf.peers import PeerEndpoint, RemoteConf
from control.transfer.connection import Connection

Key: TypeAlias = tuple[PeerEndpoint, PeerEndpoint | None, RemoteConf]
"""Address, source, and the remote as it is configured: a TLS connection has met its pins."""
Place: TypeAlias = tuple[PeerEndpoint, PeerEndpoint | None]


class PoolSettings(Protocol):
    """`remote-pool-limit` and `remote-pool-timeout`."""

    @property
    def pool_limit(self) -> int:
        """Connections kept open; 0: none."""

    @property
    def pool_timeout_s(self) -> int:
        """Seconds after which an idle one is closed."""


class _Kept(NamedTuple):
    key: Key
    connection: Connection
    since_ns: int


class Pool:
    """Idle connections, the one that was used last at the end."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mutex = threading.Lock()
        self._kept: list[_Kept] = []

    def take(self, key: Key, settings: PoolSettings) -> Connection | None:
        """Return a connection that is still open, and no longer kept; None without one."""
        with self._mutex:
            self._drop_idle(settings)
            for kept in reversed(self._kept):
                if kept.key == key:
                    self._kept.remove(kept)
                    if kept.connection.is_open():
                        return kept.connection
                    kept.connection.close()
        return None

    def put(self, key: Key, connection: Connection, settings: PoolSettings) -> None:
        """Keep a connection; the one idle for longest goes where there are too many."""
        with self._mutex:
            self._kept.append(_Kept(key, connection, self._clock.monotonic_ns()))
            self._drop_idle(settings)
            while len(self._kept) > settings.pool_limit:
                self._kept.pop(0).connection.close()

    def empty(self) -> list[tuple[Key, Connection]]:
        """Return all, which are no longer kept."""
        with self._mutex:
            kept, self._kept = self._kept, []
        return [(item.key, item.connection) for item in kept]

    def close(self) -> None:
        """Close all."""
        for _, connection in self.empty():
            connection.close()

    def _drop_idle(self, settings: PoolSettings) -> None:
        oldest_ns = self._clock.monotonic_ns() - settings.pool_timeout_s * 10**9
        while self._kept and self._kept[0].since_ns < oldest_ns:
            self._kept.pop(0).connection.close()


class Unreachable:
    """Addresses that could not be reached, and when."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._mutex = threading.Lock()
        self._since_ns: dict[Place, int] = {}

    def note(self, place: Place) -> None:
        """Remember that an address was not reached."""
        with self._mutex:
            self._since_ns[place] = self._clock.monotonic_ns()

    def holds(self, place: Place, delay_s: float) -> bool:
        """Tell whether the address was not reached within the last `delay_s` seconds."""
        with self._mutex:
            since_ns = self._since_ns.get(place)
            if since_ns is None:
                return False
            if self._clock.monotonic_ns() - since_ns >= delay_s * 1e9:
                del self._since_ns[place]
                return False
            return True
