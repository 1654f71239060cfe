# SPDX-License-Identifier: Apache-2.0
"""Modules as configured: families of counters, limits, and how long secrets of DNS cookies live."""

import itertools

from control.conf.modules import CookiesConf, StatsModuleConf
from control.server.modules import CookieSecrets, families_of
from pyxdp_dns.modules import DEFAULT_FAMILIES, StatsConf

CONF = CookiesConf(secret_lifetime_s=100, badcookie_slip=1, secrets=())


def numbered() -> CookieSecrets:
    """Return secrets that are numbers in turn."""
    numbers = itertools.count(1)
    return CookieSecrets(lambda size: bytes((next(numbers),)) * size)


def test_default_families() -> None:
    """A mod-stats without settings counts what Knot's counts."""
    assert families_of([StatsModuleConf()]) == StatsConf.of(DEFAULT_FAMILIES).families


def test_families_of_several_modules() -> None:
    """Several blocks count what any of them counts; other modules count nothing."""
    one = StatsModuleConf(*([False] * 13))
    both = families_of([one._replace(query_type=True), CONF, one._replace(reply_size=True)])
    assert both == StatsConf.of(("query-type", "reply-size")).families


def test_secrets_roll() -> None:
    """A secret signs for its lifetime and verifies for another one."""
    secrets = numbered()
    first, second, third = (bytes((n,)) * 16 for n in (1, 2, 3))
    assert secrets.at(CONF, 0) == (first,)
    assert secrets.at(CONF, 99) == (first,)
    assert secrets.due == 100
    assert secrets.at(CONF, 100) == (second, first)
    assert secrets.at(CONF, 250) == (third, second)


def test_shorter_lifetime_counts_at_once() -> None:
    """A lifetime that is made shorter ends the secret in force sooner."""
    secrets = numbered()
    secrets.at(CONF, 0)
    secrets.at(CONF._replace(secret_lifetime_s=10), 50)
    assert secrets.due == 60


def test_fixed_secrets_stay() -> None:
    """Configured secrets never roll, and without the module there are none."""
    secrets = numbered()
    fixed = CONF._replace(secrets=(b"a" * 16, b"b" * 16))
    assert secrets.at(fixed, 0) == secrets.at(fixed, 1e9) == fixed.secrets
    assert secrets.due is None
    assert secrets.at(None, 0) == ()
