# SPDX-License-Identifier: Apache-2.0
"""Keys, remotes, rules and replication of zones out of their blocks; what is equal is one object."""

import socket
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from control.conf.document import NOTHING, Block, Values
from control.conf.peers import (
    NO_CATALOG,
    NO_REPLICATION,
    AclConf,
    AddressSpan,
    CatalogConf,
    IntervalLimits,
    KeyConf,
    Matcher,
    PeerEndpoint,
    RemoteConf,
    ReplicationConf,
)
from control.conf.values import name_to_wire

DNS_PORT = 53
TLS_PORT = 853
ALL_ACTIONS = frozenset(("query", "notify", "transfer", "update"))

REPLICATION_ITEMS = (
    "master",
    "ddns-master",
    "notify",
    "notify-delay",
    "update-delay",
    "acl",
    "master-pin-tolerance",
    "provide-ixfr",
    "ixfr-benevolent",
    "ixfr-by-one",
    "ixfr-from-axfr",
    "refresh-jitter",
    "refresh-min-interval",
    "refresh-max-interval",
    "retry-min-interval",
    "retry-max-interval",
    "expire-min-interval",
    "expire-max-interval",
)
"""Items of a zone that `ReplicationConf` is made of."""

CATALOG_ITEMS = ("catalog-role", "catalog-template", "catalog-zone", "catalog-group")
"""Items of a zone that `CatalogConf` is made of."""


class Blocks(Protocol):
    """Where blocks of list sections are found."""

    def get(self, section: str, block_id: str) -> Block | None: ...


def address_span(text: str) -> AddressSpan:
    """Return the addresses that a value of the type `AddressRange` means."""
    first, dash, last = text.partition("-")
    host, _, length = first.partition("/")
    octets = packed_address(host)
    if dash:
        return AddressSpan(octets, packed_address(last))
    size = len(octets)
    mask = (1 << (8 * size - int(length or 8 * size))) - 1
    number = int.from_bytes(octets, "big")
    return AddressSpan((number & ~mask).to_bytes(size, "big"), (number | mask).to_bytes(size, "big"))


def packed_address(text: str) -> bytes:
    """Return the 4 or 16 octets of a normalised address."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


def _decoded(texts: Iterable[str]) -> Iterator[bytes]:
    from binascii import a2b_base64

    return map(a2b_base64, texts)


def remote_ids(blocks: Blocks, names: Iterable[str]) -> Iterator[str]:
    """Yield the remotes that names of remotes and of groups stand for, in order; an empty name is none."""
    for name in filter(None, names):
        group = None if blocks.get("remote", name) is not None else blocks.get("remotes", name)
        if group is None:
            yield name
        else:
            yield from group.values.get("remote", ())


class Peers:
    """Makes keys, remotes and rules, each once, and the replication of zones; every block named has to be there."""

    def __init__(self, blocks: Blocks, *, automatic_acl: bool = False) -> None:
        """`automatic_acl`: permissions are derived from remotes."""
        self.blocks, self.automatic_acl = blocks, automatic_acl
        self._keys: dict[str, KeyConf] = {}
        self._remotes: dict[str, RemoteConf] = {}
        self._rules: dict[str, AclConf] = {}
        self._replication: dict[tuple[Any, ...], ReplicationConf] = {}
        self._catalogs: dict[tuple[Any, ...], CatalogConf] = {}
        self.plain = ReplicationConf(automatic_acl=True) if automatic_acl else NO_REPLICATION
        """Of zones that set nothing."""

    def _values(self, section: str, block_id: str) -> Values:
        block = self.blocks.get(section, block_id)
        return NOTHING if block is None else block.values

    def key(self, name: str) -> KeyConf:
        """Return the key of a name in text form."""
        found = self._keys.get(name)
        if found is None:
            found = self._keys[name] = make_key(name, self._values("key", name))
        return found

    def remote(self, block_id: str) -> RemoteConf:
        """Return one remote."""
        found = self._remotes.get(block_id)
        if found is None:
            values = self._values("remote", block_id)
            key = self.key(values["key"]) if "key" in values else None
            found = self._remotes[block_id] = make_remote(block_id, values, key)
        return found

    def remotes(self, names: Iterable[str]) -> tuple[RemoteConf, ...]:
        """Return the remotes that names of remotes and of groups stand for, in order, each once."""
        return tuple(map(self.remote, dict.fromkeys(remote_ids(self.blocks, names))))

    def rule(self, block_id: str) -> AclConf:
        """Return one rule."""
        found = self._rules.get(block_id)
        if found is None:
            values = self._values("acl", block_id)
            found = self._rules[block_id] = make_rule(block_id, values, self._matchers(values))
        return found

    def _matchers(self, values: Values) -> tuple[Matcher, ...]:
        if "remote" in values:
            return tuple(map(remote_matcher, self.remotes(values["remote"])))
        spans = tuple(map(address_span, values.get("address", ())))
        return (Matcher(spans, tuple(map(self.key, values.get("key", ())))),)

    def replication(self, values: Values) -> ReplicationConf:
        """Return the replication of a zone that has these values."""
        wanted = tuple(map(values.get, REPLICATION_ITEMS))
        found = self._replication.get(wanted)
        if found is None:
            found = self.plain if wanted.count(None) == len(wanted) else self._make_replication(values)
            self._replication[wanted] = found
        return found

    def _make_replication(self, values: Values) -> ReplicationConf:
        get = values.get
        forward, jitter = get("ddns-master"), get("refresh-jitter", "0")
        return ReplicationConf(
            masters=self.remotes(get("master", ())),
            ddns_master=self.remote(forward) if forward else None,
            ddns_local=forward == "",
            notify=self.remotes(get("notify", ())),
            notify_delay_s=get("notify-delay", 0),
            update_delay_s=get("update-delay", 0),
            acl=tuple(map(self.rule, get("acl", ()))),
            automatic_acl=self.automatic_acl,
            master_pin_tolerance_s=get("master-pin-tolerance", 0),
            provide_ixfr=get("provide-ixfr", True),
            ixfr_benevolent=get("ixfr-benevolent", False),
            ixfr_by_one=get("ixfr-by-one", False),
            ixfr_from_axfr=get("ixfr-from-axfr", False),
            refresh=IntervalLimits(get("refresh-min-interval", 2), get("refresh-max-interval")),
            retry=IntervalLimits(get("retry-min-interval", 1), get("retry-max-interval")),
            expire=IntervalLimits(get("expire-min-interval", 3), get("expire-max-interval")),
            refresh_jitter_s=0 if jitter.endswith("%") else int(jitter),
            refresh_jitter_percent=int(jitter[:-1]) if jitter.endswith("%") else 0,
        )

    def catalog(self, values: Values, interpreted_from: str = "") -> CatalogConf:
        """Return what a zone that has these values has to do with catalogs; `interpreted_from` names the catalog it is
        a member of without being configured."""
        wanted = (*map(values.get, CATALOG_ITEMS), interpreted_from)
        found = self._catalogs.get(wanted)
        if found is None:
            found = self._catalogs[wanted] = make_catalog(values, interpreted_from)
        return found


def make_key(name: str, values: Values) -> KeyConf:
    """Return a key of its block's values."""
    secret = b"".join(_decoded((values.get("secret", ""),)))
    return KeyConf(name_to_wire(name), values.get("algorithm", "hmac-sha256"), secret)


def make_remote(block_id: str, values: Values, key: KeyConf | None) -> RemoteConf:
    """Return a remote of its block's values; what is known of its certificate asks for TLS.

    Certificates of clients are not looked at: a remote that is known by its own has no permissions by being a remote.
    """
    get = values.get
    certified = bool(get("cert-key") or get("cert-hostname"))
    tls = certified or get("tls", False)
    port = TLS_PORT if tls else DNS_PORT
    return RemoteConf(
        block_id,
        tuple(PeerEndpoint(one.address, one.port or port) for one in get("address", ())),
        via=tuple(get("via", ())),
        key=key,
        tls=tls,
        cert_keys=tuple(_decoded(get("cert-key", ()))),
        cert_hostnames=tuple(get("cert-hostname", ())),
        block_notify_after_transfer=get("block-notify-after-transfer", False),
        no_edns=get("no-edns", False),
        automatic_acl=not certified and get("automatic-acl", True),
    )


def remote_matcher(remote: RemoteConf) -> Matcher:
    """Return what matches a remote as the source of a request: one of its addresses, and its key when it has one."""
    spans = tuple(address_span(one.address) for one in remote.addresses)
    return Matcher(spans, () if remote.key is None else (remote.key,))


def make_rule(block_id: str, values: Values, matchers: tuple[Matcher, ...]) -> AclConf:
    """Return a rule of its block's values; one that denies and names no action denies them all."""
    get = values.get
    actions = get("action", ALL_ACTIONS if get("deny") else ("query",))
    return AclConf(
        block_id,
        matchers,
        actions=frozenset(actions),
        protocols=frozenset(get("protocol", ())),
        deny=get("deny", False),
        update_types=_type_numbers(get("update-type", ())),
        update_owner=get("update-owner", ""),
        update_owner_match=get("update-owner-match", "sub-or-equal"),
        update_owner_names=tuple(get("update-owner-name", ())),
    )


def _type_numbers(words: Iterable[str]) -> frozenset[int]:
    if not words:
        return frozenset()
    from dns.rdatatype import from_text

    return frozenset(int(from_text(word)) for word in words)


def make_catalog(values: Values, interpreted_from: str) -> CatalogConf:
    """Return what merged values say about catalogs."""
    get = values.get
    found = CatalogConf(
        role=get("catalog-role", "none"),
        templates=tuple(get("catalog-template", ())),
        zone=get("catalog-zone", ""),
        group=get("catalog-group", ""),
        interpreted_from=interpreted_from,
    )
    return NO_CATALOG if found == NO_CATALOG else found
