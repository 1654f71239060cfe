# SPDX-License-Identifier: Apache-2.0
"""Log lines: format, severities, reopening, and the limit on what the network can cause."""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.model import LogConf
from control.journal import Journal, encode, runs_under_systemd
from control.log import (
    DEBUG,
    ERROR,
    INFO,
    LIMIT_KEYS,
    LIMIT_LINES,
    LIMIT_PERIOD_S,
    LINE_CHARS,
    NOTICE,
    OTHER_KEYS,
    Log,
    Target,
    format_time,
    make_targets,
)


def file_log(path: Path, **severities: str | None) -> Log:
    conf = LogConf(str(path), *(severities.get(name) for name in ("server", "control", "zone")))
    return Log(make_targets([conf]), lambda: 1.25)


def test_line_format(tmp_path: Path) -> None:
    """A line has local time with milliseconds and offset, the severity, and the zone in brackets."""
    log = file_log(tmp_path / "l", zone="info")
    log.zone(INFO, "example.com.", "loaded")
    line = (tmp_path / "l").read_text()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:01\.250[+-]\d\d:\d\d info: \[example.com.\] loaded\n", line)
    assert line.startswith(format_time(1.25))


def test_severities_by_category(tmp_path: Path) -> None:
    """A target takes a category from its severity upwards and nothing of a category that is not set."""
    log = file_log(tmp_path / "l", server="warning", zone="debug")
    log.info("no")
    log.error("yes")
    log.write(ERROR, "no", "control")
    log.zone(DEBUG, "a.", "yes")
    assert [line.split()[-1] for line in (tmp_path / "l").read_text().splitlines()] == ["yes", "yes"]


def test_a_line_stays_one_line(tmp_path: Path) -> None:
    """Control characters in a text cannot end or forge a line."""
    log = file_log(tmp_path / "l", server="info")
    log.info("one\ntwo\x1b[0m")
    assert (tmp_path / "l").read_text().endswith("info: one\\010two\\027[0m\n")


def test_reopen(tmp_path: Path) -> None:
    """Configuring again opens the file anew, so that a moved one is not written on."""
    path = tmp_path / "l"
    log = file_log(path, server="info")
    log.info("old")
    path.rename(tmp_path / "moved")
    log.configure([LogConf(str(path), "info", None, None)])
    log.info("new")
    assert path.read_text().endswith("new\n")
    assert "new" not in (tmp_path / "moved").read_text()


def test_limited_lines(tmp_path: Path) -> None:
    """Lines of one kind are limited in a period, and what was left out is counted in the next."""
    now = 0.0
    log = file_log(tmp_path / "l", server="info")
    log.clock = lambda: now
    for _ in range(LIMIT_LINES + 5):
        log.limited("kind", INFO, "text")
    assert len((tmp_path / "l").read_text().splitlines()) == LIMIT_LINES
    now = LIMIT_PERIOD_S
    log.limited("kind", INFO, "text")
    assert "5 similar messages suppressed (kind)" in (tmp_path / "l").read_text()


def test_limit_of_many_kinds(tmp_path: Path) -> None:
    """Kinds beyond those that are remembered share one limit, so that no number of kinds makes more lines."""
    log = file_log(tmp_path / "l", server="info")
    log.clock = lambda: 0.0
    for number in range(LIMIT_KEYS + 1000):
        log.limited(f"kind {number}", INFO, "text")
    assert len((tmp_path / "l").read_text().splitlines()) == LIMIT_KEYS + LIMIT_LINES
    assert log.limits[OTHER_KEYS][2] == 1000 - LIMIT_LINES


def test_a_target_that_cannot_be_opened_leaves_the_old_ones(tmp_path: Path) -> None:
    """When one of several targets cannot be opened, none is changed and none stays open."""
    log = file_log(tmp_path / "l", server="info")
    before = len(os.listdir("/proc/self/fd"))
    bad = tmp_path / "missing" / "file"
    with pytest.raises(FileNotFoundError) as caught:
        log.configure([LogConf(str(path), "info", None, None) for path in (tmp_path / "new", bad)])
    assert caught.value.filename == str(bad)
    assert len(os.listdir("/proc/self/fd")) == before
    log.info("still here")
    assert "still here" in (tmp_path / "l").read_text()


@pytest.mark.parametrize("path", ["/dev/full", "pipe"])
def test_failing_writes_are_survived(path: str) -> None:
    """A full disk or a closed pipe loses lines and nothing else."""
    if path == "pipe":
        readable, writable = os.pipe()
        os.close(readable)
    else:
        writable = os.open(path, os.O_WRONLY)
    target = Target("stdout", {"server": INFO})
    target.fd = writable
    Log([target]).info("lost")
    target.close()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[socket.socket]:
    """What listens where a journal would."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "journal"))
        listener.setblocking(False)
        yield listener


def journal_log(path: Path) -> Log:
    target = Target("syslog", dict.fromkeys(("server", "control", "zone"), DEBUG))
    target.journal = Journal(str(path))
    return Log([target], lambda: 1.25)


def test_journal_fields(tmp_path: Path, journal: socket.socket) -> None:
    """A line in the journal has priority, identifier, zone and the fields its writer adds."""
    log = journal_log(tmp_path / "journal")
    log.zone(NOTICE, "example.com.", "DNSSEC, KSK submission, waiting for confirmation", {"KEY_SUBMISSION": "12345"})
    fields = dict(line.split("=", 1) for line in journal.recv(65536).decode().splitlines())
    assert fields == {
        "MESSAGE": "[example.com.] DNSSEC, KSK submission, waiting for confirmation",
        "PRIORITY": "5",
        "SYSLOG_FACILITY": "3",
        "SYSLOG_IDENTIFIER": "xdpdnsd",
        "SYSLOG_PID": str(os.getpid()),
        "ZONE": "example.com.",
        "KEY_SUBMISSION": "12345",
    }
    log.info("no zone")
    assert b"ZONE" not in journal.recv(65536)


def test_journal_values_with_line_ends() -> None:
    """A value with a line end is sent with its length."""
    assert encode({"A": "b", "C": "d\ne"}) == b"A=b\nC\n" + (3).to_bytes(8, "little") + b"d\ne\n"


def test_missing_journal_falls_back_to_syslog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal that is not there, or takes no line of this size, leaves the line to syslog."""
    lines: list[tuple[int, str]] = []
    monkeypatch.setattr("syslog.syslog", lambda priority, text: lines.append((priority, text)))
    journal_log(tmp_path / "none").info("text")
    assert lines == [(6, "text")]


def test_too_large_for_the_journal(tmp_path: Path, journal: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line larger than a datagram may be goes to syslog."""
    lines: list[str] = []
    monkeypatch.setattr("syslog.syslog", lambda _priority, text: lines.append(text))
    journal_log(tmp_path / "journal").write(INFO, "large", fields={"FIELD": "x" * (8 << 20)})
    assert len(lines) == 1


def test_when_the_journal_is_used(tmp_path: Path, journal: socket.socket) -> None:
    """The journal is used by a process that systemd started, where its socket is."""
    path = str(tmp_path / "journal")
    assert runs_under_systemd({"JOURNAL_STREAM": "9:1"}, path)
    assert runs_under_systemd({"INVOCATION_ID": "x"}, path)
    assert not runs_under_systemd({}, path)
    assert not runs_under_systemd({"JOURNAL_STREAM": "9:1"}, str(tmp_path / "none"))


def test_a_fifo_without_reader_is_refused(tmp_path: Path) -> None:
    """Opening a log never waits, and neither does writing when its reader is slow."""
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="No such device"):
        make_targets([LogConf(str(tmp_path / "log"), "info", "info", "info")])
    reader = os.open(tmp_path / "log", os.O_RDONLY | os.O_NONBLOCK)
    log = Log(make_targets([LogConf(str(tmp_path / "log"), "info", "info", "info")]))
    for _ in range(3000):
        log.info("x" * 100)
    os.close(reader)
    log.info("nobody reads")


def test_long_lines_are_cut(tmp_path: Path) -> None:
    """A value of a client does not fill the log."""
    log = Log(make_targets([LogConf(str(tmp_path / "log"), "info", "info", "info")]))
    log.write(INFO, "x" * 1_000_000, "zone", "y" * 100_000)
    assert len((tmp_path / "log").read_text()) < LINE_CHARS + 100
