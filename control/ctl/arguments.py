# SPDX-License-Identifier: Apache-2.0
"""Words of a command line as the operands of a request, and as what local commands get."""

from typing import NamedTuple

from control.ctl.table import CommandSpec, Filter, Shape
from control.ctl.unit import Unit

ALL_ZONES = "--"
MAX_INCREMENT = "2147483647"
FREE_TEXT = frozenset({Shape.SET, Shape.UNSET, Shape.SERIAL, Shape.ITEM_SET, Shape.ITEM_UNSET, Shape.WORDS})
"""Shapes whose words may begin with a plus sign without being filters."""

COUNTS: dict[Shape, tuple[int, int | None]] = {
    Shape.NONE: (0, 0),
    Shape.DETAIL: (0, 1),
    Shape.COUNTER: (0, 1),
    Shape.ZONES: (0, None),
    Shape.SOME_ZONES: (0, None),
    Shape.ZONE: (1, 1),
    Shape.REPORT: (1, 1),
    Shape.RECORDS: (1, 3),
    Shape.SET: (3, None),
    Shape.UNSET: (2, None),
    Shape.ZONE_COUNTER: (1, 2),
    Shape.SERIAL: (1, 2),
    Shape.ROLL: (2, 2),
    Shape.ITEMS: (0, None),
    Shape.ITEM_SET: (1, None),
    Shape.ITEM_UNSET: (0, None),
    Shape.FILE: (1, 1),
    Shape.MAYBE_FILE: (0, 1),
    Shape.WORDS: (0, None),
}
"""Fewest and most words, filters apart."""


class UsageError(Exception):
    """The command line is wrong; the text says how."""


class Options(NamedTuple):
    """Options that go with a request."""

    blocking: bool = False
    force: bool = False


class Parsed(NamedTuple):
    """Words of a command, filters taken out."""

    words: tuple[str, ...]
    filters: tuple[tuple[Filter, str | None], ...]
    """Filters in the order written, with their arguments."""

    @property
    def all_zones(self) -> bool:
        """Is the command for every zone?"""
        return not self.words or self.words[0] == ALL_ZONES


def parse(spec: CommandSpec, words: list[str]) -> Parsed:
    """Take filters out and check the number of words; raises `UsageError`."""
    plain: list[str] = []
    filters: list[tuple[Filter, str | None]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word[:1] == "+" and spec.shape not in FREE_TEXT:
            filters.append(_take_filter(spec, word, rest))
        else:
            plain.append(word)
    _check_count(spec.shape, len(plain))
    if spec.shape is Shape.SOME_ZONES and not plain:
        raise UsageError("zone must be specified (or -- for all zones)")
    return Parsed(tuple(plain), tuple(filters))


def _take_filter(spec: CommandSpec, word: str, rest: list[str]) -> tuple[Filter, str | None]:
    for one in spec.filters:
        if word == f"+{one.name}":
            if not one.argument:
                return one, None
            if not rest:
                raise UsageError(f"filter {word} needs {one.argument}")
            return one, rest.pop(0)
    raise UsageError(f"unknown filter: {word}")


def _check_count(shape: Shape, count: int) -> None:
    least, most = COUNTS[shape]
    if most == 0 and count:
        raise UsageError("command doesn't take arguments")
    if least == most and count != least:
        raise UsageError(f"command requires {least} arguments")
    if count < least:
        raise UsageError(f"command requires at least {least} arguments")
    if most is not None and count > most:
        raise UsageError(f"command takes at most {most} arguments")


def operands(spec: CommandSpec, words: list[str], options: Options) -> list[Unit]:
    """Return the DATA units of the request; raises `UsageError`."""
    parsed = parse(spec, words)
    if spec.force and not options.force:
        raise UsageError("force option required!")
    flags = ("B" if options.blocking and spec.blocking else "") + ("F" if options.force else "")
    letters = "".join(one.letter for one, _ in parsed.filters)
    if spec.name == "conf-list":
        letters += "s"
    data = next((value for _, value in parsed.filters if value is not None), None)
    base = Unit(command=spec.name, flags=flags or None, filters=letters or None, data=data)
    return [base._replace(**items) for items in _items(spec.shape, parsed)]


def _items(shape: Shape, parsed: Parsed) -> list[dict[str, str]]:
    """Return what each operand has besides command and options."""
    words = parsed.words
    if shape in (Shape.ZONES, Shape.SOME_ZONES):
        return [{}] if not words or words == (ALL_ZONES,) else [{"zone": word} for word in words]
    if shape is Shape.DETAIL:
        return [{"type": word} for word in words] or [{}]
    if shape is Shape.COUNTER:
        return [_counter(word) for word in words] or [{}]
    if shape is Shape.ITEMS:
        return [item_of(word) for word in words] or [{}]
    if shape in (Shape.ITEM_SET, Shape.ITEM_UNSET):
        item = item_of(words[0]) if words else {}
        return [item | {"data": word} for word in words[1:]] or [item]
    if shape is Shape.NONE:
        return [{}]
    zone = {} if words[0] == ALL_ZONES else {"zone": words[0]}
    return [zone | _ZONE_WORDS[shape](list(words[1:]))]


def _counter(word: str) -> dict[str, str]:
    section, dot, item = word.partition(".")
    return {"section": section} | ({"item": item} if dot else {})


def _nothing(_words: list[str]) -> dict[str, str]:
    return {}


def _records(words: list[str]) -> dict[str, str]:
    return dict(zip(("owner", "type"), words, strict=False))


def _record(words: list[str]) -> dict[str, str]:
    """Owner, TTL if the word is one, type, and the rest as the data."""
    items = {"owner": words.pop(0)}
    if words and words[0][:1].isdecimal():
        items["ttl"] = words.pop(0)
    if words:
        items["type"] = words.pop(0)
    if words:
        items["data"] = " ".join(words)
    return items


def _zone_counter(words: list[str]) -> dict[str, str]:
    return _counter(words[0]) if words else {}


def _serial(words: list[str]) -> dict[str, str]:
    if not words:
        return {}
    sign, number = ("+", words[0][1:]) if words[0][:1] == "+" else ("=", words[0])
    return {"type": sign, "data": MAX_INCREMENT if (sign, number) == ("+", "MAX") else number}


def _kind(words: list[str]) -> dict[str, str]:
    return {"type": words[0]}


_ZONE_WORDS = {
    Shape.ZONE: _nothing,
    Shape.REPORT: _nothing,
    Shape.RECORDS: _records,
    Shape.SET: _record,
    Shape.UNSET: _record,
    Shape.ZONE_COUNTER: _zone_counter,
    Shape.SERIAL: _serial,
    Shape.ROLL: _kind,
}


def item_of(text: str) -> dict[str, str]:
    """Return section, id and item of `section[id].item`; `\\]` is a bracket inside the id. Raises `UsageError`."""
    end = min((at for at in (text.find("["), text.find(".")) if at >= 0), default=len(text))
    items, rest = {"section": text[:end]}, text[end:]
    if not end:
        raise UsageError(f"(invalid item) {text}")
    if rest[:1] == "[":
        items["id"], rest = _bracketed(rest[1:])
    if rest[:1] == ".":
        if len(rest) == 1:
            raise UsageError("(missing item specification)")
        items["item"], rest = rest[1:], ""
    if rest:
        raise UsageError(f"(unexpected token) {rest}")
    return items


def _bracketed(text: str) -> tuple[str, str]:
    """Return the identifier before its closing bracket, and what follows."""
    identifier, at = "", 0
    while at < len(text):
        if text[at : at + 2] == "\\]":
            identifier, at = identifier + "]", at + 2
        elif text[at] == "]":
            return identifier, text[at + 1 :]
        else:
            identifier, at = identifier + text[at], at + 1
    raise UsageError(f"(missing bracket after identifier) {text}")
