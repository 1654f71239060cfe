# SPDX-License-Identifier: Apache-2.0
"""Commands that read and change the configuration."""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from control.conf.dynamic import ActiveConfiguration, Operand
from control.conf.errors import ConfdbError, ConfdbFull, EditError
from control.conf.rows import Row
from control.ctl.command import BATCH_UNITS, Command, Reply, Request, letters_of, signed
from control.ctl.errors import CommandError, Reason
from control.ctl.unit import Unit
from control.log import ERROR, NOTICE, Log
from control.server.reloading import Reloading
from control.server.transactions import Transactions

SCHEMA, CHANGING, ZONES = "stz"

T = TypeVar("T")


class ConfCommands:
    """What the commands do. The command lock keeps those that change something from running beside any other."""

    def __init__(self, active: ActiveConfiguration, transactions: Transactions, reloading: Reloading, log: Log) -> None:
        self._active, self._transactions, self._reloading, self._log = active, transactions, reloading, log

    async def list(self, request: Request, reply: Reply) -> None:
        """Answer with sections, items, identifiers or values."""
        await self._answer(request, reply, self._list)

    async def read(self, request: Request, reply: Reply) -> None:
        """Answer with what is set and in use."""
        await self._answer(request, reply, lambda operand: self._active.read(*key(operand)))

    async def get(self, request: Request, reply: Reply) -> None:
        """Answer with what is set in the transaction."""
        await self._answer(request, reply, lambda operand: self._active.current().get(*key(operand)))

    async def diff(self, request: Request, reply: Reply) -> None:
        """Answer with what the transaction changes."""
        await self._answer(request, reply, lambda operand: self._active.current().diff(*key(operand)))

    async def begin(self, request: Request, _reply: Reply) -> None:
        """Open the transaction."""
        self._transactions.refuse_if_open()
        await self._do(request.operands, self._active.begin)
        if self._active.database is None:
            text = "control, persistent configuration database not available"
            self._log.write(NOTICE, text, "control")

    async def set(self, request: Request, _reply: Reply) -> None:
        """Set values and create identifiers: all of a block or nothing."""
        operands = [operand_of(unit) for unit in request.operands]
        await self._do(request.operands, lambda: self._active.current().set(*operands))

    async def unset(self, request: Request, _reply: Reply) -> None:
        """Remove values, items, identifiers, sections or everything: all of a block or nothing."""
        operands = [operand_of(unit) for unit in request.operands]
        await self._do(request.operands, lambda: self._active.current().unset(*operands))

    async def commit(self, _request: Request, _reply: Reply) -> None:
        """Check the transaction, make it the configuration and follow it. When that is refused it stays open."""
        try:
            await self._reloading.commit()
        except ConfdbError as error:
            self._log.write(ERROR, f"control, {error}", "control")
            raise CommandError(Reason.NO_SPACE if isinstance(error, ConfdbFull) else Reason.FAILED) from error
        except EditError as error:
            if error.section is None:
                raise CommandError(error.reason) from error
            unit = Unit(section=error.section, id=error.id, item=error.item, data=error.value)
            raise CommandError(error.reason, operand=unit) from error

    async def abort(self, _request: Request, _reply: Reply) -> None:
        """Forget the transaction, if there is one."""
        self._active.abort()

    def _list(self, operand: Unit) -> Iterator[Row]:
        letters = letters_of(operand)
        if ZONES in letters:
            zones = self._reloading.keeper.directory.all()
            return self._active.list_zones(zone.name for zone in zones if zone.conf.catalog.interpreted_from)
        return self._active.list(*key(operand), schema=SCHEMA in letters, changing=CHANGING in letters)

    async def _answer(self, request: Request, reply: Reply, rows: Callable[[Unit], Iterator[Row]]) -> None:
        for operand in request.operands:
            await self._answer_one(operand, reply, rows)

    async def _answer_one(self, operand: Unit, reply: Reply, rows: Callable[[Unit], Iterator[Row]]) -> None:
        source = await self._do((operand,), lambda: iter(rows(operand)))
        while batch := await self._do((operand,), lambda: list(islice(source, BATCH_UNITS))):
            for row in batch:
                await send_row(row, reply)

    async def _do(self, operands: Iterable[Unit], work: Callable[[], T]) -> T:
        """Do what may read files or take long elsewhere; an error names the operand it is about."""
        try:
            return await asyncio.to_thread(work)
        except EditError as error:
            raise CommandError(error.reason, operand=culprit(operands, error)) from error

    def commands(self) -> Iterable[Command]:
        """Return the commands."""
        return (
            Command("conf-list", self.list),
            Command("conf-read", self.read),
            Command("conf-get", self.get, exclusive=True),
            Command("conf-diff", self.diff, exclusive=True),
            Command("conf-begin", self.begin, exclusive=True),
            Command("conf-set", self.set, exclusive=True),
            Command("conf-unset", self.unset, exclusive=True),
            Command("conf-commit", self.commit, exclusive=True),
            Command("conf-abort", self.abort, exclusive=True),
        )


def key(unit: Unit) -> tuple[str | None, str | None, str | None]:
    """Return section, identifier and item; an empty identifier or item is none."""
    return unit.section, unit.id or None, unit.item or None


def operand_of(unit: Unit) -> Operand:
    """Return what a unit of conf-set or conf-unset is about."""
    return Operand(*key(unit), unit.data)


def culprit(operands: Iterable[Unit], error: EditError) -> Unit | None:
    """Return the operand an error is about; None when that is not known."""
    about = (error.section, error.id, error.item, error.value)
    return next((unit for unit in operands if tuple(operand_of(unit)) == about), None)


async def send_row(row: Row, reply: Reply) -> None:
    """Answer with one row: the first value is DATA, the others are EXTRA."""
    unit = Unit(section=row.section, id=row.id, item=row.item)
    if row.sign:
        unit = signed(unit, row.sign)
    if not row.values:
        await reply.data(unit)
        return
    first, *others = row.values
    await reply.data(unit._replace(data=first))
    for value in others:
        await reply.extra(unit._replace(data=value))
