# SPDX-License-Identifier: Apache-2.0
"""Semantic checks of one block: values that contradict each other or lack another.

Each check takes the values of a block and where other blocks are found, and yields its reasons; only values that were
set are looked at.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from control.conf.document import NOTHING, Block, Values
from control.conf.errors import NOT_SUPPORTED
from control.conf.item import Item
from control.conf.replication import Blocks, remote_ids
from control.conf.values import Endpoint
from control.conf.zones import DEFAULT_TEMPLATE, NO_SETTINGS

CONTROL_SOCKETS_MAX = 4
LISTED_MAX = 4
"""Most certificate keys or host names of one remote."""

INTERVALS = {
    "refresh-max-interval": ("refresh-min-interval", 2),
    "retry-max-interval": ("retry-min-interval", 1),
    "expire-max-interval": ("expire-min-interval", 3),
}
"""Items for the greatest interval, with those for the least and what is built in for these."""

Check = Callable[[str, Values, Blocks], Iterator[str]]
"""Identifier (empty in a single section), values, other blocks."""


def _server(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    endpoints = values.get("listen", ())
    over_tls = values.get("listen-tls", ())
    for endpoint in over_tls:
        if endpoint in endpoints:
            yield f"listen-tls address {endpoint} is in listen as well"
    problem = _listen_conflict((*endpoints, *over_tls))
    if problem:
        yield problem


def _listen_conflict(endpoints: Iterable[Endpoint]) -> str | None:
    """A wildcard address beside another address of its family and port cannot be bound over TCP."""
    for endpoint in endpoints:
        if endpoint.address not in ("0.0.0.0", "::"):
            continue
        for other in endpoints:
            same_family = (":" in other.address) == (":" in endpoint.address)
            if other != endpoint and other.port == endpoint.port and same_family:
                return f"listen address {other} is covered by {endpoint}"
    return None


def _control(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    if len(values.get("listen", ())) > CONTROL_SOCKETS_MAX:
        yield "too many control sockets configured"


def _needs(item: str, reason: str) -> Check:
    def check(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
        if not values.get(item):
            yield reason

    return check


def _remote(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    if not values.get("address"):
        yield "no remote address defined"
    for item in ("cert-key", "cert-hostname"):
        if len(values.get(item, ())) > LISTED_MAX:
            yield f"too many values of '{item}'"


def _acl(_id: str, values: Values, blocks: Blocks) -> Iterator[str]:
    if "remote" not in values:
        return
    if not values.keys().isdisjoint(("address", "key", "protocol", "cert-key", "cert-hostname")):
        yield "specified ACL/remote together with address, key, protocol, cert-key, or cert-hostname"
    for name in remote_ids(blocks, values["remote"]):
        remote = blocks.get("remote", name)
        if remote is not None and not remote.values.keys().isdisjoint(("cert-key", "cert-hostname")):
            yield f"cert-key and cert-hostname of remote '{name}' in an ACL: {NOT_SUPPORTED}, name addresses and keys"


def _cookies(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    if len(values.get("secret", ())) > 2:
        yield "too many cookie secrets configured"


def _noudp(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    if "udp-allow-rate" in values and "udp-truncate-rate" in values:
        yield "udp-allow-rate and udp-truncate-rate cannot be specified together"


def _synthrecord(_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    if "type" not in values:
        yield "no synthesis type specified"
    elif values["type"] == "reverse" and "origin" not in values:
        yield "no origin specified"
    elif values["type"] == "forward" and "origin" in values:
        yield "origin not allowed with forward type"
    if not values.get("network"):
        yield "no network subnet specified"


def _template(block_id: str, values: Values, _blocks: Blocks) -> Iterator[str]:
    if "global-module" in values and block_id != DEFAULT_TEMPLATE:
        yield "global module in non-default template"


def zone_values(values: Values, blocks: Blocks) -> Values:
    """The values of a zone over those of its template."""
    block = blocks.get("template", values.get("template") or DEFAULT_TEMPLATE)
    base = NOTHING if block is None else block.values
    return {**base, **values} if values and base else values or base


def _zone(_id: str, values: Values, blocks: Blocks) -> Iterator[str]:
    merged = zone_values(values, blocks)
    yield from _zone_loading(merged)
    if not INTERVALS.keys().isdisjoint(merged):
        yield from _zone_intervals(merged)
    yield from _zone_signing(merged, blocks)
    yield from _zone_catalog(merged, blocks)


def _zone_loading(values: Values) -> Iterator[str]:
    get = values.get
    load = get("zonefile-load", "whole")
    if load == "difference-no-serial" and get("journal-content", "changes") != "all":
        yield "'zonefile-load: difference-no-serial' requires 'journal-content: all'"
    if "serial-modulo" in values:
        if not get("dnssec-signing"):
            yield "'serial-modulo' is only possible with `dnssec-signing`"
        if load not in ("none", "difference-no-serial"):
            yield "'serial-modulo' requires 'zonefile-load' either 'none' or 'difference-no-serial'"


def _zone_intervals(values: Values) -> Iterator[str]:
    for greatest, (least, built_in) in INTERVALS.items():
        if greatest in values and values.get(least, built_in) > values[greatest]:
            yield f"'{least}' is higher than '{greatest}'"


def _zone_signing(values: Values, blocks: Blocks) -> Iterator[str]:
    get = values.get
    if get("dnssec-signing") and get("dnssec-validation"):
        yield "'dnssec-validation' is not compatible with 'dnssec-signing'"
    if get("ddns-master") == "" and not get("dnssec-signing"):
        yield "empty 'ddns-master' requires 'dnssec-signing' enabled"
    policy = blocks.get("policy", get("dnssec-policy", ""))
    publish = "rollover" if policy is None else policy.values.get("cds-cdnskey-publish")
    if any(get("ds-push", ())) and publish == "none":
        yield "DS push requires enabled CDS/CDNSKEY publication"


def _zone_catalog(values: Values, blocks: Blocks) -> Iterator[str]:
    role = values.get("catalog-role", "none")
    if role == "interpret" and not values.get("catalog-template"):
        yield "'catalog-template' required with catalog role"
    if role == "member" and not values.get("catalog-zone"):
        yield "'catalog-zone' required with catalog role"
    if role != "member" and values.get("catalog-zone"):
        yield "'catalog-zone' not compatible with catalog role"
    if role != "interpret" and values.get("catalog-template"):
        yield "'catalog-template' not compatible with catalog role"
    for name in values.get("catalog-template", ()):
        template = blocks.get("template", name)
        member = NOTHING if template is None else template.values
        if member.get("catalog-role") in ("interpret", "generate"):
            yield "catalog role interpret in a catalog template"


def _policy(block_id: str, values: Values, blocks: Blocks) -> Iterator[str]:
    from control.conf.policy_checks import check_policy

    return check_policy(block_id, values, blocks)


CHECKS: dict[str, Check] = {
    "server": _server,
    "control": _control,
    "key": _needs("secret", "no key secret defined"),
    "remote": _remote,
    "remotes": _needs("remote", "no remote defined"),
    "acl": _acl,
    "policy": _policy,
    "template": _template,
    "zone": _zone,
    "mod-cookies": _cookies,
    "mod-dnsproxy": _needs("remote", "no remote server specified"),
    "mod-dnstap": _needs("sink", "no sink specified"),
    "mod-geoip": _needs("config-file", "no configuration file specified"),
    "mod-noudp": _noudp,
    "mod-synthrecord": _synthrecord,
}


def check_block(block: Block, blocks: Blocks) -> Iterator[str]:
    """Yield the reasons for which a block as a whole is refused."""
    check = CHECKS.get(block.section)
    if check is not None:
        yield from check(block.id or "", block.values, blocks)


def broken_reference(blocks: Blocks, block: Block, items: Mapping[str, Item]) -> tuple[str, str] | None:
    """Return item and value of a block that refer to one that is not there; None when there is none."""
    for name, value in block.values.items():
        item = items.get(name)
        if item is not None and item.type.refers:
            for one in value if item.multi else (value,):
                targets = item.type.targets(one)
                if targets and not any(blocks.get(*target) for target in targets):
                    return name, item.type.text(one)
    return None


class ZoneChecks:
    """Checks zones; those that set nothing but template and file names are checked once per template."""

    def __init__(self, blocks: Blocks) -> None:
        self.blocks = blocks
        self.known: dict[str, tuple[str, ...]] = {}

    def check(self, block: Block) -> Iterable[str]:
        """Return the reasons for which a zone is refused."""
        values = block.values
        if not NO_SETTINGS.issuperset(values):
            return _zone("", values, self.blocks)
        name = values.get("template") or DEFAULT_TEMPLATE
        if name not in self.known:
            shown: Mapping[str, Any] = {"template": values["template"]} if "template" in values else NOTHING
            self.known[name] = tuple(_zone("", shown, self.blocks))
        return self.known[name]
