# SPDX-License-Identifier: Apache-2.0
"""Servers of a parent zone that are fakes: by address, a function from a query to its reply, or the error that asking
ends with; and keys without private halves."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rrset

from control.conf.peers import RemoteConf
from control.keys.dnskey import dnskey_rdata, ds_rdata
from control.store.kasp import Key, KeyTimers
from control.transfer.client import RemoteFailed
from control.transfer.message import ASK_EXPIRE, Edns, add_edns

Answer = Callable[[dns.message.Message], dns.message.Message]
PAYLOAD = 1232
ECDSA_P256, ED25519 = 13, 15


def public_key(seed: str, algorithm: int = ECDSA_P256) -> Key:
    """Return a key-signing key that a text stands for."""
    octets = hashlib.sha512(seed.encode()).digest()
    octets = octets if algorithm == ECDSA_P256 else octets[:32]
    return Key(hashlib.sha1(octets).hexdigest(), algorithm, 256, octets, True, False, KeyTimers(created=1, publish=1))


def ds_text(zone: bytes, key: Key, digest_type: int = 2) -> str:
    """Return the DS data of a key as text."""
    data = ds_rdata(zone, dnskey_rdata(key), digest_type)
    return f"{int.from_bytes(data[:2], 'big')} {data[2]} {data[3]} {data[4:].hex()}"


def with_ds(*texts: str, ttl: int = 3600) -> Answer:
    """Answer a query for DS with these records; without any, say that there are none."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.AA
        name = query.question[0].name
        if texts:
            reply.answer.append(dns.rrset.from_text_list(name, ttl, "IN", "DS", texts))
        else:
            reply.authority.append(soa_of(name.parent().to_text()))
        return reply

    return answer


def with_rcode(rcode: int) -> Answer:
    """Answer with an error."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        reply.set_rcode(dns.rcode.Rcode(rcode))
        return reply

    return answer


def soa_of(apex: str) -> dns.rrset.RRset:
    """Return the SOA of a zone."""
    return dns.rrset.from_text(apex, 60, "IN", "SOA", "ns. h. 1 2 3 4 5")


class FakeParents:
    """In the place of the client of other servers."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | RemoteFailed] = {}
        self.asked: list[tuple[str, dns.message.Message]] = []
        """Address and request, in order."""
        self.kept = False
        """Connections come from the pool."""

    @contextmanager
    def open(self, remote: RemoteConf) -> Iterator["FakeParentSession"]:
        yield FakeParentSession(self, remote)


class FakeParentSession:
    """An exchange with one of them."""

    def __init__(self, parents: FakeParents, remote: RemoteConf) -> None:
        self._parents, self._remote = parents, remote
        place = remote.addresses[0]
        self.endpoint = f"{place.address}@{place.port} TCP" + ("/pool" if parents.kept else "")

    def exchange(self, query: bytes, *, edns: Edns | None = ASK_EXPIRE) -> bytes:
        address = self._remote.addresses[0].address
        request = dns.message.from_wire(query if edns is None else add_edns(query, PAYLOAD, edns))
        self._parents.asked.append((address, request))
        answer = self._parents.answers.get(address, RemoteFailed("timed out"))
        if isinstance(answer, RemoteFailed):
            raise answer
        return answer(request).to_wire()
