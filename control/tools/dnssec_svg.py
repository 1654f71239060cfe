# SPDX-License-Identifier: Apache-2.0
"""The time line of a zone's keys as a picture: a row for each key, a bar for each of its states, and the present.

One SVG file that needs no other. What ended long ago is cut off at the left, what has no end yet fades at the right.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from control.ctl.zone_dnssec import DnssecReport, ReportStep
from control.tools.dnssec_axis import Tick, ticks_of
from control.tools.dnssec_text import MEANINGS, key_name, time_text, when_text

WIDTH, GUTTER, MARGIN, RIGHT = 1000, 170, 24, 44
"""Of the picture, of the names of keys at its left, and at its sides; pixels."""
HEAD, ROW, BAR, AXIS, LEGEND = 76, 44, 26, 46, 26
LETTER = 6.6
"""Width of a letter of 12 pixels, on the safe side."""
PAST_SHARE = 0.3
"""Least part of the width for what is over, as far as there is something."""
LEAST_S = 60
END_SHARE = 0.06
"""What is added behind the last step."""
FONT = "font-family: system-ui, 'DejaVu Sans', 'Liberation Sans', sans-serif"


EXPECTED_STYLE = 'fill-opacity="0.35" stroke="#777777" stroke-dasharray="3 2"'


class Look(NamedTuple):
    """How a state is drawn."""

    fill: str
    text: str


DARK, LIGHT = "#1a1a1a", "#ffffff"
LOOKS = {
    "pre-active": Look("#f0e442", DARK),
    "published": Look("#9ad0f0", DARK),
    "ready": Look("#f0b040", DARK),
    "active": Look("#00805c", LIGHT),
    "retire-active": Look("#c9a0c4", DARK),
    "retired": Look("#c4c4c4", DARK),
    "post-active": Look("#d98a5a", DARK),
    "revoke": Look("#4a4a4a", LIGHT),
}
"""Colours that those can tell apart who do not see red or green; each bar has its name as well, in the bar or the
legend. Removed keys have no bar."""


class Bar(NamedTuple):
    """A key in a state; without `end` it has none that is known."""

    state: str
    start: int
    end: int | None
    is_expected: bool = False
    """It depends on the parent."""


class Row(NamedTuple):
    """A key and its bars."""

    name: str
    detail: str
    bars: tuple[Bar, ...]


class Span(NamedTuple):
    """The part of time that is drawn."""

    start: int
    end: int

    def at(self, time: int) -> float:
        """Return where a time is, in pixels from the left; what is outside is at the border."""
        share = (min(max(time, self.start), self.end) - self.start) / (self.end - self.start)
        return GUTTER + MARGIN + share * (WIDTH - GUTTER - MARGIN - RIGHT)


def report_svg(report: DnssecReport) -> str:
    """Return the picture as a document."""
    rows = rows_of(report)
    span = span_of(report.steps, report.now)
    bottom = HEAD + ROW * max(len(rows), 1)
    height = bottom + AXIS + LEGEND + MARGIN
    states = [state for state in LOOKS if any(bar.state == state for row in rows for bar in row.bars)]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" style="{FONT}">',
        f"<title>{escape(f'Keys of {report.zone}')}</title>",
        DEFINITIONS,
        f'<rect width="{WIDTH}" height="{height}" fill="{LIGHT}"/>',
        *_head(report),
        *_axis(ticks_of(span.start, span.end), span, bottom),
        *(part for number, row in enumerate(rows) for part in _row(row, HEAD + ROW * number, span)),
        *_now(report.now, span, bottom),
        *_legend(states, bottom + AXIS, any(bar.is_expected for row in rows for bar in row.bars)),
        "</svg>\n",
    ]
    return "\n".join(parts)


DEFINITIONS = (
    '<defs><linearGradient id="fade"><stop offset="0" stop-color="#fff" stop-opacity="0"/>'
    '<stop offset="1" stop-color="#fff"/></linearGradient></defs>'
)


def rows_of(report: DnssecReport) -> list[Row]:
    """Return the rows: keys in the order in which they entered their first state."""
    algorithms = {key.id: f"{key.algorithm} {key.bits}" for key in report.keys}
    steps: dict[str, list[ReportStep]] = {}
    for step in report.steps:
        steps.setdefault(step.key, []).append(step)
    return [
        Row(key_name(own[0].role, own[0].tag), algorithms.get(key, "to be made"), tuple(bars_of(own)))
        for key, own in steps.items()
    ]


def bars_of(steps: list[ReportStep]) -> Iterator[Bar]:
    """Yield the bars of one key, whose steps are in order."""
    ends: list[int | None] = [step.time for step in steps[1:]]
    for step, end in zip(steps, [*ends, None], strict=True):
        if step.state in LOOKS and end != step.time:
            yield Bar(step.state, step.time, end, bool(step.expected))


def span_of(steps: Iterable[ReportStep], now: int) -> Span:
    """Return what is drawn: all that is to come, and of what is over as much as leaves room for that."""
    times = [step.time for step in steps]
    last = max([*times, now])
    ahead = max(last - now, LEAST_S)
    end = last + int(ahead * END_SHARE) + 1
    oldest = min([*times, now])
    past = min(now - oldest, int(ahead * PAST_SHARE / (1 - PAST_SHARE))) if last > now else now - oldest
    return Span(now - max(past + past // 20, LEAST_S), end)


def _text(x: float, y: float, text: str, size: int = 12, fill: str = DARK, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}"{more}>{escape(text)}</text>'


def _head(report: DnssecReport) -> Iterator[str]:
    yield _text(MARGIN, 34, report.zone, 20, more=' font-weight="bold"')
    policy = f"policy {report.policy}" if report.policy else "built-in policy"
    parts = [f"{time_text(report.now)} UTC", policy]
    if report.action:
        parts.append(f"next: {report.action} {when_text(report.action_time, report.now)}")
    if report.waiting:
        parts.append(f"key {report.waiting} waits for its DS record")
    yield _text(MARGIN, 54, "  ·  ".join(parts), 12, "#555555")


def _axis(ticks: Iterable[Tick], span: Span, bottom: int) -> Iterator[str]:
    for tick in ticks:
        x = span.at(tick.time)
        yield f'<line x1="{x:.1f}" y1="{HEAD - 6}" x2="{x:.1f}" y2="{bottom + 6}" stroke="#e4e4e4"/>'
        for line, text in enumerate((tick.label, tick.date)):
            yield _text(x, bottom + 20 + 15 * line, text, 11, "#555555", ' text-anchor="middle"')
    right = WIDTH - RIGHT
    yield f'<line x1="{GUTTER + MARGIN}" y1="{bottom + 4}" x2="{right}" y2="{bottom + 4}" stroke="#888888"/>'


def _row(row: Row, top: int, span: Span) -> Iterator[str]:
    middle = top + ROW / 2
    yield _text(MARGIN, middle - 2, row.name, 13, more=' font-weight="bold"')
    yield _text(MARGIN, middle + 13, row.detail, 10, "#555555")
    for bar in row.bars:
        if bar.end is None or bar.end > span.start:
            yield from _bar(bar, row.name, top + (ROW - BAR) / 2, span)


def _bar(bar: Bar, name: str, top: float, span: Span) -> Iterator[str]:
    look = LOOKS[bar.state]
    left, right = span.at(bar.start), span.at(span.end if bar.end is None else bar.end)
    width = max(right - left, 2.0)
    until = "" if bar.end is None else f" until {time_text(bar.end)}"
    told = f"{name}: {bar.state} from {time_text(bar.start)}{until} ({MEANINGS[bar.state]})"
    box = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{BAR}"'
    style = EXPECTED_STYLE if bar.is_expected else f'stroke="{LIGHT}"'
    yield f'<g><title>{escape(told)}</title><rect {box} rx="3" fill={quoteattr(look.fill)} {style}/>'
    if bar.end is None:
        fade = min(width, 40.0)
        yield (
            f'<rect x="{right - fade:.1f}" y="{top - 1:.1f}" width="{fade + 1:.1f}" height="{BAR + 2}" '
            'fill="url(#fade)"/>'
        )
    label = f"{bar.state}, since {time_text(bar.start)[:10]}" if bar.start < span.start else bar.state
    room = width - 12 - (30 if bar.end is None else 0)
    shown = next((text for text in (label, bar.state) if len(text) * LETTER <= room), "")
    if shown:
        yield _text(left + 6, top + BAR / 2 + 4, shown, 12, DARK if bar.is_expected else look.text)
    yield "</g>"


def _now(now: int, span: Span, bottom: int) -> Iterator[str]:
    x = span.at(now)
    yield f'<line x1="{x:.1f}" y1="{HEAD - 4}" x2="{x:.1f}" y2="{bottom + 4}" stroke="#c00000" stroke-width="1.5"/>'
    yield _text(x, HEAD - 8, "now", 11, "#c00000", ' text-anchor="middle"')


def _legend(states: Iterable[str], top: int, has_expected: bool) -> Iterator[str]:
    x = float(MARGIN)
    for state in states:
        yield f'<rect x="{x:.1f}" y="{top}" width="12" height="12" rx="2" fill="{LOOKS[state].fill}"/>'
        yield _text(x + 17, top + 10, state, 11, "#333333")
        x += 17 + len(state) * LETTER + 18
    if has_expected:
        yield f'<rect x="{x:.1f}" y="{top}" width="12" height="12" rx="2" fill="#777777" {EXPECTED_STYLE}/>'
        yield _text(x + 17, top + 10, "pale: when the parent has the DS", 11, "#333333")
