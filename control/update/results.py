# SPDX-License-Identifier: Apache-2.0
"""What the door reports of a change that went through; what did not is an exception."""

from dataclasses import dataclass
from enum import Enum


class Outcome(Enum):
    """What became of the zone."""

    UNCHANGED = "unchanged"
    LOADED = "loaded"
    """It had no contents before."""
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A zone file was loaded. `old_serial` is None when the zone had no contents."""

    zone: bytes
    outcome: Outcome
    old_serial: int | None
    new_serial: int
    records: int
    warnings: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class ChangeResult:
    """Records were changed. `removed` and `added` count those that were there and that were not."""

    zone: bytes
    outcome: Outcome
    old_serial: int
    new_serial: int
    removed: int
    added: int
    version: int
