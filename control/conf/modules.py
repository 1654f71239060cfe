# SPDX-License-Identifier: Apache-2.0
"""The settings of modules, defaults filled in. Imported when a zone or the server has a module."""

import socket
from typing import NamedTuple

from control.conf.document import NOTHING, Values
from control.conf.zones import Blocks


class AddressRange(NamedTuple):
    """Addresses `first` to `last`, both inclusive, 4 or 16 octets in network order."""

    first: bytes
    last: bytes


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
    whitelist: tuple[AddressRange, ...]
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


def address_range(text: str) -> AddressRange:
    """Return the addresses that a value of the type `AddressRange` means."""
    first, dash, last = text.partition("-")
    host, _, length = first.partition("/")
    octets = socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    if dash:
        return AddressRange(octets, socket.inet_pton(socket.AF_INET6 if ":" in last else socket.AF_INET, last))
    size = len(octets)
    mask = (1 << (8 * size - int(length or 8 * size))) - 1
    number = int.from_bytes(octets, "big")
    return AddressRange((number & ~mask).to_bytes(size, "big"), (number | mask).to_bytes(size, "big"))


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
        whitelist=tuple(address_range(text) for text in get("whitelist", ())),
        log_period_ms=get("log-period", 30000),
        dry_run=get("dry-run", False),
    )
