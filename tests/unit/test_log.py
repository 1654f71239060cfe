# SPDX-License-Identifier: Apache-2.0
"""Log lines: format, severities, reopening, and the limit on what the network can cause."""

import re
from pathlib import Path

from control.conf.model import LogConf
from control.log import DEBUG, ERROR, INFO, LIMIT_LINES, LIMIT_PERIOD_S, Log, format_time, make_targets


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
