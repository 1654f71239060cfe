# SPDX-License-Identifier: Apache-2.0
"""A target of the log that keeps its lines."""

from typing import Any

from control.log import Target


class LogLines(Target):
    """Keeps the lines it takes."""

    def __init__(self) -> None:
        super().__init__("stdout", {"server": 5, "zone": 5, "control": 5})
        self.lines: list[str] = []

    def write(self, severity: int, stamp: str, text: str, fields: Any = ()) -> None:
        self.lines.append(text)
