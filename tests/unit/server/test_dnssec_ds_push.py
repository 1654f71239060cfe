# SPDX-License-Identifier: Apache-2.0
"""The event DS-push: the parent's servers are told of the DS records."""

from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.opcode
import dns.rcode
import dns.update
import pytest

from control.errors import StoreRefused
from control.events.kinds import Kind
from control.server.dnssec.ds_push import RETRY_S, plan_ds_push
from control.transfer.client import RemoteFailed
from tests.support.parents import Answer, soa_of
from tests.support.parents_stage import ParentsStage
from tests.support.replication_stage import remote

A, B = "192.0.2.1", "192.0.2.2"
FIRST, SECOND = remote("first", A), remote("second", B)
DATA = bytes.fromhex("3039 0d 02") + bytes(range(32))
DELETE = bytes(5)


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ParentsStage]:
    stage = ParentsStage(tmp_path)
    stage.signs(None, FIRST, SECOND, ttl_s=77)
    stage.put_cds(DATA)
    stage.parents.answers.update({A: taking(), B: taking()})
    yield stage
    stage.close()


def taking(rcode: int = 0, apex: str = "com.") -> Answer:
    """Answer as a server of a zone that takes updates, or refuses them with an error."""

    def answer(query: dns.message.Message) -> dns.message.Message:
        reply = dns.message.make_response(query)
        if query.opcode() == dns.opcode.UPDATE:
            reply.set_rcode(dns.rcode.Rcode(rcode))
        elif query.question[0].name.to_text() == apex:
            reply.answer.append(soa_of(apex))
        else:
            reply.set_rcode(dns.rcode.REFUSED)
        return reply

    return answer


def push(stage: ParentsStage) -> None:
    """Have the parents told now."""
    plan_ds_push(stage.scheduler, stage.zone, int(stage.now()), int(stage.now()))
    stage.loop.advance(0)


def updates(stage: ParentsStage) -> list[tuple[str, list[str]]]:
    """Return what was sent: the zone, and the records."""
    sent = [message for _, message in stage.parents.asked if isinstance(message, dns.update.UpdateMessage)]
    return [(update.zone[0].name.to_text(), [rrset.to_text() for rrset in update.update]) for update in sent]


def test_all_are_told(stage: ParentsStage) -> None:
    """The old records go, those of the CDS records come, with the TTL of the keys."""
    stage.due_s = 1
    push(stage)
    ds = f"12345 13 2 {bytes(range(32)).hex()}"
    assert updates(stage) == [("com.", ["example.com. ANY DS", f"example.com. 77 IN DS {ds}"])] * 2
    assert stage.lines == [
        f"info: DS push, outgoing, remote {A}@53 TCP, success",
        f"info: DS push, outgoing, remote {B}@53 TCP, success",
    ]
    assert stage.due_s == 0
    assert stage.due(Kind.DS_PUSH) is None


def test_without_a_ttl_of_the_keys_it_is_that_of_the_zone(stage: ParentsStage) -> None:
    """Keys have the TTL of the SOA then."""
    stage.signs(None, FIRST)
    push(stage)
    assert " 60 IN DS " in updates(stage)[0][1][1]


def test_the_parent_zone_is_looked_for_upwards(stage: ParentsStage) -> None:
    """Until the server says that a zone begins there."""
    stage.signs(None, FIRST)
    stage.parents.answers[A] = taking(apex=".")
    push(stage)
    assert [message.question[0].name.to_text() for _, message in stage.parents.asked[:2]] == ["com.", "."]
    assert updates(stage)[0][0] == "."


def test_a_server_without_the_parent_zone_is_not_told(stage: ParentsStage) -> None:
    """Nothing is changed in a zone that it does not say to have."""
    stage.signs(None, FIRST)
    stage.parents.answers[A] = taking(apex="org.")
    push(stage)
    assert updates(stage) == []
    assert stage.lines == [f"warning: DS push, outgoing, remote {A}@53 TCP, failed (unable to query parent SOA)"]
    assert stage.due_s == int(stage.now()) + RETRY_S


def test_the_removal_is_told_as_well(stage: ParentsStage) -> None:
    """The CDS form of RFC 8078 leaves the zone without DS records."""
    stage.put_cds(DELETE)
    push(stage)
    assert updates(stage)[0][1] == ["example.com. ANY DS"]


def test_who_did_not_take_it_is_told_again(stage: ParentsStage) -> None:
    """Whether it refused or was not reached; the time is remembered, and the event is no failure."""
    stage.parents.answers.update({A: taking(5), B: RemoteFailed("connection refused", f"{B}@53 TCP")})
    push(stage)
    assert stage.lines == [
        f"warning: DS push, outgoing, remote {A}@53 TCP, server responded with error 'REFUSED'",
        f"warning: DS push, outgoing, remote {B}@53 TCP, failed (connection refused)",
    ]
    assert stage.failures == []
    assert stage.due_s == int(stage.now()) + RETRY_S
    stage.parents.answers[A] = taking()
    stage.loop.advance(RETRY_S)
    assert stage.due_s == int(stage.now()) + RETRY_S
    stage.parents.answers[B] = taking()
    stage.loop.advance(RETRY_S)
    assert stage.due_s == 0
    assert len(updates(stage)) == 4


def test_a_zone_without_cds_records_asks_for_nothing(stage: ParentsStage) -> None:
    """Its DS records stay as they are."""
    stage.put_cds()
    stage.due_s = 1
    push(stage)
    assert stage.parents.asked == []
    assert stage.due_s == 0


def test_a_change_puts_the_push_off(stage: ParentsStage) -> None:
    """The latest CDS records have to be everywhere before the parent hears of them; after a restart it is due as it
    was."""
    now_s = int(stage.now())
    plan_ds_push(stage.scheduler, stage.zone, now_s + 10, now_s)
    plan_ds_push(stage.scheduler, stage.zone, now_s + 30, now_s)
    assert stage.due(Kind.DS_PUSH) == 30
    plan_ds_push(stage.scheduler, stage.zone, now_s - 30, now_s)
    stage.loop.advance(0)
    assert len(updates(stage)) == 2
    plan_ds_push(stage.scheduler, stage.zone, 0, now_s)
    assert stage.due(Kind.DS_PUSH) is None


def test_a_store_that_cannot_be_read_is_no_end_of_it(stage: ParentsStage) -> None:
    """The parents are told later."""
    read = stage.store.read

    def refuse() -> None:
        raise StoreRefused(stage.store.path, "more snapshots in use than there may be")

    stage.store.read = refuse  # type: ignore[assignment]
    push(stage)
    stage.store.read = read  # type: ignore[method-assign]
    assert len(stage.failures) == 1
    stage.loop.advance(RETRY_S)
    assert len(updates(stage)) == 2
