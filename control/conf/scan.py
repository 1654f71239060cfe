# SPDX-License-Identifier: Apache-2.0
"""One line of a configuration file into indentation, dash, item name and values.

Ordinary lines match one regular expression; quotes, lists, comments and mistakes take the careful road.
"""

import re
from typing import NamedTuple

from control.conf.errors import PARSER_FAILED

HEAD = re.compile(
    r'( *)(?:-( +))?([A-Za-z0-9_-]*[A-Za-z0-9_]) *:(?= |\r?$)(?: +("?)([^\s\0"\\#,\[\]]+)\4)?(?: *\r?$)?', re.ASCII
)
"""Indentation, blanks after the dash, item name, and a plain value, in quotes or not.

What matches to its end is an ordinary line.
"""

WORD = re.compile(r" *(?:- +)?([A-Za-z0-9_-]*[A-Za-z0-9_])(?=[ :])", re.ASCII)
"""What the item of a line that cannot be read seems to be."""

_MARKS = frozenset('"#,[]')


class Line(NamedTuple):
    """A line that sets something; `dash` is None or the blanks after the dash, `values` None when nothing follows."""

    indent: int
    dash: int | None
    name: str
    values: tuple[str, ...]
    is_list: bool


class BadLine(Exception):
    """A line that cannot be read: reason, item and value as far as they were read."""

    def __init__(self, reason: str, item: str | None = None, value: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.item, self.value = reason, item, value


class _Cursor:
    """Reads the value part of a line."""

    def __init__(self, text: str, item: str) -> None:
        self.text, self.item, self.pos, self.last = text, item, 0, ""

    def fail(self, reason: str = PARSER_FAILED) -> BadLine:
        return BadLine(reason, self.item, self.last)

    def skip(self) -> str:
        """Skip blanks and a comment; return the next character or an empty string at the end."""
        start = self.pos
        while self.text.startswith(" ", self.pos):
            self.pos += 1
        char = self.text[self.pos : self.pos + 1]
        if char == "\t":
            raise BadLine("tabulator character is not allowed")
        if char == "#":
            if self.pos == start and self.pos > 0:
                raise self.fail()
            return ""
        return char

    def quoted(self) -> str:
        out: list[str] = []
        i, text = self.pos + 1, self.text
        end = text.find('"', i)
        if end >= 0 and "\\" not in text[i:end]:
            self.pos = end + 1
            return text[i:end]
        while i < len(text):
            if text[i] == '"':
                self.pos = i + 1
                return "".join(out)
            if text[i] == "\\" and text[i + 1 : i + 2] in ('"', "\\"):
                i += 1
            out.append(text[i])
            i += 1
        self.last = "".join(out)
        raise self.fail()

    def scalar(self) -> str:
        if self.text.startswith('"', self.pos):
            self.last = self.quoted()
        else:
            start, text = self.pos, self.text
            while self.pos < len(text) and text[self.pos] not in _MARKS and not text[self.pos].isspace():
                self.pos += 1
            if self.pos == start:
                raise self.fail()
            self.last = text[start : self.pos]
        return self.last

    def sequence(self) -> tuple[str, ...]:
        values: list[str] = []
        self.pos += 1
        if self.skip() == "]":
            self.pos += 1
            return ("",)
        while True:
            if not self.skip():
                raise self.fail()
            values.append(self.scalar())
            mark = self.skip()
            if mark not in ("]", ","):
                raise self.fail()
            self.pos += 1
            if mark == "]":
                return tuple(values)


def scan_line(text: str) -> Line | None:
    """Return what a line sets, or None when it is blank or a comment; raise `BadLine`."""
    text = text.rstrip("\r")
    bare = text.lstrip(" ")
    if not bare or bare.startswith("#"):
        return None
    if "\0" in text:
        raise BadLine(PARSER_FAILED)
    if bare.startswith("\t"):
        raise BadLine("tabulator character is not allowed")
    head = HEAD.match(text)
    if head is None:
        if "\t" in text.split("#")[0]:
            raise BadLine("tabulator character is not allowed")
        word = WORD.match(text)
        raise BadLine(PARSER_FAILED, word[1] if word else None)
    indent, dash, name, _, _ = head.groups()
    cursor = _Cursor(text[text.index(":", head.end(3)) + 1 :], name)
    mark = cursor.skip()
    is_list = mark == "["
    values: tuple[str, ...] = ()
    if is_list:
        values = cursor.sequence()
    elif mark:
        values = (cursor.scalar(),)
    if cursor.skip():
        raise cursor.fail()
    return Line(len(indent), None if dash is None else len(dash), name, values, is_list)
