# SPDX-License-Identifier: Apache-2.0
"""Errors of the control plane, by the operator's remedy.

    ControlError
    +-- StoreError            the zone store refused; what was stored and served stays as it was
    |   +-- StoreFull         raise database.journal-db-max-size or free disk space
    |   +-- StoreLocked       another daemon has the store: stop it, or use another database.storage
    |   +-- StoreDamaged      move the store away; zones are loaded again from their files
    |   +-- StoreRefused      the system denied access: correct owner, permissions or limits
    +-- ZoneError             the zone: correct it and reload
        +-- ZoneInvalid       its contents break a rule that answering depends on
        +-- ZoneUnknown       the store has no contents of it
        +-- ZoneBusy          it was changed at the same time: try again

Each carries what it concerns.
"""

from pathlib import Path


class ControlError(Exception):
    """Anything the control plane reports; the message ends with what to do next."""


class StoreError(ControlError):
    """The zone store at `path` refused; nothing was changed."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"zone store {path}: {message}")
        self.path = path


class StoreFull(StoreError):
    """The store reached its maximum size, or the disk is full."""


class StoreLocked(StoreError):
    """Another process has the store open."""


class StoreDamaged(StoreError):
    """The files are damaged, foreign or of another format."""


class StoreRefused(StoreError):
    """The system denied what the store needs."""


class ZoneError(ControlError):
    """What concerns one zone, named in wire form by `zone`; the text of the message does not repeat it."""

    def __init__(self, zone: bytes, message: str) -> None:
        super().__init__(message)
        self.zone = zone


class ZoneInvalid(ZoneError):
    """The contents break a mandatory rule (RFC 1034, 2181, 4035, 6672)."""


class ZoneUnknown(ZoneError):
    """The store has no contents of the zone."""


class ZoneBusy(ZoneError):
    """Another change of the zone came in between."""
