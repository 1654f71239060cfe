# SPDX-License-Identifier: Apache-2.0
"""What key management tells the operator: started rollovers and the submission of key-signing keys."""

from enum import Enum
from typing import NamedTuple


class EventKind(Enum):
    """What has happened, in the words of the log."""

    KSK_ROLLOVER = "KSK rollover started"
    """Of a CSK as well."""
    ZSK_ROLLOVER = "ZSK rollover started"
    ALGORITHM_ROLLOVER = "algorithm rollover started"
    SCHEME_ROLLOVER = "signing scheme rollover started"
    SUBMISSION_WAITING = "KSK submission, waiting for confirmation"
    SUBMISSION_CONFIRMED = "KSK submission, confirmed"
    KSK_FORCE_IGNORED = "ignoring forced KSK rollover due to running rollover"
    ZSK_FORCE_IGNORED = "ignoring forced ZSK rollover due to running rollover"
    NO_ZSK_TO_FORCE = "ignoring forced ZSK rollover, the policy has single-type-signing"
    KEY_REINSTATED = "key tag {tag} put into use, the key that was to be used is missing"
    KEY_REPLACED = "new key tag {tag} put into use at once, the key before it is missing"


NOTICES = frozenset({EventKind.SUBMISSION_WAITING, EventKind.SUBMISSION_CONFIRMED})
WARNINGS = frozenset(
    {
        EventKind.KSK_FORCE_IGNORED,
        EventKind.ZSK_FORCE_IGNORED,
        EventKind.NO_ZSK_TO_FORCE,
        EventKind.KEY_REINSTATED,
        EventKind.KEY_REPLACED,
    },
)


class Event(NamedTuple):
    """Something to be told of the keys of a zone."""

    kind: EventKind
    key_tag: int | None = None
    """Of the key it is about, where it is about one."""
    key_id: str = ""

    @property
    def severity(self) -> str:
        """`info`, `notice` or `warning`."""
        if self.kind in NOTICES:
            return "notice"
        return "warning" if self.kind in WARNINGS else "info"

    @property
    def text(self) -> str:
        """The words of the log line, after `DNSSEC, `."""
        return self.kind.value.format(tag=self.key_tag)
