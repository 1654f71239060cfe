# SPDX-License-Identifier: Apache-2.0
"""A transfer that comes in (RFC 5936, RFC 1995), without I/O: messages in, contents or changesets out.

    with TransferIn(zone, base_serial) as incoming:
        while not incoming.feed(message):
            ...
        door.transfer(incoming, settings, replication)

Nothing is believed: identifier, question, class, order of the SOAs and their serials have to be right, and what is
collected has limits.
"""

import os
from collections.abc import Iterable, Iterator
from enum import Enum
from types import TracebackType
from typing import NamedTuple, Self

from control.errors import ControlError
from control.store.keys import FIXED_OCTETS, Record
from control.transfer.gather import Beginning, Gatherer
from control.update.follow import Step
from control.update.serial import compare_serials
from pyxdp_dns.errors import EngineError, ResourceError
from pyxdp_dns.message import MessageRecord, MessageRefused, Section, read_records
from pyxdp_dns.scan import ScannedZone

HEADER_BYTES = 12
QUESTION_FIXED_BYTES = 4
SOA, OPT, IXFR, AXFR, ANY = 6, 41, 251, 252, 255
FIRST_META = 249
CLASS_IN = 1
SERIAL_AT = -20
RESPONSE, TRUNCATED, OPCODE, RCODE = 0x8000, 0x0200, 0x7800, 0x000F
EMPTY_MAX = 100
"""Messages without an answer that are put up with, one behind the other."""
ZONE_CAP = 1 << 35
"""Octets of the largest zone that the response table can hold: without `zone-max-size` no transfer is larger."""
IXFR_MEMORY = 128 << 20
"""Octets of memory that changesets may take, each record with its overhead; more are fetched as a whole zone."""
RECORD_OVERHEAD = 160
"""Octets of memory that a record takes beside its owner and data."""

MALFORMED = "malformed data"
TOO_LARGE = "zone size exceeded"
RCODES = {
    1: "FORMERR",
    2: "SERVFAIL",
    3: "NXDOMAIN",
    4: "NOTIMPL",
    5: "REFUSED",
    6: "YXDOMAIN",
    7: "YXRRSET",
    8: "NXRRSET",
    9: "NOTAUTH",
    10: "NOTZONE",
}


class Kind(Enum):
    """What a reply turned out to be."""

    UP_TO_DATE = "up-to-date"
    """Its SOA is not newer than what was asked from."""
    AXFR = "AXFR"
    """The whole zone."""
    IXFR = "IXFR"
    """Changesets."""


class Limits(NamedTuple):
    """What a transfer may come to, in octets of records in wire form, names not compressed."""

    zone_max_size_bytes: int | None = None
    """`zone-max-size`."""
    ixfr_max_bytes: int | None = None
    """Of all changesets."""


NO_LIMITS = Limits()


class TransferFailed(ControlError):
    """The reply is no transfer that can be used; `reason` is what is logged, the text says more."""

    def __init__(self, reason: str, detail: str = "", *, fallback: bool = False) -> None:
        super().__init__(f"{reason} ({detail})" if detail else reason)
        self.reason = reason
        self.fallback = fallback
        """It was an IXFR; an AXFR may do."""


def rcode_reason(rcode: int) -> str:
    """Return what is logged of a reply with an error."""
    return f"server responded with error '{RCODES.get(rcode, rcode)}'"


def transfer_query(zone: bytes, base_serial: int | None, query_id: int) -> bytes:
    """Return the request for an IXFR from a serial on, or for an AXFR, without EDNS."""
    is_ixfr = base_serial is not None
    header = query_id.to_bytes(2, "big") + b"\0\0\0\1\0\0" + bytes((0, is_ixfr)) + b"\0\0"
    question = zone + (IXFR if is_ixfr else AXFR).to_bytes(2, "big") + b"\0\1"
    if base_serial is None:
        return header + question
    soa = b"\0\0" + base_serial.to_bytes(4, "big") + bytes(16)
    return header + question + b"\xc0\x0c\0\6\0\1\0\0\0\0" + len(soa).to_bytes(2, "big") + soa


class TransferIn:
    """One transfer; a context manager that frees its memory.

    `base_serial`: IXFR from there; None: AXFR. The keys of contents have the zone id 0.
    """

    def __init__(
        self,
        zone: bytes,
        base_serial: int | None = None,
        limits: Limits = NO_LIMITS,
        *,
        gatherer: Gatherer | None = None,
        directory: str = "",
        early: Beginning | None = None,
    ) -> None:
        """`directory` is where a zone goes that is larger than memory should be, `early` gets the beginning of a large
        one (control/transfer/gather.py)."""
        self.zone = zone
        self.base_serial = base_serial
        self.kind: Kind | None = None
        """None until the second record tells."""
        self.serial = 0
        """Of the primary, from the first SOA on."""
        self.steps: list[Step] = []
        """The changesets of an IXFR, in order."""
        self.foreign = 0
        """Records outside the zone, which were left out."""
        self.first_foreign = b""
        """Owner of the first of them."""
        self._zone_max_bytes = ZONE_CAP if limits.zone_max_size_bytes is None else limits.zone_max_size_bytes
        self._ixfr_max_bytes = ZONE_CAP if limits.ixfr_max_bytes is None else limits.ixfr_max_bytes
        self._query_id = 0
        self._first: MessageRecord | None = None
        self._empty = 0
        self._changes: _Changes | None = None
        self._gatherer = gatherer or Gatherer(zone, directory, early=early)

    def query(self, query_id: int) -> bytes:
        """Return the request, without EDNS; replies must have its id."""
        self._query_id = query_id
        return transfer_query(self.zone, self.base_serial, query_id)

    def feed(self, message: bytes) -> bool:
        """Take the next message, without TSIG; true when the transfer is complete. Raises TransferFailed."""
        try:
            return self._feed(message)
        except MessageRefused as exc:
            raise self._failed(MALFORMED, str(exc)) from exc
        except (EngineError, OSError) as exc:
            raise self._failed(_reason_of(exc), str(exc)) from exc

    def take_contents(self) -> ScannedZone:
        """Return what an AXFR brought, which the caller closes; once. Raises TransferFailed."""
        try:
            return self._gatherer.finish()
        except (EngineError, OSError) as exc:
            raise self._failed(_reason_of(exc), str(exc)) from exc

    @property
    def soa(self) -> bytes | None:
        """Record data of the SOA of a whole zone; None: it is none."""
        return self._first.rdata if self._first is not None and self._is_whole else None

    @property
    def octets(self) -> int:
        """Octets of the records taken so far, in wire form, names not compressed."""
        return self._gatherer.octets if self._changes is None else self._changes.octets

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        self._gatherer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _feed(self, message: bytes) -> bool:
        if self.kind is Kind.UP_TO_DATE:
            raise self._failed(MALFORMED, "a message behind the end")
        answers = self._check_header(message)
        self._empty = 0 if answers else self._empty + 1
        if self._empty > EMPTY_MAX or (self._first is None and not answers):
            raise self._failed(MALFORMED, "a message without records")
        if self._is_whole:
            return self._take_zone(message)
        records = read_records(message, Section.ANSWER, Section.ANSWER)
        begins = self._first is None
        if begins and self._begin(records.pop(0)):
            return True
        if self.kind is None and records:
            self._decide(records[0])
        if self._is_whole:
            return self._take_zone(message, begins=begins)
        return self._take_changes(records)

    def _check_header(self, message: bytes) -> int:
        """Check what a message says of itself; return the number of answers."""
        if len(message) < HEADER_BYTES:
            raise self._failed(MALFORMED, "a message without header")
        flags = int.from_bytes(message[2:4], "big")
        if int.from_bytes(message[:2], "big") != self._query_id or not flags & RESPONSE or flags & OPCODE:
            raise self._failed(MALFORMED, "no reply to the request")
        if flags & RCODE:
            raise self._failed(rcode_reason(flags & RCODE))
        if flags & TRUNCATED:
            raise self._failed(MALFORMED, "a truncated message")
        self._check_question(message)
        return int.from_bytes(message[6:8], "big")

    def _check_question(self, message: bytes) -> None:
        """A reply repeats the question; messages but the first may leave it out (RFC 5936, section 2.2.2)."""
        count = int.from_bytes(message[4:6], "big")
        if count == 0 and self._first is not None:
            return
        end = HEADER_BYTES + len(self.zone)
        qtype = AXFR if self.base_serial is None else IXFR
        fixed = qtype.to_bytes(2, "big") + CLASS_IN.to_bytes(2, "big")
        is_same = message[HEADER_BYTES:end].lower() == self.zone and message[end : end + len(fixed)] == fixed
        if count != 1 or not is_same:
            raise self._failed(MALFORMED, "a reply to another question")

    def _begin(self, record: MessageRecord) -> bool:
        """Take the first record; true when the zone is up to date."""
        if not self._is_soa(record):
            raise self._failed(MALFORMED, "the first record is not the zone's SOA")
        self._first = record
        self.serial = _serial(record)
        if self.base_serial is not None and compare_serials(self.base_serial, self.serial) != -1:
            self.kind = Kind.UP_TO_DATE
            return True
        return False

    def _decide(self, second: MessageRecord) -> None:
        """An SOA that is older than the first begins a changeset, anything else belongs to a whole zone."""
        is_ixfr = self.base_serial is not None and self._is_soa(second) and _serial(second) != self.serial
        self.kind = Kind.IXFR if is_ixfr else Kind.AXFR
        if self.base_serial is not None and is_ixfr:
            self._changes = _Changes(self.base_serial, self.serial, self._ixfr_max_bytes)
        elif self._first is not None:
            self._gatherer.add(self._first)

    def _take_zone(self, message: bytes, *, begins: bool = False) -> bool:
        gatherer = self._gatherer
        has_end = gatherer.read(message, skip_soa=False)
        if begins and has_end:
            has_end = gatherer.read_on()
        self.foreign, self.first_foreign = gatherer.foreign
        if gatherer.octets > self._zone_max_bytes:
            raise self._failed(TOO_LARGE, "records of more octets than zone-max-size")
        if not has_end:
            return False
        last = read_records(message, Section.ANSWER, Section.ANSWER)[-1]
        if gatherer.left != 1 or self._first is None or last.rdata != self._first.rdata:
            raise self._failed(MALFORMED, "the last SOA is not the first, or not the last record")
        return True

    def _take_changes(self, records: Iterable[MessageRecord]) -> bool:
        if self._changes is None:  # One SOA alone so far.
            return False
        done = False
        for record in records:
            if done:
                raise self._failed(MALFORMED, "records behind the last SOA")
            if record.rclass != CLASS_IN or record.type in (0, OPT) or FIRST_META <= record.type <= ANY:
                raise self._failed(MALFORMED, f"a record of type {record.type} and class {record.rclass}")
            if self._is_soa(record):
                step = self._changes.turn(record)
                if step is None:
                    raise self._failed(MALFORMED, "the serials are no chain")
                done = step
            elif _is_within(record.owner, self.zone):
                self._changes.add(record)
            else:
                self.first_foreign = self.first_foreign or record.owner
                self.foreign += 1
            if self._changes.octets > self._changes.max_bytes or self._changes.memory > IXFR_MEMORY:
                raise self._failed(TOO_LARGE, "changes of more octets than are taken")
        if done:
            self.steps = self._changes.steps
        return done

    @property
    def _is_whole(self) -> bool:
        return self.kind is Kind.AXFR

    def _is_soa(self, record: MessageRecord) -> bool:
        return record.type == SOA and record.owner == self.zone and record.rclass == CLASS_IN

    def _failed(self, reason: str, detail: str = "") -> TransferFailed:
        return TransferFailed(reason, detail, fallback=self.base_serial is not None and self.kind is not Kind.AXFR)


class _Part(NamedTuple):
    """The records of one half of a changeset."""

    serial: int
    records: list[Record]


class _Changes:
    """The changesets of an IXFR: SOAs take turns in beginning what goes and what comes (RFC 1995, section 4)."""

    def __init__(self, base_serial: int, serial: int, max_bytes: int) -> None:
        self.steps: list[Step] = []
        self.octets = self.memory = 0
        self.max_bytes = max_bytes
        self._at = base_serial
        self._last = serial
        self._removals: _Part | None = None
        self._additions: _Part | None = None

    def turn(self, soa: MessageRecord) -> bool | None:
        """Take an SOA of the zone; true when it is the one that ends the transfer, None when its serial is wrong."""
        serial = _serial(soa)
        if self._removals is None or self._additions is not None:
            self._close_step()
            if self._at == self._last and serial == self._last:
                return True
            if serial != self._at:
                return None
            self._removals = _Part(serial, [])
        else:
            if compare_serials(self._at, serial) != -1 or compare_serials(serial, self._last) == 1:
                return None
            self._additions = _Part(serial, [])
        self.add(soa)
        return False

    def add(self, record: MessageRecord) -> None:
        """Take a record of the half that is open."""
        part = self._additions or self._removals
        assert part is not None
        part.records.append(Record(record.owner, record.type, record.ttl, record.rdata))
        self.octets += len(record.owner) + FIXED_OCTETS + len(record.rdata)
        self.memory += len(record.owner) + RECORD_OVERHEAD + len(record.rdata)

    def _close_step(self) -> None:
        if self._removals is not None and self._additions is not None:
            gone, come = self._removals, self._additions
            self.steps.append(Step(gone.serial, come.serial, tuple(gone.records), tuple(come.records)))
            self._at = come.serial
        self._removals = self._additions = None


def _reason_of(error: EngineError | OSError) -> str:
    """Return what is logged of an error that the records led to: the system's, or that they are not well-formed."""
    if isinstance(error, (OSError, ResourceError)):
        return "failed" if error.errno is None else os.strerror(error.errno).lower()
    return MALFORMED


def _serial(record: MessageRecord) -> int:
    return int.from_bytes(record.rdata[SERIAL_AT:][:4], "big")


def _suffixes(name: bytes) -> Iterator[bytes]:
    while name:
        yield name
        name = name[1 + name[0] :]


def _is_within(name: bytes, apex: bytes) -> bool:
    """Tell whether a well-formed wire name is `apex` or beneath it."""
    return name.endswith(apex) and any(suffix == apex for suffix in _suffixes(name))
