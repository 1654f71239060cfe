# SPDX-License-Identifier: Apache-2.0
"""Times of xdpdns-keymgr: what it takes and how it shows them."""

import pytest

from control.tools.keymgr_refusal import Refusal
from control.tools.keymgr_times import LATEST, TimeStyle, parse_time, time_text

NOW = 1_795_914_653


@pytest.mark.parametrize(
    ("text", "time_s"),
    [
        ("0", 0),
        ("5", 5),
        ("1795914653", NOW),
        ("20161231235900", 1483228740),
        ("+0", NOW),
        ("+1", NOW + 1),
        ("-1s", NOW - 1),
        ("+2mi", NOW + 120),
        ("-3h", NOW - 3 * 3600),
        ("+4d", NOW + 4 * 86400),
        ("+5mo", NOW + 150 * 86400),
        ("+6y", NOW + 6 * 365 * 86400),
        ("now+1d", NOW + 86400),
        ("t-1mi", NOW - 60),
        (str(LATEST), LATEST),
    ],
)
def test_every_form_is_read(text: str, time_s: int) -> None:
    """Not set, seconds, a date, and a distance in each unit; m alone would be months or minutes and is no unit."""
    assert parse_time(text, NOW) == time_s


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "now", "1d", "+", "+1m", "+1w", "+1M", "+1mo1d", "1.5", " 1", "-57y", f"-{NOW}", "+999999999999y"),
        *("20201301000000", "2020010100000", "00000101000000", str(LATEST + 1), "\u0665", "--1"),
    ],
)
def test_other_forms_are_refused(text: str) -> None:
    """Units that are none, dates that are not in the calendar, and times before 1970 or after the year 9999."""
    with pytest.raises(Refusal) as refused:
        parse_time(text, NOW)
    assert refused.value.lines == (f"invalid timestamp: {text}", "invalid parameter")


@pytest.mark.parametrize(
    ("distance_s", "text"),
    [
        (0, "+0s"),
        (59, "+59s"),
        (3661, "+1h1m1s"),
        (90060, "+1D1h1m"),
        (2592000, "+1M"),
        (40 * 86400, "+1M10D"),
        (34822861, "+1Y1M8D1h1m1s"),
        (-7500, "-2h5m"),
        (-40000000, "-1Y3M7D23h6m40s"),
    ],
)
def test_human(distance_s: int, text: str) -> None:
    """The distance from now in years, months, days, hours, minutes and seconds, as Knot's keymgr 3.2 prints it."""
    assert time_text(NOW + distance_s, TimeStyle.HUMAN, NOW) == text


def test_what_is_not_set() -> None:
    """It is 0 in numbers and in words, and the first second of 1970 as a date."""
    assert [time_text(0, style, NOW) for style in TimeStyle] == ["0", "1970-01-01T00:00:00Z", "0"]
    assert time_text(NOW, TimeStyle.ISO, NOW) == "2026-11-29T01:10:53Z"
    assert time_text(LATEST, TimeStyle.ISO, NOW) == "9999-12-31T23:59:59Z"
