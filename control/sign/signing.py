# SPDX-License-Identifier: Apache-2.0
"""What signing a version of a zone takes: keys, the records about them, times, and what was remembered before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from control.keys.apex import ApexSets
from control.keys.events import Event
from control.store.environment import Transaction
from control.store.kasp import Key, ZoneKasp

if TYPE_CHECKING:
    from pyxdp_dns.signing import KeyRing, Nsec3, Validity

SOA, DNSKEY, NSEC3PARAM, CDS, CDNSKEY = 6, 48, 51, 59, 60
MADE_HERE = frozenset((46, 47, 50, 51))
"""RRSIG, NSEC, NSEC3 and NSEC3PARAM: what others say of them in a zone that is signed here is left out."""
OF_KEYS = frozenset((DNSKEY, CDS, CDNSKEY))


class KeyRecords(NamedTuple):
    """The changes of a zone's keys that go with a version of the zone."""

    read: Sequence[Key] = ()
    """The keys as they were read: with others in the meantime the change is refused."""
    written: Sequence[Key] = ()
    removed: Sequence[Key] = ()
    """Keys that the zone has no more."""
    shared: Sequence[Key] = ()
    """New keys that other zones of the policy are to take instead of making their own."""
    made: Sequence[Key] = ()
    """Keys whose private halves were made for this zone alone, and are of no use if it comes to nothing."""
    policy_id: str = ""
    events: Sequence[Event] = ()
    """What is to be told of them."""
    discard_at: int = 0
    """Until when the private halves of removed keys are kept (Unix seconds)."""


NO_KEY_RECORDS = KeyRecords()


@dataclass(frozen=True, slots=True)
class Signing:
    """How a zone is signed."""

    ring: "KeyRing"
    sets: ApexSets
    """The records about its keys that the zone is to have."""
    own: frozenset[bytes]
    """Data of all DNSKEY, CDNSKEY and CDS records that its keys may have; with `is_incremental` others stay."""
    is_incremental: bool
    dnskey_ttl_s: int | None
    """None: the TTL of the SOA."""
    validity: "Validity"
    as_of: int
    """When the keys were in the states in which they sign (Unix seconds)."""
    nsec3: "Nsec3 | None"
    threads: int
    unsafe: frozenset[str]
    digest: bytes
    """Of keys and parameters: what was signed by the same ones need not be signed anew."""
    kasp: ZoneKasp
    """What is remembered of the signing before."""
    is_current: bool
    """The contents are those that were signed then."""
    keys: KeyRecords = NO_KEY_RECORDS

    @property
    def fits(self) -> bool:
        """Whether the zone was signed with the same keys and parameters, so that only what changes has to be signed."""
        return self.is_current and self.kasp.signed_by == self.digest

    def skipped_types(self) -> frozenset[int]:
        """Return the types that are not taken from others."""
        return MADE_HERE if self.is_incremental or "no-update-dnskey" in self.unsafe else MADE_HERE | OF_KEYS


class Signed(NamedTuple):
    """What signing did."""

    is_whole: bool
    """All of the zone was looked at, so `expires` and `max_ttl` are of all of it, else of what was signed."""
    new_signatures: int
    expires: int
    """No signature expires before; 0: there is none."""
    max_ttl: int
    events: Sequence[Event] = ()
    """What is to be told of the zone's keys."""


NOT_SIGNED = Signed(False, 0, 0, 0)
"""Nothing had to be signed."""


def both(first: Signed, then: Signed) -> Signed:
    """Return what two steps of signing one version of a zone did."""
    ends = [end for end in (first.expires, then.expires) if end]
    return Signed(
        first.is_whole or then.is_whole,
        first.new_signatures + then.new_signatures,
        min(ends, default=0),
        max(first.max_ttl, then.max_ttl),
        (*first.events, *then.events),
    )


SigningOf = Callable[[Transaction, bytes], Signing | None]
"""Tells how a zone (wire name in lower case) is to be signed; None: it is not signed here. Raises SigningRefused."""


def unsigned(_txn: Transaction, _zone: bytes) -> None:
    """Say of every zone that it is not signed here."""
