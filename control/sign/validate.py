# SPDX-License-Identifier: Apache-2.0
"""Whole zones validated as they are, whoever signed them (RFC 4035, section 5; RFC 5155; RFC 6840)."""

from typing import TYPE_CHECKING, NamedTuple

from control.conf.zone import ZoneSettings
from control.errors import ZoneBogus
from control.store.contents import FlatZone

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone

REMEDY = "sign the zone anew where it is signed"


class Valid(NamedTuple):
    """A zone that validates."""

    checked: int
    """Signatures that were looked at."""
    until: int
    """When the zone no longer validates unless it changes (Unix seconds)."""


def validate(contents: "ScannedZone | FlatZone", apex: bytes, settings: ZoneSettings, now_s: int) -> Valid:
    """Validate all contents of a zone at a time of day, by its own DNSKEY records.

    A signature has to be valid for `settings.validation_margin_s` more. Raises ZoneBogus, which names the first fault,
    ZoneRefused or SigningError.
    """
    from pyxdp_dns.validation import validate_zone

    found = validate_zone(contents, apex, now_s, threads=settings.validation_threads)
    if found.count:
        owner, reason = found.findings[0]
        more = f", and {found.count - 1} more" if found.count > 1 else ""
        raise ZoneBogus(apex, f"{reason} at {owner}{more}; {REMEDY}")
    until = found.earliest_expiration - settings.validation_margin_s
    if until <= now_s:
        left = max(0, found.earliest_expiration - now_s)
        asked = settings.validation_margin_s
        raise ZoneBogus(apex, f"a signature expires in {left} seconds, policy.rrsig-refresh asks for {asked}; {REMEDY}")
    return Valid(found.checked_signatures, until)


def validated(contents: "ScannedZone | FlatZone", apex: bytes, settings: ZoneSettings, now_s: int) -> int | None:
    """Validate contents where the settings ask for it; return until when they are valid. Raises as `validate`."""
    return validate(contents, apex, settings, now_s).until if settings.validates else None
