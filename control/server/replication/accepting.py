# SPDX-License-Identifier: Apache-2.0
"""Transfers that go through, and what they wait for: one is accepted after the other, or small ones together.

A refresh is written as steps: it stops where it has a transfer, and goes on with what that changed or why it was
refused. So the same steps serve one zone and many at once.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Generic, NamedTuple, TypeVar

from control.clock import Clock
from control.events.zone import ZoneHandle
from control.store.environment import Transaction
from control.transfer.ahead import SMALL_BYTES
from control.transfer.incoming import TransferIn
from control.update.early import Early
from control.update.results import ChangeResult

HELD_NS = 500_000_000
"""How old what is held may be before another zone is transferred."""

T = TypeVar("T")
Also = Callable[[Transaction], None]


class Arrival(NamedTuple):
    """A transfer that went through; `also` writes in the transaction of its contents, after them.

    `early` has what is written of it already.
    """

    incoming: TransferIn
    zone: ZoneHandle
    also: Also
    early: Early | None


Accept = Callable[[Sequence[Arrival]], Sequence[ChangeResult | Exception]]
"""Make transfers the contents of their zones, written together where they can be; what became of each, in order."""

Steps = Generator[Arrival, ChangeResult, T]
"""Work that stops where a transfer is to be accepted, and goes on with what that changed or why it was refused."""


class End(NamedTuple, Generic[T]):
    """What work came to."""

    result: T | Exception


def accept_together(works: Sequence[Steps[T]], accept: Accept, clock: Clock) -> list[T | Exception]:
    """Do works that wait for small transfers (SMALL_BYTES) to be accepted up to there, and accept these together.

    Returns what each gives or raises.
    """
    ends: dict[int, T | Exception] = {}
    held: dict[int, Arrival] = {}

    def settle() -> None:
        changes = dict(zip(held, accept(list(held.values())), strict=True))
        held.clear()
        for number, change in changes.items():
            ends[number] = _finish(works[number], _advance(works[number], change), accept)

    since_ns = clock.monotonic_ns()
    for number, work in enumerate(works):
        at = _advance(work)
        while isinstance(at, Arrival) and at.incoming.octets > SMALL_BYTES:
            at = _advance(work, *accept([at]))
        if isinstance(at, Arrival):
            held[number] = at
        else:
            ends[number] = at.result
        if held and clock.monotonic_ns() - since_ns > HELD_NS:
            settle()
            since_ns = clock.monotonic_ns()
    if held:
        settle()
    return [ends[number] for number in range(len(works))]


def _advance(work: Steps[T], change: ChangeResult | Exception | None = None) -> Arrival | End[T]:
    """Let work begin, or go on with what became of a transfer, up to the next transfer or its end."""
    try:
        if isinstance(change, Exception):
            return work.throw(change)
        return next(work) if change is None else work.send(change)
    except StopIteration as end:
        return End(end.value)
    except Exception as error:  # noqa: BLE001 - the end of this work, which the scheduler is told of
        return End(error)


def _finish(work: Steps[T], at: Arrival | End[T], accept: Accept) -> T | Exception:
    """Do the rest of work that has come as far as `at`."""
    while isinstance(at, Arrival):
        at = _advance(work, *accept([at]))
    return at.result
