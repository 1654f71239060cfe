# SPDX-License-Identifier: Apache-2.0
"""The shared region as the control plane holds it: the reader slots (csrc/shm.h).

Counters are read through `pyxdp_dns.counters`, which needs no writable mapping.
"""

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pyxdp_dns.native import check, ffi, lib


class SharedRegion:
    """The mapped region of one engine; it stays valid, and its slots as they were, when that engine ends."""

    def __init__(self, path: Path | str) -> None:
        """Map the region at `path`; EngineError or ResourceError when it is missing or of another version."""
        out = ffi.new("xd_shm **")
        check(lib.xd_shm_open(os.fsencode(path), out), f"shared region {path} (is the engine running?)")
        self.handle: Any = out[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def control_slot(self) -> int:
        """Index of the first reader slot of the control plane."""
        return int(lib.xd_shm_control_slot(self.handle))

    def close(self) -> None:
        """Unmap the region; nothing may use its slots any more."""
        if self.handle:
            lib.xd_shm_close(self.handle)
            self.handle = ffi.NULL
