# SPDX-License-Identifier: Apache-2.0
"""ZONEMD in a change (RFC 8976): making what `zonemd-generate` wants, before it is stored.

A digest is over the whole zone, so with one a change costs as much as the zone is large.
"""

from collections.abc import Sequence

from control.conf.zone import ZoneSettings
from control.store.contents import get_rrset
from control.store.environment import Transaction
from control.store.keys import RRsetChange, unpack_rdatas
from control.store.zones import StoredZone
from control.update.transition import advance
from control.zonefile.zonemd import GENERATED, ZONEMD, generate_change, parse_zonemd


def settle_digest(
    txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], settings: ZoneSettings
) -> tuple[StoredZone, Sequence[RRsetChange]]:
    """Make the ZONEMD of a zone whose changes are written; return the zone and all changes as they are then."""
    digest = generate_change(txn, zone, settings.zonemd_generate)
    if digest is None:
        return zone, changes
    by_key = {change.key: change for change in changes}
    before = by_key.get(digest.key)
    by_key[digest.key] = digest if before is None else RRsetChange(digest.key, before.old, digest.new)
    settled = [by_key[key] for key in sorted(by_key) if by_key[key].old != by_key[key].new]
    return advance(txn, zone, [digest], zone.version), settled


def is_digest_stale(txn: Transaction, zone: StoredZone, settings: ZoneSettings) -> bool:
    """Tell whether the ZONEMD is not what `zonemd-generate` wants; a digest of this serial is taken as right."""
    if settings.zonemd_generate == "none":
        return False
    value = get_rrset(txn, zone, zone.apex, ZONEMD)
    records = [] if value is None else [parse_zonemd(rdata) for rdata in unpack_rdatas(value)]
    if settings.zonemd_generate == "remove":
        return bool(records)
    wanted = (zone.serial, GENERATED[settings.zonemd_generate])
    return [(record.serial, record.algorithm) for record in records] != [wanted]
