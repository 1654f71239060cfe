# SPDX-License-Identifier: Apache-2.0
"""How measurements are printed: the machine and the date, tables, medians and ratios to each peer."""

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

OURS = "pyxdp_dns"


def machine() -> str:
    """Return one line about date, processor, cores and kernel."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {model}, {os.cpu_count()} cores, Linux {platform.release()}"


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table in Markdown, columns aligned."""
    widths = [max(len(row[i]) for row in (columns, *rows)) for i in range(len(columns))]
    print(f"\n### {title}\n")
    for row in (columns, ["-" * width for width in widths], *rows):
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    print(flush=True)


def show(value: float) -> str:
    """Return a number with three to four significant digits; a dash for what was not measured."""
    if not value:
        return "-"
    if value >= 1000:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def compare(title: str, rounds: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Print the median of each measure for each contestant, and ours divided by each peer's."""
    measures = list(next(iter(rounds.values()))[0])
    middle = {name: {m: median(r[m] for r in runs) for m in measures} for name, runs in rounds.items()}
    rows = [[name, *(show(middle[name][m]) for m in measures)] for name in middle]
    for name in middle:
        if name != OURS and OURS in middle:
            ratios = (ratio(middle[OURS][m], middle[name][m]) for m in measures)
            rows.append([f"{OURS} / {name}", *ratios])
    print_table(title, ["", *measures], rows)


def ratio(ours: float, theirs: float) -> str:
    """Return the quotient as text; a dash when there is nothing to divide by."""
    return f"{ours / theirs:.2f}" if theirs else "-"
