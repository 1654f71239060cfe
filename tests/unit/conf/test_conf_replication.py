# SPDX-License-Identifier: Apache-2.0
"""Keys, remotes, rules and what zones have of them."""

from base64 import b64encode

import pytest

from control.conf.check import check_document
from control.conf.model import Config, build_config, make_builder
from control.conf.parse import parse_text
from control.conf.peers import (
    NO_CATALOG,
    NO_REPLICATION,
    AddressSpan,
    CatalogConf,
    IntervalLimits,
    KeyConf,
    Matcher,
    PeerEndpoint,
    RemoteConf,
    ReplicationConf,
)

PEERS = """
key:
  - id: K.Example
    algorithm: HMAC-MD5
    secret: c2VjcmV0
  - id: other
    secret: b3RoZXI=
remote:
  - id: one
    address: [192.0.2.1, 2001:DB8::1@5353]
    via: [0.0.0.0%eth0, ::@54]
    key: k.example
  - id: two
    address: 192.0.2.2
    no-edns: on
    automatic-acl: off
    block-notify-after-transfer: on
  - id: three
    address: 192.0.2.3
remotes:
  - id: both
    remote: [two, one]
acl:
  - id: net
    address: [192.0.2.7/24, 2001:db8::1-2001:db8::9, 192.0.2.1]
    key: [other, k.example]
    action: [transfer, notify]
    protocol: [tcp, tls]
  - id: peers
    remote: [three, both]
    action: update
    update-type: [A, TXT]
    update-owner: name
    update-owner-match: equal
    update-owner-name: [a, b.]
  - id: none
    deny: on
"""
KEY = KeyConf(b"\1k\7example\0", "hmac-md5", b"secret")
OTHER = KeyConf(b"\5other\0", "hmac-sha256", b"other")


def build(text: str) -> Config:
    document = parse_text(text, "k.conf")
    check_document(document)
    return build_config(document, "k.conf")


def replication(text: str) -> ReplicationConf:
    return build(f"{PEERS}zone:\n  - domain: a\n{text}").zones["a."].replication


def test_keys_by_wire_name() -> None:
    """Keys are found by their name in wire form, with the octets of their secret."""
    assert build(PEERS).keys == {KEY.name: KEY, OTHER.name: OTHER}


def test_remotes() -> None:
    """Addresses have a port, sources may have none; keys are those of the configuration."""
    config = build(PEERS)
    assert list(config.remotes) == ["one", "two", "three"]
    assert config.remotes["one"] == RemoteConf(
        "one",
        (PeerEndpoint("192.0.2.1", 53), PeerEndpoint("2001:db8::1", 5353)),
        via=(PeerEndpoint("0.0.0.0", 0, "eth0"), PeerEndpoint("::", 54)),
        key=KEY,
    )
    two = RemoteConf("two", (PeerEndpoint("192.0.2.2", 53),), (), None)
    assert config.remotes["two"] == two._replace(no_edns=True, automatic_acl=False, block_notify_after_transfer=True)


PIN = b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize("item", ["tls: on", f"cert-key: {PIN}", "cert-hostname: ns.example"])
def test_remote_over_tls(item: str) -> None:
    """What asks for TLS or says what is known of the certificate makes it TLS, to port 853."""
    remote = build(f"remote:\n  - id: r\n    address: [192.0.2.1, 192.0.2.2@1]\n    {item}\n").remotes["r"]
    assert remote.tls
    assert [one.port for one in remote.addresses] == [853, 1]
    assert remote.cert_keys == ((bytes(range(32)),) if "cert-key" in item else ())
    assert remote.cert_hostnames == (("ns.example",) if "hostname" in item else ())


def test_rules() -> None:
    """A rule of addresses and keys is one matcher, one of remotes has a matcher for each; names are as configured."""
    net, peers, none = replication("    acl: [net, peers, none]\n").acl
    spans = (
        AddressSpan(bytes((192, 0, 2, 0)), bytes((192, 0, 2, 255))),
        AddressSpan(b"\x20\1\x0d\xb8" + bytes(11) + b"\1", b"\x20\1\x0d\xb8" + bytes(11) + b"\x09"),
        AddressSpan(bytes((192, 0, 2, 1)), bytes((192, 0, 2, 1))),
    )
    assert (net.id, net.matchers) == ("net", (Matcher(spans, (OTHER, KEY)),))
    assert (net.actions, net.protocols, net.deny) == ({"transfer", "notify"}, {"tcp", "tls"}, False)
    three, two, one = peers.matchers
    assert three == Matcher((AddressSpan(bytes((192, 0, 2, 3)), bytes((192, 0, 2, 3))),))
    assert (two.keys, one.keys, len(one.spans), len(one.spans[1].first)) == ((), (KEY,), 2, 16)
    assert (peers.update_types, peers.update_owner, peers.update_owner_match) == ({1, 16}, "name", "equal")
    assert peers.update_owner_names == ("a", "b.")
    assert (none.matchers, none.deny) == ((Matcher(),), True)


def test_default_actions() -> None:
    """A rule that names no action is about queries; one that denies and names none is about everything."""
    rules = build(f"{PEERS}  - id: q\nzone:\n  - domain: a\n    acl: [none, q]\n").zones["a."].replication.acl
    assert [rule.actions for rule in rules] == [{"query", "notify", "transfer", "update"}, {"query"}]


def test_defaults_of_a_zone() -> None:
    """A zone that says nothing about other servers has the values that are built in, and no catalog."""
    zone = build("zone:\n  - domain: a\n").zones["a."]
    assert (zone.replication, zone.catalog) == (NO_REPLICATION, NO_CATALOG)
    assert zone.replication is NO_REPLICATION


def test_groups_in_order() -> None:
    """Groups stand for their remotes, in order, each remote once."""
    found = replication("    master: [both, three, one]\n    notify: [three, both]\n")
    assert [one.id for one in found.masters] == ["two", "one", "three"]
    assert [one.id for one in found.notify] == ["three", "two", "one"]


def test_every_item_of_a_zone() -> None:
    """Each item is found in the zone's replication."""
    found = replication(
        "    master: one\n    ddns-master: two\n    notify-delay: 1m\n    update-delay: 2\n    acl: none\n"
        "    master-pin-tolerance: 3\n    provide-ixfr: off\n    ixfr-benevolent: on\n    ixfr-by-one: on\n"
        "    ixfr-from-axfr: on\n    refresh-min-interval: 4\n    refresh-max-interval: 5\n"
        "    retry-min-interval: 6\n    retry-max-interval: 7\n    expire-min-interval: 8\n    expire-max-interval: 9\n"
        "    refresh-jitter: 10%\n"
    )
    remotes = build(PEERS).remotes
    assert found == ReplicationConf(
        masters=(remotes["one"],),
        ddns_master=remotes["two"],
        notify_delay_s=60,
        update_delay_s=2,
        acl=found.acl,
        master_pin_tolerance_s=3,
        provide_ixfr=False,
        ixfr_benevolent=True,
        ixfr_by_one=True,
        ixfr_from_axfr=True,
        refresh=IntervalLimits(4, 5),
        retry=IntervalLimits(6, 7),
        expire=IntervalLimits(8, 9),
        refresh_jitter_percent=10,
    )
    assert replication("    refresh-jitter: 2m\n").refresh_jitter_s == 120


SHARED = f"""{PEERS}
template:
  - id: default
    master: both
    acl: net
  - id: t
    master: one
zone:
  - domain: a
  - domain: b
    file: x
  - domain: c
    master: ""
  - domain: d
    master: []
    journal-max-depth: 5
  - domain: e
    template: t
  - domain: f
    template: t
    acl: net
  - domain: g
    template: t
    acl: net
    zonefile-sync: -1
"""


def test_template_and_zone() -> None:
    """A zone's own list replaces that of its template, an empty one as well; what is equal is one object."""
    zones = build(SHARED).zones
    masters = {name: [one.id for one in zone.replication.masters] for name, zone in zones.items()}
    assert masters == {
        "a.": ["two", "one"],
        "b.": ["two", "one"],
        "c.": [],
        "d.": [],
        "e.": ["one"],
        "f.": ["one"],
        "g.": ["one"],
    }
    assert zones["a."].replication is zones["b."].replication
    assert zones["c."].replication is zones["d."].replication
    assert zones["c."].replication.acl == zones["a."].replication.acl
    assert zones["f."].replication is zones["g."].replication
    assert (zones["e."].replication.acl, zones["c."].settings is zones["a."].settings) == ((), True)


def test_automatic_acl_of_every_zone() -> None:
    """`server.automatic-acl` is known to each zone, also to one that says nothing."""
    zones = build(f"server:\n  automatic-acl: on\n{PEERS}zone:\n  - domain: a\n  - domain: b\n    master: one\n").zones
    assert zones["a."].replication == ReplicationConf(automatic_acl=True)
    assert zones["b."].replication.automatic_acl


CATALOGS = f"""{PEERS}
template:
  - id: first
    master: one
    storage: /m
  - id: second
    catalog-role: member
    catalog-zone: G.cat
    catalog-group: grp
zone:
  - domain: cat
    catalog-role: interpret
    catalog-template: [first, second]
    master: two
  - domain: g.cat
    catalog-role: generate
  - domain: m
    template: second
"""


def test_catalog_roles() -> None:
    """Role, templates, catalog and group of zones."""
    zones = build(CATALOGS).zones
    assert zones["cat."].catalog == CatalogConf("interpret", ("first", "second"))
    assert zones["g.cat."].catalog == CatalogConf("generate")
    assert zones["m."].catalog == CatalogConf("member", (), "g.cat.", "grp")


def test_member_of_a_catalog() -> None:
    """A member has what its catalog template says, and says where it is from."""
    builder = make_builder(parse_text(CATALOGS, "k.conf"))
    member, other = builder.member("x.", "first", "cat."), builder.member("y.", "first", "cat.")
    assert (member.name, member.file) == ("x.", "/m/x.zone")
    assert [one.id for one in member.replication.masters] == ["one"]
    assert member.catalog == CatalogConf(interpreted_from="cat.")
    assert (member.catalog is other.catalog, member.replication is other.replication) == (True, True)
    assert builder.member("z.", "second", "cat.").catalog == CatalogConf("member", (), "g.cat.", "grp", "cat.")
