# SPDX-License-Identifier: Apache-2.0
"""Log lines: targets, categories and severities as in Knot DNS, and a limit for what the network can cause.

Line in files and on standard output: `YYYY-MM-DDTHH:MM:SS.mmm+ZZ:ZZ SEV: [zone.] text`; syslog adds its own time.
Under systemd the target syslog is the journal, where lines have fields: ZONE, and what their writers add.
The standard `logging` package is not used: importing it costs a tenth of the time in which the daemon has to answer.
"""

import contextlib
import os
import syslog
import time
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from control.conf.model import LogConf
from control.journal import Journal, runs_under_systemd

CRITICAL, ERROR, WARNING, NOTICE, INFO, DEBUG = range(6)
NAMES = ("critical", "error", "warning", "notice", "info", "debug")
SYSLOG_LEVELS = (
    syslog.LOG_CRIT,
    syslog.LOG_ERR,
    syslog.LOG_WARNING,
    syslog.LOG_NOTICE,
    syslog.LOG_INFO,
    syslog.LOG_DEBUG,
)
CATEGORIES = ("server", "control", "zone")
IDENTIFIER = "xdpdnsd"
DAEMON_FACILITY = syslog.LOG_DAEMON >> 3
LOG_FILE_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
"""Neither opening nor writing waits for the reader of a FIFO."""
LINE_CHARS = 8192
"""What is longer, by a name or value that a client sent, is cut."""
NO_FIELDS: Mapping[str, str] = {}

LIMIT_LINES = 10
LIMIT_PERIOD_S = 10.0
LIMIT_KEYS = 256
OTHER_KEYS = "other messages"
"""Under which everything is limited that finds no place any more."""


def format_time(now: float) -> str:
    """Local time with milliseconds and the offset from UTC."""
    second, thousandths = divmod(int(now * 1000), 1000)
    stamp, offset = _format_second(second)
    return f"{stamp}.{thousandths:03d}{offset}"


@lru_cache(4)
def _format_second(second: int) -> tuple[str, str]:
    """Return what stands before and after the milliseconds; lines come by the thousand in one second."""
    local = time.localtime(second)
    offset = local.tm_gmtoff // 60
    sign = "-" if offset < 0 else "+"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local), f"{sign}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"


def printable(text: str) -> str:
    """`text`, or its beginning, with everything that could end or forge a line written as an escape."""
    if len(text) > LINE_CHARS:
        text = f"{text[:LINE_CHARS]}..."
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\{ord(char):03d}" for char in text)


class Target:
    """Where lines go, and the severities it takes by category (None: nothing)."""

    def __init__(self, name: str, least: dict[str, int | None], most: int = CRITICAL) -> None:
        self.name, self.least, self.most = name, least, most
        self.fd = -1
        self.journal: Journal | None = None
        self.open()

    def open(self) -> None:
        """(Re)open the target; raise OSError naming the file."""
        if self.name in ("stdout", "stderr"):
            self.fd = 1 if self.name == "stdout" else 2
        elif self.name == "syslog":
            self.journal = Journal() if runs_under_systemd(os.environ) else None
        else:
            fd = os.open(self.name, LOG_FILE_FLAGS | self._link_flag(), 0o640)
            self.close()
            self.fd = fd

    def _link_flag(self) -> int:
        """Root must not write through a link in a directory of another user."""
        try:
            owner = os.stat(os.path.dirname(self.name) or ".").st_uid
        except OSError:
            return os.O_NOFOLLOW
        return 0 if owner in (0, os.geteuid()) else os.O_NOFOLLOW

    def close(self) -> None:
        if self.fd > 2:
            os.close(self.fd)
        self.fd = -1
        if self.journal is not None:
            self.journal.close()

    def takes(self, category: str, severity: int) -> bool:
        least = self.least.get(category)
        return least is not None and self.most <= severity <= least

    def write(self, severity: int, stamp: str, text: str, fields: Mapping[str, str] = NO_FIELDS) -> None:
        """Write a line; what cannot be written is lost: a full disk or a closed pipe must not stop the server."""
        if self.name == "syslog":
            if self.journal is None or not self.journal.send(journal_fields(severity, text, fields)):
                syslog.openlog(IDENTIFIER, syslog.LOG_PID, syslog.LOG_DAEMON)
                syslog.syslog(SYSLOG_LEVELS[severity], text)
        elif self.fd >= 0:
            line = f"{stamp} {NAMES[severity]}: {text}\n".encode("utf-8", "backslashreplace")
            with contextlib.suppress(OSError):
                os.write(self.fd, line)


def journal_fields(severity: int, text: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a line in the journal."""
    return {
        "MESSAGE": text,
        "PRIORITY": str(SYSLOG_LEVELS[severity]),
        "SYSLOG_FACILITY": str(DAEMON_FACILITY),
        "SYSLOG_IDENTIFIER": IDENTIFIER,
        "SYSLOG_PID": str(os.getpid()),
        **fields,
    }


def _severity(name: str | None) -> int | None:
    return None if name is None else NAMES.index(name)


def make_targets(logs: Iterable[LogConf]) -> list[Target]:
    """The targets of the configuration; raise OSError when a file cannot be opened."""
    targets: list[Target] = []
    for conf in logs:
        severities = {name: _severity(getattr(conf, name)) for name in CATEGORIES}
        try:
            targets.append(Target(conf.target, severities))
        except OSError:
            for target in targets:
                target.close()
            raise
    return targets or default_targets()


def default_targets() -> list[Target]:
    """Without a log section: warning and worse to stderr and syslog, notice and info to stdout."""
    worse = dict.fromkeys(CATEGORIES, WARNING)
    return [
        Target("stderr", dict(worse)),
        Target("syslog", dict(worse)),
        Target("stdout", dict.fromkeys(CATEGORIES, INFO), most=NOTICE),
    ]


class Log:
    """The log of a process. `clock` gives the time of day."""

    def __init__(self, targets: list[Target] | None = None, clock: Callable[[], float] = time.time) -> None:
        self.targets = default_targets() if targets is None else targets
        self.clock = clock
        self.extra: list[Target] = []
        """Targets of the command line, whatever the configuration says."""
        self.limits: dict[str, list[float]] = {}
        self._asked: list[Target] = []
        self._answers: dict[tuple[str, int], list[Target]] = {}
        """Which of `_asked` take a line, by category and severity."""

    def configure(self, logs: Iterable[LogConf]) -> None:
        """Change to the targets of a configuration, opening files anew; on OSError the old ones stay."""
        new = make_targets(logs)
        for target in self.targets:
            target.close()
        self.targets = new

    def write(
        self,
        severity: int,
        text: str,
        category: str = "server",
        zone: str | None = None,
        fields: Mapping[str, str] = NO_FIELDS,
    ) -> None:
        """Write one line to every target that takes it; `fields` go beside it where the target has fields."""
        targets = self._takers(category, severity)
        if not targets:
            return
        stamp = format_time(self.clock())
        line = printable(text if zone is None else f"[{zone}] {text}")
        for target in targets:
            if zone is not None and target.journal is not None:
                fields = {"ZONE": printable(zone), **fields}
            target.write(severity, stamp, line, fields)

    def takes(self, severity: int, category: str) -> bool:
        """Tell whether such a line is written anywhere."""
        return bool(self._takers(category, severity))

    def _takers(self, category: str, severity: int) -> list[Target]:
        """Return the targets that take such a line."""
        targets = self.targets + self.extra
        if targets != self._asked:
            self._asked, self._answers = targets, {}
        takers = self._answers.get((category, severity))
        if takers is None:
            takers = [target for target in targets if target.takes(category, severity)]
            self._answers[category, severity] = takers
        return takers

    def limited(self, key: str, severity: int, text: str, category: str = "server", zone: str | None = None) -> None:
        """Write a line the network can cause: at most `LIMIT_LINES` per `key` in `LIMIT_PERIOD_S`, then a count."""
        now = self.clock()
        if key not in self.limits and len(self.limits) >= LIMIT_KEYS:
            key = OTHER_KEYS
        window = self.limits.setdefault(key, [now, 0, 0])
        if not 0 <= now - window[0] < LIMIT_PERIOD_S:
            if window[2]:
                self.write(severity, f"{int(window[2])} similar messages suppressed ({key})", category, zone)
            window[:] = [now, 0, 0]
        if window[1] < LIMIT_LINES:
            window[1] += 1
            self.write(severity, text, category, zone)
        else:
            window[2] += 1

    def critical(self, text: str) -> None:
        self.write(CRITICAL, text)

    def error(self, text: str) -> None:
        self.write(ERROR, text)

    def warning(self, text: str) -> None:
        self.write(WARNING, text)

    def notice(self, text: str) -> None:
        self.write(NOTICE, text)

    def info(self, text: str) -> None:
        self.write(INFO, text)

    def debug(self, text: str) -> None:
        self.write(DEBUG, text)

    def zone(self, severity: int, zone: str, text: str, fields: Mapping[str, str] = NO_FIELDS) -> None:
        """Write a line about a zone."""
        self.write(severity, text, "zone", zone, fields)
