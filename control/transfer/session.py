# SPDX-License-Identifier: Apache-2.0
"""Exchanges with one other name server over one connection, transfers among them."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from control.access.tsig import RequestSigner, TsigFailed
from control.clock import Clock
from control.conf.peers import RemoteConf
from control.transfer.ahead import AHEAD_MAX, Ahead, ParkedTooMuch, Request
from control.transfer.busy import Busy
from control.transfer.connection import Connection, Deadline, RemoteFailed
from control.transfer.incoming import Kind, TransferIn, rcode_reason, transfer_query
from control.transfer.message import (
    ASK_EXPIRE,
    QUERY,
    RCODE,
    SOA,
    Edns,
    add_edns,
    answer_soa,
    check_reply,
    expire_of,
    flags_of,
    make_query,
    with_id,
)
from control.transfer.pace import longest_s
from control.transfer.settings import ClientSettings

STALE_TRIES = 2
"""A connection that was kept open may have been closed by the other end: then a new one is opened, once."""


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


class Connector(Protocol):
    """What a session needs of the client."""

    clock: Clock
    settings: ClientSettings
    busy: Busy
    ahead: Ahead

    def connect(self, remote: RemoteConf) -> tuple[Connection, bool]:
        """Return a connection, and whether it was kept open before. Raises RemoteFailed."""

    def keep(self, remote: RemoteConf, connection: Connection) -> None:
        """Keep a connection open for the next session, or close it."""


class Session:
    """Exchanges with one remote, over one connection while it stays open."""

    def __init__(self, client: Connector, remote: RemoteConf) -> None:
        self._client, self._remote = client, remote
        self._connection: Connection | None = None
        self._is_kept = False
        self._is_used = False
        self._is_ahead = False
        """The request at hand was sent before its turn."""

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
        """Ask for a transfer and feed it. Raises RemoteFailed or TransferFailed.

        A zone that is refused when it is asked for before its turn is asked for again.
        """
        result = self._transfer(incoming)
        if result is None:
            self._client.ahead.stop()
            result = self._transfer(incoming)
        assert result is not None
        self._client.ahead.note(result.octets)
        return result

    def _transfer(self, incoming: TransferIn) -> TransferResult | None:
        """Return None for an error instead of a transfer that was asked for before its turn."""
        started_ns = self._client.clock.monotonic_ns()
        messages, octets, expire_s = 0, 0, None
        is_refused = False

        def take(message: bytes, size: int) -> bool:
            nonlocal messages, octets, expire_s, is_refused
            is_refused = self._is_ahead and not messages and bool(flags_of(message) & RCODE)
            if is_refused:
                return True
            messages, octets = messages + 1, octets + size
            self._check_pace(started_ns, octets)
            if expire_s is None:
                expire_s = expire_of(message)
            return incoming.feed(message)

        self._run(incoming.query, take, zone=incoming.zone if incoming.base_serial is None else None)
        if is_refused:
            return None
        seconds = (self._client.clock.monotonic_ns() - started_ns) / 1e9
        assert incoming.kind is not None
        return TransferResult(incoming.kind, incoming.serial, messages, octets, seconds, expire_s, self.endpoint)

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
        self,
        make: Callable[[int], bytes],
        take: Callable[[bytes, int], bool],
        *,
        edns: Edns | None = ASK_EXPIRE,
        zone: bytes | None = None,
    ) -> bytes:
        """Send a request and hand over the messages of the reply until `take` returns true; return the request.

        Where it is for this whole `zone`, those that follow may be asked for with it. A connection that was kept open
        and gives nothing is replaced by a new one. Raises RemoteFailed.
        """
        for _ in range(STALE_TRIES):
            connection = self._connect()
            connection.begin()
            try:
                request, came = self._ask(connection, make, edns, zone)
                self._receive(connection, request, came, take)
            except RemoteFailed as exc:
                was_reused = self._is_kept or self._is_used
                self.drop()
                self._client.busy.check()
                self._client.ahead.stop()
                if was_reused and not connection.has_answered:
                    self._is_kept = self._is_used = False
                    continue
                raise exc.at(connection.endpoint) from exc
            except BaseException:
                self.finish()
                raise
            self._is_used = True
            return request.plain
        raise RemoteFailed("connection reset", reached=True)

    def _ask(
        self, connection: Connection, make: Callable[[int], bytes], edns: Edns | None, zone: bytes | None
    ) -> tuple[Request, deque[bytes]]:
        """Send a request unless it was sent before its turn, and what follows; return what came of its reply."""
        outstanding = connection.outstanding
        taken = outstanding.take(self._plain(make(0), edns))
        self._is_ahead = taken is not None
        requests: list[Request] = []
        if taken is None:
            taken = self._request(make(outstanding.new_id()), edns), deque()
            requests.append(taken[0])
        else:
            make(taken[0].id)
        if zone is not None and len(outstanding) <= AHEAD_MAX // 2:
            for other in self._client.ahead.after(zone):
                request = self._request(transfer_query(other, None, outstanding.new_id(taken[0].id)), ASK_EXPIRE)
                if outstanding.add(request):
                    requests.append(request)
        if requests:
            connection.send([request.signed() for request in requests], self._deadline())
        return taken

    def _receive(
        self, connection: Connection, request: Request, came: deque[bytes], take: Callable[[bytes, int], bool]
    ) -> None:
        done = False
        while not done:
            message = came.popleft() if came else self._next(connection)
            connection.has_answered = True
            if flags_of(message) & RCODE:
                connection.end()  # nothing follows an error
            done = take(verified(request.signer, message, connection.endpoint), len(message))
        if request.signer is not None:
            finished(request.signer, connection.endpoint)
        connection.end()

    def _next(self, connection: Connection) -> bytes:
        try:
            return connection.outstanding.receive(lambda: connection.receive(self._deadline()))
        except ParkedTooMuch as exc:
            raise RemoteFailed(str(exc), reached=True) from exc

    def _deadline(self) -> Deadline:
        return Deadline(self._client.clock, self._client.settings.io_timeout_s)

    def _plain(self, query: bytes, edns: Edns | None) -> bytes:
        return with_edns(query, self._remote, self._client.settings, edns)

    def _request(self, query: bytes, edns: Edns | None) -> Request:
        key, clock = self._remote.key, self._client.clock
        signer = None if key is None else RequestSigner(key, lambda: clock.now_ns() / 1e9)
        return Request(self._plain(query, edns), signer)

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
