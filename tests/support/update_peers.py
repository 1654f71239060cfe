# SPDX-License-Identifier: Apache-2.0
"""What other name servers make of UPDATE messages, each sent to a zone of its own."""

import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NamedTuple

import dns.exception
import dns.query
import dns.rdatatype
import dns.zone

from tests.support import peers
from tests.support.peers import Peer
from tests.support.update_cases import ZONE
from tests.support.updated import Records
from tests.support.updates import Case, build

TIMEOUT_S = 60.0

Open = Callable[[dict[str, Path]], AbstractContextManager[Peer]]


class Seen(NamedTuple):
    """The RCODE, and the zone afterwards. None: the server died of the message."""

    rcode: int | None
    records: Records


def knot(zones: dict[str, Path]) -> AbstractContextManager[Peer]:
    """Run knotd that takes updates from anybody."""
    sections = "acl:\n  - id: all\n    address: 127.0.0.1\n    action: [update, transfer]\n"
    return peers.knot(zones, sections=sections, template="    acl: all\n", journal="changes")


def named(zones: dict[str, Path]) -> AbstractContextManager[Peer]:
    """Run named that takes updates from anybody."""
    return peers.named(zones, zone_options="allow-update { any; }; allow-transfer { any; };")


def zone_name(number: int) -> str:
    """Return the name of the zone of a case."""
    return f"z{number}.example."


def observe(open_peer: Open, cases: Sequence[Case], directory: Path) -> Iterator[Seen]:
    """Yield what a server makes of each case; one that dies is started again for the rest."""
    files = {}
    for number in range(len(cases)):
        files[zone_name(number)] = directory / f"zone{number}"
        files[zone_name(number)].write_text(ZONE)
    while files:
        with open_peer(files) as peer:
            for name in list(files):
                case = cases[len(cases) - len(files)]
                del files[name]
                seen = _observe(peer, name, case)
                yield seen
                if seen.rcode is None:
                    break


def _observe(peer: Peer, name: str, case: Case) -> Seen:
    try:
        reply = exchange(peer.address, peer.port, build(name, case.prerequisites, case.changes))
    except OSError:
        with suppress(Exception):
            peer.process.wait(TIMEOUT_S)
        return Seen(None, frozenset())
    return Seen(reply[3] & 0xF, transfer(peer.address, peer.port, name))


def exchange(address: str, port: int, message: bytes) -> bytes:
    """Send a message over TCP and return the reply."""
    with socket.create_connection((address, port), timeout=TIMEOUT_S) as sock:
        sock.sendall(struct.pack(">H", len(message)) + message)
        size = sock.recv(2, socket.MSG_WAITALL)
        if len(size) < 2:
            raise ConnectionResetError("no reply")
        return sock.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)


def transfer(address: str, port: int, name: str) -> Records:
    """Return the records of a zone."""
    origin = dns.name.from_text(name)
    records = set()
    for message in dns.query.xfr(address, name, port=port, relativize=False, timeout=TIMEOUT_S):
        for rrset in message.answer:
            owner = rrset.name.canonicalize().to_wire()
            records |= {(owner or b"", int(rrset.rdtype), rrset.ttl, rdata.to_digestable(origin)) for rdata in rrset}
    return frozenset(records)
