# SPDX-License-Identifier: Apache-2.0
"""An UPDATE message as values (RFC 2136, section 2), refused where the format rules of the RFC are broken.

What depends on the zone's contents is decided in process.py.
"""

from enum import IntEnum
from typing import NamedTuple

from control.wire.request import question_of
from pyxdp_dns.message import MessageRefused, Section, read_records

HEADER_BYTES = 12
IN, NONE, ANY = 1, 254, 255
"""Classes (sections 1.1, 2.4 and 2.5)."""
CLASS_IN = b"\0\1"
SOA, OPT, ANY_TYPE = 6, 41, 255
OF_MESSAGES = frozenset((OPT, 249, 250))
"""OPT, TKEY and TSIG belong to messages, not to zones."""
META_FIRST, META_LAST = 128, 255
"""Types of questions, which no record has (RFC 6895, section 3.1)."""


class Rcode(IntEnum):
    """RFC 1035, section 4.1.1; RFC 2136, section 2.2."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    YXRRSET = 7
    NXRRSET = 8
    NOTAUTH = 9
    NOTZONE = 10


class UpdateRefused(Exception):
    """A message is not carried out: the RCODE of the reply, and why, for the log."""

    def __init__(self, rcode: Rcode, reason: str) -> None:
        super().__init__(reason)
        self.rcode = rcode


class UpdateRecord(NamedTuple):
    """A record of a message: owner in lower case, data in canonical form."""

    owner: bytes
    rtype: int
    rclass: int
    ttl: int
    rdata: bytes


class Update(NamedTuple):
    """A message: the zone (wire name in lower case), its prerequisites and its updates, in their order."""

    zone: bytes
    prerequisites: tuple[UpdateRecord, ...]
    changes: tuple[UpdateRecord, ...]


def parse_update(message: bytes) -> Update:
    """Read a message without TSIG. Raises UpdateRefused (FORMERR, NOTAUTH).

    Prerequisites are checked one after the other by `check_prerequisite`, as they are tested (section 3.2.5).
    """
    if len(message) < HEADER_BYTES:
        raise UpdateRefused(Rcode.FORMERR, "message too short")
    count = int.from_bytes(message[6:8], "big")
    if message[4:6] != b"\0\1":
        raise UpdateRefused(Rcode.FORMERR, "not one zone")
    question, rtype = question_of(message)
    try:
        rows = read_records(message, Section.ANSWER, Section.AUTHORITY)
    except MessageRefused as exc:
        raise UpdateRefused(Rcode.FORMERR, "malformed data") from exc
    if rtype != SOA:
        raise UpdateRefused(Rcode.FORMERR, "zone type is not SOA")
    if question[-2:] != CLASS_IN:
        raise UpdateRefused(Rcode.NOTAUTH, "no zone of that class")
    records = [UpdateRecord._make(row[1:]) for row in rows]
    return Update(question[:-4].lower(), tuple(records[:count]), tuple(records[count:]))


def check_prerequisite(record: UpdateRecord, zone: bytes) -> None:
    """Check the format of a prerequisite (section 3.2.5). Raises UpdateRefused (FORMERR, NOTZONE)."""
    if record.ttl:
        raise UpdateRefused(Rcode.FORMERR, "prerequisite with TTL")
    if not is_within(record.owner, zone):
        raise UpdateRefused(Rcode.NOTZONE, "prerequisite outside the zone")
    if record.rclass in (ANY, NONE):
        if record.rdata:
            raise UpdateRefused(Rcode.FORMERR, "prerequisite with data")
        if record.rtype in OF_MESSAGES:
            raise UpdateRefused(Rcode.FORMERR, "prerequisite about a record of messages")
    elif record.rclass != IN or is_meta(record.rtype):
        raise UpdateRefused(Rcode.FORMERR, "prerequisite of a wrong class or type")


def check_change(record: UpdateRecord, zone: bytes) -> None:
    """Check the format of an update (section 3.4.1.3). Raises UpdateRefused (FORMERR, NOTZONE)."""
    if not is_within(record.owner, zone):
        raise UpdateRefused(Rcode.NOTZONE, "update outside the zone")
    if record.rclass == IN:
        is_wrong = is_meta(record.rtype)
    elif record.rclass == ANY:
        is_wrong = bool(record.ttl or record.rdata) or (is_meta(record.rtype) and record.rtype != ANY_TYPE)
    elif record.rclass == NONE:
        is_wrong = bool(record.ttl) or is_meta(record.rtype)
    else:
        is_wrong = True
    if is_wrong:
        raise UpdateRefused(Rcode.FORMERR, "update of a wrong class, type, TTL or length")


def is_meta(rtype: int) -> bool:
    """Tell whether a type is one that no record of a zone can have."""
    return META_FIRST <= rtype <= META_LAST or rtype in (0, OPT)


def is_within(name: bytes, apex: bytes) -> bool:
    """Tell whether a well-formed wire name is `apex` or beneath it, both in lower case."""
    while len(name) > len(apex):
        name = name[1 + name[0] :]
    return name == apex
