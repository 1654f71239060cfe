# SPDX-License-Identifier: Apache-2.0
"""The values that the store keeps about keys and signing: of each key of a zone, and of each zone.

Times are Unix seconds; 0 means that something is not set. Private keys are in keystores and never here.
"""

from dataclasses import dataclass
from typing import NamedTuple

ZONE_KEY_FLAG, SEP_FLAG, REVOKE_FLAG, ADT_FLAG = 0x0100, 0x0001, 0x0080, 0x0002
"""Of DNSKEY records (RFC 4034, section 2.1.1; RFC 5011, section 7); ADT as of DELEG."""


class KeyTimers(NamedTuple):
    """When a key entered or is to enter its states, in the order in which they follow each other."""

    created: int = 0
    pre_active: int = 0
    publish: int = 0
    ready: int = 0
    active: int = 0
    retire_active: int = 0
    retire: int = 0
    post_active: int = 0
    revoke: int = 0
    remove: int = 0


NO_KEY_TIMERS = KeyTimers()


@dataclass(frozen=True, slots=True)
class Key:
    """One key of one zone: its public half, its roles and its timers."""

    id: str
    """40 lower-case hexadecimal digits: SHA-1 of the SubjectPublicKeyInfo, as Knot DNS names keys."""
    algorithm: int
    size: int
    """Bits."""
    public_key: bytes
    """The public key field of its DNSKEY record."""
    is_ksk: bool
    is_zsk: bool
    """With both it is a CSK."""
    timers: KeyTimers = NO_KEY_TIMERS
    is_adt: bool = False
    is_public_only: bool = False
    """There is no private key: it is published and never signs."""
    is_for_later: bool = False
    """It waits to be used instead of a new key."""
    keystore: str = ""
    """Id of its keystore; empty: the one that is built in."""
    is_sep: bool | None = None
    """Whether its DNSKEY record has the SEP flag; None: as it should, when it is a KSK."""


class ZoneKasp(NamedTuple):
    """What is remembered of the signing of one zone."""

    salt: bytes = b""
    """Of NSEC3."""
    salt_created: int = 0
    signed_at: int = 0
    """As of when all of the zone was signed last: the keys sign what changes as their timers had it then. 0: it is not
    signed."""
    signed_by: bytes = b""
    """A digest of the keys and parameters it was signed with then."""
    signed_version: int = 0
    """The version of the contents (`StoredZone.version`) that were signed last; another one was not signed here."""
    expires: int = 0
    """No signature in the zone expires before."""
    max_ttl: int = 0
    """No record has had a larger TTL since all of the zone was signed last."""
    dnskey_ttl: int = 0
    """Of the DNSKEY records in the zone."""
    fading_ttl: int = 0
    """The largest TTL that records had before TTLs were lowered."""
    fades_at: int = 0
    """Until when caches may have records with it."""
    signed_serial: int | None = None
    """The serial that signing gave the zone last."""
    master_serial: int | None = None
    """The serial of the primary that the signed contents of a secondary zone are made from."""
    ds_push_due: int = 0
    """When the parent is to be told of the DS records; 0: it knows them."""


NO_KASP = ZoneKasp()
