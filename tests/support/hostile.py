# SPDX-License-Identifier: Apache-2.0
"""A primary of `example.com.` on the loopback that does to its secondaries whatever a test wants.

What is done is a function from the query to what is sent: octets as they are, or a number of seconds to wait; the
connection is closed at its end, unless that is `KEEP`. Records and messages are made by the functions here, and nothing
of the server under test is used but its signatures.
"""

import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise

ADDRESS = "127.0.0.1"
APEX = b"\7example\3com\0"
A, NS, CNAME, SOA, TXT, OPT, IXFR, AXFR = 1, 2, 5, 6, 16, 41, 251, 252
AUTHORITATIVE, RESPONSE = 0x0400, 0x8000
EXPIRE = 9
CLIENT_S = 20.0
"""A connection is given up after so many seconds without a request."""
KEEP = 0.0
"""What ends a reply after which the connection stays open."""

Sent = Iterable[bytes | float]
Behaviour = Callable[[bytes], Sent]


def record(owner: bytes, rtype: int, data: bytes, ttl: int = 60, rclass: int = 1) -> bytes:
    """Return a record, nothing compressed."""
    return owner + struct.pack("!HHIH", rtype, rclass, ttl, len(data)) + data


def soa(serial: int, times: Sequence[int] = (3600, 600, 86400), owner: bytes = APEX) -> bytes:
    """Return an SOA record."""
    return record(owner, SOA, b"\2ns" + APEX + b"\4host" + APEX + struct.pack("!5I", serial, *times, 60))


def www(serial: int) -> bytes:
    """Return the record that tells a version: `www` has the serial as the last octet of its address."""
    return record(b"\3www" + APEX, A, bytes((192, 0, 2, serial % 256)))


def body(serial: int) -> list[bytes]:
    """Return the records of a version but its SOA."""
    name = b"\2ns" + APEX
    return [record(APEX, NS, name), record(name, A, bytes((192, 0, 2, 1))), www(serial)]


def whole(serial: int) -> list[bytes]:
    """Return the records of a transfer of a version."""
    return [soa(serial), *body(serial), soa(serial)]


def steps(*serials: int) -> list[bytes]:
    """Return the records of an IXFR through these versions."""
    records = [soa(serials[-1])]
    for old, new in pairwise(serials):
        records += [soa(old), www(old), soa(new), www(new)]
    return [*records, soa(serials[-1])]


def qtype_of(query: bytes) -> int:
    """Return the type that is asked for."""
    end = query.index(b"\0", 12) + 1
    return int.from_bytes(query[end : end + 2], "big")


def serial_of(query: bytes) -> int:
    """Return the serial an IXFR begins at."""
    at = query.index(b"\0", 12) + 1 + 4 + 2 + 10
    return int.from_bytes(query[at + 2 : at + 6], "big")


def question_of(query: bytes) -> bytes:
    """Return the question."""
    return query[12 : query.index(b"\0", 12) + 5]


def message(
    query: bytes,
    records: Sequence[bytes],
    *,
    flags: int = 0,
    question: bytes | None = None,
    expire: bytes | None = None,
) -> bytes:
    """Return a reply without its length; `expire` is the data of an EXPIRE option."""
    asked = question_of(query) if question is None else question
    counts = struct.pack("!4H", bool(asked), len(records), 0, expire is not None)
    more = b""
    if expire is not None:
        option = struct.pack("!HH", EXPIRE, len(expire)) + expire
        more = b"\0" + struct.pack("!HHIH", OPT, 1232, 0, len(option)) + option
    head = query[:2] + (RESPONSE | AUTHORITATIVE | flags).to_bytes(2, "big") + counts
    return head + asked + b"".join(records) + more


def framed(reply: bytes) -> bytes:
    """Return a message with its length in front."""
    return len(reply).to_bytes(2, "big") + reply


def good(serial: int, times: Sequence[int] = (3600, 600, 86400)) -> Behaviour:
    """Be a good primary that has a version; every record of a transfer is a message."""

    def behave(query: bytes) -> Iterator[bytes | float]:
        first = soa(serial, times)
        records = [first]
        is_same = qtype_of(query) == IXFR and serial_of(query) == serial
        if qtype_of(query) != SOA and not is_same:
            records = [first, *body(serial), first]
        for part in records:
            yield framed(message(query, [part]))
        yield KEEP

    return behave


def after_soa(serial: int, transfer: Behaviour) -> Behaviour:
    """Answer SOA queries as a good primary of a version, and do something else of transfers."""

    def behave(query: bytes) -> Sent:
        return good(serial)(query) if qtype_of(query) == SOA else transfer(query)

    return behave


def cut(behaviour: Behaviour, octets: int) -> Behaviour:
    """Do as another behaviour does, and close after so many octets."""

    def behave(query: bytes) -> Iterator[bytes | float]:
        left = octets
        for part in behaviour(query):
            if isinstance(part, bytes):
                yield part[:left]
                left -= len(part)
                if left <= 0:
                    return

    return behave


class Hostile:
    """Listens on a port for TCP; `behaviour` may be changed at any time. Threads and sockets end with `running`."""

    def __init__(self, behaviour: Behaviour, address: str = ADDRESS, port: int = 0) -> None:
        self.behaviour = behaviour
        self.queries: list[int] = []
        """Types asked for."""
        self.connections = 0
        self._listener = socket.create_server((address, port), backlog=64)
        self.address, self.port = address, self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._mutex = threading.Lock()
        self._stopping = threading.Event()

    @contextmanager
    def running(self) -> Iterator["Hostile"]:
        """Serve during the block."""
        thread = threading.Thread(target=self._accept)
        thread.start()
        try:
            yield self
        finally:
            self._stopping.set()
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self.hang_up()
            thread.join()

    def hang_up(self) -> None:
        """Close all connections."""
        with self._mutex:
            for channel in self._open:
                with suppress(OSError):
                    channel.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        threads = []
        with suppress(OSError):
            while not self._stopping.is_set():
                channel, _ = self._listener.accept()
                self.connections += 1
                with self._mutex:
                    self._open.add(channel)
                threads.append(threading.Thread(target=self._serve, args=(channel,)))
                threads[-1].start()
        for thread in threads:
            thread.join()

    def _serve(self, channel: socket.socket) -> None:
        channel.settimeout(CLIENT_S)
        with suppress(OSError), channel:
            while (query := _receive(channel)) and not self._stopping.is_set():
                self.queries.append(qtype_of(query))
                if not self._reply(channel, query):
                    break
        with self._mutex:
            self._open.discard(channel)

    def _reply(self, channel: socket.socket, query: bytes) -> bool:
        """Do what is wanted; tell whether the connection stays open."""
        for part in self.behaviour(query):
            if self._stopping.is_set():
                return False
            if isinstance(part, bytes):
                channel.sendall(part)
            elif part == KEEP:
                return True
            elif self._stopping.wait(part):
                return False
        return False


def _receive(channel: socket.socket) -> bytes:
    """Return the next message; empty at the end."""
    size = _read(channel, 2)
    return _read(channel, int.from_bytes(size, "big")) if size else b""


def _read(channel: socket.socket, octets: int) -> bytes:
    found = b""
    while len(found) < octets:
        block = channel.recv(octets - len(found))
        if not block:
            return b""
        found += block
    return found
