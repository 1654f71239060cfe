# SPDX-License-Identifier: Apache-2.0
"""Other servers as the configuration has them: keys, remotes, permissions, and what a zone has to do with them.

Zones with the same values share one object: there may be a hundred thousand of them.
"""

from typing import NamedTuple


class KeyConf(NamedTuple):
    """A TSIG key (RFC 8945)."""

    name: bytes
    """Wire form, lower case."""
    algorithm: str
    """hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or hmac-sha512."""
    secret: bytes


class PeerEndpoint(NamedTuple):
    """Where a remote is reached or asked from: an address (text, normalised), a port, and an interface or nothing.

    Port 0: the standard one for `address`, any for `via`.
    """

    address: str
    port: int = 0
    interface: str = ""


class RemoteConf(NamedTuple):
    """One `remote`."""

    id: str
    addresses: tuple[PeerEndpoint, ...]
    """Tried in order; ports are filled in."""
    via: tuple[PeerEndpoint, ...] = ()
    key: KeyConf | None = None
    tls: bool = False
    cert_keys: tuple[bytes, ...] = ()
    """SHA-256 of public keys (SubjectPublicKeyInfo) it may have."""
    cert_hostnames: tuple[str, ...] = ()
    block_notify_after_transfer: bool = False
    no_edns: bool = False
    automatic_acl: bool = True


class AddressSpan(NamedTuple):
    """Addresses from `first` to `last`, packed: 4 octets each, or 16."""

    first: bytes
    last: bytes


class Matcher(NamedTuple):
    """Who is meant: an address in one of `spans` (none: any) with one of `keys` (none: unsigned requests only)."""

    spans: tuple[AddressSpan, ...] = ()
    keys: tuple[KeyConf, ...] = ()


class AclConf(NamedTuple):
    """One `acl` rule; the first rule of a zone that matches decides."""

    id: str
    matchers: tuple[Matcher, ...]
    """One of them has to match; a rule with `remote` has one for each remote."""
    actions: frozenset[str] = frozenset({"query"})
    """Of query, notify, transfer, update."""
    protocols: frozenset[str] = frozenset()
    """Of udp, tcp, tls, quic; none: any."""
    deny: bool = False
    update_types: frozenset[int] = frozenset()
    """None: any."""
    update_owner: str = ""
    """Empty, key, zone or name."""
    update_owner_match: str = "sub-or-equal"
    """sub-or-equal, equal, sub or pattern."""
    update_owner_names: tuple[str, ...] = ()
    """As configured: without a final dot they are relative to the zone."""


class IntervalLimits(NamedTuple):
    """Least and greatest seconds an interval of the SOA may be; None: no limit."""

    least: int
    greatest: int | None = None


class ReplicationConf(NamedTuple):
    """What a zone has to do with other servers, defaults filled in. Groups of remotes are resolved, in order."""

    masters: tuple[RemoteConf, ...] = ()
    """Not empty: the zone is a secondary."""
    ddns_master: RemoteConf | None = None
    """Where updates are forwarded; None: to the first master, or applied here when there is none."""
    ddns_local: bool = False
    """`ddns-master: ""`: updates are applied here although there are masters."""
    notify: tuple[RemoteConf, ...] = ()
    notify_delay_s: int = 0
    update_delay_s: int = 0
    acl: tuple[AclConf, ...] = ()
    automatic_acl: bool = False
    """`server.automatic-acl`."""
    master_pin_tolerance_s: int = 0
    provide_ixfr: bool = True
    ixfr_benevolent: bool = False
    ixfr_by_one: bool = False
    ixfr_from_axfr: bool = False
    refresh: IntervalLimits = IntervalLimits(2)
    retry: IntervalLimits = IntervalLimits(1)
    expire: IntervalLimits = IntervalLimits(3)
    refresh_jitter_s: int = 0
    """Seconds, when the configuration has seconds."""
    refresh_jitter_percent: int = 0


NO_REPLICATION = ReplicationConf()


class CatalogConf(NamedTuple):
    """What a zone has to do with catalog zones (RFC 9432)."""

    role: str = "none"
    """none, interpret, generate or member."""
    templates: tuple[str, ...] = ()
    """Of members, for interpret; the first one where no group says otherwise."""
    zone: str = ""
    """The catalog a member belongs to (text, final dot)."""
    group: str = ""
    interpreted_from: str = ""
    """The zone exists because this catalog (text, final dot) has it as a member."""
    interpreted_group: str = ""
    """The group that catalog has it in."""


NO_CATALOG = CatalogConf()
