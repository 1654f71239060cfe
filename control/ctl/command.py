# SPDX-License-Identifier: Apache-2.0
"""What a control command is: a request, a reply it streams, and the loop over zones that most commands share."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple, Protocol, TypeVar

from control.conf.values import parse_name
from control.ctl.errors import CommandError, Reason, reason_of
from control.ctl.unit import Unit

CACHED_NAMES = 1024
ZONES_AT_ONCE = 64
"""Zones a command works on before the rest of the daemon may run."""
BATCH_UNITS = 512
"""Units taken from a blocking source in one visit of a worker thread."""


T = TypeVar("T")


class Request(NamedTuple):
    """One command with its operands; the first one names the command and carries the options."""

    name: str
    operands: tuple[Unit, ...]
    force: bool
    blocking: bool
    letters: frozenset[str]
    """Of FLAGS and FILTERS together: the letters moved from one to the other between versions."""

    @property
    def first(self) -> Unit:
        """The first operand."""
        return self.operands[0]


class Reply(Protocol):
    """Where a command writes its answer. Every method waits when the client reads slowly and raises `ClientGone`
    when it has gone."""

    async def data(self, unit: Unit) -> None:
        """Send one row, or the first of several."""

    async def extra(self, unit: Unit) -> None:
        """Send a continuation of the row before."""

    async def rows(self, octets: bytes) -> None:
        """Send rows that are encoded already."""

    async def error(self, operand: Unit, reason: str) -> None:
        """Report a failure: the items of `operand` are echoed with the reason."""

    async def wait(self, event: asyncio.Future[T]) -> T:
        """Return what `event` gives; the event goes on when the client does not wait for it."""
        ...


class Command(NamedTuple):
    """One command of the server.

    `exclusive` commands run alone, the others beside each other; an exclusive one may come in whenever another waits
    for its client or for an event. After a command with `after` the connection is ended, then `after` is called.
    """

    name: str
    run: Callable[[Request, Reply], Awaitable[None]]
    exclusive: bool = False
    after: Callable[[], None] | None = None


def letters_of(unit: Unit) -> frozenset[str]:
    """Return the option letters of an operand, wherever its client puts them."""
    return frozenset((unit.flags or "") + (unit.filters or ""))


def make_request(operands: tuple[Unit, ...]) -> Request:
    """Return the request of a block's operands; the first one has a command."""
    first = operands[0]
    letters = letters_of(first)
    return Request(first.command or "", operands, "F" in letters, "B" in letters, letters)


def signed(unit: Unit, letters: str) -> Unit:
    """Return a row with its letters where clients of every version look for them."""
    return unit._replace(flags=letters, filters=letters)


async def stream(reply: Reply, units: Iterable[Unit]) -> None:
    """Send every unit of a source that blocks, such as a store's snapshot, pulled in worker threads piece by piece."""
    source: Iterator[Unit] = iter(units)
    try:
        while batch := await asyncio.to_thread(lambda: list(islice(source, BATCH_UNITS))):
            for unit in batch:
                await reply.data(unit)
    finally:
        if isinstance(source, Generator):
            with contextlib.suppress(ValueError):  # a cancelled worker thread may still be in it, and ends with it
                source.close()


async def stream_rows(reply: Reply, chunks: Iterator[bytes]) -> None:
    """Send encoded rows of a source that blocks, pulled in worker threads piece by piece."""
    try:
        while (octets := await asyncio.to_thread(next, chunks, None)) is not None:
            await reply.rows(octets)
    finally:
        if isinstance(chunks, Generator):
            with contextlib.suppress(ValueError):  # a cancelled worker thread may still be in it, and ends with it
                chunks.close()


class ZoneHandle(Protocol):
    """A configured zone as a command gets it."""

    @property
    def name(self) -> str:
        """Lower case, with final dot."""


Z = TypeVar("Z", bound=ZoneHandle, covariant=True)
H = TypeVar("H", bound=ZoneHandle)


class ZoneDirectory(Protocol[Z]):
    """The zones of the server."""

    def all(self) -> Iterable[Z]:
        """Every zone in canonical order of names; may be changed while it is gone through."""

    def find(self, name: str) -> Z | None:
        """The zone of a normalised name."""


@lru_cache(CACHED_NAMES)
def normalise_zone(name: str) -> str:
    """Return a zone name in lower case with final dot; raise `CommandError` when it is no domain name."""
    try:
        return parse_name(name)
    except ValueError as error:
        raise CommandError(Reason.INVALID_PARAMETER) from error


def zone_command(
    name: str,
    zones: ZoneDirectory[H],
    run_one: Callable[[H, Unit, Request, Reply], Awaitable[None]],
    *,
    exclusive: bool = False,
    suppressed: frozenset[str] = frozenset(),
) -> Command:
    """Return a command that runs `run_one` for every zone named, or for all when none is.

    A zone that fails does not keep the others from running. A named zone's failure is answered at once; with all
    zones one "operation failed for some zones" comes last, unless every failure has a reason in `suppressed`.
    """

    async def run(request: Request, reply: Reply) -> None:
        if request.first.zone is None:
            await _run_all(zones, run_one, request, reply, suppressed)
            return
        for count, operand in enumerate(request.operands, 1):
            if count % ZONES_AT_ONCE == 0:
                await asyncio.sleep(0)
            try:
                await run_one(_named(zones, operand), operand, request, reply)
            except Exception as error:
                reason = reason_of(error)
                if reason is None:
                    raise
                await reply.error(operand, reason)

    return Command(name, run, exclusive)


def _named(zones: ZoneDirectory[H], operand: Unit) -> H:
    if operand.zone is None:
        raise CommandError(Reason.INVALID_PARAMETER)
    handle = zones.find(normalise_zone(operand.zone))
    if handle is None:
        raise CommandError(Reason.NO_ZONE)
    return handle


async def _run_all(
    zones: ZoneDirectory[H],
    run_one: Callable[[H, Unit, Request, Reply], Awaitable[None]],
    request: Request,
    reply: Reply,
    suppressed: frozenset[str],
) -> None:
    failed = False
    for count, handle in enumerate(zones.all(), 1):
        if count % ZONES_AT_ONCE == 0:
            await asyncio.sleep(0)
        try:
            await run_one(handle, request.first, request, reply)
        except Exception as error:
            reason = reason_of(error)
            if reason is None:
                raise
            failed = failed or reason not in suppressed
    if failed:
        raise CommandError(Reason.SOME_ZONES)
