# SPDX-License-Identifier: Apache-2.0
"""Conversations with servers of the parent zone, for worker threads: asking for DS records, and replacing them.

As all exchanges of `control.transfer.client` they go over one TCP (or TLS) connection, signed with the remote's key.
"""

from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from control.conf.peers import RemoteConf
from control.transfer.client import RemoteFailed
from control.transfer.ds_check import DsExpected, DsSeen, make_ds_query, read_ds_reply
from control.transfer.ds_push import NotThisServer, apex_told, make_push, make_soa_query, names_above
from control.transfer.message import ASK_DNSSEC, ASK_EXPIRE, MALFORMED, PLAIN_EDNS, Edns, rcode_of
from pyxdp_dns.message import MessageRefused

NO_PARENT = "unable to query parent SOA"


class Exchanger(Protocol):
    """What is needed of a session of the client."""

    @property
    def endpoint(self) -> str:
        """`addr@port PROTO` of the connection."""

    def exchange(self, query: bytes, *, edns: Edns | None = ASK_EXPIRE) -> bytes:
        """Send a request and return the reply. Raises RemoteFailed."""
        ...


class Opener(Protocol):
    """What is needed of the client of other servers."""

    def open(self, remote: RemoteConf) -> AbstractContextManager[Exchanger]:
        """Give a session."""
        ...


class DsReply(NamedTuple):
    """The reply to a question for DS records; `seen` is None with an error."""

    seen: DsSeen | None
    rcode: int
    endpoint: str


class PushReply(NamedTuple):
    """The reply to an update of the parent zone."""

    rcode: int
    endpoint: str


def ask_ds(client: Opener, remote: RemoteConf, zone: bytes, expected: DsExpected) -> DsReply:
    """Ask a remote for the DS records of a zone. Blocks. Raises RemoteFailed."""
    with client.open(remote) as session:
        reply = session.exchange(make_ds_query(zone), edns=ASK_DNSSEC)
        rcode, endpoint = rcode_of(reply), session.endpoint
    if rcode:
        return DsReply(None, rcode, endpoint)
    try:
        return DsReply(read_ds_reply(reply, zone, expected), rcode, endpoint)
    except MessageRefused as exc:
        raise RemoteFailed(MALFORMED, endpoint, reached=True) from exc


def push_ds(client: Opener, remote: RemoteConf, zone: bytes, ds: tuple[bytes, ...], ttl_s: int) -> PushReply:
    """Replace the DS records of a zone at a remote that has its parent zone. Blocks. Raises RemoteFailed."""
    with client.open(remote) as session:
        apex = _find_parent(session, zone)
        reply = session.exchange(make_push(apex, zone, ds, ttl_s), edns=PLAIN_EDNS)
        return PushReply(rcode_of(reply), session.endpoint)


def _find_parent(session: Exchanger, zone: bytes) -> bytes:
    """Return the apex of the parent zone. Raises RemoteFailed."""
    for name in names_above(zone):
        try:
            apex = apex_told(session.exchange(make_soa_query(name), edns=PLAIN_EDNS), name)
        except MessageRefused as exc:
            raise RemoteFailed(MALFORMED, session.endpoint, reached=True) from exc
        except NotThisServer:
            break
        if apex is not None:
            return apex
    raise RemoteFailed(NO_PARENT, session.endpoint, reached=True)
