# SPDX-License-Identifier: Apache-2.0
"""The report of `zone-dnssec` as text for a terminal of 80 to 100 columns. Times are UTC."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from control.ctl.zone_dnssec import DnssecReport, ReportKey, ReportStep

LABEL_WIDTH = 12
PAST_STEPS = 6
"""Steps that are over which are shown; all that are to come are."""
UNITS = (("y", 365 * 86400), ("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
EXPECTED = "*"
"""Marks steps that wait for the parent."""
MEANINGS = {
    "pre-active": "signs, its DNSKEY is not out yet",
    "published": "its DNSKEY is published",
    "ready": "its DS is to come to the parent",
    "active": "signs",
    "retire-active": "signs until all know the new key",
    "retired": "signs no more, its DNSKEY stays",
    "post-active": "still signs, its DNSKEY is withdrawn",
    "revoke": "its DNSKEY has the REVOKE flag",
    "removed": "is gone",
}
"""What a state means, for readers who do not know its name."""


def report_text(report: DnssecReport) -> str:
    """Return the report, with a final line feed."""
    if not report.is_signed:
        return f"{report.zone} is not signed here\n"
    blocks = [_summary(report), _keys(report), _time_line(report), _anchors(report)]
    return "\n".join(
        "".join(f"{line}\n".replace(" \n", "\n") for line in block) for block in map(list, blocks) if block
    )


def key_name(role: str, tag: int) -> str:
    """Return what a key is called."""
    return f"{role} {tag}" if tag else f"{role} (new)"


def time_text(time: int) -> str:
    """Return a time in UTC: `2026-11-29 01:30:00`."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")


def span_text(seconds: int) -> str:
    """Return a length of time by its two largest units: `1 d 2 h`."""
    left, parts = abs(seconds), list[tuple[int, str]]()
    for unit, length in UNITS:
        count, left = divmod(left, length)
        if count or parts:
            parts.append((count, unit))
        if len(parts) == 2:
            break
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def distance_text(time: int, now: int) -> str:
    """Return how far a time is from now: `in 1 d 2 h`, `3 min ago`."""
    if time == now:
        return "now"
    return f"in {span_text(time - now)}" if time > now else f"{span_text(time - now)} ago"


def when_text(time: int, now: int) -> str:
    """Return a time and its distance from now."""
    return f"{time_text(time)} ({distance_text(time, now)})"


def _field(label: str, text: str) -> str:
    return f"{label:<{LABEL_WIDTH}}{text}".rstrip()


def _summary(report: DnssecReport) -> Iterator[str]:
    now = report.now
    yield _field("Zone", report.zone + (f", serial {report.serial}" if report.serial else ", no contents"))
    yield _field("Now", f"{time_text(now)} UTC")
    yield _field("Policy", f"{report.policy or 'built in'}, {report.mode}")
    yield _field("Signing", ", ".join(part for part in (report.algorithm, report.scheme, report.denial) if part))
    if report.expires:
        yield _field("Signatures", f"the first expires {when_text(report.expires, now)}")
    if report.refresh:
        yield _field("" if report.expires else "Signatures", f"renewed next {when_text(report.refresh, now)}")
    if report.action:
        yield _field("Next step", f"{report.action} {when_text(report.action_time, now)}")
    yield from _parents(report)


def _parents(report: DnssecReport) -> Iterator[str]:
    now, label = report.now, "Parent"
    if report.waiting:
        yield _field(label, f"key {report.waiting} waits for its DS record for {span_text(now - report.waiting_since)}")
        label = ""
        if not report.parents and not report.asked and not report.ask_next:
            yield _field("", "to be confirmed with zone-ksk-submitted")
    for parent in report.parents:
        reason = f" ({parent.reason})" if parent.reason else ""
        yield _field(label, f"{parent.remote} {parent.verdict}{reason}")
        label = ""
    times = (
        ("asked", report.asked), ("asked again", report.ask_next), ("confirmed anyway", report.waiting_until),
        ("told of the DS records", report.push_due),
    )  # fmt: skip
    for what, time in times:
        if time:
            yield _field(label, f"{what} {when_text(time, now)}")
            label = ""


def table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; each column is as wide as it has to be."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _keys(report: DnssecReport) -> Iterator[str]:
    yield "Keys"
    if not report.keys:
        yield "  none"
        return
    head = ("key", "algorithm", "bits", "state", "since (UTC)", "use")
    yield from table([head, *(_key_cells(key) for key in report.keys)])


def _key_cells(key: ReportKey) -> tuple[str, ...]:
    since = time_text(key.since) if key.since else ""
    return (key_name(key.role, key.tag), key.algorithm, str(key.bits), key.state, since, key.use)


def _time_line(report: DnssecReport) -> Iterator[str]:
    past = [step for step in report.steps if step.time <= report.now][-PAST_STEPS:]
    coming = [step for step in report.steps if step.time > report.now]
    if not past and not coming:
        return
    yield "Time line (UTC)"
    lines = list(table([_step_cells(step, report.now) for step in (*past, *coming)]))
    yield from lines[: len(past)]
    yield f"  {time_text(report.now)}  now {'-' * 24}"
    yield from lines[len(past) :]
    if any(step.expected for step in coming):
        yield f"  {EXPECTED} when the DS record is confirmed, which is assumed to be soon"


def _step_cells(step: ReportStep, now: int) -> tuple[str, ...]:
    name, meaning = key_name(step.role, step.tag), MEANINGS.get(step.state, "")
    time = f"{time_text(step.time)}{EXPECTED if step.expected else ''}"
    return (time, distance_text(step.time, now), name, step.state, meaning)


def _anchors(report: DnssecReport) -> Iterator[str]:
    if not report.anchors:
        return
    yield "For the registrar"
    for anchor in report.anchors:
        yield f"  key {anchor.tag}, {anchor.state}"
        yield from _wrapped("DS", anchor.ds)
        yield from _wrapped("DNSKEY", anchor.dnskey)


def _wrapped(label: str, text: str) -> Iterable[str]:
    """Record data stay on a line of their own, to be copied."""
    return (f"    {label}", f"    {text}") if len(text) > 80 else (f"    {label:<7} {text}",)
