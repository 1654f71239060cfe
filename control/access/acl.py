# SPDX-License-Identifier: Apache-2.0
"""Access rules: who may ask a zone for what. Pure.

The first rule of a zone that matches decides; what remotes are allowed automatically comes before all rules. A rule
without keys never matches a signed request. Where nothing matches, the request is denied. Queries without a signature
are not subject to rules, except in catalog zones; to a query every rule applies, whatever its actions.
"""

import socket
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from control.conf.peers import AclConf, KeyConf, Matcher, PeerEndpoint, RemoteConf, ReplicationConf
from control.conf.values import name_to_wire, parse_name
from control.conf.zone import ZoneConf
from control.wire.name import name_text

CLOSED_ROLES = frozenset(("interpret", "generate"))
"""Zones with these catalog roles answer queries only where a rule allows it (RFC 9432, section 7)."""


class Record(Protocol):
    """What is asked of an updated record: the owner in wire form and lower case, and the type."""

    @property
    def owner(self) -> bytes: ...

    @property
    def rtype(self) -> int: ...


class Source(NamedTuple):
    """Where a request comes from: an address of 4 or 16 octets, udp, tcp or tls, and the key that signed it."""

    address: bytes
    protocol: str
    key: KeyConf | None = None
    port: int = 0

    def __str__(self) -> str:
        """The remote in log lines: `ADDRESS@PORT PROTOCOL`, and the key."""
        signed = "" if self.key is None else f", key {name_text(self.key.name)}"
        return f"{address_text(self.address)}@{self.port} {self.protocol.upper()}{signed}"


class Decision(NamedTuple):
    """`rule` is the id of the rule that decided, empty when none did."""

    allowed: bool
    rule: str = ""
    automatic: bool = False


def decide(zone: ZoneConf, action: str, source: Source, updates: Sequence[Record] = ()) -> Decision:
    """Decide about a request for a zone: `action` is query, notify, transfer or update.

    `updates` are the records of an update's update section.
    """
    replication = zone.replication
    if action == "query" and source.key is None and not is_closed(zone):
        return Decision(True)
    if replication.automatic_acl and _is_automatic(replication, action, source):
        return Decision(True, automatic=True)
    for rule in replication.acl:
        if _matches(rule, action, source) and (action != "update" or _covers(rule, zone, source, updates)):
            return Decision(not rule.deny, rule.id)
    return Decision(False)


def is_closed(zone: ZoneConf) -> bool:
    """Whether queries without a signature need a rule that allows them."""
    return zone.catalog.role in CLOSED_ROLES


def address_text(address: bytes) -> str:
    """Return an address as text; nothing for none."""
    if not address:
        return ""
    return socket.inet_ntop(socket.AF_INET if len(address) == 4 else socket.AF_INET6, address)


def _is_automatic(replication: ReplicationConf, action: str, source: Source) -> bool:
    """Whether a remote the zone has to do with asks for what it is there for."""
    remotes: tuple[RemoteConf, ...] = ()
    if action in ("notify", "query"):
        remotes += replication.masters
    if action in ("transfer", "query"):
        remotes += replication.notify
    return any(
        remote.automatic_acl and remote.key == source.key and source.address in _packed(remote.addresses)
        for remote in remotes
    )


@lru_cache(1024)
def _packed(addresses: tuple[PeerEndpoint, ...]) -> frozenset[bytes]:
    """Return the octets of a remote's addresses; Unix sockets are none."""
    found = set()
    for endpoint in addresses:
        for family in (socket.AF_INET, socket.AF_INET6):
            try:
                found.add(socket.inet_pton(family, endpoint.address))
            except OSError:
                continue
    return frozenset(found)


def _matches(rule: AclConf, action: str, source: Source) -> bool:
    if action != "query" and action not in rule.actions and (rule.actions or not rule.deny):
        return False
    if rule.protocols and source.protocol not in rule.protocols:
        return False
    return any(_is_meant(matcher, source) for matcher in rule.matchers)


def _is_meant(matcher: Matcher, source: Source) -> bool:
    if source.key is None:
        if matcher.keys:
            return False
    elif source.key not in matcher.keys:
        return False
    address = source.address
    for span in matcher.spans:
        if len(span.first) == len(address) and span.first <= address <= span.last:
            return True
    return not matcher.spans


def _covers(rule: AclConf, zone: ZoneConf, source: Source, updates: Sequence[Record]) -> bool:
    """Whether a rule is about every record of an update; one about the key's name is never about an unsigned one."""
    if rule.update_types and any(record.rtype not in rule.update_types for record in updates):
        return False
    if not rule.update_owner:
        return True
    names = list(_owners(rule, zone, source))
    return all(any(_is_owner(record.owner, name, rule.update_owner_match) for name in names) for record in updates)


def _owners(rule: AclConf, zone: ZoneConf, source: Source) -> Iterable[bytes]:
    """The names that updated owners are compared with."""
    if rule.update_owner == "key":
        return () if source.key is None else (source.key.name,)
    apex = name_to_wire(zone.name)
    if rule.update_owner == "zone":
        return (apex,)
    return (_owner_name(text, apex) for text in rule.update_owner_names)


@lru_cache(4096)
def _owner_name(text: str, apex: bytes) -> bytes:
    """A configured name in wire form; without the final dot it is relative to the zone."""
    name = name_to_wire(parse_name(text))
    return name if text.endswith(".") else name[:-1] + apex


def _is_owner(owner: bytes, name: bytes, how: str) -> bool:
    if how == "equal":
        return owner == name
    if how == "pattern":
        return _fits(owner, name)
    return (owner == name and how == "sub-or-equal") or (owner != name and _is_below(owner, name))


def _is_below(owner: bytes, name: bytes) -> bool:
    at = 0
    while len(owner) - at > len(name):
        at += 1 + owner[at]
    return owner[at:] == name


def _fits(owner: bytes, pattern: bytes) -> bool:
    """Whether a name is a pattern's, label by label; `*` is any label."""
    at = pos = 0
    while owner[at] and pattern[pos]:
        label, wanted = owner[at : at + 1 + owner[at]], pattern[pos : pos + 1 + pattern[pos]]
        if wanted not in (label, b"\x01*"):
            return False
        at, pos = at + len(label), pos + len(wanted)
    return owner[at] == pattern[pos]


class AddressRule(NamedTuple):
    """What rules come to for unsigned queries from some addresses: `first` to `last`, none: any."""

    first: bytes
    last: bytes
    is_allowed: bool
    protocols: frozenset[str]
    """None: any."""


def query_rules(zone: ZoneConf) -> list[AddressRule]:
    """Return what decides about unsigned queries of a closed zone: the first that matches, none denies."""
    replication = zone.replication
    found = []
    if replication.automatic_acl:
        for remote in replication.masters + replication.notify:
            if remote.automatic_acl and remote.key is None:
                addresses = sorted(_packed(remote.addresses))
                found += [AddressRule(address, address, True, frozenset()) for address in addresses]
    for rule in replication.acl:
        for matcher in rule.matchers:
            if not matcher.keys:
                spans = [(span.first, span.last) for span in matcher.spans] or [(b"", b"")]
                found += [AddressRule(first, last, not rule.deny, rule.protocols) for first, last in spans]
    return found
