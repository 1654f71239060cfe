# SPDX-License-Identifier: Apache-2.0
"""The shared region seen from Python (csrc/shm.h): counters of every worker, read while they run."""

import mmap
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from pyxdp_dns.errors import EngineError
from pyxdp_dns.native import ffi, lib
from pyxdp_dns.statistics import NO_ROW, ROW_BYTES, Limited, read_note, read_refused_size, read_row

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

HEADER = struct.Struct("=QIIII")
HEADER_BYTES = 64
SLOT_HEAD = struct.Struct("=QIIIi")
SLOT_HEAD_BYTES = 64
MAGIC = 0x31306D68736458
LAYOUT = 2
KINDS = {0: "none", 1: "xdp", 2: "udp", 3: "control", 4: "handoff"}


def _names() -> tuple[str, ...]:
    names: list[str] = []
    while (name := lib.xd_counter_name(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode())
    return tuple(names)


COUNTERS: tuple[str, ...] = _names()
"""Names of the counters, in slot order."""


def counter_help(name: str) -> str:
    """Return what a counter counts."""
    return str(ffi.string(lib.xd_counter_help(COUNTERS.index(name))).decode())


@dataclass(frozen=True, slots=True)
class WorkerCounters:
    """One worker and its counters at one moment."""

    kind: str
    queue: int
    ifindex: int
    cpu: int
    counters: dict[str, int]


class CounterRegion:
    """A read-only view of `engine.shm`; it stays valid, and frozen, when the engine ends."""

    def __init__(self, path: Path | str) -> None:
        """Map the region at `path`; EngineError when it is none of this version, OSError when there is none."""
        with open(path, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        if len(self._map) < HEADER_BYTES:
            raise EngineError(f"{path}: not a shared region; restart the engine")
        magic, layout, self._slot_bytes, self._slot_count, self.engine_pid = HEADER.unpack_from(self._map)
        end = HEADER_BYTES + self._slot_bytes * self._slot_count
        self._rows_at = (end + ROW_BYTES - 1) // ROW_BYTES * ROW_BYTES
        if magic != MAGIC or layout != LAYOUT or len(self._map) < self._rows_at + ROW_BYTES * self._slot_count:
            raise EngineError(f"{path}: a shared region of another engine version; restart the engine")

    def __enter__(self) -> "CounterRegion":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Unmap the region. BufferError while an array of `view` is alive."""
        self._map.close()

    def view(self) -> "NDArray[np.uint64]":
        """Return the live counters, one row per slot in use or not, one column per counter of `COUNTERS`."""
        import numpy as np

        slots: Any = np.ndarray(
            (self._slot_count, len(COUNTERS)),
            dtype=np.uint64,
            buffer=self._map,
            offset=HEADER_BYTES + SLOT_HEAD_BYTES,
            strides=(self._slot_bytes, 8),
        )
        return slots  # type: ignore[no-any-return]

    def workers(self) -> list[WorkerCounters]:
        """Return every engine thread with its counters."""
        found = []
        for slot in range(self._slot_count):
            at = HEADER_BYTES + slot * self._slot_bytes
            _seen, kind, queue, ifindex, cpu = SLOT_HEAD.unpack_from(self._map, at)
            if KINDS.get(kind) not in ("xdp", "udp", "handoff"):
                continue
            values = struct.unpack_from(f"={len(COUNTERS)}Q", self._map, at + SLOT_HEAD_BYTES)
            found.append(WorkerCounters(KINDS[kind], queue, ifindex, cpu, dict(zip(COUNTERS, values, strict=True))))
        return found

    def statistics(self) -> tuple[int, ...]:
        """Return the counters of requests and replies, those of all threads added up, as in a row."""
        rows = [read_row(self._map, self._rows_at + slot * ROW_BYTES) for slot in range(self._slot_count)]
        return tuple(map(sum, zip(*rows, strict=True))) if rows else NO_ROW

    def limited(self) -> list[Limited | None]:
        """Return the source that each thread limited last."""
        return [read_note(self._map, self._rows_at + slot * ROW_BYTES) for slot in range(self._slot_count)]

    def refused_size(self) -> int:
        """Return the table size of rate limiting for which some thread has no memory; 0: none lacks any."""
        rows = (self._rows_at + slot * ROW_BYTES for slot in range(self._slot_count))
        return max((read_refused_size(self._map, at) for at in rows), default=0)

    def totals(self, kinds: Iterable[str] = ("xdp", "udp", "handoff")) -> dict[str, int]:
        """Return the sum of each counter over the workers of these kinds."""
        sums = dict.fromkeys(COUNTERS, 0)
        wanted = set(kinds)
        for worker in self.workers():
            if worker.kind in wanted:
                for name, value in worker.counters.items():
                    sums[name] += value
        return sums


def fates(counters: dict[str, int]) -> int:
    """Return how many packets are counted under what became of them: `rx_packets` of a receiving worker at rest."""
    return sum(value for name, value in counters.items() if name.startswith(("rcode_", "drop_")) or name == "handoff")
