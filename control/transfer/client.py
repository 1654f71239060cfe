# SPDX-License-Identifier: Apache-2.0
"""A client of other name servers, for worker threads: it blocks, within `tcp-remote-io-timeout` per message.

    with client.open(remote) as session:
        reply = session.query_soa(zone)
        with TransferIn(zone, serial) as incoming:
            result = session.transfer(incoming)

A session asks over one TCP (or TLS) connection. A remote's addresses are tried in order until one is reached; what is
answered there counts, whatever it is.
"""

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from control.access.tsig import RequestSigner
from control.clock import Clock
from control.conf.peers import PeerEndpoint, RemoteConf
from control.transfer.ahead import Ahead
from control.transfer.busy import Busy
from control.transfer.connection import (
    Connection,
    RemoteFailed,
    connect,
    endpoint_text,
    exchange_udp,
    proto_of,
)
from control.transfer.incoming import TransferIn
from control.transfer.message import (
    NOTIFY,
    QUERY,
    RCODE,
    SOA,
    TRUNCATED,
    check_reply,
    flags_of,
    make_query,
    soa_record,
    with_id,
)
from control.transfer.pool import Key, Pool, Unreachable
from control.transfer.session import Session, SoaReply, TransferResult, soa_reply, verified, with_edns
from control.transfer.settings import DEFAULT_SETTINGS, ClientSettings
from control.transfer.source import source_for

__all__ = ["Client", "ClientSettings", "NotifyReply", "RemoteFailed", "Session", "SoaReply", "TransferResult"]

UDP_TRIES = 3
SHARED_RETRY_DELAY_S = 1.0
"""So long an address that was not reached is left alone at least by who transfers many zones."""


class NotifyReply(NamedTuple):
    """Answer to a NOTIFY."""

    rcode: int
    endpoint: str


class Client:
    """Talks to remotes; one for the whole server, any number of threads may call."""

    def __init__(self, clock: Clock, settings: ClientSettings = DEFAULT_SETTINGS) -> None:
        self.clock, self.settings = clock, settings
        self._pool = Pool(clock)
        self._unreachable = Unreachable(clock)
        self.busy = Busy()
        self.ahead = Ahead()
        self._parent: Client | None = None

    @contextmanager
    def open(self, remote: RemoteConf) -> Iterator["Session"]:
        """Give a session; nothing is connected before the first question."""
        session = Session(self, remote)
        try:
            yield session
        except RemoteFailed:
            session.drop()
            raise
        finally:
            session.finish()

    @contextmanager
    def sharing(self, zones: Sequence[bytes]) -> Iterator["Client"]:
        """Give a client whose sessions hand a connection on, for one thread that transfers these zones in turn.

        An address that was not reached is not tried again for each of them.
        """
        retry_delay_s = max(self.settings.retry_delay_s, SHARED_RETRY_DELAY_S)
        other = Client(self.clock, self.settings._replace(pool_limit=1, retry_delay_s=retry_delay_s))
        other.busy, other.ahead, other._unreachable = self.busy, Ahead(zones), self._unreachable
        other._parent = self
        try:
            yield other
        finally:
            for key, connection in other._pool.empty():
                if connection.outstanding:
                    connection.close()
                else:
                    self._pool.put(key, connection, self.settings)

    def query_soa(self, remote: RemoteConf, zone: bytes) -> SoaReply:
        """Ask for the SOA over UDP, and over TCP where that is cut short or the remote is asked over TLS.

        Raises RemoteFailed.
        """
        if not remote.tls:
            found = self._ask_udp(remote, zone)
            if found is not None:
                return found
        with self.open(remote) as session:
            return session.query_soa(zone)

    def transfer(self, remote: RemoteConf, incoming: TransferIn) -> TransferResult:
        """Transfer in a session of its own. Raises RemoteFailed or TransferFailed."""
        with self.open(remote) as session:
            return session.transfer(incoming)

    def notify(self, remote: RemoteConf, zone: bytes, soa: bytes | None) -> NotifyReply:
        """Send a NOTIFY with the SOA (its record data) and wait for the reply; over TCP as in Knot DNS.

        A reply with an error is returned. Raises RemoteFailed.
        """
        with self.open(remote) as session:
            reply = session.exchange(make_query(zone, SOA, NOTIFY, soa_record(soa)))
            return NotifyReply(flags_of(reply) & RCODE, session.endpoint)

    def forward(self, remote: RemoteConf, message: bytes) -> bytes:
        """Send a request as it is (unsigned; the remote's key signs it); return the reply, with the request's id.

        Raises RemoteFailed.
        """
        with self.open(remote) as session:
            return with_id(session.exchange(message, edns=None), message[:2])

    def stop(self) -> None:
        """End what is under way with ClientStopped, as everything that is begun from now on."""
        self.busy.interrupt()

    def close(self) -> None:
        """Close the connections kept open."""
        self._pool.close()

    def connect(self, remote: RemoteConf) -> tuple[Connection, bool]:
        """Return a connection to the first address that is reached, and whether it was kept open before.

        Raises RemoteFailed.
        """
        failed = RemoteFailed("no address to ask")
        for endpoint in remote.addresses:
            self.busy.check()
            source = source_for(remote, endpoint)
            kept = self._take_kept((endpoint, source, remote))
            if kept is not None:
                return kept, True
            if self._unreachable.holds((endpoint, source), self.settings.retry_delay_s):
                failed = RemoteFailed("not reachable", endpoint_text(endpoint, proto_of(remote)))
                continue
            try:
                return connect(remote, endpoint, source, self.settings.io_timeout_s, self.settings.tls), False
            except RemoteFailed as exc:
                failed = exc
                if exc.reached:
                    raise
                self._unreachable.note((endpoint, source))
        raise failed

    def keep(self, remote: RemoteConf, connection: Connection) -> None:
        """Keep a connection open for the next session, or close it."""
        endpoint = connection.remote
        key = (endpoint, connection.source, remote)
        self._pool.put(key, connection, self.settings)

    def _take_kept(self, key: Key) -> Connection | None:
        kept = self._pool.take(key, self.settings)
        return kept if kept is not None or self._parent is None else self._parent._take_kept(key)

    def _ask_udp(self, remote: RemoteConf, zone: bytes) -> SoaReply | None:
        """Ask at the addresses in order; None when a reply is cut short."""
        failed = RemoteFailed("no address to ask")
        for endpoint in remote.addresses:
            try:
                return self._ask_udp_at(remote, endpoint, zone)
            except RemoteFailed as exc:
                failed = exc
                if exc.reached:
                    raise
        raise failed

    def _ask_udp_at(self, remote: RemoteConf, endpoint: PeerEndpoint, zone: bytes) -> SoaReply | None:
        query = with_edns(make_query(zone, SOA, QUERY), remote, self.settings)
        query = with_id(query, secrets.token_bytes(2))
        signer = None if remote.key is None else RequestSigner(remote.key, lambda: self.clock.now_ns() / 1e9)
        request = query if signer is None else signer.sign(query)
        text = f"{endpoint.address}@{endpoint.port} UDP"
        deadline = self.settings.io_timeout_s / UDP_TRIES
        source = source_for(remote, endpoint)
        message = exchange_udp(endpoint, source, request, (deadline,) * UDP_TRIES, text)
        reply = verified(signer, message, text, last=True)
        if flags_of(reply) & TRUNCATED:
            return None
        check_reply(reply, query, text)
        return soa_reply(reply, zone, text)
