# SPDX-License-Identifier: Apache-2.0
"""Which transactions exclude each other, and what ends them; what zone-status tells of a handle."""

from typing import Any

import pytest

from control.ctl.errors import CommandError
from control.ctl.zone_status import EventState, Freeze, Phase
from control.events.kinds import Kind
from control.server.transactions import Transactions
from control.server.zone_state import state_of
from tests.support.event_stage import Stage

EDIT: Any = object()
A = "a.example."


def make(configuring: bool = False) -> tuple[Stage, Transactions]:
    """A scheduler and its transactions."""
    stage = Stage()
    return stage, Transactions(stage.scheduler, lambda: configuring)


def test_one_transaction_of_a_zone() -> None:
    """A second one is refused, one of another zone is not."""
    stage, transactions = make()
    zone, other = stage.zone(A), stage.zone("b.example.")
    transactions.begin(zone, EDIT)
    with pytest.raises(CommandError, match="too many transactions"):
        transactions.begin(zone, EDIT)
    transactions.begin(other, EDIT)
    assert len(transactions) == 2


def test_none_while_the_configuration_is_edited() -> None:
    """The configuration's transaction keeps zone transactions from beginning."""
    stage, transactions = make(configuring=True)
    with pytest.raises(CommandError, match="too many transactions"):
        transactions.check_begin(stage.zone(A))


def test_no_reload_while_one_is_open() -> None:
    """An open zone transaction is told to who would change the configuration; an ended one is not."""
    stage, transactions = make()
    zone = stage.zone(A)
    transactions.refuse_if_open()
    transactions.begin(zone, EDIT)
    with pytest.raises(CommandError, match="too many transactions"):
        transactions.refuse_if_open()
    transactions.end(zone)
    transactions.refuse_if_open()
    with pytest.raises(CommandError, match="no active transaction"):
        transactions.end(zone)


def test_the_end_lets_held_events_go_on() -> None:
    """A load that waited for the transaction begins."""
    stage, transactions = make()
    zone = stage.zone(A)
    transactions.begin(zone, EDIT)
    stage.scheduler.plan(zone, Kind.LOAD)
    assert stage.names() == []
    transactions.abort_if_open(zone)
    assert stage.names() == [(A, "load")]
    transactions.abort_if_open(zone)


def test_the_state_of_a_zone() -> None:
    """Serial, transaction, freeze and events are told; times are Unix seconds."""
    stage, transactions = make()
    zone = stage.zone(A)
    zone.serial = 7
    transactions.begin(zone, EDIT)
    stage.scheduler.plan(zone, Kind.FLUSH, 60)
    stage.scheduler.freeze(zone)
    stage.loop.advance(90)
    state = state_of(zone, stage.scheduler, 5000.0)
    assert (state.serial, state.transaction, state.freeze) == (7, "open", Freeze.YES)
    assert state.events == {"flush": EventState(Phase.FROZEN, 6060.0)}


def test_the_state_of_a_zone_without_anything() -> None:
    """No contents, no transaction, no events."""
    stage, _ = make()
    state = state_of(stage.zone(A), stage.scheduler, 0.0)
    assert (state.serial, state.transaction, state.freeze, dict(state.events)) == (None, "-", Freeze.NO, {})
