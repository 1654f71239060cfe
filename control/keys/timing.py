# SPDX-License-Identifier: Apache-2.0
"""How long the steps of a rollover have to wait: for secondaries to follow and for caches to forget (RFC 7583)."""

from hashlib import sha256
from typing import NamedTuple

from control.conf.policy import PolicyConf


class ZoneTiming(NamedTuple):
    """What the waiting times of a zone depend on beside its policy. Seconds.

    When a TTL was lowered, caches still have what went out with the larger one: give that until it has passed.
    """

    zone_max_ttl_s: int
    """The largest TTL of the zone's records."""
    dnskey_ttl_s: int
    """The TTL of its DNSKEY RRset."""
    jitter_s: int = 0
    """What is taken from `zsk-lifetime` (see `spread_s`)."""
    signed_at: int = 0
    """Unix time as of which the zone's contents were signed last (`ZoneKasp.signed_at`): what the keys' timers have
    later is not in the zone yet. 0: not known, the timers are believed."""


class Waits(NamedTuple):
    """How long each step waits after the one before. Seconds."""

    signatures_known: int
    """From the first signatures of another algorithm until its DNSKEY records may appear (RFC 6781, section 4.1.4)."""
    keys_known: int
    """From the publication of a DNSKEY until everybody knows it, and as well from its withdrawal until nobody does."""
    signatures_gone: int
    """From the last signature of a key until nobody needs its DNSKEY record."""


def waits_of(policy: PolicyConf, timing: ZoneTiming) -> Waits:
    """Return the waiting times of a zone."""
    for_data = policy.propagation_delay_s + timing.zone_max_ttl_s
    for_keys = policy.propagation_delay_s + timing.dnskey_ttl_s
    return Waits(signatures_known=for_data, keys_known=for_keys, signatures_gone=for_data)


def steady_now(now: int, timing: ZoneTiming) -> int:
    """Return the time that counts for keys: `now`, and never before the time the zone was signed as of.

    So a clock that was set back stops rollovers until it has caught up, and takes nothing from the zone.
    """
    return max(now, timing.signed_at)


def spread_s(apex: bytes, policy: PolicyConf, whole_s: int) -> int:
    """Return the jitter of the zone `apex` (wire form) in seconds: the same every time, from 0 to `dnssec-jitter`.

    `whole_s` is the time that it is to change, which a percentage refers to.
    """
    most = policy.jitter_s or whole_s * policy.jitter_percent // 100
    return int.from_bytes(sha256(apex.lower()).digest()[:8], "big") % (most + 1)
