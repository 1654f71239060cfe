# SPDX-License-Identifier: Apache-2.0
"""What is asked of a load, and what it is about to write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from zlib import crc32

from control.conf.zone import ZoneSettings
from control.sign.signing import Signed, Signing
from control.store.contents import FlatZone
from control.store.environment import Transaction
from control.store.keys import Pair, RRsetChange
from control.store.zones import StoredZone
from control.update.merge import RRsetName
from control.update.plan import NO_SERIAL, WHOLE, FileState, Situation, Verdict
from control.update.results import Step

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone

Also = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """A zone to be loaded, as `Door.load` has it."""

    zone: bytes
    file: str
    settings: ZoneSettings
    cold: bool
    force: bool = False
    follows: bool = False
    """The zone comes from primaries."""


@dataclass(slots=True)
class Prepared:
    """What a load is about to write. `close` it."""

    request: LoadRequest
    situation: Situation
    scanned: "ScannedZone"
    contents: "ScannedZone | FlatZone"
    target: StoredZone
    """The zone as it will be; for a small difference, version, counts and serial follow from that."""
    verdict: Verdict = Verdict.TAKE
    changes: Sequence[RRsetChange] | None = None
    """None: contents are written as a whole, under the id of `target`."""
    pairs: Sequence[Pair] | None = None
    """The contents again where they are few."""
    replayed: Sequence[RRsetName] = ()
    """RRsets that the journal changed, which the scanner has not checked."""
    steps: list[Step] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    file_serial: int = 0
    end_serial: int = 0
    """The file's serial, or the one the journal leads to from there."""
    signing: Signing | None = None
    """How the zone is signed; None: it is not signed here."""
    signed: Signed | None = None
    """What signing the contents as a whole did."""
    valid_until: int | None = None
    """When the contents no longer validate; None: they were not validated."""
    also: Also | None = None
    """What else is written in the transaction that changes the zone, after the contents."""

    @property
    def skipped_types(self) -> frozenset[int]:
        """Types that are not taken from the file."""
        skip = self.request.settings.zonefile_skip
        return skip if self.signing is None else skip | self.signing.skipped_types()

    @property
    def is_recorded(self) -> bool:
        """Whether a difference to what there is goes to the journal."""
        is_whole = self.request.settings.zonefile_load == WHOLE and self.signing is None
        return self.situation.base is not None and not is_whole

    @property
    def makes_serial(self) -> bool:
        """Whether the file's serial does not count where it differs from the zone's."""
        return self.request.settings.zonefile_load == NO_SERIAL or self.signing is not None

    def close(self) -> None:
        """Free the scanner's memory, and the signer's."""
        self.scanned.close()
        if not isinstance(self.contents, FlatZone):
            self.contents.close()


def reading_of(settings: ZoneSettings) -> int:
    """Return what the meaning of a zone file depends on beside its text, as one number."""
    if not settings.zonefile_skip and not settings.signs:
        return settings.default_ttl
    skip = (*sorted(settings.zonefile_skip), settings.signs)
    return 1 << 31 | crc32(repr((settings.default_ttl, skip)).encode()) >> 1


def file_state(stored: StoredZone | None, request: LoadRequest) -> FileState:
    """Look at the zone file without reading it."""
    from control.store.sources import are_unchanged

    if request.settings.zonefile_load == "none":
        return FileState.MISSING
    is_read_so = stored is not None and stored.reading == reading_of(request.settings)
    if is_read_so and stored is not None and are_unchanged(stored.sources, request.file):
        return FileState.SAME
    return FileState.MISSING if is_missing(request.file) else FileState.OTHER


def is_missing(path: str) -> bool:
    """Tell whether there is no file; one that cannot be reached is not missing, reading it says why."""
    import os

    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
