# SPDX-License-Identifier: Apache-2.0
"""The periodic dump of statistics: a YAML document, written beside its place and moved there, or appended."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator

from control.conf.model import StatisticsConf
from control.ctl.stats import Counter
from control.log import Log

Collected = tuple[Iterable[Counter], Iterable[tuple[str, Iterable[Counter]]]]
"""Counters of the server; zones with theirs."""

Collect = Callable[[], Collected]


def quoted(text: str) -> str:
    """Return a YAML scalar in double quotes."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if escaped.isprintable() else '"' + "".join(_escape(char) for char in escaped) + '"'


def _escape(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def counter_lines(counters: Iterable[Counter], indent: str) -> Iterator[str]:
    """Yield the lines of counters that are not zero: sections, in them items, in them identifiers."""
    section: str | None = None
    family: tuple[str, str] | None = None
    for one in counters:
        if not one.value:
            continue
        if one.section != section:
            section, family = one.section, None
            yield f"{indent}{section}:"
        if one.id is None:
            yield f"{indent} {one.item}: {one.value}"
            continue
        if family != (one.section, one.item):
            family = (one.section, one.item)
            yield f"{indent} {one.item}:"
        yield f"{indent}  {one.id}: {one.value}"


def document(collected: Collected, identity: str, now: float) -> Iterator[str]:
    """Yield the lines of one dump."""
    server, zones = collected
    yield "---"
    yield f"time: {time.strftime('%Y-%m-%dT%H:%M:%S%z', time.localtime(now))}"
    yield f"identity: {quoted(identity)}"
    yield from counter_lines(server, "")
    has_zones = False
    for name, counters in zones:
        if not has_zones:
            yield "zone:"
            has_zones = True
        yield f" {quoted(name)}:"
        yield from counter_lines(counters, "  ")


def open_waiting_for_nobody(path: str, flags: int) -> int:
    """Open a file; a FIFO that nobody reads is an error."""
    return os.open(path, flags | os.O_NONBLOCK, 0o666)


def write_dump(path: str, append: bool, lines: Iterable[str]) -> None:
    """Write a dump; raises OSError, and then a file at `path` is as it was unless it was appended to."""
    if append:
        with open(path, "a", encoding="utf-8", opener=open_waiting_for_nobody) as file:
            file.writelines(f"{line}\n" for line in lines)
        return
    made = f"{path}.new"
    try:
        with open(made, "w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
        os.replace(made, path)
    except OSError:
        if os.path.exists(made):
            os.unlink(made)
        raise


class Dump:
    """Writes a dump every `timer` seconds as long as it is started; collecting and writing are done in a thread."""

    def __init__(self, collect: Collect, log: Log) -> None:
        self._collect, self._log = collect, log
        self._task: asyncio.Task[None] | None = None
        self._conf: StatisticsConf | None = None
        self._identity = ""

    def configure(self, conf: StatisticsConf, identity: bytes) -> None:
        """Follow these settings from now on; to be called in the loop's thread."""
        self._identity = identity.decode("utf-8", "backslashreplace")
        is_same = self._conf is not None and self._conf[:3] == conf[:3]
        self._conf = conf
        if is_same and (self._task is not None or conf.timer_s is None):
            return
        self.stop()
        if conf.timer_s is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(conf.timer_s))

    def stop(self) -> None:
        """Write no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self, period_s: int) -> None:
        while True:
            await asyncio.sleep(period_s)
            try:
                await asyncio.to_thread(self.write)
            except OSError as error:
                path = self._conf.file if self._conf else ""
                self._log.warning(f"stats, failed to write file '{path}' ({error.strerror}), check the directory")

    def write(self, now: float | None = None) -> None:
        """Write one dump at once; raises OSError."""
        if self._conf is not None:
            lines = document(self._collect(), self._identity, time.time() if now is None else now)
            write_dump(self._conf.file, self._conf.append, lines)
