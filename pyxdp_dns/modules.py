# SPDX-License-Identifier: Apache-2.0
"""Settings of what is done around answering: statistics, DNS cookies, response rate limiting (csrc/modules.h)."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from pyxdp_dns.native import ffi, lib

EXEMPT_MAX = 256
SECRET_BYTES = 16


def _families() -> tuple[str, ...]:
    names: list[str] = []
    while (name := lib.xd_stats_family_name(len(names))) != ffi.NULL:
        names.append(ffi.string(name).decode().replace("_", "-"))
    return tuple(names)


FAMILIES: tuple[str, ...] = _families()
"""Names of the counter families, the bit of each being its position."""

MODULE_FAMILIES = ("cookies", "rrl")
"""Families that are no items of mod-stats: they come with their modules."""


class StatsConf(NamedTuple):
    """Which families are counted, as bits."""

    families: int = 0

    @classmethod
    def of(cls, names: Iterable[str]) -> "StatsConf":
        """Return the set of these families of mod-stats; ValueError names one that there is not."""
        families = 0
        for name in names:
            if name not in FAMILIES or name in MODULE_FAMILIES:
                raise ValueError(f"mod-stats.{name}: no such counters; known: {', '.join(FAMILIES)}")
            families |= 1 << FAMILIES.index(name)
        return cls(families)


NO_STATS = StatsConf()

DEFAULT_FAMILIES = ("request-protocol", "server-operation", "request-bytes", "response-bytes", "response-code")
"""What mod-stats counts when nothing is said."""


class CookiesConf(NamedTuple):
    """DNS cookies: the first secret signs, each verifies."""

    secrets: tuple[bytes, ...]
    badcookie_slip: int = 1


class RrlConf(NamedTuple):
    """Response rate limiting, per thread: `exempt` has first and last address of each range, 4 or 16 octets."""

    rate_limit: int = 50
    instant_limit: int = 125
    slip: int = 1
    table_size: int = 524288
    log_period_ms: int = 30000
    dry_run: bool = False
    exempt: tuple[tuple[bytes, bytes], ...] = ()


def fill_cookies(out: Any, conf: CookiesConf | None) -> None:
    """Write the settings into a C xd_cookie_conf; ValueError when a secret has a wrong length or there are too many."""
    if conf is None:
        return
    if not 1 <= len(conf.secrets) <= 2 or any(len(secret) != SECRET_BYTES for secret in conf.secrets):
        raise ValueError(f"mod-cookies.secret takes one or two secrets of {SECRET_BYTES} octets each")
    out.badcookie_slip = conf.badcookie_slip
    out.secret_count = len(conf.secrets)
    for i, secret in enumerate(conf.secrets):
        ffi.memmove(out.secrets[i], secret, SECRET_BYTES)


def _number(address: bytes) -> int:
    return int.from_bytes(address, "big") | (0xFFFF << 32 if len(address) == 4 else 0)


def merge_ranges(ranges: Iterable[tuple[bytes, bytes]]) -> list[tuple[int, int]]:
    """Return ranges of addresses as numbers of 128 bits (IPv4 mapped), ascending and apart from each other."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted((_number(first), _number(last)) for first, last in ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def fill_rrl(out: Any, conf: RrlConf | None) -> None:
    """Write the settings into a C xd_rrl_conf; ValueError when there are too many exempt ranges."""
    if conf is None:
        return
    ranges = merge_ranges(conf.exempt)
    if len(ranges) > EXEMPT_MAX:
        raise ValueError(f"mod-rrl.whitelist has {len(ranges)} separate ranges, more than {EXEMPT_MAX}: join some")
    out.rate_limit = conf.rate_limit
    out.instant_limit = conf.instant_limit
    out.slip = conf.slip
    out.table_size = conf.table_size
    out.log_period_ms = conf.log_period_ms
    out.is_dry_run = conf.dry_run
    out.exempt_count = len(ranges)
    for i, (first, last) in enumerate(ranges):
        ffi.memmove(out.exempt[i].first, first.to_bytes(16, "big"), 16)
        ffi.memmove(out.exempt[i].last, last.to_bytes(16, "big"), 16)
