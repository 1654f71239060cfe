# SPDX-License-Identifier: Apache-2.0
"""What the messages of zone transfers hold, and what the store holds, as records that can be compared."""

import socket
from collections.abc import Iterable
from typing import NamedTuple

import dns.message

from control.store.keys import ORIGINAL_TTL, RRSIG, Pair, unpack_rrsets


class Row(NamedTuple):
    """A record: names in wire form and lower case, data in canonical form."""

    owner: bytes
    type: int
    ttl: int
    data: bytes


def rows_of_message(message: bytes) -> list[Row]:
    """Return the records of the answer section, as dnspython reads them."""
    parsed = dns.message.from_wire(message, one_rr_per_rrset=True, ignore_trailing=False)
    return [
        Row(rrset.name.to_digestable(), int(rrset.rdtype), rrset.ttl, rrset[0].to_digestable())
        for rrset in parsed.answer
    ]


def rows_of_messages(messages: Iterable[bytes]) -> list[Row]:
    """Return the records of all messages in order."""
    return [row for message in messages for row in rows_of_message(message)]


def rows_of_pairs(pairs: Iterable[Pair]) -> list[Row]:
    """Return the records of store pairs in order; signatures have their original TTLs."""
    return [
        Row(
            rrset.owner,
            rrset.type,
            int.from_bytes(data[ORIGINAL_TTL], "big") if rrset.type == RRSIG else rrset.ttl,
            data,
        )
        for rrset in unpack_rrsets(pairs)
        for data in rrset.rdatas
    ]


def receive_until_silent(address: tuple[str, int], query: bytes, silence_s: float) -> list[bytes]:
    """Send a query over TCP and return the messages that come until nothing does for some time, or the end."""
    octets = bytearray()
    with socket.create_connection(address) as sock:
        sock.settimeout(silence_s)
        sock.sendall(len(query).to_bytes(2, "big") + query)
        try:
            while received := sock.recv(1 << 16):
                octets += received
        except TimeoutError:
            pass
    messages = []
    while octets:
        end = 2 + int.from_bytes(octets[:2], "big")
        messages.append(bytes(octets[2:end]))
        del octets[:end]
    return messages
