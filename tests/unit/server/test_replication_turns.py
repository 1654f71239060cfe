# SPDX-License-Identifier: Apache-2.0
"""Turns: one after the other, and beside one that is slow."""

import threading

import pytest

from control.clock import Clock
from control.server.replication import turns
from control.server.replication.turns import Turns

WAIT_S = 20.0


def test_the_next_begins_when_the_one_before_has_ended() -> None:
    """Never two at once; all get their turn."""
    shared = Turns(Clock(monotonic_ns=lambda: 0))
    running, most, done = [0], [0], []

    def work(number: int) -> None:
        with shared.take():
            running[0] += 1
            most[0] = max(most[0], running[0])
            done.append(number)
            running[0] -= 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    with shared.take():
        for thread in threads:
            thread.start()
        assert not done
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(done) == list(range(8))
    assert most == [1]


def test_a_slow_one_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next begins beside it, and the end of the slow one gives nobody else's turn away."""
    monkeypatch.setattr(turns, "SLOW_NS", 1_000_000)
    shared = Turns(Clock())
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with shared.take():
            begun.set()
            go_on.wait(WAIT_S)

    thread = threading.Thread(target=slow)
    thread.start()
    assert begun.wait(WAIT_S)
    with shared.take():
        assert thread.is_alive()
        held = shared._turn
        go_on.set()
        thread.join(WAIT_S)
        assert shared._turn is held
    assert shared._turn is None


def test_an_error_ends_the_turn() -> None:
    """Who comes next does not wait."""
    shared = Turns(Clock(monotonic_ns=lambda: 0))
    with pytest.raises(ValueError, match="broken"), shared.take():
        raise ValueError("broken")
    with shared.take():
        pass
