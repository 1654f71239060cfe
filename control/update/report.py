# SPDX-License-Identifier: Apache-2.0
"""The log lines of a load, in Knot's words."""

from collections.abc import Iterator

from control.log import INFO, WARNING
from control.update.results import LoadResult, Outcome, Step, StepKind

DECREASED = "zone file changed with decreased SOA serial"
"""What is said of a file that is refused for its serial."""


def load_lines(result: LoadResult) -> Iterator[tuple[int, str]]:
    """Yield severity and text of each line to log of a zone that was loaded."""
    for warning in result.warnings:
        yield WARNING, warning
    for step in result.steps:
        yield (WARNING if step.kind is StepKind.IGNORED else INFO), step_text(step)
    if result.outcome is not Outcome.UNCHANGED or result.old_serial is None or result.steps:
        serials = ["none" if result.old_serial is None else str(result.old_serial)]
        serials += [] if result.taken_serial is None else [str(result.taken_serial)]
        yield INFO, f"loaded, serial {' -> '.join([*serials, str(result.new_serial)])}, {result.size} bytes"


def step_text(step: Step) -> str:
    """Return what is said of one step."""
    match step.kind:
        case StepKind.FILE if step.old == step.new:
            return f"zone file loaded, serial {step.new}"
        case StepKind.FILE:
            return f"zone file loaded, serial updated {step.old} -> {step.new}"
        case StepKind.REPLAYED:
            return f"changes from journal applied, serial {step.old} -> {step.new}"
        case StepKind.FROM_JOURNAL | StepKind.STORED:
            return f"{step.kind.value}, serial {step.new}"
    return str(step.kind.value)
