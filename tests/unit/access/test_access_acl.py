# SPDX-License-Identifier: Apache-2.0
"""Access rules, as Knot 3.2 decides them where its manual leaves it open."""

import pytest

from control.access.acl import Decision, Source, decide, query_rules
from control.conf.peers import (
    AclConf,
    AddressSpan,
    CatalogConf,
    KeyConf,
    Matcher,
    PeerEndpoint,
    RemoteConf,
    ReplicationConf,
)
from control.conf.values import name_to_wire
from control.conf.zone import DEFAULT_SETTINGS, ZoneConf
from control.wire.request import Updated

A, TXT, AAAA = 1, 16, 28
HERE = bytes([192, 0, 2, 1])
THERE = bytes([192, 0, 2, 9])
SIX = bytes.fromhex("20010db8000000000000000000000001")
KEY = KeyConf(b"\x03key\x01z\0", "hmac-sha256", b"secret")
OTHER = KeyConf(b"\x05other\0", "hmac-sha256", b"secret")
NET = AddressSpan(bytes([192, 0, 2, 0]), bytes([192, 0, 2, 7]))
NET6 = AddressSpan(SIX[:15] + b"\0", SIX[:15] + b"\xff")
ACTIONS = ("notify", "transfer", "update")
ALL = frozenset((*ACTIONS, "query"))
ANYONE = Matcher()
UNSIGNED, SIGNED, SIGNED_OTHER = Source(HERE, "tcp"), Source(HERE, "tcp", KEY), Source(HERE, "tcp", OTHER)


def zone(*rules: AclConf, role: str = "none", **replication: object) -> ZoneConf:
    conf = ReplicationConf(acl=rules, **replication)  # type: ignore[arg-type]
    return ZoneConf("z.", "/file", DEFAULT_SETTINGS, conf, CatalogConf(role))


def allow(matcher: Matcher = ANYONE, *actions: str, **items: object) -> AclConf:
    return AclConf("allow", (matcher,), frozenset(actions or ALL), **items)  # type: ignore[arg-type]


def deny(matcher: Matcher = ANYONE, *actions: str, **items: object) -> AclConf:
    return AclConf("deny", (matcher,), frozenset(actions), deny=True, **items)  # type: ignore[arg-type]


@pytest.mark.parametrize("action", ACTIONS)
def test_nothing_matches(action: str) -> None:
    """Without a rule that matches, everything is denied but ordinary queries."""
    assert decide(zone(), action, UNSIGNED) == Decision(False)
    assert decide(zone(), action, SIGNED) == Decision(False)
    assert decide(zone(), "query", UNSIGNED) == Decision(True)
    assert decide(zone(), "query", SIGNED) == Decision(False)


@pytest.mark.parametrize(
    ("matcher", "source", "matches"),
    [
        (Matcher(), UNSIGNED, True),
        (Matcher(), SIGNED, False),
        (Matcher(keys=(KEY,)), SIGNED, True),
        (Matcher(keys=(KEY,)), UNSIGNED, False),
        (Matcher(keys=(KEY,)), SIGNED_OTHER, False),
        (Matcher(keys=(OTHER, KEY)), SIGNED, True),
        (Matcher(keys=(KEY,)), Source(HERE, "tcp", KEY._replace(algorithm="hmac-md5")), False),
        (Matcher((NET,)), UNSIGNED, True),
        (Matcher((NET,)), Source(THERE, "tcp"), False),
        (Matcher((NET,)), Source(NET.last, "tcp"), True),
        (Matcher((NET,)), Source(SIX, "tcp"), False),
        (Matcher((NET, NET6)), Source(SIX, "tcp"), True),
        (Matcher((NET,), (KEY,)), SIGNED, True),
        (Matcher((NET,), (KEY,)), Source(THERE, "tcp", KEY), False),
        (Matcher((NET,), (KEY,)), UNSIGNED, False),
    ],
)
def test_who_is_meant(matcher: Matcher, source: Source, matches: bool) -> None:
    """Address and key have both to match; a rule without key is never about signed requests."""
    assert decide(zone(allow(matcher)), "transfer", source).allowed is matches


def test_remotes_of_a_rule() -> None:
    """One of a rule's remotes has to match, with the address and the key of the same one."""
    rule = AclConf("remotes", (Matcher((NET,)), Matcher((NET6,), (KEY,))), frozenset({"notify"}))
    assert decide(zone(rule), "notify", UNSIGNED) == Decision(True, "remotes")
    assert decide(zone(rule), "notify", Source(SIX, "udp", KEY)).allowed
    assert not decide(zone(rule), "notify", SIGNED).allowed
    assert not decide(zone(rule), "notify", Source(SIX, "udp")).allowed


@pytest.mark.parametrize("action", ACTIONS)
def test_actions(action: str) -> None:
    """A rule is about its actions only."""
    for named in ACTIONS:
        assert decide(zone(allow(ANYONE, named)), action, UNSIGNED).allowed is (named == action)


def test_order_decides() -> None:
    """The first rule that matches decides."""
    assert decide(zone(deny(Matcher((NET,)), "transfer"), allow()), "transfer", UNSIGNED) == Decision(False, "deny")
    assert decide(zone(deny(Matcher((NET,)), "notify"), allow()), "transfer", UNSIGNED) == Decision(True, "allow")
    assert decide(zone(allow(), deny()), "transfer", UNSIGNED) == Decision(True, "allow")


@pytest.mark.parametrize("action", [*ACTIONS, "query"])
def test_denial_without_action(action: str) -> None:
    """A rule that denies and names no action denies all."""
    assert decide(zone(deny(Matcher(keys=(KEY,))), allow(Matcher(keys=(KEY,)))), action, SIGNED) == Decision(
        False, "deny"
    )


@pytest.mark.parametrize(
    ("protocols", "protocol", "matches"),
    [((), "udp", True), (("tcp",), "tcp", True), (("tcp",), "udp", False), (("udp", "tls"), "tls", True)],
)
def test_protocols(protocols: tuple[str, ...], protocol: str, matches: bool) -> None:
    """A rule with protocols is about these only."""
    rule = allow(protocols=frozenset(protocols))
    assert decide(zone(rule), "notify", Source(HERE, protocol)).allowed is matches


def test_queries_of_ordinary_zones() -> None:
    """Rules are about signed queries: an unsigned one of an ordinary zone is always allowed."""
    assert decide(zone(deny(ANYONE, "query")), "query", UNSIGNED).allowed
    assert decide(zone(deny()), "query", UNSIGNED).allowed


@pytest.mark.parametrize("action", [*ACTIONS, "query"])
def test_rules_about_signed_queries(action: str) -> None:
    """To a signed query every rule about its key applies, whatever its actions are."""
    assert decide(zone(allow(Matcher(keys=(KEY,)), action)), "query", SIGNED) == Decision(True, "allow")
    rules = deny(Matcher(keys=(KEY,)), action), allow(Matcher(keys=(KEY,)))
    assert decide(zone(*rules), "query", SIGNED) == Decision(False, "deny")


@pytest.mark.parametrize(("role", "closed"), [("interpret", True), ("generate", True), ("member", False)])
def test_catalog_zones_are_closed(role: str, closed: bool) -> None:
    """Queries of catalog zones need a rule."""
    assert decide(zone(role=role), "query", UNSIGNED).allowed is not closed
    assert decide(zone(allow(Matcher((NET,)), "query"), role=role), "query", UNSIGNED).allowed
    assert decide(zone(allow(Matcher((NET,)), "transfer"), role=role), "query", UNSIGNED).allowed
    assert decide(zone(deny(), role=role), "query", UNSIGNED).allowed is not closed


REMOTE = RemoteConf("r", (PeerEndpoint("192.0.2.1", 53), PeerEndpoint("2001:db8::1", 53)))


@pytest.mark.parametrize(
    ("role", "action", "allowed"),
    [
        ("masters", "notify", True),
        ("masters", "transfer", False),
        ("masters", "update", False),
        ("notify", "transfer", True),
        ("notify", "notify", False),
        ("notify", "update", False),
        ("masters", "query", True),
        ("notify", "query", True),
    ],
)
def test_automatic_rules(role: str, action: str, allowed: bool) -> None:
    """With the server's switch, masters may notify, those notified transfer, and both query; rules come after."""
    with_key = REMOTE._replace(key=KEY)
    one = zone(deny(Matcher(keys=(KEY,))), automatic_acl=True, **{role: (with_key,)})
    assert decide(one, action, SIGNED) == (Decision(True, automatic=True) if allowed else Decision(False, "deny"))
    assert decide(one, action, SIGNED._replace(address=SIX)).allowed is allowed
    assert not decide(one, action, SIGNED._replace(address=THERE)).allowed
    assert not decide(one, action, SIGNED_OTHER).allowed
    off = zone(automatic_acl=False, **{role: (with_key,)})
    assert not decide(off, action, SIGNED).allowed
    not_this = zone(automatic_acl=True, **{role: (with_key._replace(automatic_acl=False),)})
    assert not decide(not_this, action, SIGNED).allowed


def test_automatic_rules_of_remotes_without_key() -> None:
    """A remote without key is meant by unsigned requests only; one by a path is never meant."""
    one = zone(automatic_acl=True, notify=(REMOTE,))
    assert decide(one, "transfer", UNSIGNED).automatic
    assert not decide(one, "transfer", SIGNED).allowed
    path = zone(automatic_acl=True, notify=(RemoteConf("p", (PeerEndpoint("/run/socket"),)),))
    assert not decide(path, "transfer", UNSIGNED).allowed
    assert not decide(path, "transfer", Source(b"", "tcp")).allowed


def updates(*names: str, rtype: int = A) -> list[Updated]:
    return [Updated(name_to_wire(name), rtype) for name in names]


@pytest.mark.parametrize(
    ("types", "updated", "matches"),
    [
        ((), [A, TXT], True),
        ((A, TXT), [A, TXT], True),
        ((A,), [A, TXT], False),
        ((A,), [AAAA], False),
        ((A,), [], True),
    ],
)
def test_update_types(types: tuple[int, ...], updated: list[int], matches: bool) -> None:
    """Every record has to be of one of the types, also for a rule that denies."""
    records = [Updated(b"\x01a\x01z\0", rtype) for rtype in updated]
    rule = allow(ANYONE, "update", update_types=frozenset(types))
    assert decide(zone(rule), "update", UNSIGNED, records).allowed is matches
    denial = deny(ANYONE, "update", update_types=frozenset(types))
    assert decide(zone(denial, allow()), "update", UNSIGNED, records).allowed is not matches


@pytest.mark.parametrize(
    ("how", "names", "owners", "matches"),
    [
        ("sub-or-equal", ("a",), ("a.z.",), True),
        ("sub-or-equal", ("a",), ("b.a.z.", "c.b.a.z."), True),
        ("sub-or-equal", ("a",), ("a.z.", "b.z."), False),
        ("sub-or-equal", ("a",), ("ba.z.",), False),
        ("sub-or-equal", ("a",), ("z.",), False),
        ("sub-or-equal", ("a.",), ("a.z.",), False),
        ("equal", ("a", "b.z."), ("a.z.", "b.z."), True),
        ("equal", ("A",), ("a.z.",), True),
        ("equal", ("a",), ("b.a.z.",), False),
        ("sub", ("a",), ("b.a.z.",), True),
        ("sub", ("a",), ("a.z.",), False),
        ("sub", ("a",), ("aa.z.",), False),
        ("pattern", ("*.a",), ("b.a.z.",), True),
        ("pattern", ("*.a",), ("c.b.a.z.",), False),
        ("pattern", ("*.a",), ("a.z.",), False),
        ("pattern", ("x.*",), ("x.y.z.",), True),
        ("pattern", ("x.*",), ("y.y.z.",), False),
        ("pattern", ("*.*",), ("x.y.z.", "a.b.z."), True),
        ("equal", (), ("a.z.",), False),
        ("equal", ("a",), (), True),
    ],
)
def test_update_owner_names(how: str, names: tuple[str, ...], owners: tuple[str, ...], matches: bool) -> None:
    """Every updated owner has to fit one of the names, which without a final dot are below the zone."""
    rule = allow(ANYONE, "update", update_owner="name", update_owner_match=how, update_owner_names=names)
    assert decide(zone(rule), "update", UNSIGNED, updates(*owners)).allowed is matches


@pytest.mark.parametrize(
    ("owner", "how", "name", "source", "matches"),
    [
        ("key", "equal", "key.z.", SIGNED, True),
        ("key", "sub-or-equal", "a.key.z.", SIGNED, True),
        ("key", "equal", "a.z.", SIGNED, False),
        ("key", "equal", "other.", SIGNED_OTHER, True),
        ("zone", "sub-or-equal", "a.z.", SIGNED, True),
        ("zone", "sub", "z.", SIGNED, False),
        ("zone", "equal", "z.", SIGNED, True),
    ],
)
def test_update_owner_is_key_or_zone(owner: str, how: str, name: str, source: Source, matches: bool) -> None:
    """Updated owners may be compared with the name of the key or with the zone's."""
    rule = allow(Matcher(keys=(KEY, OTHER)), "update", update_owner=owner, update_owner_match=how)
    assert decide(zone(rule), "update", source, updates(name)).allowed is matches


def test_update_owner_is_key_without_key() -> None:
    """An unsigned update has no key whose name its owners could have."""
    rule = allow(ANYONE, "update", update_owner="key")
    assert not decide(zone(rule), "update", UNSIGNED, updates("a.z.")).allowed


def test_source_as_text() -> None:
    """Log lines name address, port, protocol and key."""
    assert str(Source(SIX, "tls", KEY, 5)) == "2001:db8::1@5 TLS, key key.z."
    assert str(Source(HERE, "udp", None, 5)) == "192.0.2.1@5 UDP"


@pytest.mark.parametrize("address", [HERE, THERE, SIX, bytes([192, 0, 2, 7])])
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
@pytest.mark.parametrize("automatic", [True, False])
def test_address_rules_decide_the_same(address: bytes, protocol: str, automatic: bool) -> None:
    """What a closed zone's rules come to for unsigned queries decides as the rules do."""
    host = AddressSpan(bytes([192, 0, 2, 7]), bytes([192, 0, 2, 7]))
    rules = (
        deny(Matcher((host,)), "query"),
        allow(Matcher((NET6,), (KEY,))),
        allow(Matcher((NET,)), "transfer", protocols=frozenset({"udp"})),
        deny(Matcher((NET,)), "notify"),
        allow(Matcher((NET6,)), "query"),
    )
    remotes = (REMOTE._replace(key=KEY), RemoteConf("t", (PeerEndpoint("192.0.2.9"),)))
    one = zone(*rules, role="interpret", automatic_acl=automatic, masters=remotes)
    found = False
    for rule in query_rules(one):
        is_there = not rule.first or (len(rule.first) == len(address) and rule.first <= address <= rule.last)
        if is_there and (not rule.protocols or protocol in rule.protocols):
            found = rule.is_allowed
            break
    assert decide(one, "query", Source(address, protocol)).allowed is found
