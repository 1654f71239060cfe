# SPDX-License-Identifier: Apache-2.0
"""Message digests of whole zones (RFC 8976): verifying the ZONEMD records of a zone, and making one.

One scheme (SIMPLE) and both hash algorithms of the RFC. Memory does not grow with the zone.
"""

import hashlib
from collections.abc import Callable, Iterable
from enum import StrEnum
from itertools import islice
from typing import NamedTuple

from control.errors import ZoneInvalid
from control.store.contents import get_rrset, iterate_pairs
from control.store.environment import Transaction
from control.store.keys import Pair, RRsetChange, pack_rrset, rrset_key, type_of_key, unpack_rdatas, unpack_ttl
from control.store.zones import StoredZone
from control.update.serial import serial_of_soa
from control.zonefile.rows import leading_owner
from pyxdp_dns.text import digested_form

SOA, ZONEMD = 6, 63
SCHEME_SIMPLE = 1
ALGORITHMS = {1: "sha384", 2: "sha512"}
GENERATED = {"zonemd-sha384": 1, "zonemd-sha512": 2}
"""Values of `zone.zonemd-generate` that name an algorithm; `remove` takes the records away."""
HEADER_BYTES = 6
DIGEST_MIN_BYTES = 12
CHUNK_PAIRS = 2048


class Verdict(StrEnum):
    """Why no ZONEMD verifies a zone; the texts are those of the control protocol and of the log."""

    MISSING = "not exists"
    UNSUPPORTED = "operation not supported"
    """None is of this serial and of a scheme and algorithm that is known."""
    AMBIGUOUS = "semantic check"
    """Two of the same scheme and algorithm."""
    MISMATCH = "malformed data"
    """The contents are not those that were digested."""


class ZonemdInvalid(ZoneInvalid):
    """The zone's ZONEMD does not verify: `verdict` says why."""

    def __init__(self, zone: bytes, verdict: Verdict) -> None:
        super().__init__(zone, f"ZONEMD, verification failed ({verdict}); get the zone anew from where it is published")
        self.verdict = verdict


class Zonemd(NamedTuple):
    """The fields of a ZONEMD record."""

    serial: int
    scheme: int
    algorithm: int
    digest: bytes


def parse_zonemd(rdata: bytes) -> Zonemd:
    """Return the fields of well-formed record data."""
    return Zonemd(int.from_bytes(rdata[:4], "big"), rdata[4], rdata[5], rdata[HEADER_BYTES:])


def digest_pairs(pairs: Iterable[Pair], apex: bytes, algorithm: int) -> bytes:
    """Return the SIMPLE digest of a zone's pairs, which are in canonical order."""
    digest = hashlib.new(ALGORITHMS[algorithm])
    rest = iter(pairs)
    while chunk := list(islice(rest, CHUNK_PAIRS)):
        digest.update(digested_form(chunk, apex))
    return digest.digest()


def verify(txn: Transaction, zone: StoredZone) -> None:
    """Verify the zone as the transaction sees it (RFC 8976, section 4, without DNSSEC). Raises ZonemdInvalid."""
    soa = get_rrset(txn, zone, zone.apex, SOA)
    value = get_rrset(txn, zone, zone.apex, ZONEMD)
    serial = zone.serial if soa is None else serial_of_soa(soa)
    verify_records(() if value is None else unpack_rdatas(value), serial, lambda: iterate_pairs(txn, zone), zone.apex)


def verify_scanned(scanned: Iterable[Pair], apex: bytes) -> None:
    """Verify a zone that was read and passed the checks; it can be iterated again and again. Raises ZonemdInvalid."""
    values = {type_of_key(key): value for key, value in leading_owner(scanned)}
    rdatas = unpack_rdatas(values[ZONEMD]) if ZONEMD in values else ()
    verify_records(rdatas, serial_of_soa(values[SOA]), lambda: scanned, apex)


def verify_records(rdatas: Iterable[bytes], serial: int, contents: Callable[[], Iterable[Pair]], apex: bytes) -> None:
    """Verify contents against ZONEMD records; `contents` gives all pairs in order, once per algorithm that is tried.

    One digest that matches is enough. Raises ZonemdInvalid.
    """
    records = [parse_zonemd(rdata) for rdata in rdatas]
    if not records:
        raise ZonemdInvalid(apex, Verdict.MISSING)
    kinds = [record[1:3] for record in records]
    if len(set(kinds)) < len(kinds):
        raise ZonemdInvalid(apex, Verdict.AMBIGUOUS)
    usable = [record for record in records if _is_usable(record, serial)]
    if not usable:
        raise ZonemdInvalid(apex, Verdict.UNSUPPORTED)
    if not any(digest_pairs(contents(), apex, record.algorithm) == record.digest for record in usable):
        raise ZonemdInvalid(apex, Verdict.MISMATCH)


def generate_change(txn: Transaction, zone: StoredZone, mode: str) -> RRsetChange | None:
    """Return the change that makes the apex' ZONEMD what `zone.zonemd-generate` wants; None when it is so already.

    All other changes, a new serial among them, are in the transaction before. In a signed zone the type must be in the
    apex' bitmap by then; the signature over the new record is made afterwards and is not digested.
    """
    if mode == "none":
        return None
    key = rrset_key(zone.zone_id, zone.apex, ZONEMD)
    old = txn.get(txn.contents, key)
    soa = get_rrset(txn, zone, zone.apex, SOA)
    new = None if soa is None else make_value(iterate_pairs(txn, zone), zone.apex, soa, mode)
    return None if new == old else RRsetChange(key, old, new)


def make_value(contents: Iterable[Pair], apex: bytes, soa: bytes, mode: str) -> bytes | None:
    """Return the value of the ZONEMD RRset that `mode` wants at the apex; None for no such RRset.

    `contents` are all pairs in canonical order, `soa` is the value of the SOA among them.
    """
    if mode not in GENERATED:
        return None
    digest = digest_pairs(contents, apex, GENERATED[mode])
    return pack_rrset(unpack_ttl(soa), (zonemd_rdata(serial_of_soa(soa), GENERATED[mode], digest),))


def zonemd_rdata(serial: int, algorithm: int, digest: bytes) -> bytes:
    """Return the data of a ZONEMD record; an empty digest gives the placeholder, of zeros (RFC 8976, section 3.1)."""
    octets = digest or bytes(hashlib.new(ALGORITHMS[algorithm]).digest_size)
    return serial.to_bytes(4, "big") + bytes((SCHEME_SIMPLE, algorithm)) + octets


def _is_usable(record: Zonemd, serial: int) -> bool:
    if record.serial != serial or record.scheme != SCHEME_SIMPLE or record.algorithm not in ALGORITHMS:
        return False
    return len(record.digest) >= DIGEST_MIN_BYTES
