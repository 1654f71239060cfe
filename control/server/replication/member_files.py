# SPDX-License-Identifier: Apache-2.0
"""Zone files of members of catalogs: each has one zone, and goes with it."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from control.conf.zone import ZoneConf
from control.events.zone import ZoneHandle
from control.log import ERROR, WARNING, Log
from control.server.runners import NEVER
from control.store.members import Member


def files_of(zones: Iterable[ZoneHandle]) -> dict[str, str]:
    """Return the zone files of zones, and of which zone each is."""
    return {zone.conf.file: zone.name for zone in zones}


def with_own_files(confs: Mapping[Member, ZoneConf], used: dict[str, str], log: Log) -> dict[Member, ZoneConf]:
    """Leave members out whose zone files this server would write and other zones have; `used` is extended."""
    found: dict[Member, ZoneConf] = {}
    for member, conf in confs.items():
        other = used.setdefault(conf.file, conf.name)
        if other == conf.name or conf.settings.zonefile_sync_s == NEVER:
            found[member] = conf
            continue
        text = f"zone file '{conf.file}' is that of zone {other}; change file in the template"
        log.zone(ERROR, conf.name, f"member of catalog cannot be served ({text})")
    return found


def remove_file(log: Log, zone: ZoneHandle) -> None:
    """Remove the zone file of a zone, if there is one. Blocks."""
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            os.unlink(zone.conf.file)
    except OSError as error:
        log.zone(WARNING, zone.name, f"zone file '{zone.conf.file}' cannot be removed ({error.strerror})")
