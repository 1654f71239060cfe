# SPDX-License-Identifier: Apache-2.0
"""Answers as text: the layout of Knot's newest control program, and JSON."""

import json
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from control.ctl.table import CommandSpec, Shape
from control.ctl.unit import Kind, Unit

HIDDEN = "-"
SHOWN_EMPTY = frozenset({"role", "serial"})
BOLD, UNDERLINE, RED, GREEN, PLAIN = "\x1b[1m", "\x1b[4m", "\x1b[31m", "\x1b[32m", "\x1b[0m"
SIGNS = "+-"


class Style(NamedTuple):
    """How an answer is shown."""

    extended: bool = False
    colour: bool = False
    all_zones: bool = False
    """Rows name their zone: the command was for every zone."""


class Renderer:
    """Turns the units of one answer into text; `failed` after an error, which hides everything behind it."""

    def __init__(self, spec: CommandSpec, style: Style) -> None:
        self.failed = False
        self._spec, self._style = spec, style
        self._units = 0
        self._line_open = self._first = False

    def unit(self, kind: Kind, unit: Unit) -> str:
        """Return what to print for a unit, line feeds included; nothing for what is hidden."""
        self._units += 1
        if self.failed:
            return ""
        if unit.error is not None:
            self.failed = True
            return self._close_line() + error_line(self._spec, unit) + "\n"
        if self._spec.name == "zone-status":
            return self._status_row(kind, unit)
        return self._row(kind, unit) + "\n"

    def end(self) -> str:
        """Return what to print when the answer is complete."""
        if self._units or self.failed or not self._spec.success:
            return self._close_line()
        return f"{self._spec.success}\n"

    def _close_line(self) -> str:
        opened, self._line_open = self._line_open, False
        return "\n" if opened else ""

    def _status_row(self, kind: Kind, unit: Unit) -> str:
        text = ""
        if kind is Kind.DATA:
            text = self._close_line() + self._zone_name(unit)
            self._line_open, self._first = True, True
        if unit.data in (None, HIDDEN) and unit.type not in SHOWN_EMPTY and not self._style.extended:
            return text
        value = f"{BOLD}{unit.data}{PLAIN}" if self._style.colour else unit.data
        separator, self._first = " " if self._first else " | ", False
        return f"{text}{separator}{unit.type}: {value}"

    def _zone_name(self, unit: Unit) -> str:
        if not self._style.colour:
            return f"[{unit.zone}]"
        letters = (unit.flags or "") + (unit.filters or "")
        codes = (RED if "s" in letters else GREEN) + ("" if "e" in letters else BOLD)
        codes += UNDERLINE if "m" in letters else ""
        return f"{codes}[{unit.zone}]{PLAIN}"

    def _row(self, kind: Kind, unit: Unit) -> str:
        zone = f"[{unit.zone}] " if self._style.all_zones and unit.zone is not None else ""
        if self._spec.name == "status":
            return unit.data if unit.data is not None else "Loading" if "l" in (unit.filters or "") else "Running"
        if self._spec.shape in (Shape.COUNTER, Shape.ZONE_COUNTER):
            return f"{zone}{item_text(unit)}: {unit.data}"
        if unit.section is not None:
            return (unit.data or "") if kind is Kind.EXTRA else sign_of(unit) + config_text(unit)
        if kind is Kind.EXTRA and unit.owner is not None:
            return f"{unit.type} {unit.data}"
        return zone + sign_of(unit) + record_text(unit)


def sign_of(unit: Unit) -> str:
    """Return the sign of a row of a difference."""
    return next((letter for letter in (unit.filters or "") + (unit.flags or "") if letter in SIGNS), "")


def record_text(unit: Unit) -> str:
    """Return owner, TTL, type and data, as far as they are there."""
    return " ".join(value for value in (unit.owner, unit.ttl, unit.type, unit.data) if value is not None)


def item_text(unit: Unit) -> str:
    """Return a counter's name."""
    return f"{unit.section}.{unit.item}" + ("" if unit.id is None else f"[{unit.id}]")


def config_text(unit: Unit) -> str:
    """Return `section[id].item value`, as far as it is there."""
    text = unit.section or ""
    text += "" if unit.id is None else f"[{unit.id}]"
    text += "" if unit.item is None else f".{unit.item}"
    return text if unit.data is None else f"{text} {unit.data}"


def error_line(spec: CommandSpec, unit: Unit) -> str:
    """Return the line of a failure: the reason, the zone, what else the operand had."""
    parts = [f"error: ({unit.error})"]
    if spec.name == "status":
        return parts[0]
    if unit.zone is not None:
        parts.append(f"[{unit.zone}]")
    if unit.section is not None:
        parts.append(config_text(unit))
    elif record := record_text(unit):
        parts.append(record)
    return " ".join(parts)


def as_object(kind: Kind, unit: Unit) -> dict[str, str]:
    """Return a unit's items by name, and its kind."""
    items = {name: value for name, value in unit._asdict().items() if value is not None}
    return {"kind": kind.name.lower(), **items}


def json_lines(units: Iterable[tuple[Kind, Unit]]) -> Iterator[str]:
    """Yield a JSON list of the units, an element at a time."""
    opened = False
    for kind, unit in units:
        yield ("," if opened else "[") + "\n  " + json.dumps(as_object(kind, unit))
        opened = True
    yield "\n]\n" if opened else "[]\n"
