# SPDX-License-Identifier: Apache-2.0
"""The time line of keys as a picture."""

import re
from xml.etree import ElementTree

import pytest

from control.ctl.zone_dnssec import DnssecReport, ReportKey, ReportStep
from control.tools.dnssec_axis import MOST_TICKS, ticks_of
from control.tools.dnssec_svg import GUTTER, WIDTH, report_svg, rows_of, span_of
from tests.support.reports import COMING, DAY, HOUR, NOW, OLD, REPORT

SVG = "{http://www.w3.org/2000/svg}"
NUMBER = re.compile(r"^-?[0-9.]+$")


def parsed(report: DnssecReport) -> ElementTree.Element:
    """Return the picture as a tree."""
    return ElementTree.fromstring(report_svg(report))


def texts(report: DnssecReport) -> list[str]:
    """Return what is written in it."""
    return [element.text or "" for element in parsed(report).iter(f"{SVG}text")]


def test_each_key_has_a_row_and_each_state_a_bar() -> None:
    """States with their names, as far as they fit; the rest is in the legend and in what the pointer shows."""
    written = texts(REPORT)
    assert written[0] == "example.com."
    assert {"KSK 53594", "ZSK 36185", "KSK 3375", "ZSK (new)", "now", "retire-active"} <= set(written)
    assert "active, since 2025-10-25" in written
    told = [element.text or "" for element in parsed(REPORT).iter(f"{SVG}title")]
    assert "KSK 3375: ready from 2026-11-28 01:30:00 until 2026-12-01 01:30:00 " in "\n".join(told)
    assert "KSK 3375: active from 2026-12-01 01:30:00 (signs)" in told


def test_bars_end_where_the_next_begins() -> None:
    """And a removed key has none."""
    bars = {row.name: row.bars for row in rows_of(REPORT)}
    assert [(bar.state, bar.start - NOW, bar.end and bar.end - NOW) for bar in bars["KSK 53594"]] == [
        ("active", -400 * DAY, 2 * DAY),
        ("retire-active", 2 * DAY, 3 * DAY),
    ]
    assert bars["ZSK (new)"][-1].end is None


def test_a_state_of_no_length_is_not_drawn() -> None:
    """A timer that a later one overtook at once."""
    steps = tuple(ReportStep(NOW, OLD, 1, "KSK", state) for state in ("published", "ready"))
    (row,) = rows_of(REPORT._replace(steps=steps))
    assert [bar.state for bar in row.bars] == ["ready"]


def test_keys_to_come_are_told_from_those_there_are() -> None:
    """By what stands under their names."""
    details = {row.name: row.detail for row in rows_of(REPORT)}
    assert details == {
        "KSK 53594": "ECDSAP256SHA256 256",
        "ZSK 36185": "ECDSAP256SHA256 256",
        "KSK 3375": "ECDSAP256SHA256 256",
        "ZSK (new)": "to be made",
    }
    assert COMING not in report_svg(REPORT)


def test_nothing_is_drawn_outside() -> None:
    """Neither what was long ago nor what has no end."""
    for element in parsed(REPORT).iter(f"{SVG}rect"):
        left, width = float(element.get("x", "0")), float(element.get("width", "0"))
        assert 0 <= left <= left + width <= WIDTH
    for element in parsed(REPORT).iter(f"{SVG}g"):
        assert float(element.find(f"{SVG}rect").get("x", "0")) >= GUTTER  # type: ignore[union-attr]


def test_names_are_text_and_not_markup() -> None:
    """Whatever an operator calls a policy, or a primary a zone."""
    report = REPORT._replace(zone='<script>"&.', policy="</svg>&amp;", action="<b>")
    assert texts(report)[0] == '<script>"&.'
    assert "policy </svg>&amp;" in texts(report)[1]
    assert not list(parsed(report).iter(f"{SVG}script"))


def test_it_needs_no_other_file() -> None:
    """It can be sent and kept."""
    assert "href" not in report_svg(REPORT)
    assert report_svg(REPORT).count("http") == 1


@pytest.mark.parametrize(
    "steps",
    [(), (ReportStep(NOW, OLD, 1, "KSK", "active"),), (ReportStep(NOW + 5, OLD, 1, "CSK", "published"),)],
    ids=["none", "now", "soon"],
)
def test_little_is_drawn_as_well(steps: tuple[ReportStep, ...]) -> None:
    """A zone without keys, or whose only key is just beginning."""
    report = DnssecReport("a.test.", NOW, mode="manual", keys=(ReportKey(OLD, 1, "KSK"),), steps=steps)
    assert "now" in texts(report)
    for element in parsed(report).iter():
        assert all(NUMBER.match(element.get(name, "0")) for name in ("x", "y", "width", "height", "x1", "x2"))


def test_what_comes_has_the_most_room() -> None:
    """However long ago the first key was made."""
    span = span_of(REPORT.steps, NOW)
    assert NOW - 3 * DAY < span.start < NOW - 2 * DAY
    assert span.end > NOW + 6 * DAY
    quiet = span_of(REPORT.steps[:3], NOW)
    assert quiet.start < NOW - 400 * DAY


@pytest.mark.parametrize("length", [1, 7, 59, 600, HOUR, 5 * HOUR, DAY, 9 * DAY, 100 * DAY, 4000 * DAY, 90000 * DAY])
def test_ticks_are_few_and_in_order(length: int) -> None:
    """At round times, from seconds to decades."""
    ticks = list(ticks_of(NOW, NOW + length))
    assert len(ticks) <= MOST_TICKS + 1
    assert all(NOW <= tick.time <= NOW + length for tick in ticks)
    assert len({(tick.time, tick.label) for tick in ticks}) == len(ticks)


def test_ticks_have_their_date_once() -> None:
    """Where it is another one than at the tick before."""
    ticks = list(ticks_of(NOW - 2 * HOUR, NOW + 2 * HOUR))
    assert [(tick.label, tick.date) for tick in ticks][:4] == [
        ("23:30", "28 Nov 2026"),
        ("00:00", "29 Nov 2026"),
        ("00:30", ""),
        ("01:00", ""),
    ]
