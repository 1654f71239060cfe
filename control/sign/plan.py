# SPDX-License-Identifier: Apache-2.0
"""When signatures are made, how long they are valid, and when they are renewed. Pure: values in, values out.

L is `rrsig-lifetime`, R `rrsig-refresh` with the zone's jitter, P `rrsig-pre-refresh`: a signature is made for L, and
renewed when less than R is left of it, together with all that have less than R + P.
"""

from typing import NamedTuple

from control.conf.policy import PolicyConf
from control.keys.timing import spread_s
from control.store.kasp import ZoneKasp

BACKDATED_S = 5400
"""How long before now signatures are valid, for validators whose clocks are slow."""


class Lifetimes(NamedTuple):
    """How signatures of a zone live. Seconds."""

    lifetime_s: int
    refresh_s: int
    pre_refresh_s: int

    def expiration(self, now: int) -> int:
        """Return until when a signature made now is valid."""
        return now + self.lifetime_s

    def keep_until(self, now: int) -> int:
        """Return the time after which signatures have to expire that are not renewed now."""
        return now + self.refresh_s + self.pre_refresh_s

    def refresh_at(self, expires: int) -> int:
        """Return when signatures are to be renewed of which the first expires at a time."""
        return expires - self.refresh_s


def lifetimes(policy: PolicyConf, apex: bytes, max_ttl_s: int) -> Lifetimes:
    """Return how signatures of a zone live whose records have no larger TTL than `max_ttl_s`."""
    lifetime = policy.rrsig_lifetime_s
    ttl = max_ttl_s if policy.zone_max_ttl_s is None else policy.zone_max_ttl_s
    refresh = policy.rrsig_refresh_s
    if refresh is None:
        refresh = min(
            lifetime // 10 + policy.propagation_delay_s + ttl, max(1, lifetime - policy.rrsig_pre_refresh_s - 1)
        )
    refresh += spread_s(apex, policy, refresh)
    return Lifetimes(lifetime, min(refresh, lifetime - 1), policy.rrsig_pre_refresh_s)


def salt_due(policy: PolicyConf, kasp: ZoneKasp) -> int | None:
    """Return when the zone gets another salt; None: never, or with the zone-signing key."""
    has_salt = policy.nsec3 and policy.nsec3_salt_length > 0 and policy.nsec3_salt_lifetime_s > 0
    return kasp.salt_created + policy.nsec3_salt_lifetime_s if has_salt else None


def faded(kasp: ZoneKasp, ttl: int, now: int) -> ZoneKasp:
    """Return what is remembered when records with a TTL are replaced by such with lower ones: caches may have them."""
    still = kasp.fading_ttl if now < kasp.fades_at else 0
    return kasp._replace(fading_ttl=max(ttl, still), fades_at=max(now + ttl, kasp.fades_at))
