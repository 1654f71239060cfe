# SPDX-License-Identifier: Apache-2.0
"""Contents of a zone that is signed here, about to be written as a whole: records about its keys, serial, signatures.

Signatures that come with contents from elsewhere are not looked at: making them takes less time than verifying them.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from control.errors import SigningRefused
from control.sign.apex import key_changes
from control.sign.signing import SOA, Signed, Signing
from control.sign.whole import sign_contents, summary
from control.store.contents import FlatZone, flatten
from control.store.keys import RRsetChange, rrset_key, type_of_key
from control.update.serial import set_serial
from control.zonefile.rows import leading_owner
from pyxdp_dns.errors import EngineError

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone


def sign_as_whole(
    contents: "ScannedZone | FlatZone", apex: bytes, zone_id: int, serial: int, signing: Signing
) -> "tuple[ScannedZone, Signed]":
    """Return contents with this serial, the records about keys, and all signatures; the caller closes them.

    The contents from before are closed: a large zone is in memory no more often than it has to be. The keys are those
    of `zone_id`. Raises SigningRefused.
    """
    from pyxdp_dns.signing import apply_changes

    anew = replace(signing, validity=signing.validity._replace(reuse=False))
    try:
        changes = flatten(_apex_changes(contents, apex, zone_id, serial, signing))
        with apply_changes(contents, changes) as base:
            if not isinstance(contents, FlatZone):
                contents.close()
            signed = sign_contents(base, apex, zone_id, anew, merged=True)
            return signed.changes, summary(signed, base)
    except EngineError as exc:
        raise SigningRefused(apex, str(exc)) from exc


def _apex_changes(
    contents: "ScannedZone | FlatZone", apex: bytes, zone_id: int, serial: int, signing: Signing
) -> list[tuple[bytes, bytes]]:
    """Return the new values at the apex, empty ones for what goes, in key order."""
    values = {type_of_key(key): value for key, value in leading_owner(contents)}
    soa = set_serial(values[SOA], serial)
    changes = [RRsetChange(rrset_key(zone_id, apex, SOA), values[SOA], soa)]
    changes += key_changes(signing, zone_id, apex, {**values, SOA: soa}.get)
    return sorted((change.key, change.new or b"") for change in changes)
