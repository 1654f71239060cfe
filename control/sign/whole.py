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


def sign_contents(
    contents: "ScannedZone | FlatZone", apex: bytes, zone_id: int, signing: Signing, *, merged: bool = False
) -> "SignedZone":
    """Return what makes contents a signed zone, as changes of signatures and of NSEC or NSEC3 records; or, `merged`,
    the contents with these changes.

    The records about keys and the SOA have to be in the contents as they are to be signed. The caller closes the
    result. Raises SigningError.
    """
    from pyxdp_dns.signing import sign_zone

    nsec3, threads = signing.nsec3, signing.threads
    return sign_zone(
        contents, signing.ring, apex, zone_id, signing.validity, nsec3=nsec3, merged=merged, threads=threads
    )


def summary(signed: "SignedZone", contents: "ScannedZone | FlatZone") -> Signed:
    """Return what signing all of the contents did."""
    return Signed(True, signed.new_signatures, signed.earliest_expiration, contents.largest_ttl())


def delta_changes(signed: "SignedZone", value_of: Callable[[bytes], bytes | None]) -> list[RRsetChange]:
    """Return the changes of a signed zone in key order; `value_of` gives what there is under a key."""
    return [RRsetChange(key, value_of(key), value or None) for key, value in signed.changes]
