# SPDX-License-Identifier: Apache-2.0
"""Servers of a parent zone are a knotd, a named, or a validating resolver: asked for DS records and told of them."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rrset
import pytest

from control.clock import Clock
from control.conf.peers import KeyConf, PeerEndpoint, RemoteConf
from control.conf.policy import SubmissionConf
from control.keys.dnskey import dnskey_rdata, ds_rdata
from control.server.dnssec.ds_check import Awaited, plan_ds_check
from control.server.dnssec.ds_push import plan_ds_push
from control.transfer.client import Client, ClientSettings
from tests.scenario.replication.test_transfers_tls import Speaker
from tests.support import peers
from tests.support.certificates import Authority
from tests.support.daemon import wait_for
from tests.support.parents import public_key
from tests.support.parents_stage import ParentsStage
from tests.support.peers import Peer, Place
from tests.support.replication_stage import APEX

SECRET = b"a secret of thirty-two octets ..."
KEY = KeyConf(b"\5child\0", "hmac-sha256", SECRET)
SECRET_TEXT = base64.b64encode(SECRET).decode()
ZONE = """\
$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
example NS ns.example
ns.example A 192.0.2.2
"""
KNOT_RULES = f"""\
key:
  - id: child
    algorithm: hmac-sha256
    secret: {SECRET_TEXT}
acl:
  - id: child
    key: child
    action: update
"""
NAMED_RULES = f'}}; key "child" {{ algorithm hmac-sha256; secret "{SECRET_TEXT}";'
NEW, OLD = public_key("new"), public_key("old")

pytestmark = pytest.mark.peer("knotd", "named")


@contextmanager
def knot_parent(zone: Path) -> Iterator[Peer]:
    """Run a knotd with the parent zone that takes updates of one key."""
    with peers.knot({"com.": zone}, sections=KNOT_RULES, template="    acl: child\n", journal="changes") as peer:
        yield peer


@contextmanager
def named_parent(zone: Path) -> Iterator[Peer]:
    """Run a named with it."""
    options = "minimal-responses yes; " + NAMED_RULES
    with peers.named({"com.": zone}, options=options, zone_options='allow-update { key "child"; };') as peer:
        yield peer


@pytest.fixture(params=[knot_parent, named_parent], ids=["knot", "named"])
def parent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Peer]:
    zone = tmp_path / "com.zone"
    zone.write_text(ZONE)
    with request.param(zone) as peer:
        yield peer


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ParentsStage]:
    stage = ParentsStage(tmp_path)
    client = Client(Clock(), ClientSettings(pool_limit=4))
    stage.checks._client = stage.pushes._client = client
    yield stage
    client.close()
    stage.close()


def remote(peer: Peer, key: KeyConf | None = KEY) -> RemoteConf:
    """Return the peer as it is configured."""
    return RemoteConf("parent", (PeerEndpoint(peer.address, peer.port),), key=key)


def push(stage: ParentsStage, *cdss: bytes) -> None:
    """Have the parent told of these CDS records."""
    stage.put_cds(*cdss)
    plan_ds_push(stage.scheduler, stage.zone, 1, 2)
    stage.loop.advance(0)


def check(stage: ParentsStage, awaited: Awaited) -> str:
    """Have the parent asked, and return what is logged."""
    stage.waits = awaited
    plan_ds_check(stage.scheduler, stage.zone)
    stage.loop.advance(0)
    return stage.lines[-1]


def test_a_ds_goes_up_and_is_found_there(stage: ParentsStage, parent: Peer) -> None:
    """And the next one replaces it, until none is wanted any more."""
    asked = remote(parent)
    stage.signs(SubmissionConf("s", (asked,)), asked, ttl_s=77)
    where = f"outgoing, remote 127.0.0.1@{parent.port} TCP"
    line = check(stage, Awaited(OLD))
    assert line == f"info: DS check, {where}, key child., KSK submission check: negative"
    for number, key in enumerate((OLD, NEW)):
        push(stage, ds_rdata(APEX, dnskey_rdata(key), 2), ds_rdata(APEX, dnskey_rdata(key), 4))
        assert stage.lines[-1] == f"info: DS push, {where}/pool, key child., success"
        line = check(stage, Awaited(key))
        assert line == f"info: DS check, {where}/pool, key child., KSK submission check: positive"
        assert stage.confirmed == [77] * (number + 1)
    assert check(stage, Awaited(OLD)).endswith("KSK submission check: negative")
    assert check(stage, Awaited(None)).endswith("DS removal check: negative")
    push(stage, bytes(5))
    assert check(stage, Awaited(None)).endswith("DS removal check: positive")


def test_a_parent_that_refuses_is_tried_again(stage: ParentsStage, parent: Peer) -> None:
    """Without the key it takes nothing, and keeps what it has."""
    asked = remote(parent, None)
    stage.signs(SubmissionConf("s", (asked,)), asked)
    push(stage, ds_rdata(APEX, dnskey_rdata(NEW), 2))
    failed = f"warning: DS push, outgoing, remote 127.0.0.1@{parent.port} TCP, server responded with error '"
    assert stage.lines[-1].startswith(failed)
    assert stage.due_s > stage.now()
    assert check(stage, Awaited(NEW)).endswith("negative")


def test_a_validating_resolver_stands_for_the_parent(stage: ParentsStage, tmp_path: Path) -> None:
    """The TTL that counts is the one the parent gave the records, whatever is left of it in the cache."""
    zone = tmp_path / "com.zone"
    tag, *rest = ds_words(ds_rdata(APEX, dnskey_rdata(NEW), 2))
    zone.write_text(f"{ZONE}example 300 DS {tag} {' '.join(rest)}\n")
    with peers.knot({"com.": zone}, template="    dnssec-signing: on\n", journal="changes") as parent:
        anchor = secure_key(parent)
        with peers.configured("named", lambda directory, place: resolver(directory, place, parent, anchor)) as peer:
            wait_for(lambda: is_validated(peer), "the resolver answers")
            stage.signs(SubmissionConf("s", (remote(peer, None),)))
            assert check(stage, Awaited(NEW)).endswith("KSK submission check: positive")
    assert stage.confirmed == [300]


def test_a_parent_that_is_asked_over_tls(stage: ParentsStage, tmp_path: Path) -> None:
    """Our own server has the parent zone, and takes updates over TLS alone; another certificate is not trusted."""
    certificate = Authority(tmp_path).make("ns.test")
    parent = Speaker(tmp_path / "parent", certificate)
    parent.write_zone("com", 1, text=ZONE)
    rules = "acl:\n  - id: tls\n    protocol: tls\n    action: update\n"
    parent.write_config(extra=f"{rules}zone:\n  - domain: com\n    storage: {parent.base}\n    acl: tls\n")
    parent.start()
    try:
        place = PeerEndpoint(parent.address, parent.tls_port)
        asked = RemoteConf("parent", (place,), tls=True, cert_keys=(certificate.pin,))
        where = f"outgoing, remote {place.address}@{place.port} TLS"
        stage.signs(SubmissionConf("s", (asked,)), asked._replace(cert_keys=(bytes(32),)))
        push(stage, ds_rdata(APEX, dnskey_rdata(NEW), 2))
        assert stage.lines[-1] == f"warning: DS push, {where}, failed (invalid certificate)"
        assert check(stage, Awaited(NEW)) == f"info: DS check, {where}, KSK submission check: negative"
        stage.signs(SubmissionConf("s", (asked,)), asked)
        push(stage, ds_rdata(APEX, dnskey_rdata(NEW), 2))
        assert stage.lines[-1] == f"info: DS push, {where}/pool, success"
        assert check(stage, Awaited(NEW)) == f"info: DS check, {where}/pool, KSK submission check: positive"
    finally:
        parent.close()


def ds_words(data: bytes) -> tuple[str, ...]:
    """Return DS data as words."""
    return str(int.from_bytes(data[:2], "big")), str(data[2]), str(data[3]), data[4:].hex()


def secure_key(parent: Peer) -> str:
    """Return the key-signing key of the parent zone as named's configuration has it."""
    query = dns.message.make_query("com.", "DNSKEY")
    answer = dns.query.tcp(query, parent.address, port=parent.port, timeout=peers.STOP_TIMEOUT_S).answer[0]
    key = next(rdata for rdata in answer if rdata.flags == 257)
    return f'257 3 {key.algorithm} "{base64.b64encode(key.key).decode()}"'


def resolver(directory: Path, place: Place, parent: Peer, anchor: str) -> str:
    """Return the configuration of a named that resolves `com.` at the parent's server and validates."""
    return (
        f'options {{ directory "{directory}"; listen-on port {place.port} {{ {place.address}; }};'
        "listen-on-v6 { none; }; pid-file none; session-keyfile none; lock-file none; empty-zones-enable no;"
        "recursion yes; dnssec-validation yes; }; controls { };"
        f"trust-anchors {{ com. static-key {anchor}; }};"
        f'zone "com." {{ type forward; forward only; forwarders port {parent.port} {{ {parent.address}; }}; }};'
    )


def is_validated(peer: Peer) -> bool:
    """Whether the resolver answers, and says that it has validated the answer."""
    query = dns.message.make_query("example.com.", "DS", want_dnssec=True)
    try:
        reply = dns.query.tcp(query, peer.address, port=peer.port, timeout=peers.STOP_TIMEOUT_S)
    except OSError:
        return False
    return bool(reply.flags & dns.flags.AD)
