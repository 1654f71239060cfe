# SPDX-License-Identifier: Apache-2.0
"""What a control command can fail with, in Knot's words: scripts compare these texts.

Exception
+-- CommandError      a command ends with a reason, which the client sees
+-- ProtocolError     the peer does not speak the protocol: the connection is closed without a reply
|   +-- BlockTooLarge what one request holds is above the limit: answered once, then closed
+-- ItemTooLong       a value does not fit an item: nothing was written
+-- ClientGone        the client closed the connection while its command was running
"""

import errno
from enum import StrEnum
from typing import TYPE_CHECKING

from control.errors import ControlError, KeystoreError, StoreFull, StoreLocked, ZoneError
from control.zonefile.refusal import RecordRefused, Refusal, ZoneFileUnwritable
from pyxdp_dns.errors import EngineError, ZoneCheckError, ZoneFileError

if TYPE_CHECKING:
    from control.ctl.unit import Unit


class Reason(StrEnum):
    """The texts of errors; one name each."""

    ALREADY_EXISTS = "already exists"
    BUSY = "requested resource is busy"
    CONNECTION_RESET = "connection reset"
    CONNECTION_TIMEOUT = "connection timeout"
    DUPLICATE_IDENTIFIER = "duplicate identifier"
    FAILED = "failed"
    FILE_ERROR = "file error"
    INVALID_IDENTIFIER = "invalid identifier"
    INVALID_ITEM = "invalid item"
    INVALID_PARAMETER = "invalid parameter"
    INVALID_REFERENCE = "invalid reference"
    INVALID_VALUE = "invalid value"
    INVALID_ZONE_FILE = "invalid zone file"
    LIMIT = "exceeded limit"
    MALFORMED = "malformed data"
    MISSING_IDENTIFIER = "missing identifier"
    MISSING_PARAMETER = "missing parameter"
    MISSING_VALUE = "missing value"
    NO_KEY_READY = "no key ready for submission"
    NO_KEYS = "no keys for signing"
    NO_MASTER = "no usable master"
    NO_MEMORY = "not enough memory"
    NO_NODE = "no such node in zone found"
    NO_RECORD = "no such record in zone found"
    NO_SPACE = "not enough space provided"
    NO_TRANSACTION = "no active transaction"
    NO_TTL = "no TTL specified"
    NO_ZONE = "no such zone found"
    NOT_ALLOWED = "not allowed"
    NOT_DIRECTORY = "not a directory"
    NOT_EXISTS = "not exists"
    NOT_IN_ZONE = "name does not belong to the zone"
    NOT_PERMITTED = "operation not permitted"
    NOT_SUPPORTED = "operation not supported"
    PARAMETER_CONFLICT = "parameter conflict"
    PARSER_FAILED = "parser failed"
    RANGE = "value is out of range"
    RECORD_EXISTS = "such record already exists in zone"
    SEMANTIC_CHECK = "semantic check"
    SOA_MISMATCH = "SOA mismatch"
    SOME_ZONES = "operation failed for some zones"
    TOO_MANY_TRANSACTIONS = "too many transactions"
    TTL_MISMATCH = "TTL mismatch"
    UP_TO_DATE = "zone is up-to-date"
    VALUE_NOT_SUPPORTED = "value not supported"
    ZONE_EMPTY = "zone is empty"
    ZONE_SIZE = "zone size exceeded"


class CommandError(Exception):
    """A command fails: `reason` in Knot's words, optionally with a detail, as in `parser failed, bad TTL`.

    The answer echoes `operand`, by default the one the command was working on.
    """

    def __init__(self, reason: str, detail: str | None = None, operand: "Unit | None" = None) -> None:
        super().__init__(f"{reason}, {detail}" if detail else str(reason))
        self.reason, self.detail, self.operand = reason, detail, operand


class ProtocolError(Exception):
    """The bytes are not of the control protocol."""


class BlockTooLarge(ProtocolError):
    """The operands of one request are more than the server keeps for a client."""


class ItemTooLong(Exception):
    """A value has more than 65535 octets."""


class ClientGone(Exception):
    """Nobody reads the answer any more."""


OS_REASONS: dict[int, Reason] = {
    errno.EACCES: Reason.NOT_PERMITTED,
    errno.EPERM: Reason.NOT_PERMITTED,
    errno.EROFS: Reason.NOT_PERMITTED,
    errno.EBUSY: Reason.BUSY,
    errno.EEXIST: Reason.ALREADY_EXISTS,
    errno.ENOENT: Reason.NOT_EXISTS,
    errno.ENOTDIR: Reason.NOT_DIRECTORY,
    errno.ENOMEM: Reason.NO_MEMORY,
    errno.ENOSPC: Reason.NO_SPACE,
    errno.EDQUOT: Reason.NO_SPACE,
}

CLASS_REASONS: tuple[tuple[type[Exception], Reason], ...] = (
    (ZoneCheckError, Reason.SEMANTIC_CHECK),
    (ZoneFileError, Reason.INVALID_ZONE_FILE),
    (StoreFull, Reason.NO_SPACE),
    (StoreLocked, Reason.BUSY),
    (ItemTooLong, Reason.NO_SPACE),
    (UnicodeError, Reason.MALFORMED),
    (MemoryError, Reason.NO_MEMORY),
    (EngineError, Reason.FAILED),
    (ControlError, Reason.FAILED),
)
"""First match decides."""


def reason_of(error: Exception) -> str | None:
    """Return what a client is told of an error; None for one that is a fault of the program."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, (OSError, ZoneFileUnwritable)):
        return OS_REASONS.get(error.errno or 0, Reason.FILE_ERROR)
    if isinstance(error, RecordRefused):
        return str(error) if error.refusal is Refusal.PARSER_FAILED else error.refusal
    if isinstance(error, ZoneError | KeystoreError):
        return error.reason
    return next((reason for kind, reason in CLASS_REASONS if isinstance(error, kind)), None)
