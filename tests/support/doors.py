# SPDX-License-Identifier: Apache-2.0
"""The door in tests: loading a file and changing records with plain settings."""

from collections.abc import Iterable

from control.conf.zone import ZoneSettings
from control.store.keys import Record
from control.update.door import Door
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult, LoadResult

PLAIN = ZoneSettings(journal_content="none", zonefile_sync_s=-1)


def load_file(door: Door, zone: bytes, path: str, default_ttl: int = 3600) -> LoadResult:
    """Load a zone file whatever was there before."""
    return door.load(zone, path, PLAIN._replace(default_ttl=default_ttl), cold=False)


def change(
    door: Door,
    zone: bytes,
    removals: Iterable[Record],
    additions: Iterable[Record],
    settings: ZoneSettings = PLAIN,
    *,
    keeps_serial: bool = True,
) -> ChangeResult:
    """Remove and add records; the serial is what they say."""
    update = ZoneUpdate(zone, settings, removals=tuple(removals), additions=tuple(additions), keeps_serial=keeps_serial)
    (result,) = door.commit([update])
    return result
