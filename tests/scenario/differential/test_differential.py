# SPDX-License-Identifier: Apache-2.0
"""The same questions to this server, knot and nsd: equal replies, but for the differences in docs/differences.md."""

import pytest

from pyxdp_dns.table import Transport
from tests.scenario.differential import differences
from tests.scenario.differential.arena import Arena, assert_explained
from tests.support import ask, inprocess

pytestmark = pytest.mark.peer("knotd", "nsd", "dnssec-signzone", "dnssec-keygen")


def test_replies_equal_those_of_knot_and_nsd(arena: Arena) -> None:
    """Every difference from a peer's reply is one of those listed with the RFC's reason."""
    for peer, replies in arena.replies.items():
        theirs = [ask.parse(reply or b"") for reply in replies]
        assert_explained(arena, peer, arena.questions, arena.ours, theirs)


@pytest.mark.parametrize("transport", Transport)
def test_templates_equal_composed_replies(arena: Arena, transport: Transport) -> None:
    """Every reply copied from a template is octet for octet the one that is composed, on each transport."""
    ask_ours = inprocess.ask_by(arena.responder, transport)
    messages = [question.message for question in arena.everything]
    copied = ask_ours(messages)
    arena.responder.compose_all(True)
    try:
        composed = ask_ours(messages)
    finally:
        arena.responder.compose_all(False)
    assert [q.text() for q, one, other in zip(arena.everything, copied, composed, strict=True) if one != other] == []


def test_replies_are_well_formed(arena: Arena) -> None:
    """Replies repeat the question octet by octet, no record twice, and compress names only where all resolvers know."""
    for question, reply in zip(arena.questions, arena.ours, strict=True):
        assert reply.question == ((question.name, question.type, ask.IN),), question.text()
        assert not reply.repeated, question.text() + reply.text()
        assert reply.compressed <= ask.COMPRESSIBLE, question.text()


@pytest.mark.parametrize("payload", [0, 512, 1232, 4096])
def test_truncation_loses_nothing_silently(arena: Arena, payload: int) -> None:
    """Over UDP a reply is the one of TCP, without optional ADDITIONAL data, or it has TC set and fits."""
    over_udp = inprocess.ask_by(arena.responder, Transport.UDP4)
    limit = min(max(payload, 512), 1232)
    variant = "do" if payload else "plain"
    for question, whole in zip(arena.questions, arena.ours, strict=True):
        if question.variant != variant:
            continue
        edns = ask.opt(payload, do=True) if payload else b""
        reply = ask.parse(over_udp([ask.query(question.name, question.type, edns=edns)])[0] or b"")
        assert reply.size <= limit, question.text()
        assert differences.is_part(reply, whole), question.text()
        if reply.flags & ask.TC:
            assert whole.size > limit, question.text()
            continue
        parts = ("rcode", "flags", "answer", "authority")
        assert [getattr(reply, part) for part in parts] == [getattr(whole, part) for part in parts], question.text()
        lost = {record.owner for record in whole.additional - reply.additional}
        is_referral = not whole.answer and not whole.flags & ask.AA
        assert not (is_referral and any(map(arena.world.is_glue, lost))), f"{question.text()} lost glue without TC"
