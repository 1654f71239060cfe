# SPDX-License-Identifier: Apache-2.0
"""The settings of modules, defaults filled in. Imported when a zone or the server has a module."""

from typing import NamedTuple

from control.conf.document import NOTHING, Values
from control.conf.peers import AddressSpan
from control.conf.replication import Blocks, address_span


class CookiesConf(NamedTuple):
    """mod-cookies. Without `secrets` they are generated and live for `secret_lifetime_s`."""

    secret_lifetime_s: int
    badcookie_slip: int
    secrets: tuple[bytes, ...]


class RrlConf(NamedTuple):
    """mod-rrl. Rates are replies per second to one source; a rate of 0 is no limit."""

    rate_limit: int
    instant_limit: int
    slip: int
    table_size: int
    whitelist: tuple[AddressSpan, ...]
    log_period_ms: int
    dry_run: bool


class StatsModuleConf(NamedTuple):
    """mod-stats: which families of counters are told."""

    request_protocol: bool = True
    server_operation: bool = True
    request_bytes: bool = True
    response_bytes: bool = True
    response_code: bool = True
    edns_presence: bool = False
    flag_presence: bool = False
    request_edns_option: bool = False
    response_edns_option: bool = False
    reply_nodata: bool = False
    query_type: bool = False
    query_size: bool = False
    reply_size: bool = False


ModuleConf = CookiesConf | RrlConf | StatsModuleConf


def module_conf(blocks: Blocks, reference: str) -> ModuleConf:
    """Return the settings `mod-NAME` or `mod-NAME/ID` stands for; the block has been checked to be there."""
    name, slash, block_id = reference.partition("/")
    block = blocks.get(name, block_id) if slash else None
    values = NOTHING if block is None else block.values
    if name == "mod-cookies":
        return _cookies(values)
    if name == "mod-rrl":
        return _rrl(values)
    fields = {key.replace("-", "_"): value for key, value in values.items() if key != "comment"}
    return StatsModuleConf(**fields)


def _cookies(values: Values) -> CookiesConf:
    get = values.get
    return CookiesConf(get("secret-lifetime", 26 * 3600), get("badcookie-slip", 1), tuple(get("secret", ())))


def _rrl(values: Values) -> RrlConf:
    get = values.get
    return RrlConf(
        rate_limit=get("rate-limit", 50),
        instant_limit=get("instant-limit", 125),
        slip=get("slip", 1),
        table_size=get("table-size", 524288),
        whitelist=tuple(map(address_span, get("whitelist", ()))),
        log_period_ms=get("log-period", 30000),
        dry_run=get("dry-run", False),
    )
