# SPDX-License-Identifier: Apache-2.0
"""What can be wrong with a configuration, in the words operators of Knot DNS know.

Exception
+-- ValueProblem          a value its type refuses
+-- ConfigurationError    an error in a file, or of what a file or database says: correct it
|   +-- ConfdbError       the configuration database: its message says what to do
|       +-- ConfdbFull    it has no room
+-- EditError             a change that was asked for is refused, nothing was changed: correct the request
"""

INVALID_PARAMETER = "invalid parameter"
OUT_OF_RANGE = "value is out of range"
NOT_SUPPORTED = "not supported by this server"
PARSER_FAILED = "parser failed"
INVALID_ITEM = "invalid item"
INVALID_IDENTIFIER = "invalid identifier"
INVALID_REFERENCE = "invalid reference"
INVALID_MODULE_REFERENCE = "invalid module reference"
IDENTIFIER_NOT_SUPPORTED = "identifier not supported"
DUPLICATE_IDENTIFIER = "duplicate identifier"
MISSING_IDENTIFIER = "missing identifier"
MISSING_VALUE = "missing value"
VALUE_NOT_SUPPORTED = "value not supported"
OPERATION_NOT_SUPPORTED = "operation not supported"
NOT_EXISTS = "not exists"
FILE_ERROR = "file error"
NO_TRANSACTION = "no active transaction"
TOO_MANY_TRANSACTIONS = "too many transactions"


VALUE_SHOWN = 256
"""Characters of a value that are shown; a value has a whole line."""


def shortened(value: str) -> str:
    """Return a value, or its beginning."""
    return value if len(value) <= VALUE_SHOWN else f"{value[:VALUE_SHOWN]}..."


class ValueProblem(ValueError):
    """A value its type refuses; the text is the reason in parentheses of the error."""


class ConfigurationError(Exception):
    """One error in a configuration: where it is and why it is refused."""

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

    @property
    def outcome(self) -> str:
        """Why the configuration as a whole is refused, in the fewer words there are for that."""
        if self.reason in (INVALID_REFERENCE, INVALID_MODULE_REFERENCE):
            return NOT_EXISTS
        return INVALID_PARAMETER if self.section is not None and self.item is None else self.reason

    def __str__(self) -> str:
        parts = [f"config, file '{self.file}'"]
        if self.line is not None:
            parts.append(f"line {self.line}")
        if self.section is not None:
            parts.append(f"section '{self.section}'")
        if self.item is not None:
            parts.append(f"item '{self.item}'")
        if self.value:
            parts.append(f"value '{shortened(self.value)}'")
        return f"{', '.join(parts)} ({self.reason})"


class ConfdbError(ConfigurationError):
    """The configuration database at `file` cannot be used."""

    def __str__(self) -> str:
        return f"configuration database '{self.file}' ({self.reason})"


class ConfdbFull(ConfdbError):
    """The configuration database has reached its maximum size, or its disk is full."""


class EditError(Exception):
    """A change or question about the configuration is refused: `reason` in Knot's words, and what it concerns."""

    def __init__(
        self,
        reason: str,
        section: str | None = None,
        id: str | None = None,
        item: str | None = None,
        value: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason, self.section, self.id, self.item, self.value = reason, section, id, item, value

    def __str__(self) -> str:
        where = self.section or ""
        if self.id is not None:
            where += f"[{self.id}]"
        if self.item is not None:
            where += f".{self.item}"
        if self.value is not None:
            where += f" = {self.value}"
        return f"({self.reason}) {where}".rstrip()


def file_reason(error: OSError) -> str:
    """Return why a file cannot be read, in Knot's words where there are any."""
    return NOT_EXISTS if isinstance(error, FileNotFoundError) else error.strerror or str(error)
