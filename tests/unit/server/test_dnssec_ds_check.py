# SPDX-License-Identifier: Apache-2.0
"""The event DS-check: when the parent's servers show the DS record, the key is confirmed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.peers import KeyConf
from control.conf.policy import SubmissionConf
from control.errors import StoreRefused
from control.events.kinds import Kind
from control.server.dnssec.ds_check import Awaited, ParentAnswer, plan_ds_check
from control.transfer.client import RemoteFailed
from control.transfer.ds_check import Verdict
from tests.support.parents import ED25519, ds_text, public_key, with_ds, with_rcode
from tests.support.parents_stage import ParentsStage
from tests.support.replication_stage import APEX, remote

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"
FIRST, SECOND = remote("first", A), remote("second", B)
NEW, OLD = public_key("new"), public_key("old", ED25519)
SHOWN = with_ds(ds_text(APEX, NEW))
INTERVAL_S = 60


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[ParentsStage]:
    stage = ParentsStage(tmp_path)
    stage.signs(SubmissionConf("s", (FIRST, SECOND), INTERVAL_S, parent_delay_s=5))
    stage.waits = Awaited(NEW)
    yield stage
    stage.close()


def check(stage: ParentsStage) -> None:
    """Have the parents asked now."""
    plan_ds_check(stage.scheduler, stage.zone)
    stage.loop.advance(0)


def test_a_key_that_all_show_is_confirmed(stage: ParentsStage) -> None:
    """Caches have the old records for the greatest TTL, and the parent's own delay comes on top."""
    stage.parents.answers.update({A: with_ds(ds_text(APEX, NEW), ttl=300), B: with_ds(ds_text(APEX, NEW), ttl=600)})
    check(stage)
    assert stage.confirmed == [605]
    assert stage.signed == 1
    assert stage.due(Kind.DS_CHECK) is None
    assert stage.lines == [
        f"info: DS check, outgoing, remote {A}@53 TCP, KSK submission check: positive",
        f"info: DS check, outgoing, remote {B}@53 TCP, KSK submission check: positive",
    ]


def test_one_that_does_not_show_it_holds_it_up(stage: ParentsStage) -> None:
    """All are asked again after the interval, until it does."""
    stage.parents.answers.update({A: with_ds(), B: SHOWN})
    check(stage)
    assert stage.confirmed == []
    assert stage.lines[0] == f"info: DS check, outgoing, remote {A}@53 TCP, KSK submission check: negative"
    assert stage.due(Kind.DS_CHECK) == INTERVAL_S
    assert stage.checks.last[stage.zone.name].answers == (
        ParentAnswer("first", Verdict.NEGATIVE),
        ParentAnswer("second", Verdict.POSITIVE, "", 3600),
    )
    stage.parents.answers[A] = SHOWN
    stage.parents.kept = True
    stage.loop.advance(INTERVAL_S)
    assert stage.confirmed == [3605]
    assert stage.lines[-1] == f"info: DS check, outgoing, remote {B}@53 TCP/pool, KSK submission check: positive"
    assert stage.checks.last == {}


def test_one_that_does_not_answer_holds_it_up(stage: ParentsStage) -> None:
    """No answer, as well as one with an error, is no confirmation."""
    stage.parents.answers.update({A: RemoteFailed("timed out", f"{A}@53 TCP"), B: with_rcode(2)})
    check(stage)
    assert stage.confirmed == []
    assert stage.lines == [
        f"warning: DS check, outgoing, remote {A}@53 TCP, failed (timed out)",
        f"warning: DS check, outgoing, remote {B}@53 TCP, failed (SERVFAIL)",
    ]
    assert stage.failures == []
    assert stage.due(Kind.DS_CHECK) == INTERVAL_S


def test_a_parent_without_the_delegation_is_told_of(stage: ParentsStage) -> None:
    """Before a zone is delegated that is nothing to worry about."""
    stage.parents.answers.update({A: with_rcode(3), B: with_rcode(3)})
    check(stage)
    assert stage.lines[0] == f"notice: DS check, outgoing, remote {A}@53 TCP, failed (NXDOMAIN)"


def test_addresses_are_tried_until_one_answers(stage: ParentsStage) -> None:
    """An answer without the DS is one."""
    stage.signs(SubmissionConf("s", (remote("x", A, B, C),), INTERVAL_S))
    stage.parents.answers.update({A: RemoteFailed("timed out"), B: with_ds(), C: SHOWN})
    check(stage)
    assert [address for address, _ in stage.parents.asked] == [A, B]
    assert stage.confirmed == []
    stage.parents.answers[B] = with_rcode(5)
    stage.loop.advance(INTERVAL_S)
    assert stage.confirmed == [3600]


def test_a_signed_question_names_its_key(stage: ParentsStage) -> None:
    """In the log line, as everywhere."""
    key = KeyConf(b"\1k\0", "hmac-sha256", b"x" * 32)
    stage.signs(SubmissionConf("s", (remote("x", A, B, key=key),), INTERVAL_S))
    stage.parents.answers[B] = SHOWN
    check(stage)
    assert stage.lines == [
        f"warning: DS check, outgoing, remote {A}@53 TCP, key k., failed (timed out)",
        f"info: DS check, outgoing, remote {B}@53 TCP, key k., KSK submission check: positive",
    ]


def test_an_old_key_of_another_algorithm_has_to_go_first(stage: ParentsStage) -> None:
    """Else validators that follow its DS would miss its signatures."""
    stage.waits = Awaited(NEW, (OLD,))
    stage.parents.answers.update({A: with_ds(ds_text(APEX, NEW), ds_text(APEX, OLD)), B: SHOWN})
    check(stage)
    assert stage.confirmed == []
    assert stage.lines[0].endswith("KSK submission check: negative")


def test_the_removal_of_all_is_checked_too(stage: ParentsStage) -> None:
    """A zone that goes back to being unsigned waits until no DS leads to it."""
    stage.waits = Awaited(None)
    stage.parents.answers.update({A: with_ds(), B: SHOWN})
    check(stage)
    assert stage.confirmed == []
    assert [line.split(", ")[-1] for line in stage.lines] == [
        "DS removal check: positive",
        "DS removal check: negative",
    ]
    stage.parents.answers[B] = with_ds()
    stage.loop.advance(INTERVAL_S)
    assert stage.confirmed == [5]


def test_nobody_is_asked_for_nothing(stage: ParentsStage) -> None:
    """The key was confirmed by hand meanwhile, or the zone is not signed any more, or it has no parents to ask."""
    stage.waits = None
    check(stage)
    stage.waits = Awaited(NEW)
    stage.scheduler.plan(stage.zone, Kind.DS_CHECK, 5)
    stage.signs(SubmissionConf("s"))
    stage.loop.advance(5)
    assert stage.parents.asked == []
    assert stage.zone.events == ()
    plan_ds_check(stage.scheduler, stage.zone)
    assert stage.zone.events == ()


def test_keys_that_cannot_be_looked_up_are_no_end_of_it(stage: ParentsStage) -> None:
    """The event fails, and the parents are asked a little later."""
    stage.parents.answers.update({A: SHOWN, B: SHOWN})
    stage.broken = StoreRefused("store", "more snapshots in use than there may be")
    check(stage)
    assert len(stage.failures) == 1
    stage.broken = None
    stage.loop.advance(60)
    assert stage.confirmed == [3605]
