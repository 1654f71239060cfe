# SPDX-License-Identifier: Apache-2.0
"""The identity of the files a zone was read from, so that unchanged files are not parsed again.

A file is taken as unchanged when device, inode, size, modification and change time are those noted after it was read.
A time stamp says nothing about what is written within its own clock tick, so a file that changed less than `SETTLE_NS`
before its reading began, or later, is not trusted and will be parsed again.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass

SETTLE_NS = 20_000_000
"""Two ticks of the coarsest kernel clock (100 Hz) that stamps files."""


@dataclass(frozen=True, slots=True)
class FileIdentity:
    """What `stat` said of a file. `settled`: nothing can have changed since without being seen."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int
    settled: bool

    @classmethod
    def of_read(cls, path: str, started_ns: int) -> "FileIdentity":
        """Return the identity of a file whose reading began at wall clock time `started_ns` and has ended.

        A change during the reading leaves it not settled. Raises OSError.
        """
        stat = os.stat(path)
        settled = started_ns - max(stat.st_ctime_ns, stat.st_mtime_ns) > SETTLE_NS
        return cls(path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, settled)

    def is_unchanged(self) -> bool:
        """Tell whether the file is still the one this was taken of."""
        if not self.settled:
            return False
        try:
            stat = os.stat(self.path)
        except OSError:
            return False
        now = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
        return now == (self.device, self.inode, self.size, self.mtime_ns, self.ctime_ns)


def are_unchanged(sources: Iterable[FileIdentity], path: str) -> bool:
    """Tell whether the zone file at `path` and all it includes are still the files `sources` (the zone file first)."""
    known = tuple(sources)
    return bool(known) and known[0].path == path and all(source.is_unchanged() for source in known)


def identify(paths: Iterable[str], started_ns: int) -> tuple[FileIdentity, ...]:
    """Return the identities of the files just read; none when one is gone, so that they will be parsed again."""
    try:
        return tuple(FileIdentity.of_read(path, started_ns) for path in paths)
    except OSError:
        return ()
