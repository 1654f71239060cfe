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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from control.access.tsig import RequestSigner, TsigFailed
from control.clock import Clock
from control.conf.peers import PeerEndpoint, RemoteConf
from control.transfer.busy import Busy
from control.transfer.connection import (
    Connection,
    Deadline,
    RemoteFailed,
    connect,
    endpoint_text,
    exchange_udp,
    proto_of,
)
from control.transfer.credentials import TlsSettings
from control.transfer.incoming import Kind, TransferIn, rcode_reason
from control.transfer.message import (
    ASK_EXPIRE,
    NOTIFY,
    QUERY,
    RCODE,
    SOA,
    TRUNCATED,
    Edns,
    add_edns,
    answer_soa,
    check_reply,
    expire_of,
    flags_of,
    make_query,
    soa_record,
    with_id,
)
from control.transfer.pace import GRACE_S, longest_s
from control.transfer.pool import Pool, Unreachable
from control.transfer.secure import NO_TLS
from control.transfer.source import source_for

__all__ = ["Client", "ClientSettings", "NotifyReply", "RemoteFailed", "Session", "SoaReply", "TransferResult"]

UDP_TRIES = 3
STALE_TRIES = 2
"""A connection that was kept open may have been closed by the other end: then a new one is opened, once."""


class ClientSettings(NamedTuple):
    """Items of `server` that act here, and what limits transfers whatever is configured."""

    io_timeout_s: float = 5.0
    pool_limit: int = 0
    pool_timeout_s: int = 5
    retry_delay_s: float = 0.0
    udp_payload: int = 1232
    transfer_grace_s: float = GRACE_S
    tls: TlsSettings = NO_TLS


DEFAULT_SETTINGS = ClientSettings()


class SoaReply(NamedTuple):
    """Answer to an SOA query."""

    serial: int
    soa: bytes
    """Record data, canonical."""
    expire_s: int | None
    """EDNS EXPIRE (RFC 7314)."""
    endpoint: str
    """`addr@port PROTO`, PROTO possibly with `/pool`."""


class TransferResult(NamedTuple):
    """A transfer that went through."""

    kind: Kind
    serial: int
    messages: int
    octets: int
    seconds: float
    expire_s: int | None
    endpoint: str


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

    @contextmanager
    def open(self, remote: RemoteConf) -> Iterator["Session"]:
        """Give a session; nothing is connected before the first question."""
        session = Session(self, remote)
        try:
            yield session
        except BaseException:
            session.drop()
            raise
        session.finish()

    @contextmanager
    def sharing(self) -> Iterator["Client"]:
        """Give a client whose sessions hand a connection on, for one thread that has many one after the other.

        Where connections are kept open anyway it is this one.
        """
        if self.settings.pool_limit:
            yield self
            return
        other = Client(self.clock, self.settings._replace(pool_limit=1))
        other.busy, other._unreachable = self.busy, self._unreachable
        try:
            yield other
        finally:
            other.close()

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
            kept = self._pool.take((endpoint, source, remote), self.settings)
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


class Session:
    """Exchanges with one remote, over one connection while it stays open."""

    def __init__(self, client: Client, remote: RemoteConf) -> None:
        self._client, self._remote = client, remote
        self._connection: Connection | None = None
        self._is_kept = False
        self._is_used = False

    @property
    def endpoint(self) -> str:
        """`addr@port PROTO` of the connection; empty without one."""
        if self._connection is None:
            return ""
        return self._connection.endpoint + ("/pool" if self._is_kept else "")

    def query_soa(self, zone: bytes) -> SoaReply:
        """Ask for the SOA. Raises RemoteFailed."""
        reply = self.exchange(make_query(zone, SOA, QUERY))
        return soa_reply(reply, zone, self.endpoint)

    def transfer(self, incoming: TransferIn) -> TransferResult:
        """Ask for a transfer and feed it. Raises RemoteFailed or TransferFailed."""
        started_ns = self._client.clock.monotonic_ns()
        messages, octets, expire_s = 0, 0, None

        def take(message: bytes, size: int) -> bool:
            nonlocal messages, octets, expire_s
            messages, octets = messages + 1, octets + size
            self._check_pace(started_ns, octets)
            if expire_s is None:
                expire_s = expire_of(message)
            return incoming.feed(message)

        self._run(incoming.query, take)
        seconds = (self._client.clock.monotonic_ns() - started_ns) / 1e9
        endpoint = self.endpoint
        assert incoming.kind is not None
        return TransferResult(incoming.kind, incoming.serial, messages, octets, seconds, expire_s, endpoint)

    def _check_pace(self, started_ns: int, octets: int) -> None:
        """Give a transfer up that is too slow. Raises RemoteFailed."""
        allowed_s = longest_s(octets, self._client.settings.transfer_grace_s)
        if self._client.clock.monotonic_ns() - started_ns > allowed_s * 1e9:
            raise RemoteFailed("timed out", self.endpoint, reached=True)

    def exchange(self, query: bytes, *, edns: Edns | None = ASK_EXPIRE) -> bytes:
        """Send a request under an id of its own and return the reply, without TSIG. Raises RemoteFailed."""
        replies: list[bytes] = []

        def take(message: bytes, size: int) -> bool:
            replies.append(message)
            return True

        sent = self._run(lambda query_id: with_id(query, query_id.to_bytes(2, "big")), take, edns=edns)
        check_reply(replies[0], sent, self.endpoint)
        return replies[0]

    def finish(self) -> None:
        """Give the connection back; what is behind a complete reply could not be told from the next one."""
        connection = self._release()
        if connection is not None and connection.is_clean:
            self._client.keep(self._remote, connection)
        elif connection is not None:
            connection.close()

    def drop(self) -> None:
        """Close the connection."""
        connection = self._release()
        if connection is not None:
            connection.close()

    def _release(self) -> Connection | None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._client.busy.discard(connection)
        return connection

    def _run(
        self, make: Callable[[int], bytes], take: Callable[[bytes, int], bool], *, edns: Edns | None = ASK_EXPIRE
    ) -> bytes:
        """Send a request and hand over the messages of the reply until `take` returns true; return the request.

        A connection that was kept open and gives nothing is replaced by a new one. Raises RemoteFailed.
        """
        for _ in range(STALE_TRIES):
            connection = self._connect()
            plain = with_edns(make(secrets.randbelow(1 << 16)), self._remote, self._client.settings, edns)
            try:
                self._send_and_receive(connection, plain, take)
            except RemoteFailed as exc:
                was_reused = self._is_kept or self._is_used
                self.drop()
                self._client.busy.check()
                if was_reused and not connection.has_answered:
                    self._is_kept = self._is_used = False
                    continue
                raise exc.at(connection.endpoint) from exc
            except BaseException:
                self.drop()
                raise
            self._is_used = True
            return plain
        raise RemoteFailed("connection reset", reached=True)

    def _send_and_receive(self, connection: Connection, plain: bytes, take: Callable[[bytes, int], bool]) -> None:
        key, clock = self._remote.key, self._client.clock
        signer = None if key is None else RequestSigner(key, lambda: clock.now_ns() / 1e9)
        timeout_s = self._client.settings.io_timeout_s
        connection.begin()
        connection.send(plain if signer is None else signer.sign(plain), Deadline(clock, timeout_s))
        done = False
        while not done:
            message = connection.receive(Deadline(clock, timeout_s))
            done = take(verified(signer, message, connection.endpoint), len(message))
        if signer is not None:
            finished(signer, connection.endpoint)
        connection.end()

    def _connect(self) -> Connection:
        """Return the session's connection. Without EDNS each exchange has its own, as older servers need."""
        if self._remote.no_edns and self._is_used:
            self.drop()
            self._is_used = False
        if self._connection is None:
            connection, self._is_kept = self._client.connect(self._remote)
            self._client.busy.add(connection)
            self._connection, self._is_used = connection, False
        return self._connection


def with_edns(query: bytes, remote: RemoteConf, settings: ClientSettings, edns: Edns | None = ASK_EXPIRE) -> bytes:
    """Return a request with an OPT record, if one is wanted and the remote takes it."""
    return query if edns is None or remote.no_edns else add_edns(query, settings.udp_payload, edns)


def verified(signer: RequestSigner | None, message: bytes, endpoint: str, *, last: bool = False) -> bytes:
    """Return a message of a reply without TSIG. Raises RemoteFailed where the signature does not hold."""
    if signer is None:
        return message
    try:
        plain = signer.verify(message)
        if last:
            signer.finish()
    except TsigFailed as exc:
        raise RemoteFailed(tsig_reason(message, exc), endpoint, reached=True) from exc
    return plain


def finished(signer: RequestSigner, endpoint: str) -> None:
    """Check that the last message was signed. Raises RemoteFailed."""
    try:
        signer.finish()
    except TsigFailed as exc:
        raise RemoteFailed(tsig_reason(b"", exc), endpoint, reached=True) from exc


def tsig_reason(message: bytes, error: TsigFailed) -> str:
    """Return what is logged of a reply whose signature does not hold: its error, when it reports one."""
    rcode = flags_of(message) & RCODE if len(message) > 3 else 0
    if error.reason == "missing" and rcode:
        return rcode_reason(rcode)
    return f"server responded with error '{error.reason}'" if error.told else "failed to verify TSIG"


def soa_reply(reply: bytes, zone: bytes, endpoint: str) -> SoaReply:
    """Return what a reply to an SOA query says. Raises RemoteFailed."""
    rcode = flags_of(reply) & RCODE
    if rcode:
        raise RemoteFailed(rcode_reason(rcode), endpoint, reached=True)
    soa = answer_soa(reply, zone)
    if soa is None:
        raise RemoteFailed("malformed data", endpoint, reached=True)
    return SoaReply(int.from_bytes(soa[-20:-16], "big"), soa, expire_of(reply), endpoint)
