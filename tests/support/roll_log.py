# SPDX-License-Identifier: Apache-2.0
"""What a log says of key rollovers: blocks of lines that were written together, and how they are to read."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

LINE = re.compile(r"^(\S+) (info|notice|warning|error): \[example\.com\.\] (.*)$", re.MULTILINE)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}")
BEGIN = ("info", "DNSSEC, signing zone")
SIGNED = ("info", "DNSSEC, signing started"), ("info", "DNSSEC, successfully signed, serial N, new RRSIGs N")
NEXT = ("info", "DNSSEC, next signing at TIME")
EARLY_S, LATE_S = 1.0, 4.0
"""Times are whole seconds, and a machine may be busy."""


class Line(NamedTuple):
    """A line of the log: when (Unix seconds), severity, text."""

    when: float
    severity: str
    text: str


class Step(NamedTuple):
    """What is to be said in a block, beside what is said in each. Times are Unix seconds."""

    at_s: float
    said: tuple[tuple[str, str], ...]
    """Severities and texts in front of the keys; `<one>` is the tag of a key."""
    keys: tuple[str, ...]
    """States of the keys: `KSK one: public, active`, by names that stand for tags. They are told of by age."""
    next_s: float | None = None
    """When the next signing is; None: any time."""


def lines_of(log: str) -> list[Line]:
    """Return the lines about the zone."""
    return [
        Line(datetime.fromisoformat(stamp).timestamp(), severity, text) for stamp, severity, text in LINE.findall(log)
    ]


def blocks_of(lines: Sequence[Line]) -> list[list[Line]]:
    """Return the lines of each signing, from its beginning to the time of the next one."""
    blocks: list[list[Line]] = []
    is_open = False
    for line in lines:
        if line[1:] == BEGIN:
            blocks.append([])
            is_open = True
        if is_open and line.text.startswith("DNSSEC, "):
            blocks[-1].append(line)
        if line.text.startswith("DNSSEC, next signing at"):
            is_open = False
    return blocks


class Reader:
    """Compares blocks with steps; a tag is bound to the name in a step when it is first seen."""

    def __init__(self, tags: dict[str, int], algorithm: str = "ECDSAP256SHA256") -> None:
        self.tags, self.algorithm = dict(tags), algorithm

    def check(self, block: Sequence[Line], step: Step) -> float:
        """Fail where a block is not as its step; return when the next signing is."""
        self._bind(block, step)
        wanted = [BEGIN, *((severity, self._named(text)) for severity, text in step.said)]
        order = list(self.tags)
        keys = [self._key(key) for key in sorted(step.keys, key=lambda key: order.index(name_of(key)))]
        wanted += [*(("info", key) for key in keys), *SIGNED, NEXT]
        said = [(line.severity, plain(line.text)) for line in block]
        assert said == wanted, "\n".join(f"{line.severity}: {line.text}" for line in block)
        assert is_soon(block[0].when, step.at_s), (step, block)
        times = [time_of(line) for line in block if TIME.search(line.text)]
        if step.next_s is not None:
            assert is_soon(times[-1], step.next_s), (step, block)
            assert len(set(times)) == 1
        return times[-1]

    def _bind(self, block: Sequence[Line], step: Step) -> None:
        said = [int(tag) for line in block for tag in re.findall(r"DNSSEC, key, tag +(\d+)", line.text)]
        new = [name for name in map(name_of, step.keys) if name not in self.tags]
        found = [tag for tag in said if tag not in self.tags.values()]
        assert len(new) == len(found), (step, block)
        self.tags.update(zip(new, found, strict=True))

    def _named(self, text: str) -> str:
        return re.sub(r"<(\w+)>", lambda match: str(self.tags[match[1]]), text)

    def _key(self, key: str) -> str:
        who, states = key.split(": ")
        *role, name = who.split()
        return ", ".join((f"DNSSEC, key, tag {self.tags[name]:5d}", f"algorithm {self.algorithm}", *role, states))


def is_soon(when: float, due: float) -> bool:
    """Whether a time is as it should be."""
    return due - EARLY_S <= when <= due + LATE_S


def name_of(key: str) -> str:
    """Return the name that stands for a key in a step."""
    return key.split(":")[0].split()[-1]


def plain(text: str) -> str:
    """Return a line with its times and numbers of signatures and serials left out."""
    text = TIME.sub("TIME", text)
    return re.sub(r"(serial|RRSIGs) \d+", r"\1 N", text)


def time_of(line: Line) -> float:
    """Return the time that a line tells of."""
    match = TIME.search(line.text)
    assert match is not None
    return datetime.fromisoformat(match[0]).timestamp()
