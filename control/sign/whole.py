# SPDX-License-Identifier: Apache-2.0
"""Signing all of a zone (RFC 4035, section 2): what has to change in its contents, in C, by several threads."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from control.sign.signing import Signed, Signing
from control.store.contents import FlatZone
from control.store.keys import RRsetChange

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone
    from pyxdp_dns.signing import SignedZone


def sign_contents(contents: "ScannedZone | FlatZone", apex: bytes, zone_id: int, signing: Signing) -> "SignedZone":
    """Return what makes contents a signed zone, as changes of signatures and of NSEC or NSEC3 records.

    The records about keys and the SOA have to be in the contents as they are to be signed. The caller closes the
    result. Raises SigningError.
    """
    from pyxdp_dns.signing import sign_zone

    return sign_zone(
        contents, signing.ring, apex, zone_id, signing.validity, nsec3=signing.nsec3, threads=signing.threads
    )


def summary(signed: "SignedZone", contents: "ScannedZone | FlatZone") -> Signed:
    """Return what signing all of the contents did."""
    return Signed(True, signed.new_signatures, signed.earliest_expiration, largest_ttl(contents))


def delta_changes(signed: "SignedZone", value_of: Callable[[bytes], bytes | None]) -> list[RRsetChange]:
    """Return the changes of a signed zone in key order; `value_of` gives what there is under a key."""
    return [RRsetChange(key, value_of(key), value or None) for key, value in signed.changes]


def largest_ttl(contents: "ScannedZone | FlatZone") -> int:
    """Return the largest TTL of pairs in flat form."""
    import numpy as np

    if not contents.count:
        return 0
    data = np.frombuffer(contents.bytes, dtype=np.uint8)
    marks = np.frombuffer(contents.offsets, dtype=np.uint64)[1 : 2 * contents.count : 2].astype(np.int64)
    octets = [data[marks + place].astype(np.uint32) for place in range(4)]
    return int((octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]).max())


def has_types(contents: "ScannedZone | FlatZone", types: frozenset[int]) -> bool:
    """Tell whether some RRset of pairs in flat form is of one of these types."""
    import numpy as np

    if not contents.count or not types:
        return False
    data = np.frombuffer(contents.bytes, dtype=np.uint8)
    ends = np.frombuffer(contents.offsets, dtype=np.uint64)[1 : 2 * contents.count : 2].astype(np.int64)
    found = data[ends - 2].astype(np.uint16) << 8 | data[ends - 1]
    return bool(np.isin(found, list(types)).any())
