# SPDX-License-Identifier: Apache-2.0
"""A report of `zone-dnssec` in the middle of a KSK rollover."""

from control.ctl.zone_dnssec import DnssecReport, ReportAnchor, ReportKey, ReportParent, ReportStep

HOUR, DAY = 3600, 86400
NOW = 1795915800
"""2026-11-29 01:30:00 UTC."""
OLD, NEW, ZSK, COMING = "a" * 40, "b" * 40, "c" * 40, "*1"
ALGORITHM = "ECDSAP256SHA256"


def step(after_s: int, key: str, tag: int, role: str, state: str) -> ReportStep:
    """Return a step so long after now."""
    return ReportStep(NOW + after_s, key, tag, role, state)


STEPS = (
    step(-400 * DAY, OLD, 53594, "KSK", "active"),
    step(-20 * DAY, ZSK, 36185, "ZSK", "published"),
    step(-19 * DAY, ZSK, 36185, "ZSK", "active"),
    step(-2 * DAY, NEW, 3375, "KSK", "published"),
    step(-DAY, NEW, 3375, "KSK", "ready"),
    step(2 * DAY, NEW, 3375, "KSK", "active"),
    step(2 * DAY, OLD, 53594, "KSK", "retire-active"),
    step(3 * DAY, OLD, 53594, "KSK", "removed"),
    step(3 * DAY + 10, COMING, 0, "ZSK", "published"),
    step(4 * DAY, COMING, 0, "ZSK", "active"),
    step(4 * DAY, ZSK, 36185, "ZSK", "retired"),
    step(6 * DAY, ZSK, 36185, "ZSK", "removed"),
)
REPORT = DnssecReport(
    zone="example.com.",
    now=NOW,
    policy="default",
    mode="automatic",
    algorithm=ALGORITHM,
    scheme="KSK and ZSK",
    denial="NSEC",
    serial=2026112901,
    refresh=NOW + 9 * DAY + 3 * HOUR,
    expires=NOW + 13 * DAY,
    action="ZSK, generate at",
    action_time=NOW + 3 * DAY + 10,
    waiting=3375,
    waiting_since=NOW - DAY,
    asked=NOW - 600,
    ask_next=NOW + 3000,
    keys=(
        ReportKey(OLD, 53594, "KSK", ALGORITHM, 256, "active", NOW - 400 * DAY, "public, active"),
        ReportKey(ZSK, 36185, "ZSK", ALGORITHM, 256, "active", NOW - 19 * DAY, "public, active"),
        ReportKey(NEW, 3375, "KSK", ALGORITHM, 256, "ready", NOW - DAY, "public, ready, active+"),
    ),
    steps=STEPS,
    parents=(ReportParent("registry-a", "negative"), ReportParent("registry-b", "failed", "timed out")),
    anchors=(
        ReportAnchor(NEW, 3375, "ready", f"3375 13 2 {'AB' * 32}", f"257 3 13 {'x' * 88}"),
        ReportAnchor(OLD, 53594, "active", f"53594 13 2 {'CD' * 32}", f"257 3 13 {'y' * 88}"),
    ),
)
