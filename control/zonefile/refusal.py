# SPDX-License-Identifier: Apache-2.0
"""What is refused: a record an operator named, in the words of the control protocol; writing a zone file."""

from enum import StrEnum

from control.errors import ControlError


class Refusal(StrEnum):
    """The reasons; the texts are those of `control.ctl.errors.Reason`."""

    INVALID_PARAMETER = "invalid parameter"
    NOT_ALLOWED = "not allowed"
    NOT_EXISTS = "not exists"
    NOT_IN_ZONE = "name does not belong to the zone"
    PARSER_FAILED = "parser failed"
    NO_NODE = "no such node in zone found"
    NO_RECORD = "no such record in zone found"
    RECORD_EXISTS = "such record already exists in zone"
    SOA_MISMATCH = "SOA mismatch"
    ZONE_EMPTY = "zone is empty"


class RecordRefused(ControlError):
    """A record, a name or a type was refused: `refusal` says why, `detail` what about it."""

    def __init__(self, refusal: Refusal, detail: str = "") -> None:
        super().__init__(f"{refusal}, {detail}" if detail else str(refusal))
        self.refusal = refusal
        self.detail = detail


class ZoneFileUnwritable(ControlError):
    """The zone file at `path` could not be written and is as it was; `errno` is the system's."""

    def __init__(self, path: str, cause: OSError) -> None:
        super().__init__(
            f"zone file '{path}' cannot be written ({cause.strerror}); check its directory, permissions and free space"
        )
        self.path = path
        self.errno = cause.errno
