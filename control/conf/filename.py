# SPDX-License-Identifier: Apache-2.0
"""Zone file names: the formatters of `zone.file`."""

import re

from control.conf.errors import INVALID_PARAMETER, ValueProblem

_FORMATTER = r"(?as)%(?:(%)|(s)|c\[(\d{1,3})(?:-(\d{1,3}))?\]|l\[(\d{1,3})\]|(.?))"


def zone_file_name(pattern: str, zone: str) -> str:
    """Expand %s, %c[N], %c[N-M], %l[N] and %% for a zone name in presentation form; raise `ValueProblem`.

    A slash in the zone name becomes an underscore, since the result is one file below the zone's storage.
    """
    text = zone.rstrip(".") if zone != "." else ""
    text = text.replace("/", "_")
    if pattern == "%s.zone":
        return f"{text}.zone"

    def expand(found: re.Match[str]) -> str:
        percent, whole, first, last, label, unknown = found.groups()
        if percent:
            return "%"
        if whole:
            return text
        if first is not None:
            return text[int(first) : int(last or first) + 1]
        if label is not None:
            labels = text.split(".") if text else []
            return labels[-1 - int(label)] if int(label) < len(labels) else ""
        raise ValueProblem(f"{INVALID_PARAMETER}, formatter %{unknown}")

    return re.sub(_FORMATTER, expand, pattern)
