# SPDX-License-Identifier: Apache-2.0
"""Modules as configured into what the engine's threads are told of them; the secrets of DNS cookies."""

import os
from collections.abc import Callable, Iterable
from typing import NamedTuple

from control.conf.model import Config
from control.conf.modules import CookiesConf, ModuleConf, RrlConf, StatsModuleConf
from pyxdp_dns import modules as engine

Random = Callable[[int], bytes]


class ModuleSettings(NamedTuple):
    """What the table's server information says of modules."""

    stats: engine.StatsConf = engine.NO_STATS
    zone_stats: bool = False
    cookies: engine.CookiesConf | None = None
    rrl: engine.RrlConf | None = None


def families_of(confs: Iterable[ModuleConf]) -> int:
    """Return the families of counters that these modules count, as bits."""
    names = {
        field.replace("_", "-")
        for conf in confs
        if isinstance(conf, StatsModuleConf)
        for field, is_on in conf._asdict().items()
        if is_on
    }
    return engine.StatsConf.of(sorted(names)).families


def zone_families(config: Config, modules: Iterable[str]) -> int:
    """Return the families of counters that a zone with these module references has for itself."""
    return families_of(config.modules[reference] for reference in modules)


def _rrl(conf: RrlConf) -> engine.RrlConf | None:
    if not conf.rate_limit:
        return None
    return engine.RrlConf(
        rate_limit=conf.rate_limit,
        instant_limit=conf.instant_limit,
        slip=conf.slip,
        table_size=conf.table_size,
        log_period_ms=conf.log_period_ms,
        dry_run=conf.dry_run,
        exempt=tuple((one.first, one.last) for one in conf.whitelist),
    )


class CookieSecrets:
    """The secrets in force. Generated ones are replaced when their time is over; the one before goes on verifying."""

    def __init__(self, random: Random = os.urandom) -> None:
        self._random = random
        self._conf: CookiesConf | None = None
        self._secrets: tuple[bytes, ...] = ()
        self.due: float | None = None
        """When the next secret is to be made; None: never."""

    def at(self, conf: CookiesConf | None, now: float) -> tuple[bytes, ...]:
        """Return the secrets for these settings at this time, signing one first; none without settings."""
        if conf is None or conf.secrets:
            self._secrets, self.due = (), None
            self._conf = conf
            return conf.secrets if conf else ()
        if self._conf is not None and self._conf.secret_lifetime_s != conf.secret_lifetime_s and self.due is not None:
            self.due = min(self.due, now + conf.secret_lifetime_s)
        self._conf = conf
        if self.due is None or now >= self.due:
            self._secrets = (self._random(engine.SECRET_BYTES), *self._secrets[:1])
            self.due = now + conf.secret_lifetime_s
        return self._secrets


class ServerModules:
    """The global modules of the configuration in force."""

    def __init__(self, random: Random = os.urandom) -> None:
        self.secrets = CookieSecrets(random)

    def settings(self, config: Config, now: float) -> ModuleSettings:
        """Return what the engine is to be told at this time; again at the latest when `secrets.due` has come."""
        confs = [config.modules[reference] for reference in config.global_modules]
        cookies = next((conf for conf in confs if isinstance(conf, CookiesConf)), None)
        rrl = next((conf for conf in confs if isinstance(conf, RrlConf)), None)
        secrets = self.secrets.at(cookies, now)
        return ModuleSettings(
            stats=engine.StatsConf(families_of(confs)),
            zone_stats=any(zone_families(config, zone.settings.modules) for zone in config.zones.values()),
            cookies=engine.CookiesConf(secrets, cookies.badcookie_slip) if cookies else None,
            rrl=_rrl(rrl) if rrl else None,
        )
