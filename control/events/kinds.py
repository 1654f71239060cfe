# SPDX-License-Identifier: Apache-2.0
"""The kinds of zone events, in the order and under the names in which `zone-status` shows them."""

from enum import IntEnum


class Kind(IntEnum):
    """What can be planned for a zone."""

    LOAD = 0
    REFRESH = 1
    UPDATE = 2
    EXPIRATION = 3
    PURGE = 4
    FLUSH = 5
    BACKUP = 6
    NOTIFY = 7
    RESIGN = 8
    VALIDATE = 9
    DS_CHECK = 10
    DS_PUSH = 11
    DNSKEY_SYNC = 12

    @property
    def label(self) -> str:
        """The name in `zone-status` and in log lines."""
        return LABELS[self]


LABELS = (
    "load",
    "refresh",
    "update",
    "expiration",
    "purge",
    "flush",
    "backup/restore",
    "notify",
    "re-sign",
    "DNSSEC-validate",
    "DS-check",
    "DS-push",
    "DNSKEY-sync",
)

HELD_BY_FREEZE = frozenset({Kind.LOAD, Kind.REFRESH, Kind.UPDATE, Kind.FLUSH, Kind.RESIGN})
"""Wait while a zone is frozen, unless an operator asked for them."""

HELD_BY_TRANSACTION = HELD_BY_FREEZE - {Kind.FLUSH}
"""Wait while a zone transaction of the control socket is open."""
