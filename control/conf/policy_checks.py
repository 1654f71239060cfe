# SPDX-License-Identifier: Apache-2.0
"""Semantic checks of signing policies: times and key sizes that fit together."""

from collections.abc import Iterator

from control.conf.algorithms import BY_NAME, DEFAULT_ALGORITHM
from control.conf.document import Values
from control.conf.policy import DAY
from control.conf.replication import Blocks


def check_policy(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    """Yield the reasons for which a policy is refused."""
    yield from _sizes(values)
    yield from _signatures(values)
    yield from _lifetimes(values)
    if any(values.get("ds-push", ())) and values.get("cds-cdnskey-publish") == "none":
        yield "DS push requires enabled CDS/CDNSKEY publication"


def _sizes(values: Values) -> Iterator[str]:
    bits = BY_NAME[values.get("algorithm", DEFAULT_ALGORITHM)].bits
    for item, name in (("ksk-size", "KSK"), ("zsk-size", "ZSK")):
        if item in values and values[item] not in bits:
            yield f"{name} key size not compatible with the algorithm"


def _signatures(values: Values) -> Iterator[str]:
    lifetime = values.get("rrsig-lifetime", 14 * DAY)
    max_ttl = values.get("zone-max-ttl", values.get("dnskey-ttl", 0))
    refresh = values.get("rrsig-refresh", lifetime // 10 + values.get("propagation-delay", 3600) + max_ttl)
    jitter = values.get("dnssec-jitter", "0")
    spread = refresh * int(jitter[:-1]) // 100 if jitter.endswith("%") else int(jitter)
    if refresh + values.get("rrsig-pre-refresh", lifetime // 200) + spread >= lifetime and "rrsig-refresh" in values:
        yield "RRSIG refresh + pre-refresh higher than RRSIG lifetime"


def _lifetimes(values: Values) -> Iterator[str]:
    lifetime = values.get("zsk-lifetime", 30 * DAY)
    dnskey_ttl = values.get("dnskey-ttl", 1)
    least = 2 * values.get("propagation-delay", 3600) + dnskey_ttl + values.get("zone-max-ttl", dnskey_ttl)
    if 0 < lifetime < least:
        yield "ZSK lifetime too low according to propagation delay, DNSKEY TTL, and maximum zone TTL"
