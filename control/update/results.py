# SPDX-License-Identifier: Apache-2.0
"""What the door reports of a change that went through; what did not is an exception."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from control.sign.signing import Signed


class Outcome(Enum):
    """What became of the zone."""

    UNCHANGED = "unchanged"
    LOADED = "loaded"
    """It had no contents before."""
    UPDATED = "updated"


class StepKind(Enum):
    """What a load did, in the order in which it is logged."""

    FILE = "zone file loaded"
    """The zone file was read; `old` is its serial, `new` the one the server gives it instead."""
    REPLAYED = "changes from journal applied"
    """Changesets were applied to the file's contents: from serial `old` to `new`."""
    FROM_JOURNAL = "zone loaded from journal"
    STORED = "zone stored to journal"
    IGNORED = "zone file changed with decreased SOA serial, ignoring zone file and loading from journal"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a load did. `old` is of meaning where the kind says so."""

    kind: StepKind
    new: int
    old: int | None = None


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A zone was loaded; `control.update.report.load_lines` has its log lines.

    `old_serial` is None when the zone had no contents, `file_serial` when no file was read.
    """

    zone: bytes
    outcome: Outcome
    old_serial: int | None
    file_serial: int | None
    new_serial: int
    records: int
    size: int
    """Octets of all records in wire form."""
    steps: tuple[Step, ...]
    warnings: tuple[str, ...]
    seconds: float
    needs_flush: bool = False
    """The zone file is to be written now: the journal has no room for the difference to it."""
    version: int = 0
    is_file: bool = False
    """The contents are those of the zone file: there is nothing to be written to it."""
    taken_serial: int | None = None
    """The serial before the server's own records (signatures, ZONEMD) made it `new_serial`; None without any."""
    signed: Signed | None = None
    """What signing did; None: the zone is not signed here, or nothing changed."""
    valid_until: int | None = None
    """When the contents no longer validate (Unix seconds); None: they were not validated."""
    is_seen_late: bool = False
    """The contents are those that were stored before, and another version was answered until now."""


class ChangeResult(NamedTuple):
    """Records were changed. `removed` and `added` count those that were there and that were not.

    `old_serial` is None when the zone had no contents.
    """

    zone: bytes
    outcome: Outcome
    old_serial: int | None
    new_serial: int
    removed: int
    added: int
    version: int
    size: int = 0
    """Octets of all records in wire form."""
    needs_flush: bool = False
    """The zone file is to be written now: the journal has no room for the difference to it."""
    warnings: tuple[str, ...] = ()
    """Rules that are broken and tolerated with `semantic-checks: soft`."""
    signed: Signed | None = None
    """What signing did; None: the zone is not signed here, or nothing changed."""
    valid_until: int | None = None
    """When the contents no longer validate (Unix seconds); None: they were not validated."""
