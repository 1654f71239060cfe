# SPDX-License-Identifier: Apache-2.0
"""Gathering the records of a whole zone from messages, in memory up to a limit and beyond it in files."""

from typing import Protocol

from pyxdp_dns.message import MessageRecord, ZoneCollector
from pyxdp_dns.scan import ScannedZone
from pyxdp_dns.spill import Spill

PART_OWNERS = 1 << 16
"""Owners handed on at once: some 6 MB."""
MEMORY_BYTES = 256 << 20
"""Octets of records held in memory; sorting takes as much again."""


class Beginning(Protocol):
    """Takes the beginning of a zone while the rest is on its way."""

    @property
    def is_ready(self) -> bool:
        """Whether more can be taken now."""

    def add(self, part: ScannedZone, /) -> None:
        """Take the pairs that follow those before; the part is closed."""

    def refuse(self) -> None:
        """What was taken is not the beginning of the zone."""


class Gatherer:
    """Records of one zone, sorted when all are there; `close` it."""

    def __init__(
        self,
        zone: bytes,
        directory: str = "",
        memory_bytes: int = MEMORY_BYTES,
        early: Beginning | None = None,
        part_owners: int = PART_OWNERS,
    ) -> None:
        """`directory` is where files go; empty: the system's. `early` gets parts of so many owners, if they come in
        order and memory holds them all."""
        self._collector = ZoneCollector(zone, 0)
        self._spill = Spill(directory)
        self._memory_bytes = memory_bytes
        self._early, self._part_owners, self._taken = early, part_owners, 0

    def read(self, message: bytes, *, skip_soa: bool) -> bool:
        """Gather a message up to an SOA of the apex; false: it has none. Raises EngineError or OSError."""
        if self._collector.memory > self._memory_bytes:
            self._spill.add(self._collector.finish())
        self._collector.begin(message)
        has_soa = self._collector.read(skip_soa=skip_soa)
        if self._early is not None and self._collector.owners - self._taken > self._part_owners:
            self._take_part(self._early)
        return has_soa

    def read_on(self) -> bool:
        """Go on behind the SOA that ended the last call."""
        return self._collector.read(skip_soa=True)

    def add(self, record: MessageRecord) -> None:
        """Gather one record. Raises MessageRefused when it is outside the zone."""
        self._collector.add(record.owner, record.type, record.ttl, record.rdata)

    def finish(self) -> ScannedZone:
        """Return everything in key order; the caller closes it. Raises EngineError or OSError."""
        if self._early is not None and (len(self._spill) or not self._collector.in_order):
            self._early.refuse()
        if not len(self._spill):
            return self._collector.finish()
        self._spill.add(self._collector.finish())
        return self._spill.merge()

    def _take_part(self, early: Beginning) -> None:
        """Hand the next owners on, unless their order is lost."""
        if len(self._spill) == 0 and self._collector.in_order and early.is_ready:
            early.add(self._collector.peek(self._taken, self._part_owners))
            self._taken += self._part_owners

    @property
    def octets(self) -> int:
        """Octets gathered, in wire form, names not compressed."""
        return self._collector.octets

    @property
    def left(self) -> int:
        """Answer records of the message at hand not yet read."""
        return self._collector.left

    @property
    def foreign(self) -> tuple[int, bytes]:
        """Records outside the zone, which were left out, and the owner of the first."""
        return self._collector.foreign

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        self._collector.close()
        self._spill.close()
