# SPDX-License-Identifier: Apache-2.0
"""Transfers that are asked for before their turn: each gets its own messages, whatever the other end makes of it."""

import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple

import dns.message
import dns.name
import dns.rcode
import dns.rrset
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.clock import Clock
from control.conf.peers import KeyConf, PeerEndpoint, RemoteConf
from control.transfer import ahead
from control.transfer.ahead import AHEAD_MAX, Outstanding, ParkedTooMuch, Request
from control.transfer.client import Client, ClientSettings, RemoteFailed
from control.transfer.connection import Connection
from control.transfer.incoming import TransferFailed, TransferIn
from tests.support.hostile import ADDRESS, framed, message, soa

COUNT = 30
WAIT_S = 20.0
REFUSED = 5
SECRET = bytes(range(32))


def zone(number: int) -> bytes:
    """Return the name of a zone."""
    label = b"z%d" % number
    return bytes((len(label),)) + label + b"\0"


def number_of(query: bytes) -> int:
    """Return which zone is asked for."""
    return int(query[14 : 13 + query[12]])


def reply(query: bytes) -> list[bytes]:
    """Return the messages of a transfer; the serial is the number of the zone and 1."""
    number = number_of(query)
    first = soa(1 + number, owner=zone(number))
    name_server = zone(number) + struct.pack("!HHIH", 2, 1, 60, len(zone(number))) + zone(number)
    return [framed(message(query, [part])) for part in (first, name_server, first)]


class Peer(NamedTuple):
    """A connection, as the primary sees it."""

    channel: socket.socket
    log: list[int]

    def ask(self) -> bytes:
        """Return the next request; empty at the end."""
        size = self._read(2)
        query = self._read(int.from_bytes(size, "big")) if size else b""
        if query:
            self.log.append(number_of(query))
        return query

    def send(self, *messages: bytes) -> None:
        """Send framed messages."""
        self.channel.sendall(b"".join(messages))

    def _read(self, octets: int) -> bytes:
        found = b""
        while len(found) < octets and (block := self.channel.recv(octets - len(found))):
            found += block
        return found


Script = Callable[[Peer], None]


def alone(peer: Peer) -> None:
    """Answer one request after the other; there is never another one before the reply."""
    while query := peer.ask():
        peer.channel.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.channel.recv(1)
        peer.channel.settimeout(WAIT_S)
        peer.send(*reply(query))


def in_order(peer: Peer) -> None:
    """Answer one request after the other."""
    while query := peer.ask():
        peer.send(*reply(query))


class Primary(NamedTuple):
    """A primary for which each connection is a script; the last one serves all that follow."""

    remote: RemoteConf
    asked: list[list[int]]
    """The zones that were asked for, by connection."""


@contextmanager
def primary(*scripts: Script, key: KeyConf | None = None) -> Iterator[Primary]:
    """Serve during the block."""
    listener = socket.create_server((ADDRESS, 0))
    asked: list[list[int]] = []
    threads: list[threading.Thread] = []

    def serve(channel: socket.socket, script: Script, log: list[int]) -> None:
        channel.settimeout(WAIT_S)
        with suppress(OSError), channel:
            script(Peer(channel, log))

    def accept() -> None:
        with suppress(OSError):
            while True:
                channel, _ = listener.accept()
                asked.append([])
                script = scripts[min(len(asked), len(scripts)) - 1]
                threads.append(threading.Thread(target=serve, args=(channel, script, asked[-1])))
                threads[-1].start()

    acceptor = threading.Thread(target=accept)
    acceptor.start()
    try:
        yield Primary(RemoteConf("primary", (PeerEndpoint(*listener.getsockname()),), key=key), asked)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (acceptor, *threads):
            thread.join()


def transfer(client: Client, remote: RemoteConf, number: int) -> int:
    """Transfer a zone and return its serial."""
    with TransferIn(zone(number)) as incoming, client.open(remote) as opened:
        return opened.transfer(incoming).serial


def transfer_all(remote: RemoteConf, count: int = COUNT, client: Client | None = None) -> list[int]:
    """Transfer zones one after the other, as a worker does; return their serials."""
    with (client or Client(Clock())).sharing([zone(number) for number in range(count)]) as sharing:
        return [transfer(sharing, remote, number) for number in range(count)]


ALL = [1 + number for number in range(COUNT)]


def test_replies_in_any_order_are_told_apart() -> None:
    """The primary waits for as many as there must be, and answers the last first, their messages mixed."""

    def mixed(peer: Peer) -> None:
        peer.send(*reply(peer.ask()))
        left = COUNT - 1
        while left:
            queries = [peer.ask() for _ in range(min(AHEAD_MAX // 2 + 2, left))]
            for turn in zip(*map(reply, reversed(queries)), strict=True):
                peer.send(*turn)
            left -= len(queries)

    with primary(mixed) as serving:
        assert transfer_all(serving.remote) == ALL
        assert serving.asked == [list(range(COUNT))]


def test_a_primary_that_answers_in_order_is_asked_each_once() -> None:
    """Over one connection."""
    with primary(in_order) as serving:
        assert transfer_all(serving.remote) == ALL
        assert serving.asked == [list(range(COUNT))]


def signed(query: bytes, keyring: dict[dns.name.Name, dns.tsig.Key]) -> bytes:
    """Return a signed transfer in one message."""
    request = dns.message.from_wire(query, keyring=keyring)
    response = dns.message.make_response(request)
    name = request.question[0].name
    record = dns.rrset.from_text(name, 60, "IN", "SOA", f". . {1 + number_of(query)} 1 1 1 1")
    servers = dns.rrset.from_text(name, 60, "IN", "NS", ".")
    response.answer = [record, servers, record]
    return framed(response.to_wire(multi=False))


def test_each_is_signed_by_itself() -> None:
    """Requests and replies have signatures of their own, also when the replies come in another order."""
    key = KeyConf(b"\1k\0", "hmac-sha256", SECRET)
    keyring = {dns.name.from_text("k"): dns.tsig.Key("k", SECRET, "hmac-sha256")}

    def backwards(peer: Peer) -> None:
        peer.send(signed(peer.ask(), keyring))
        queries = [peer.ask() for _ in range(1 + AHEAD_MAX)]
        peer.send(*[signed(query, keyring) for query in reversed(queries)])

    with primary(backwards, key=key) as serving:
        assert transfer_all(serving.remote, 2 + AHEAD_MAX) == ALL[: 2 + AHEAD_MAX]


def test_who_is_refused_before_the_turn_asks_again() -> None:
    """A server that gives one at a time gets one request at a time from then on."""

    def one_at_a_time(peer: Peer) -> None:
        peer.send(*reply(peer.ask()))
        queries = [peer.ask() for _ in range(1 + AHEAD_MAX)]
        for query in queries[1:]:
            peer.send(framed(message(query, [], flags=REFUSED)))
        peer.send(*reply(queries[0]))
        in_order(peer)

    with primary(one_at_a_time) as serving:
        assert transfer_all(serving.remote) == ALL
        first, again = list(range(2 + AHEAD_MAX)), list(range(2, COUNT))
        assert serving.asked == [first + again]


def test_who_is_refused_in_turn_is_refused() -> None:
    """The connection goes on: what was asked ahead is answered."""

    def without_three(peer: Peer) -> None:
        while query := peer.ask():
            if number_of(query) == 3:
                peer.send(framed(message(query, [], flags=REFUSED)))
            else:
                peer.send(*reply(query))

    with (
        primary(without_three) as serving,
        Client(Clock()).sharing([zone(number) for number in range(COUNT)]) as client,
    ):
        for number in range(COUNT):
            if number == 3:
                with pytest.raises(TransferFailed, match="REFUSED"):
                    transfer(client, serving.remote, number)
            else:
                assert transfer(client, serving.remote, number) == 1 + number
        assert len(serving.asked) == 1
        assert serving.asked[0].count(3) == 2


def test_a_server_that_closes_is_asked_one_at_a_time() -> None:
    """What was asked for is asked again over another connection, where nothing is ahead."""

    def closing(peer: Peer) -> None:
        peer.send(*reply(peer.ask()))
        peer.ask()

    with primary(closing, alone) as serving:
        assert transfer_all(serving.remote) == ALL
        assert [len(numbers) for numbers in serving.asked] == [2, COUNT - 1]


def test_large_zones_are_asked_for_in_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request comes when the zone before it is there."""
    monkeypatch.setattr(ahead, "SMALL_BYTES", 10)
    with primary(alone) as serving:
        assert transfer_all(serving.remote) == ALL
        assert serving.asked == [list(range(COUNT))]


def test_what_is_held_out_of_turn_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then all begins anew, one at a time."""
    monkeypatch.setattr(ahead, "PARKED_MAX", 100)

    def backwards(peer: Peer) -> None:
        peer.send(*reply(peer.ask()))
        queries = [peer.ask() for _ in range(1 + AHEAD_MAX)]
        for query in reversed(queries):
            peer.send(*reply(query))

    with primary(backwards, in_order) as serving:
        assert transfer_all(serving.remote) == ALL
        assert len(serving.asked) == 2


def test_a_connection_with_replies_outstanding_is_not_kept() -> None:
    """Not by who keeps connections open; one without is."""
    client = Client(Clock(), ClientSettings(pool_limit=1, pool_timeout_s=60))
    with primary(in_order) as serving:
        with client.sharing([zone(number) for number in range(COUNT)]) as sharing:
            assert [transfer(sharing, serving.remote, number) for number in range(2)] == [1, 2]
        assert transfer(client, serving.remote, 0) == 1
        assert len(serving.asked) == 2
        assert transfer_all(serving.remote, 3, client) == [1, 2, 3]
        assert transfer(client, serving.remote, 0) == 1
        assert len(serving.asked) == 2
        client.close()


def test_an_address_that_is_not_reached_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for each of the zones."""
    tried = []

    def refuse(*arguments: object) -> Connection:
        tried.append(arguments)
        raise RemoteFailed("timed out")

    monkeypatch.setattr("control.transfer.client.connect", refuse)
    remote = RemoteConf("primary", (PeerEndpoint(ADDRESS, 1),))
    with Client(Clock(monotonic_ns=lambda: 0)).sharing([zone(0), zone(1)]) as client:
        for number in range(2):
            with pytest.raises(RemoteFailed, match="not reachable" if number else "timed out"):
                transfer(client, remote, number)
    assert len(tried) == 1


@st.composite
def mixtures(draw: st.DrawFn) -> tuple[list[list[bytes]], list[bytes]]:
    """Give the messages of some replies, and these in an order in which a server may send them."""
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=9))
    replies = [[struct.pack("!HB", number, part) for part in range(count)] for number, count in enumerate(counts)]
    order = draw(st.permutations([number for number, count in enumerate(counts) for _ in range(count)]))
    left = [deque(messages) for messages in replies]
    return replies, [left[number].popleft() for number in order]


def read(outstanding: Outstanding, came: deque[bytes], count: int, receive: Callable[[], bytes]) -> list[bytes]:
    """Return the messages of one reply."""
    return [came.popleft() if came else outstanding.receive(receive) for _ in range(count)]


@given(mixtures())
def test_every_order_gives_each_its_messages(mixture: tuple[Sequence[Sequence[bytes]], list[bytes]]) -> None:
    """In the order in which they were sent, and nothing is left."""
    replies, messages = mixture
    outstanding, wire = Outstanding(), deque(messages)
    for number in range(len(replies)):
        assert outstanding.add(Request(struct.pack("!HH", number, number), None))
        assert not outstanding.add(Request(struct.pack("!HH", 99, number), None))
    for number, expected in enumerate(replies):
        taken = outstanding.take(struct.pack("!HH", 77, number))
        assert taken is not None
        assert read(outstanding, taken[1], len(expected), wire.popleft) == list(expected)
    assert not wire
    assert not outstanding
    assert outstanding.take(struct.pack("!HH", 0, 0)) is None


def test_identifiers_are_used_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither one that is outstanding nor the one at hand is given again."""
    outstanding = Outstanding()
    outstanding.add(Request(b"\0\1a", None))
    numbers = iter([1, 2, 3])
    monkeypatch.setattr("control.transfer.ahead.secrets.randbelow", lambda _: next(numbers))
    assert outstanding.new_id(2) == 3


def test_what_is_taken_counts_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is on what is held."""
    monkeypatch.setattr(ahead, "PARKED_MAX", 5)
    outstanding = Outstanding()
    wire = deque([b"\0\1xx", b"\0\0..", b"\0\2xx", b"\0\2xx"])
    for number in (1, 2):
        outstanding.add(Request(struct.pack("!H", number) + bytes((number,)), None))
    assert outstanding.receive(wire.popleft) == b"\0\0.."
    assert outstanding.take(b"..\1") == (Request(b"\0\1\1", None), deque([b"\0\1xx"]))
    with pytest.raises(ParkedTooMuch):
        outstanding.receive(wire.popleft)
