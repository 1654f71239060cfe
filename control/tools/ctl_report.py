# SPDX-License-Identifier: Apache-2.0
"""The answer to `zone-dnssec`, printed or drawn."""

import sys
from collections.abc import Iterable
from pathlib import Path

from control.ctl.arguments import UsageError
from control.ctl.render import error_line
from control.ctl.table import CommandSpec
from control.ctl.unit import Kind, Unit
from control.ctl.zone_dnssec import ReportUnreadable, read_report


def print_report(spec: CommandSpec, units: Iterable[tuple[Kind, Unit]], picture: str | None) -> int:
    """Print the report, or write it to a file as a picture; return the exit status. Raises `UsageError`."""
    rows = []
    for _, unit in units:
        if unit.error is not None:
            print(error_line(spec, unit))
            return 1
        rows.append(unit)
    try:
        report = read_report(rows)
    except ReportUnreadable as error:
        raise UsageError(str(error)) from error
    if picture is None:
        from control.tools.dnssec_text import report_text

        sys.stdout.write(report_text(report))
        return 0
    from control.tools.dnssec_svg import report_svg

    try:
        Path(picture).write_text(report_svg(report), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{picture}: {error.strerror}; name another file with --svg") from error
    return 0
