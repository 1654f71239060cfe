# SPDX-License-Identifier: Apache-2.0
"""Signed messages of exactly the size there is room for, and of an octet more; dnspython is at the other end."""

import base64
import socket
from collections.abc import Iterator

import dns.flags
import dns.message
import dns.name
import dns.rrset
import dns.tsig
import pytest

from control.access.tsig import ALGORITHMS, record_bytes
from control.clock import Clock
from control.conf.peers import KeyConf, PeerEndpoint, RemoteConf
from control.transfer.client import Client
from control.transfer.incoming import Kind, TransferIn
from tests.support import hostile
from tests.support.daemon import DaemonUnderTest, wait_for
from tests.support.hostile import APEX, KEEP, Hostile, Sent
from tests.support.transfers import receive_until_silent

MOST = 65535
SILENCE_S = 0.5
LARGE = 65280
"""A type of no meaning."""
HEAD_BYTES = 12 + len(b"\1n\4test\0") + 4
RECORD_BYTES = len(b"\5large") + 2 + 10
"""Of the record without its data: a label, a pointer to the apex, and type, class, TTL and length."""
KEYS = {name: KeyConf(bytes((len(name),)) + name.encode() + b"\0", name, b"0123456789abcdef") for name in ALGORITHMS}
KEY = KEYS["hmac-sha256"]
LONG_NAME = ".".join(["x" * 60] * 4)
ZONE = "$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 300\n@ NS ns\nns A 192.0.2.1\n"
CONFIG = """\
key:
{keys}acl:
  - id: signed
    key: [{names}]
    action: transfer
  - id: open
    address: 127.0.0.1
    action: transfer
template:
  - id: default
    storage: {base}
    acl: [signed, open]
    zonefile-sync: -1
zone:
"""


def room(key: KeyConf) -> int:
    """Return the octets of data of the record that fill a message."""
    return MOST - HEAD_BYTES - RECORD_BYTES - record_bytes(key)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonUnderTest]:
    """A daemon with a key of each algorithm and, for each size of signatures, zones that just fit or just do not."""
    one = DaemonUnderTest(tmp_path_factory.mktemp("sizes"))
    secret = base64.b64encode(KEY.secret).decode()
    keys = "".join(f"  - id: {name}.\n    algorithm: {name}\n    secret: {secret}\n" for name in KEYS)
    zones = ""
    for number, key in enumerate(KEYS.values()):
        for zone, octets in ((f"{number}.test", room(key)), (f"{chr(97 + number)}.test", room(key) + 1)):
            one.write_zone(zone, 1, text=f"{ZONE}large TYPE{LARGE} \\# {octets} {'ab' * octets}\n")
            zones += f"  - domain: {zone}\n"
    one.write_zone("soa.test", 1, text=ZONE.replace("ns hostmaster", f"{LONG_NAME}.m. {LONG_NAME}.r."))
    one.write_zone("example.com", 1, text=f"{ZONE}long TXT {'x' * 200} {'y' * 200} {'z' * 200}\nwww A 192.0.2.2\n")
    text = CONFIG.format(keys=keys, names=", ".join(KEYS), base=one.base)
    one.config.write_text(
        f"{one.config.read_text().partition('zone:')[0]}{text}{zones}  - domain: soa.test\n  - domain: example.com\n"
    )
    try:
        one.start()
        yield one
    finally:
        one.close()


def dns_key(key: KeyConf) -> dns.tsig.Key:
    """Return a key as dnspython has it."""
    algorithm = dns.name.from_wire(ALGORITHMS[key.algorithm].wire, 0)[0]
    return dns.tsig.Key(dns.name.from_wire(key.name, 0)[0], key.secret, algorithm)


def messages_of(daemon: DaemonUnderTest, zone: str, key: KeyConf | None) -> dict[int, dns.message.Message]:
    """Return the messages of a transfer by their octets, as dnspython reads them, which has accepted each signature."""
    query = dns.message.make_query(zone, "AXFR", use_edns=False)
    if key is not None:
        query.use_tsig(dns_key(key))
    found, context = {}, None
    for wire in receive_until_silent((daemon.address, daemon.port), query.to_wire(), SILENCE_S):
        read = dns.message.from_wire(
            wire, keyring=query.keyring, request_mac=query.mac, multi=True, tsig_ctx=context, one_rr_per_rrset=True
        )
        assert read.had_tsig == (key is not None)
        found[len(wire)], context = read, read.tsig_ctx
    return found


@pytest.mark.parametrize("name", KEYS)
def test_a_record_and_its_signature_fill_a_message(daemon: DaemonUnderTest, name: str) -> None:
    """With the signature the message of the record has 65535 octets, whatever the signature takes."""
    zone = f"{list(KEYS).index(name)}.test"
    messages = messages_of(daemon, zone, KEYS[name])
    assert len(messages) == 3
    (large,) = messages[MOST].answer
    assert (int(large.rdtype), large[0].to_wire()) == (LARGE, b"\xab" * room(KEYS[name]))


@pytest.mark.parametrize("name", KEYS)
def test_a_record_without_room_for_its_signature(daemon: DaemonUnderTest, name: str) -> None:
    """An octet more is not sent with a signature, and the log says how much room there is; without one it is sent."""
    zone = f"{chr(97 + list(KEYS).index(name))}.test"
    assert max(messages_of(daemon, zone, KEYS[name])) < MOST // 2
    wait_for(
        lambda: (
            f"of large.{zone}. is larger than a message of {MOST - record_bytes(KEYS[name])} octets"
            in daemon.all_output()
        ),
        daemon.all_output(),
    )
    assert max(messages_of(daemon, zone, None)) == MOST + 1 - record_bytes(KEYS[name])


@pytest.mark.parametrize(("owner", "rtype"), [("long.example.com.", "TXT"), ("soa.test.", "IXFR")])
@pytest.mark.parametrize("name", ["hmac-sha256", "hmac-sha512"])
def test_a_signed_reply_over_udp(daemon: DaemonUnderTest, name: str, owner: str, rtype: str) -> None:
    """It is whole when with its signature it has the octets that the client takes, and truncated with an octet more."""
    size, whole = over_udp(daemon, KEYS[name], owner, rtype, 1232)
    assert len(whole.answer) == 1
    assert over_udp(daemon, KEYS[name], owner, rtype, size) == (size, whole)
    cut_size, cut = over_udp(daemon, KEYS[name], owner, rtype, size - 1)
    assert cut_size < size
    assert (cut.flags & dns.flags.TC, cut.answer) == (dns.flags.TC, [])


def over_udp(
    daemon: DaemonUnderTest, key: KeyConf, owner: str, rtype: str, payload: int
) -> tuple[int, dns.message.Message]:
    """Return the octets of the signed reply to a client that takes `payload` octets, and the reply."""
    query = dns.message.make_query(owner, rtype, use_edns=0, payload=payload, id=7)
    if rtype == "IXFR":
        query.authority.append(dns.rrset.from_text(owner, 0, "IN", "SOA", ". . 0 0 0 0 0"))
    query.use_tsig(dns_key(key))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(10)
        sock.sendto(query.to_wire(), (daemon.address, daemon.port))
        reply = sock.recv(MOST)
    read = dns.message.from_wire(reply, keyring=query.keyring, request_mac=query.mac)
    assert read.had_tsig
    return len(reply), read


def transfer_message(query: bytes, records: list[bytes]) -> dns.message.Message:
    """Return a message of a transfer, as dnspython has it."""
    return dns.message.from_wire(hostile.message(query, records), one_rr_per_rrset=True)


def large(octets: int) -> bytes:
    """Return a record with so many octets of data."""
    return hostile.record(b"\5large" + APEX, LARGE, bytes(octets))


def full(key: KeyConf) -> hostile.Behaviour:
    """Be a primary whose transfer has a signed message of 65535 octets."""

    def behave(query: bytes) -> Sent:
        request = dns.message.from_wire(query, keyring=dns_key(key))
        context = None
        for records in ([hostile.soa(2), *hostile.body(2)], None, [hostile.soa(2)]):
            made = transfer_message(query, records or [large(0)])
            if records is None:
                made = transfer_message(query, [large(MOST - record_bytes(key) - len(made.to_wire()))])
            made.use_tsig(dns_key(key))
            made.request_mac = request.mac
            wire = made.to_wire(multi=True, tsig_ctx=context)
            context = made.tsig_ctx
            assert records or len(wire) == MOST
            yield hostile.framed(wire)
        yield KEEP

    return behave


@pytest.mark.parametrize("name", KEYS)
def test_the_largest_signed_message_is_taken(name: str) -> None:
    """A transfer whose message has 65535 octets with its signature comes in whole."""
    client = Client(Clock())
    with Hostile(full(KEYS[name])).running() as primary, TransferIn(APEX) as transfer:
        remote = RemoteConf("full", (PeerEndpoint(primary.address, primary.port),), key=KEYS[name])
        result = client.transfer(remote, transfer)
        assert (result.kind, result.messages, result.serial) == (Kind.AXFR, 3, 2)
        assert result.octets > MOST
    client.close()
