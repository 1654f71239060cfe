# SPDX-License-Identifier: Apache-2.0
"""TSIG in both roles, with dnspython at the other end."""

import contextlib

import dns.message
import dns.name
import dns.rcode
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.access.tsig import (
    ALGORITHMS,
    UNSIGNED_MOST,
    Checked,
    RequestSigner,
    TsigFailed,
    TsigRefused,
    check_request,
    record_bytes,
)
from control.conf.peers import KeyConf
from control.wire.request import TSIG_HEAD, Malformed, Request, read_request
from pyxdp_dns.tsig import find_tsig

NOW = 1_700_000_000
KEY = KeyConf(b"\x03key\x07example\0", "hmac-sha256", b"0123456789abcdef")
FUDGE = 300


@pytest.fixture(autouse=True)
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let dnspython's time stand still as well."""
    monkeypatch.setattr("time.time", lambda: float(NOW))


def now() -> float:
    return NOW


def dns_key(key: KeyConf) -> dns.tsig.Key:
    algorithm = dns.name.from_wire(ALGORITHMS[key.algorithm].wire, 0)[0]
    return dns.tsig.Key(dns.name.from_wire(key.name, 0)[0], key.secret, algorithm)


def signed_query(key: KeyConf = KEY, **options: object) -> dns.message.Message:
    query = dns.message.make_query("www.example.", "A", use_edns=0)
    query.use_tsig(dns_key(key), **options)  # type: ignore[arg-type]
    return query


def check(wire: bytes, key: KeyConf = KEY, at: float = NOW) -> Checked:
    return check_request(wire, read_request(wire), {key.name: key}, lambda: at)


def refused(wire: bytes, key: KeyConf = KEY, at: float = NOW) -> TsigRefused:
    with pytest.raises(TsigRefused) as caught:
        check(wire, key, at)
    return caught.value


def with_mac(wire: bytes, size: int) -> bytes:
    """The message with its MAC cut to a size, or filled up to it."""
    tsig = read_request(wire).tsig
    assert tsig is not None
    mac = (tsig.mac + bytes(size))[:size]
    rest = tsig.original_id + tsig.error.to_bytes(2, "big") + b"\0\0"
    rdata = tsig.algorithm + tsig.time_signed + tsig.fudge + size.to_bytes(2, "big") + mac + rest
    return wire[: tsig.at] + tsig.key_name + TSIG_HEAD + len(rdata).to_bytes(2, "big") + rdata


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_request_and_reply(algorithm: str) -> None:
    """What dnspython signed is accepted, and it accepts each message of the reply, with every algorithm."""
    key = KEY._replace(algorithm=algorithm)
    query = signed_query(key)
    plain = dns.message.make_query("www.example.", "A", use_edns=0, id=query.id).to_wire()
    checked = check(query.to_wire(), key)
    assert (checked.plain, checked.key) == (plain, key)
    context = None
    for number in range(4):
        response = dns.message.make_response(dns.message.from_wire(checked.plain))
        response.answer.append(dns.rrset.from_text("www.example.", number, "IN", "A", "192.0.2.1"))
        signed = checked.signer.sign(response.to_wire())
        assert len(signed) == len(response.to_wire()) + checked.signer.size
        read = dns.message.from_wire(signed, keyring=dns_key(key), request_mac=query.mac, multi=True, tsig_ctx=context)
        context = read.tsig_ctx
        assert read.had_tsig


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_client(algorithm: str) -> None:
    """dnspython accepts what was signed here, and each message of its reply is accepted, unsigned ones in between."""
    key = KEY._replace(algorithm=algorithm)
    signer = RequestSigner(key, now)
    query = dns.message.make_query("example.", "AXFR")
    wire = signer.sign(query.to_wire())
    assert len(wire) == len(query.to_wire()) + record_bytes(key)
    received = dns.message.from_wire(wire, keyring=dns_key(key))
    context = None
    for number in range(3):
        response = dns.message.make_response(query)
        response.answer.append(dns.rrset.from_text("example.", number, "IN", "A", "192.0.2.1"))
        plain = response.to_wire()
        response.use_tsig(dns_key(key))
        response.request_mac = received.mac
        signed = response.to_wire(multi=True, tsig_ctx=context)
        context = response.tsig_ctx
        assert signer.verify(signed) == plain
    signer.finish()


def replies(count: int, signed: set[int], key: KeyConf = KEY) -> tuple[RequestSigner, list[bytes]]:
    """A client and the messages of a reply to it, of which some are signed."""
    import hmac

    from control.access import tsig

    client = RequestSigner(key, now)
    wire = client.sign(dns.message.make_query("example.", "AXFR", id=7).to_wire())
    server = check(wire, key).signer
    messages, pending = [], b""
    for number in range(count):
        plain = dns.message.make_response(dns.message.make_query(f"n{number}.example.", "A", id=7)).to_wire()
        if number not in signed:
            pending += plain
            messages.append(plain)
        elif not pending:
            messages.append(server.sign(plain))
        else:
            times = tsig._times(NOW)
            mac = hmac.digest(key.secret, tsig._counted(server._mac) + pending + plain + times, "sha256")
            messages.append(tsig._append(plain, key, times, mac, plain[:2]))
            server._mac, pending = mac, b""
    return client, messages


def test_unsigned_messages_between() -> None:
    """A signature covers the unsigned messages before it; changing one of those is noticed."""
    client, messages = replies(6, {0, 3, 5})
    for message in messages:
        client.verify(message)
    client.finish()
    client, messages = replies(6, {0, 3, 5})
    messages[1] = messages[1][:-1] + b"\2"
    client.verify(messages[0])
    client.verify(messages[1])
    client.verify(messages[2])
    with pytest.raises(TsigFailed, match="BADSIG"):
        client.verify(messages[3])


def test_last_message_is_signed() -> None:
    """A reply that ends without a signature is not to be trusted, nor is one that begins without."""
    client, messages = replies(2, {0})
    client.verify(messages[0])
    client.verify(messages[1])
    with pytest.raises(TsigFailed, match="missing"):
        client.finish()
    client, messages = replies(2, {1})
    with pytest.raises(TsigFailed, match="missing"):
        client.verify(messages[0])
    with pytest.raises(TsigFailed, match="missing"):
        RequestSigner(KEY, now).finish()


def test_too_many_unsigned_messages() -> None:
    """At most 99 messages come between two signatures."""
    client, messages = replies(UNSIGNED_MOST + 2, {0, UNSIGNED_MOST + 1})
    for message in messages:
        client.verify(message)
    client.finish()
    client, messages = replies(UNSIGNED_MOST + 3, {0, UNSIGNED_MOST + 2})
    for message in messages[: UNSIGNED_MOST + 1]:
        client.verify(message)
    with pytest.raises(TsigFailed, match="missing"):
        client.verify(messages[UNSIGNED_MOST + 1])


@pytest.mark.parametrize("name", [b"\x03KEY\x07eXample\0", b"\x03key\x07example\0"])
def test_names_without_case(name: bytes) -> None:
    """Key and algorithm are the same in upper case."""
    wire = signed_query().to_wire()
    changed = wire.replace(b"\x03key\x07example\0", name).replace(b"\x0bhmac-sha256", b"\x0bHMAC-sha256")
    assert check(changed).key == KEY


def test_unknown_key() -> None:
    """A key that is not known, or is of another algorithm, gets an unsigned NOTAUTH with BADKEY."""
    query = signed_query()
    for key in (KEY._replace(name=b"\x01x\0"), KEY._replace(algorithm="hmac-sha1")):
        refusal = refused(query.to_wire(), key)
        assert (refusal.reason, refusal.error) == ("BADKEY", 17)
        with pytest.raises(dns.tsig.PeerBadKey):
            dns.message.from_wire(refusal.reply, keyring=dns_key(KEY), request_mac=query.mac)
        assert refusal.reply[3] & 15 == dns.rcode.NOTAUTH


def test_wrong_signature() -> None:
    """A signature by another secret gets an unsigned NOTAUTH with BADSIG."""
    query = signed_query(KEY._replace(secret=b"other"))
    refusal = refused(query.to_wire())
    assert (refusal.reason, refusal.error) == ("BADSIG", 16)
    with pytest.raises(dns.tsig.PeerBadSignature):
        dns.message.from_wire(refusal.reply, keyring=dns_key(KEY), request_mac=query.mac)
    assert refusal.reply.endswith(b"\0\x10\0\0")


@pytest.mark.parametrize("skew", [FUDGE + 1, -FUDGE - 1])
def test_time_skew(skew: int) -> None:
    """A request out of time gets BADTIME, signed, with the server's time; the client's own repeated."""
    query = signed_query()
    refusal = refused(query.to_wire(), at=NOW + skew)
    assert (refusal.reason, refusal.error) == ("BADTIME", 18)
    tsig = read_request(refusal.reply).tsig
    assert tsig is not None
    assert tsig.time_signed == NOW.to_bytes(6, "big")
    assert tsig.other == (NOW + skew).to_bytes(6, "big")
    with pytest.raises(dns.tsig.PeerBadTime):
        dns.message.from_wire(refusal.reply, keyring=dns_key(KEY), request_mac=query.mac)
    assert check(query.to_wire(), at=NOW + (FUDGE if skew > 0 else -FUDGE))


def test_client_is_told_of_its_time() -> None:
    """A client whose clock is wrong accepts the signature of BADTIME and reports it."""
    client = RequestSigner(KEY, now)
    wire = client.sign(dns.message.make_query("example.", "SOA").to_wire())
    with pytest.raises(TsigFailed, match="BADTIME") as caught:
        client.verify(refused(wire, at=NOW + 1000).reply)
    assert caught.value.told


@pytest.mark.parametrize("error", ["BADKEY", "BADSIG"])
def test_client_is_told_of_its_key(error: str) -> None:
    """Unsigned refusals are reported as what they are."""
    client = RequestSigner(KEY, now)
    wire = client.sign(dns.message.make_query("example.", "SOA").to_wire())
    key = KEY._replace(name=b"\0") if error == "BADKEY" else KEY._replace(secret=b"other")
    with pytest.raises(TsigFailed, match=error) as caught:
        client.verify(refused(wire, key).reply)
    assert caught.value.told


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_truncated_mac(algorithm: str) -> None:
    """A MAC may be cut to half, and to no less than 10 octets; less and more than a whole one are format errors."""
    key = KEY._replace(algorithm=algorithm)
    whole = ALGORITHMS[algorithm].mac_bytes
    least = max(10, whole // 2)
    wire = signed_query(key).to_wire()
    for size in (least, whole - 1, whole):
        assert check(with_mac(wire, size), key).plain == check(wire, key).plain
    for size in (0, least - 1, whole + 1):
        refusal = refused(with_mac(wire, size), key)
        assert refusal.reason == "FORMERR"
        assert refusal.reply[3] & 15 == dns.rcode.FORMERR
    changed = bytearray(with_mac(wire, least))
    changed[-7] ^= 1
    assert refused(bytes(changed), key).reason == "BADSIG"


def test_reply_to_a_truncated_mac() -> None:
    """The reply is signed with the MAC of the request as it was sent."""
    query = signed_query()
    wire = with_mac(query.to_wire(), 16)
    reply = check(wire).signer.sign(dns.message.make_response(dns.message.from_wire(check(wire).plain)).to_wire())
    assert dns.message.from_wire(reply, keyring=dns_key(KEY), request_mac=query.mac[:16]).had_tsig


def test_forwarded_request() -> None:
    """A forwarder may change the id: the original one is signed, the reply goes under the one that came."""
    query = signed_query()
    wire = query.to_wire()
    forwarded = bytes((wire[0] ^ 1, wire[1])) + wire[2:]
    checked = check(forwarded)
    assert checked.plain[:2] == wire[:2]
    reply = checked.signer.sign(dns.message.make_response(dns.message.from_wire(checked.plain)).to_wire())
    assert reply[:2] == forwarded[:2]
    assert dns.message.from_wire(wire[:2] + reply[2:], keyring=dns_key(KEY), request_mac=query.mac).had_tsig


def test_time_of_a_long_reply() -> None:
    """Each message of a reply has the time at which it was signed."""
    times = iter([NOW, NOW + 1000])
    wire = signed_query().to_wire()
    signer = check_request(wire, read_request(wire), {KEY.name: KEY}, now).signer
    signer._now = lambda: next(times)
    plain = dns.message.make_response(dns.message.make_query("example.", "A")).to_wire()
    for expected in (NOW, NOW + 1000):
        tsig = read_request(signer.sign(plain)).tsig
        assert tsig is not None
        assert int.from_bytes(tsig.time_signed, "big") == expected


def test_any_change_is_noticed() -> None:
    """No octet of a signed request can be changed but those that are not signed: its id, and the case of names."""
    wire = signed_query().to_wire()
    tsig = read_request(wire).tsig
    assert tsig is not None
    for at in range(2, len(wire)):
        changed = bytearray(wire)
        changed[at] ^= 1
        with pytest.raises((TsigRefused, Malformed, AssertionError)):
            check(bytes(changed))


def parts_of(wire: bytes) -> Request | None:
    with contextlib.suppress(Malformed):
        return read_request(wire)
    return None


@given(st.lists(st.tuples(st.integers(12, 200), st.integers(0, 255)), min_size=1, max_size=6), st.integers(0, 120))
def test_garbled_signature(changes: list[tuple[int, int]], cut: int) -> None:
    """A garbled message is refused in one of the known ways, by either end."""
    wire = bytearray(signed_query().to_wire())
    for at, octet in changes:
        wire[at % len(wire)] = octet
    garbled = bytes(wire[: len(wire) - cut // 2] if cut % 2 else wire)
    request = parts_of(garbled)
    if request is not None and request.tsig is not None:
        with contextlib.suppress(TsigRefused):
            check_request(garbled, request, {KEY.name: KEY}, now)
    client = RequestSigner(KEY, now)
    client.sign(garbled)
    with contextlib.suppress(TsigFailed):
        client.verify(garbled)


@given(st.binary(max_size=300))
def test_any_octets(message: bytes) -> None:
    """Any octets are either refused or found to have no signature."""
    with contextlib.suppress(ValueError):
        find_tsig(message)
    with pytest.raises(TsigFailed):
        RequestSigner(KEY, now).verify(message)


@given(st.binary(min_size=12, max_size=200), st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=3))
def test_both_readers_agree(head: bytes, changes: list[tuple[int, int]]) -> None:
    """The place of the signature is the same by the reader of requests and by the engine's."""
    wire = bytearray(signed_query().to_wire())
    for at, octet in changes:
        wire[at % len(wire)] = octet
    request = parts_of(bytes(wire))
    if request is not None:
        assert find_tsig(bytes(wire)) == (None if request.tsig is None else request.tsig.at)
