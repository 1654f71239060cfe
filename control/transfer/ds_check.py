# SPDX-License-Identifier: Apache-2.0
"""What a parent zone shows of a zone's keys: the query for its DS records, and what the reply says (RFC 4034).

Who is asked may be a server of the parent zone or a validating resolver: the query asks for recursion and signatures,
and the TTL that counts is the one the records were published with, not what is left of it in a cache.
"""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from control.keys.dnskey import DIGESTS, dnskey_rdata, ds_rdata
from control.store.kasp import Key
from control.transfer.message import CLASS_IN, QUERY, SOA, make_query
from pyxdp_dns.message import MessageRecord, Section, read_records

DS, RRSIG = 43, 46
DS_FIXED_BYTES = 4
COVERED = slice(0, 2)
ORIGINAL_TTL = slice(4, 8)


class Verdict(Enum):
    """What became of a question to a parent; the values are those of log lines."""

    POSITIVE = "positive"
    NEGATIVE = "negative"
    FAILED = "failed"
    """There was no answer to the question."""


class DsExpected(NamedTuple):
    """What the parent zone is to show of a zone; without `present`, that there are no DS records at all (RFC 8078)."""

    present: tuple[bytes, ...] = ()
    """DNSKEY data: each has a DS record."""
    absent: tuple[bytes, ...] = ()
    """DNSKEY data: none has one any more."""


NO_DS = DsExpected()


class DsSeen(NamedTuple):
    """What a reply shows."""

    verdict: Verdict
    ttl_s: int = 0
    """Of the DS records; 0 without any."""


def expect_key(key: Key, old: Iterable[Key] = ()) -> DsExpected:
    """Return what confirms a new key-signing key that replaces old ones.

    The DS of an old key of the same algorithm may stay as long as the parent likes: it leads validators to a key that
    is gone, and there is another one. One of another algorithm must not, as validators may then demand signatures of
    that algorithm (RFC 6840, section 5.11), which are about to go.
    """
    others = tuple(dnskey_rdata(other) for other in old if other.algorithm != key.algorithm)
    return DsExpected((dnskey_rdata(key),), others)


def make_ds_query(zone: bytes) -> bytes:
    """Return the query for the DS records of a zone."""
    return make_query(zone, DS, QUERY, recurse=True)


def read_ds_reply(reply: bytes, zone: bytes, expected: DsExpected) -> DsSeen:
    """Judge a reply without error. Raises MessageRefused.

    Records with digests or of keys that are not ours are left alone; a foreign algorithm in the DS set is the
    operator's affair.
    """
    records = read_records(reply, Section.ANSWER, Section.AUTHORITY)
    shown = [record for record in records if record.section == Section.ANSWER and record.owner == zone]
    found = [record for record in shown if record.type == DS and record.rclass == CLASS_IN]
    ttl_s = published_ttl(found, shown)
    if expected.present:
        good = all(has_ds(found, zone, dnskey) for dnskey in expected.present)
        good = good and not any(has_ds(found, zone, dnskey) for dnskey in expected.absent)
    else:
        good = not found and is_denied(records, zone)
    return DsSeen(Verdict.POSITIVE if good else Verdict.NEGATIVE, ttl_s)


def has_ds(records: Iterable[MessageRecord], zone: bytes, dnskey: bytes) -> bool:
    """Whether one of the DS records is of this key."""
    return any(is_ds_of(record.rdata, zone, dnskey) for record in records)


def is_ds_of(data: bytes, zone: bytes, dnskey: bytes) -> bool:
    """Whether DS data is of this key. With an unknown digest it cannot be told from a foreign one."""
    if len(data) <= DS_FIXED_BYTES or data[3] not in DIGESTS:
        return False
    return data == ds_rdata(zone, dnskey, data[3])


def published_ttl(found: Iterable[MessageRecord], shown: Iterable[MessageRecord]) -> int:
    """Return the TTL the parent zone gives the DS records: a signature says it, and caches count it down."""
    ttls = [record.ttl for record in found]
    if not ttls:
        return 0
    for record in shown:
        if record.type == RRSIG and record.rdata[COVERED] == DS.to_bytes(2, "big"):
            ttls.append(int.from_bytes(record.rdata[ORIGINAL_TTL], "big"))
    return max(ttls)


def is_denied(records: Iterable[MessageRecord], zone: bytes) -> bool:
    """Whether a reply says that there are no such records, from the parent's side: with the SOA of a zone above
    (RFC 2308, section 2.2).

    A referral does not, nor does a server of the zone itself (RFC 4035, section 3.1.4.1).
    """
    return any(
        record.section == Section.AUTHORITY and record.type == SOA and is_above(record.owner, zone)
        for record in records
    )


def is_above(name: bytes, zone: bytes) -> bool:
    """Whether a name is a proper ancestor of a zone's; both in lower case."""
    while zone[0]:
        zone = zone[1 + zone[0] :]
        if zone == name:
            return True
    return False
