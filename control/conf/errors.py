# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a configuration, in the words operators of Knot DNS know."""

INVALID_PARAMETER = "invalid parameter"
OUT_OF_RANGE = "value is out of range"
NOT_SUPPORTED = "not supported by this server"
PARSER_FAILED = "parser failed"


class ValueProblem(ValueError):
    """A value its type refuses; the text is the reason in parentheses of the error."""


class ConfigurationError(Exception):
    """One error in a configuration file: where it is and why it is refused."""

    def __init__(
        self,
        reason: str,
        file: str,
        *,
        line: int | None = None,
        item: str | None = None,
        value: str | None = None,
        section: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.file, self.line = reason, file, line
        self.item, self.value, self.section = item, value, section

    def __str__(self) -> str:
        parts = [f"config, file '{self.file}'"]
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.section is not None:
            parts.append(f"section '{self.section}'")
        if self.item is not None:
            parts.append(f"item '{self.item}'")
        if self.value:
            parts.append(f"value '{self.value}'")
        return f"{', '.join(parts)} ({self.reason})"
