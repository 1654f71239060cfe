# SPDX-License-Identifier: Apache-2.0
"""A real xdpdnsd over UDP, TCP and AF_XDP answers as the responder does without a socket, and as knot and nsd do."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyxdp_dns.table import Responder, ServerInfo, Transport
from tests.scenario.differential import arena as arenas
from tests.scenario.differential.arena import Arena
from tests.scenario.differential.questions import Question
from tests.support import ask, exchange, inprocess
from tests.support.daemon import DaemonUnderTest, wait_for
from tests.support.netns import link
from tests.support.xdp_daemon import XdpDaemon

pytestmark = pytest.mark.peer("knotd", "nsd", "dnssec-signzone", "dnssec-keygen")

SAMPLE = 21000
"""Questions asked of each transport."""

PEER_SHARE = 3
"""Of the questions one in so many is compared with the peers."""

WHOLE = {"knot": arenas.PAYLOAD, "nsd": 1460}
"""Octets of a reply over UDP up to which a peer leaves nothing out; nsd then begins with ADDITIONAL."""

SETS = [("nsec", False), ("optout", False)]
XDP_SETS = [("nsec3", False)]


@contextmanager
def running(daemon: DaemonUnderTest, arena: Arena) -> Iterator[DaemonUnderTest]:
    """Run a daemon with the zones of an arena until the end of the block."""
    daemon.server_items = [f"udp-max-payload: {arenas.PAYLOAD}"]
    daemon.write_config("example.com", files=arena.set.files)
    try:
        daemon.start()
        for zone in arena.set.files:
            daemon.expect(f"[{zone}] loaded", f"[{zone}] zone file loaded")
        yield daemon
    finally:
        daemon.close()


@pytest.fixture(scope="module")
def daemon(arena: Arena, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonUnderTest]:
    """A daemon on loopback with the zones of the arena."""
    with running(DaemonUnderTest(tmp_path_factory.mktemp("daemon")), arena) as under_test:
        yield under_test


@pytest.fixture(scope="module")
def responder(arena: Arena, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Responder]:
    """The responder in this process, which offers the payload that the daemon offers."""
    info = ServerInfo(udp_payload_ipv4=arenas.PAYLOAD, udp_payload_ipv6=arenas.PAYLOAD)
    with inprocess.responder(arena.set.files, tmp_path_factory.mktemp("table"), info) as answerer:
        yield answerer


def assert_same(
    responder: Responder, transport: Transport, over: exchange.Exchange, questions: Sequence[Question]
) -> None:
    """Fail unless each reply is octet for octet the responder's, apart from the id."""
    messages = [question.message for question in questions]
    wrong = []
    expected = inprocess.ask_by(responder, transport)(messages)
    for question, got, wanted in zip(questions, over(messages), expected, strict=True):
        if (got and got[2:]) != (wanted and wanted[2:]):
            octets = [reply.hex() if reply else "no reply" for reply in (got, wanted)]
            wrong.append(f"{question.text()}\n  got {octets[0]}\n  not {octets[1]}")
    assert not wrong, f"{len(wrong)} of {len(questions)}\n" + "\n".join(wrong[: arenas.SHOWN])


def with_payload(question: Question) -> Question:
    """Return a question as it is asked with the largest payload."""
    edns = ask.opt(arenas.PAYLOAD, do=question.variant == "do")
    return Question(question.name, question.type, question.variant, ask.query(question.name, question.type, edns=edns))


@pytest.mark.parametrize("arena", SETS, indirect=True, ids=str)
def test_udp_replies_are_the_responders(arena: Arena, daemon: DaemonUnderTest, responder: Responder) -> None:
    """Over UDP every reply has the octets that the responder gives without a socket."""
    over = exchange.Udp(daemon.address, daemon.port)
    assert_same(responder, Transport.UDP4, over, arenas.sample(arena.everything, SAMPLE))


@pytest.mark.parametrize("arena", SETS, indirect=True, ids=str)
def test_tcp_replies_are_the_responders(arena: Arena, daemon: DaemonUnderTest, responder: Responder) -> None:
    """Over TCP, questions pipelined, every reply has the octets that the responder gives without a socket."""
    over = exchange.Tcp(daemon.address, daemon.port)
    assert_same(responder, Transport.TCP, over, arenas.sample(arena.everything, SAMPLE))


@pytest.mark.root
@pytest.mark.xdp
@pytest.mark.parametrize("arena", XDP_SETS, indirect=True, ids=str)
def test_xdp_replies_are_the_responders(arena: Arena, responder: Responder, tmp_path: Path) -> None:
    """Over AF_XDP every reply has the octets that the responder gives without a socket, and none came another way."""
    asked = arenas.sample(arena.everything, SAMPLE)
    with link() as wire, wire.client.entered(), running(XdpDaemon(tmp_path, wire), arena) as daemon:
        assert isinstance(daemon, XdpDaemon)
        wait_for(daemon.answers_by_xdp, f"an answer by AF_XDP\n{daemon.all_output()}")
        before = daemon.by_xdp()
        assert_same(responder, Transport.UDP4, exchange.Udp(daemon.address, daemon.port), asked)
        assert daemon.by_xdp() - before >= len(asked)


@pytest.mark.parametrize("peer", sorted(arenas.PEERS))
@pytest.mark.parametrize("arena", SETS, indirect=True, ids=str)
def test_tcp_replies_equal_those_of_peers(arena: Arena, daemon: DaemonUnderTest, peer: str) -> None:
    """Over TCP the daemon answers as the peer, but for the differences listed."""
    compare(arena, peer, arena.questions[::PEER_SHARE], daemon, exchange.Tcp)


@pytest.mark.parametrize("peer", sorted(arenas.PEERS))
@pytest.mark.parametrize("arena", SETS, indirect=True, ids=str)
def test_udp_replies_equal_those_of_peers(arena: Arena, daemon: DaemonUnderTest, peer: str) -> None:
    """Over UDP the daemon answers what fits the largest payload as the peer, but for the differences listed."""
    asked = []
    for place in range(0, len(arena.questions), PEER_SHARE):
        size = max(arena.ours[place].size, len(arena.replies[peer][place] or b""))
        if size + len(ask.opt()) <= WHOLE[peer]:
            asked.append(with_payload(arena.questions[place]))
    assert len(asked) > len(arena.questions) / PEER_SHARE / 2
    compare(arena, peer, asked, daemon, exchange.Udp)


def compare(
    arena: Arena,
    peer: str,
    asked: Sequence[Question],
    daemon: DaemonUnderTest,
    transport: type[exchange.Udp] | type[exchange.Tcp],
) -> None:
    """Ask the daemon and a peer and compare."""
    ours, theirs = (
        [ask.parse(reply or b"") for reply in transport(server.address, server.port)([each.message for each in asked])]
        for server in (daemon, arena.peers[peer])
    )
    arenas.assert_explained(arena, peer, asked, ours, theirs)
