# SPDX-License-Identifier: Apache-2.0
"""What becomes of requests the table does not answer: signatures, zones, rules, handlers."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.tsig
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.access.acl import Source
from control.conf.peers import AclConf, CatalogConf, KeyConf, Matcher, ReplicationConf
from control.conf.values import name_to_wire
from control.conf.zone import DEFAULT_SETTINGS, ZoneConf
from control.events.zone import ZoneHandle
from control.log import Log
from control.server.inbound import Inbound, InboundRequest
from control.server.replying import Replier
from tests.support.log_lines import LogLines

NOW = 1_700_000_000
KEY = KeyConf(b"\x01k\0", "hmac-sha256", b"secret")
OTHER = KeyConf(b"\x01o\0", "hmac-sha256", b"secret")
SIG0_RDATA = b"\0\0\x0d\0" + b"\0" * 14 + b"\0" + b"x" * 8
SIG0 = b"\0\0\x18\0\xff\0\0\0\0" + len(SIG0_RDATA).to_bytes(2, "big") + SIG0_RDATA
EVERYTHING = frozenset({"notify", "transfer", "update", "query"})
OPEN = AclConf("open", (Matcher(),), EVERYTHING)
SIGNED = AclConf("signed", (Matcher(keys=(KEY,)),), EVERYTHING)


class FakeReplier(Replier):
    """Keeps what is sent."""

    def __init__(self, received: bytes, source: Source) -> None:
        super().__init__(received, source, lambda _request, _reply, rcode: self.rcodes.append(rcode))
        self.is_udp = source.protocol == "udp"  # type: ignore[misc]
        self.messages: list[bytes] = []
        self.rcodes: list[int] = []
        self.aborted = False
        self.tasks: list[Coroutine[Any, Any, None]] = []

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(work)

    def abort(self) -> None:
        self.aborted = True

    def _write(self, message: bytes) -> None:
        self.messages.append(message)

    async def _room(self) -> None:
        return


def zone_of(name: str, *rules: AclConf, serial: int | None = 1, role: str = "none") -> ZoneHandle:
    conf = ZoneConf(name, "/file", DEFAULT_SETTINGS, ReplicationConf(acl=rules), CatalogConf(role))
    zone = ZoneHandle(name, name_to_wire(name), conf)
    zone.serial = serial
    return zone


class World:
    """An `Inbound` with a few zones, and handlers that keep what they get."""

    def __init__(self) -> None:
        zones = [
            zone_of("open.", OPEN),
            zone_of("signed.", SIGNED),
            zone_of("none."),
            zone_of("empty.", OPEN, serial=None),
            zone_of("catalog.", SIGNED, role="generate"),
            zone_of("sub.signed."),
        ]
        by_wire = {zone.wire: zone for zone in zones}
        self.asked: list[tuple[bytes, Source]] = []
        self.target = LogLines()
        self.inbound = Inbound(by_wire.get, self.answer, Log([self.target]), lambda: NOW)
        self.inbound.keys = {KEY.name: KEY, OTHER.name: OTHER}
        self.handled: list[InboundRequest] = []
        for kind in ("notify", "update", "axfr", "ixfr"):
            self.inbound.handlers[kind] = self.handler

    def answer(self, message: bytes, source: Source) -> bytes | None:
        self.asked.append((message, source))
        return dns.message.make_response(dns.message.from_wire(message)).to_wire()

    def handler(self, request: InboundRequest, reply: Replier) -> None:
        self.handled.append(request)
        reply.refuse(0)

    def ask(self, wire: bytes, protocol: str = "tcp") -> FakeReplier:
        source = Source(bytes([192, 0, 2, 1]), protocol, None, 1234)
        reply = FakeReplier(wire, source)
        self.inbound.handle(wire, source, reply)
        return reply


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("time.time", lambda: float(NOW))
    return World()


def dns_key(key: KeyConf) -> dns.tsig.Key:
    return dns.tsig.Key(dns.name.from_wire(key.name, 0)[0], key.secret, key.algorithm)


def make(kind: str, zone: str, key: KeyConf | None = None, rdclass: str = "IN") -> dns.message.Message:
    message: dns.message.Message
    if kind == "update":
        message = dns.update.UpdateMessage(zone, rdclass)
        message.add(f"a.{zone}", 300, "TXT", "x")
    elif kind == "notify":
        message = dns.message.make_query(zone, "SOA", rdclass)
        message.set_opcode(dns.opcode.NOTIFY)
    else:
        message = dns.message.make_query(zone, kind.upper(), rdclass)
    if key is not None:
        message.use_tsig(dns_key(key))
    return message


def rcode_of(reply: FakeReplier) -> str:
    [message] = reply.messages
    assert message[:2] == reply.received[:2]
    assert message[2] & 0x80
    assert (message[2] ^ reply.received[2]) & 0x78 == 0
    return dns.rcode.to_text(dns.rcode.Rcode(message[3] & 0xF))


KINDS = ("notify", "update", "axfr", "ixfr")


@pytest.mark.parametrize("kind", KINDS)
def test_permitted_request_reaches_its_handler(world: World, kind: str) -> None:
    """A request that a rule allows is handed on with its zone and source."""
    wire = make(kind, "open.").to_wire()
    assert rcode_of(world.ask(wire)) == "NOERROR"
    [request] = world.handled
    assert (request.message, request.zone.name, request.signer) == (wire, "open.", None)
    assert world.target.lines[0].startswith("[open.] ACL, allowed, action ")
    assert world.target.lines[0].endswith(", remote 192.0.2.1@1234 TCP")


@pytest.mark.parametrize("kind", KINDS)
def test_signed_request_is_handled_without_its_signature(world: World, kind: str) -> None:
    """A handler gets the message as it was before it was signed, and its reply is signed."""
    message = make(kind, "signed.", KEY)
    reply = world.ask(message.to_wire())
    plain = make(kind, "signed.")
    plain.id = message.id
    assert world.handled[0].message == plain.to_wire()
    assert world.handled[0].source.key == KEY
    response = dns.message.from_wire(reply.messages[0], keyring=dns_key(KEY), request_mac=message.mac)
    assert response.had_tsig
    assert world.target.lines[0].endswith(", remote 192.0.2.1@1234 TCP, key k.")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("zone", "key", "rcode"),
    [("none.", None, "NOTAUTH"), ("signed.", None, "NOTAUTH"), ("nowhere.", None, "NOTAUTH")],
)
def test_refused_by_zone_and_rules(world: World, kind: str, zone: str, key: KeyConf | None, rcode: str) -> None:
    """What no rule allows, and what is for no zone, is answered NOTAUTH."""
    assert rcode_of(world.ask(make(kind, zone, key).to_wire())) == rcode
    assert not world.handled


@pytest.mark.parametrize("zone", ["none.", "open.", "signed."])
def test_key_that_no_rule_names(world: World, zone: str) -> None:
    """A key that the zone's rules do not name is as good as unknown: NOTAUTH with BADKEY."""
    message = make("axfr", zone, OTHER)
    reply = world.ask(message.to_wire())
    assert rcode_of(reply) == "NOTAUTH"
    assert reply.rcodes == [17]
    with pytest.raises(dns.tsig.PeerBadKey):
        dns.message.from_wire(reply.messages[0], keyring=dns_key(OTHER), request_mac=message.mac)


@pytest.mark.parametrize(
    ("key", "error"),
    [
        (KeyConf(b"\x01x\0", "hmac-sha256", b"secret"), 17),
        (KEY._replace(algorithm="hmac-sha1"), 17),
        (KEY._replace(secret=b"other"), 16),
    ],
)
def test_bad_signatures(world: World, key: KeyConf, error: int) -> None:
    """Unknown keys and wrong signatures get NOTAUTH with their TSIG error, and are logged at the zone."""
    reply = world.ask(make("notify", "open.", key).to_wire())
    assert (rcode_of(reply), reply.rcodes) == ("NOTAUTH", [error])
    reason = {16: "BADSIG", 17: "BADKEY"}[error]
    name = "x." if key.name == b"\x01x\0" else "k."
    assert world.target.lines == [f"[open.] TSIG, key '{name}', verification failed '{reason}'"]


@pytest.mark.parametrize("kind", KINDS)
def test_other_class(world: World, kind: str) -> None:
    """All zones are of class IN."""
    assert rcode_of(world.ask(make(kind, "open.", rdclass="CH").to_wire())) == "NOTIMP"


def test_axfr_over_udp(world: World) -> None:
    """AXFR is not defined over UDP (RFC 5936, section 4.2); IXFR is."""
    assert rcode_of(world.ask(make("axfr", "open.").to_wire(), "udp")) == "NOTIMP"
    assert rcode_of(world.ask(make("ixfr", "open.").to_wire(), "udp")) == "NOERROR"


@pytest.mark.parametrize(("kind", "rcode"), [("axfr", "SERVFAIL"), ("ixfr", "SERVFAIL"), ("notify", "NOERROR")])
def test_zone_without_contents(world: World, kind: str, rcode: str) -> None:
    """There is nothing to transfer from a zone without contents, but it may be notified."""
    assert rcode_of(world.ask(make(kind, "empty.").to_wire())) == rcode


@pytest.mark.parametrize("opcode", [dns.opcode.NOTIFY, dns.opcode.UPDATE])
def test_not_about_a_zone(world: World, opcode: dns.opcode.Opcode) -> None:
    """NOTIFY and UPDATE ask for the SOA, and have a question."""
    message = dns.message.make_query("open.", "A")
    message.set_opcode(opcode)
    assert rcode_of(world.ask(message.to_wire())) == "FORMERR"
    empty = message.to_wire()[:4] + bytes(8)
    assert rcode_of(world.ask(empty)) == "FORMERR"


@pytest.mark.parametrize(("kind", "rcode"), [("axfr", "REFUSED"), ("ixfr", "REFUSED"), ("update", "NOTIMP")])
def test_kinds_without_handler(world: World, kind: str, rcode: str) -> None:
    """What nobody handles is refused, or not implemented."""
    world.inbound.handlers.clear()
    assert rcode_of(world.ask(make(kind, "open.").to_wire())) == rcode


def test_signed_query(world: World) -> None:
    """A signed query of a zone that names the key is answered from the table, and the answer is signed."""
    message = make("soa", "signed.", KEY)
    reply = world.ask(message.to_wire(), "udp")
    [(plain, source)] = world.asked
    assert dns.message.from_wire(plain).question == message.question
    assert source.key == KEY
    response = dns.message.from_wire(reply.messages[0], keyring=dns_key(KEY), request_mac=message.mac)
    assert (response.had_tsig, response.rcode()) == (True, 0)


@pytest.mark.parametrize(
    ("name", "rtype", "permitted"),
    [("www.signed.", "A", True), ("x.sub.signed.", "A", False), ("sub.signed.", "DS", True), ("open.", "A", False)],
)
def test_signed_query_asks_the_rules_of_its_zone(world: World, name: str, rtype: str, permitted: bool) -> None:
    """The rules are those of the zone that answers: the closest, for a DS the parent."""
    message = dns.message.make_query(name, rtype)
    message.use_tsig(dns_key(KEY))
    assert rcode_of(world.ask(message.to_wire())) == ("NOERROR" if permitted else "NOTAUTH")


def test_sig0(world: World) -> None:
    """A plain query with SIG(0) is answered as it is without, where queries may be asked."""
    for zone, rcode in (("none.", "NOERROR"), ("catalog.", "NOTAUTH")):
        plain = dns.message.make_query(zone, "A").to_wire()
        assert rcode_of(world.ask(plain[:10] + b"\0\1" + plain[12:] + SIG0)) == rcode
    assert [dns.message.from_wire(asked[0]).question[0].name.to_text() for asked in world.asked] == ["none."]


def test_handler_that_takes_its_time(world: World) -> None:
    """A coroutine goes on beside the connection; what it raises is logged and answered SERVFAIL."""

    async def late(request: InboundRequest, reply: Replier) -> None:
        raise ValueError("no")

    world.inbound.handlers["axfr"] = late
    reply = world.ask(make("axfr", "open.").to_wire())
    assert not reply.messages
    asyncio.run(reply.tasks[0])
    assert rcode_of(reply) == "SERVFAIL"
    assert "ValueError" in world.target.lines[-1]


def test_reply_that_breaks_off(world: World) -> None:
    """A transfer that fails in its middle ends the connection."""

    async def broken(request: InboundRequest, reply: Replier) -> None:
        reply.refuse(0)
        raise ValueError("no")

    world.inbound.handlers["axfr"] = broken
    reply = world.ask(make("axfr", "open.").to_wire())
    asyncio.run(reply.tasks[0])
    assert reply.aborted


def test_malformed(world: World) -> None:
    """What breaks the format gets FORMERR; responses and scraps get nothing."""
    wire = make("axfr", "open.").to_wire()
    assert rcode_of(world.ask(wire + b"x")) == "FORMERR"
    assert not world.ask(wire[:2] + b"\x80" + wire[3:]).messages
    assert not world.ask(wire[:11]).messages


def test_log_is_limited(world: World) -> None:
    """A storm of requests does not fill the log."""
    for _ in range(100):
        world.ask(make("notify", "none.").to_wire())
    assert len(world.target.lines) == 10


@given(st.sampled_from(KINDS), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=4), st.booleans())
def test_garbled_requests(kind: str, changes: list[tuple[int, int]], signed: bool) -> None:
    """Whatever octets a request has, it gets at most one reply, and never breaks the server."""
    wire = bytearray(make(kind, "signed.", KEY if signed else None).to_wire())
    for at, octet in changes:
        wire[at % len(wire)] = octet
    reply = World().ask(bytes(wire))
    assert len(reply.messages) <= 1


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_signed_answer_without_room(world: World, protocol: str) -> None:
    """An answer that has no room for its signature gives way to the question with TC (RFC 8945, section 5.3)."""
    message = make("soa", "signed.", KEY)
    world.inbound = Inbound(
        world.inbound._find, lambda wire, _source: wire + bytes(65535 - len(wire)), Log([]), lambda: NOW
    )
    world.inbound.keys = {KEY.name: KEY}
    reply = world.ask(message.to_wire(), protocol)
    response = dns.message.from_wire(reply.messages[0], keyring=dns_key(KEY), request_mac=message.mac)
    assert response.flags & dns.flags.TC
    assert (response.question, response.answer) == (message.question, [])


def test_handler_that_fails_at_once(world: World) -> None:
    """What a handler raises breaks nothing but its own request."""

    def broken(request: InboundRequest, reply: Replier) -> None:
        raise ValueError("no")

    world.inbound.handlers["axfr"] = broken
    assert rcode_of(world.ask(make("axfr", "open.").to_wire())) == "SERVFAIL"
