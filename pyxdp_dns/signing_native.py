# SPDX-License-Identifier: Apache-2.0
"""The seam of signing: the only module that imports the second extension; its pairs and errors become Python's."""

from array import array
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from pyxdp_dns import native
from pyxdp_dns._signing import ffi, lib
from pyxdp_dns.errors import EngineError, SigningError
from pyxdp_dns.scan import ScannedZone, measure_pairs

__all__ = ["Stop", "check", "ffi", "flat_parts", "lib", "marks", "pack_rdatas", "take_pairs"]

REMEDIES = {
    "CRYPTO": "try again, and report it with the log when it stays",
    "EXISTS": "two names have one NSEC3 hash; change the salt (a new nsec3-salt-lifetime period) or use NSEC",
    "KEY": "import the key again, or generate another one",
    "KEY_ORDER": "load the zone again from its file or its primary",
    "KEY_PAIR": "put the private key of this DNSKEY into the keystore, or remove the key from the zone",
    "NOMEM": "free memory and sign again",
    "RANGE": "use fewer keys or records of one owner, or NSEC where the zone's name is too long for NSEC3",
    "RDATA": "load the zone again from its file or its primary",
    "STOPPED": "sign again",
    "ZONE": "give the zone exactly one SOA record at its apex",
}
"""What to do about an error of signing, by its name in csrc/error.h."""


def check(code: int, what: str) -> None:
    """Raise `SigningError`, or what the code has in `native`, with what to do; `what` says what it concerns."""
    if code >= 0:
        return
    name = native.ffi.string(native.lib.xd_error_name(-code)).decode()
    text = native.ffi.string(native.lib.xd_error_text(-code)).decode()
    wanted = native.ERROR_CLASSES[name]
    raise (SigningError if wanted is EngineError else wanted)(f"{what}: {text}; {REMEDIES[name]}")


class Stop:
    """Ends signing and validating early, from any thread."""

    def __init__(self) -> None:
        self.flag = ffi.new("int *")
        """What C looks at."""

    def set(self) -> None:
        """End what uses this object; it raises SigningStopped."""
        self.flag[0] = 1


def flat_parts(contents: Any) -> tuple[Any, Any, int]:
    """Return bytes, offsets (C pointers) and number of pairs in flat form, of whatever holds them.

    Takes what has pointers (`bytes_pointer`, `offsets_pointer`), as `ScannedZone`, or buffers (`bytes`, `offsets`).
    They are valid as long as what was passed and the result are.
    """
    if hasattr(contents, "bytes_pointer"):
        return (
            ffi.cast("uint8_t *", contents.bytes_pointer),
            ffi.cast("uint64_t *", contents.offsets_pointer),
            int(contents.count),
        )
    return (
        ffi.from_buffer("uint8_t[]", contents.bytes),
        ffi.from_buffer("uint64_t[]", contents.offsets),
        int(contents.count),
    )


def pack_rdatas(rdatas: Sequence[bytes]) -> bytes:
    """Return record data as C takes it: sorted, each behind its length."""
    return b"".join(len(rdata).to_bytes(2, "big") + rdata for rdata in sorted(rdatas))


def marks(parts: Sequence[bytes]) -> Any:
    """Return where each of some parts begins when they lie back to back, and where the last one ends (`uint64_t *`)."""
    return ffi.from_buffer("uint64_t[]", array("Q", accumulate((len(part) for part in parts), initial=0)))


def take_pairs(pairs: Any, *, measured: bool = False) -> ScannedZone:
    """Return pairs that C has made as an object that owns them; `measured` counts the records."""
    owned = native.ffi.new("xd_pairs *")
    owned.bytes = native.ffi.cast("uint8_t *", pairs.bytes)
    owned.offsets = native.ffi.cast("uint64_t *", pairs.offsets)
    owned.count = pairs.count
    records = measure_pairs(owned.bytes, owned.offsets, owned.count)[0] if measured else 0
    return ScannedZone(owned, records, (), ())
