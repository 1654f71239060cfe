# SPDX-License-Identifier: Apache-2.0
"""Times as xdpdns-keymgr takes and shows them: Unix seconds, of which 0 means that something is not set.

Here `mo` and `mi` are months and minutes, and `human` shows them as M and m; a month has 30 days and a year 365.
"""

import re
from datetime import UTC, datetime
from enum import Enum

from control.tools.keymgr_refusal import INVALID, Refusal

MINUTE, HOUR, DAY = 60, 3600, 86400
UNITS = {"y": 365 * DAY, "mo": 30 * DAY, "d": DAY, "h": HOUR, "mi": MINUTE, "s": 1}
HUMAN_UNITS = (("Y", 365 * DAY), ("M", 30 * DAY), ("D", DAY), ("h", HOUR), ("m", MINUTE), ("s", 1))
LATEST = 253402300799
"""The end of the year 9999, the last that has four digits."""

RELATIVE = re.compile(r"(?:now|t)?([+-])([0-9]{1,12})(y|mo|d|h|mi|s)?")
SECONDS = re.compile(r"[0-9]{1,12}")
DATE = re.compile(r"[0-9]{14}")


class TimeStyle(Enum):
    """How times are shown."""

    UNIX = "unix"
    ISO = "iso"
    HUMAN = "human"


def parse_time(text: str, now_s: int) -> int:
    """Return the time of `0`, Unix seconds, YYYYMMDDHHMMSS or `+N[u]` and `-N[u]` from now; raise Refusal."""
    if DATE.fullmatch(text):
        time_s = _date(text)
    elif SECONDS.fullmatch(text):
        time_s = int(text)
    else:
        time_s = _relative(text, now_s)
    if not 0 <= time_s <= LATEST:
        raise Refusal(f"invalid timestamp: {text}", INVALID)
    return time_s


def _date(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return -1


def _relative(text: str, now_s: int) -> int:
    """Return the time, -1 for what is none; a time before 1970 would read as one that is not set."""
    match = RELATIVE.fullmatch(text)
    if match is None:
        return -1
    sign, number, unit = match.groups()
    distance = int(number) * UNITS[unit or "s"]
    return (now_s + distance if sign == "+" else now_s - distance) or -1


def time_text(time_s: int, style: TimeStyle, now_s: int) -> str:
    """Return a time as it is shown; one that is not set is 0, or the first second of 1970."""
    if style is TimeStyle.ISO:
        return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if style is TimeStyle.UNIX or not time_s:
        return str(time_s)
    return ("-" if time_s < now_s else "+") + _span_text(abs(time_s - now_s))


def _span_text(rest_s: int) -> str:
    if not rest_s:
        return "0s"
    parts = []
    for unit, seconds in HUMAN_UNITS:
        count, rest_s = divmod(rest_s, seconds)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
