# SPDX-License-Identifier: Apache-2.0
"""What may come next on a command line: from the table of commands, and from what the server has."""

import glob
from collections.abc import Callable, Iterable

from control.ctl.table import BY_NAME, DETAILS, EXIT_WORD, ROLLED, SPECS, CommandSpec, Shape, Where
from control.ctl.unit import Unit

EVERY_ZONE = frozenset({Shape.ZONES, Shape.SOME_ZONES})
ONE_ZONE = frozenset(
    {Shape.ZONE, Shape.REPORT, Shape.RECORDS, Shape.SET, Shape.UNSET, Shape.ZONE_COUNTER, Shape.SERIAL, Shape.ROLL}
)
ITEMS = frozenset({Shape.ITEMS, Shape.ITEM_SET, Shape.ITEM_UNSET})
FILES = frozenset({Shape.FILE, Shape.MAYBE_FILE})


class Completer:
    """`ask` sends one operand and returns the units of the answer, none on failure."""

    def __init__(self, ask: Callable[[Unit], list[Unit]]) -> None:
        self._ask = ask

    def candidates(self, before: list[str], text: str) -> list[str]:
        """Return the words that begin with `text` and fit behind the words before it."""
        return sorted({word for word in self._words(before, text) if word.startswith(text)})

    def _words(self, before: list[str], text: str) -> Iterable[str]:
        if not before:
            return [EXIT_WORD, *(spec.name for spec in SPECS if spec.where is not Where.ABSENT)]
        spec = BY_NAME.get(before[0])
        if spec is None:
            return []
        if text[:1] == "+":
            return [f"+{one.name}" for one in spec.filters]
        arguments = [word for word in before[1:] if word[:1] not in ("+", "-")]
        if spec.shape in FILES or any(before[-1] == f"+{one.name}" and one.argument for one in spec.filters):
            return glob.glob(glob.escape(text) + "*")
        return self._arguments(spec, arguments, text)

    def _arguments(self, spec: CommandSpec, arguments: list[str], text: str) -> Iterable[str]:
        if spec.shape is Shape.DETAIL and not arguments:
            return DETAILS
        if spec.shape in EVERY_ZONE or (spec.shape in ONE_ZONE and not arguments):
            return self._zones()
        if spec.shape is Shape.ROLL and len(arguments) == 1:
            return ROLLED
        if spec.shape is Shape.ITEMS or (spec.shape in ITEMS and not arguments):
            return self._items(text)
        if spec.shape in ITEMS:
            return self._values(arguments[0])
        return []

    def _list(self, letters: str, **items: str) -> list[Unit]:
        return self._ask(Unit(command="conf-list", filters=letters or None, **items))

    def _zones(self) -> Iterable[str]:
        return [unit.id for unit in self._list("z") if unit.id]

    def _items(self, text: str) -> Iterable[str]:
        """Sections, then identifiers of a section behind a bracket, then items behind a dot."""
        prefix, dot, _ = text.rpartition("]")[2].partition(".")
        head = text[: len(text) - len(text.rpartition("]")[2])] + prefix
        section = head.partition("[")[0]
        if dot:
            return [f"{head}.{unit.item}" for unit in self._list("s", section=section) if unit.item]
        if "[" in head and not head.endswith("]"):
            return [f"{section}[{unit.id}]" for unit in self._list("", section=section) if unit.id]
        return [unit.section for unit in self._list("s") if unit.section]

    def _values(self, item: str) -> Iterable[str]:
        """The values an item may have, such as those of an enumeration."""
        from control.ctl.arguments import UsageError, item_of

        try:
            return [unit.data for unit in self._list("ts", **item_of(item)) if unit.data]
        except UsageError:
            return []
