# SPDX-License-Identifier: Apache-2.0
"""Putting DS records into the parent zone by dynamic update (RFC 2136): which zone that is, and the message.

The parent zone's apex is found by asking the server itself for the SOA of the names above the zone, one label less each
time: it says where its zone begins.
"""

from collections.abc import Iterable, Iterator

from control.keys.dnskey import DELETE_CDS
from control.transfer.ds_check import DS
from control.transfer.message import AUTHORITATIVE, CLASS_IN, QUERY, RCODE, SOA, UPDATE, flags_of, make_query
from pyxdp_dns.message import Section, read_records

NS, CLASS_ANY = 2, 255
NXDOMAIN = 3


class NotThisServer(Exception):
    """The server refers to others for the names above the zone."""


def names_above(zone: bytes) -> Iterator[bytes]:
    """Yield the names above a zone's, the nearest first and the root last; the root has none."""
    while zone[0]:
        zone = zone[1 + zone[0] :]
        yield zone


def make_soa_query(name: bytes) -> bytes:
    """Return the query that asks where the zone of a name begins."""
    return make_query(name, SOA, QUERY)


def apex_told(reply: bytes, name: bytes) -> bytes | None:
    """Return the apex of the zone a name is in, as a reply to the SOA query tells; None when it does not.

    Raises MessageRefused, or NotThisServer for a referral: zones further up are not the parent then.
    """
    if flags_of(reply) & RCODE not in (0, NXDOMAIN):
        return None
    records = read_records(reply, Section.ANSWER, Section.AUTHORITY)
    above = {name, *names_above(name)}
    for record in records:
        answers = record.section == Section.ANSWER and record.owner == name
        denies = record.section == Section.AUTHORITY and record.owner in above
        if record.type == SOA and record.rclass == CLASS_IN and (answers or denies):
            return record.owner
    is_referral = any(record.type == NS and record.section == Section.AUTHORITY for record in records)
    if is_referral and not flags_of(reply) & AUTHORITATIVE:
        raise NotThisServer
    return None


def wanted_ds(cdss: Iterable[bytes]) -> tuple[bytes, ...]:
    """Return the DS data that CDS data asks for; none for the form that asks for removal (RFC 8078, section 4)."""
    return tuple(data for data in cdss if data != DELETE_CDS)


def make_push(apex: bytes, zone: bytes, ds: Iterable[bytes], ttl_s: int) -> bytes:
    """Return the update of the parent zone at `apex` that replaces all DS records of `zone`.

    The removal of the RRset and the additions take effect together (RFC 2136, section 3.4.2.7).
    """
    removal = _record(zone, CLASS_ANY, 0, b"")
    additions = [_record(zone, CLASS_IN, ttl_s, data) for data in ds]
    message = make_query(apex, SOA, UPDATE)
    count = (1 + len(additions)).to_bytes(2, "big")
    return message[:8] + count + message[10:] + removal + b"".join(additions)


def _record(owner: bytes, rclass: int, ttl_s: int, data: bytes) -> bytes:
    numbers = ((DS, 2), (rclass, 2), (ttl_s, 4), (len(data), 2))
    return owner + b"".join(number.to_bytes(octets, "big") for number, octets in numbers) + data
