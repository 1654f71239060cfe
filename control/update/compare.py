# SPDX-License-Identifier: Apache-2.0
"""What a load read, against what the store has: the difference, the serial, and what becomes of both (plan.py)."""

import sys
from collections.abc import Iterable, Iterator
from heapq import merge

from control.conf.zone import ZoneSettings
from control.errors import SerialRefused, ZoneInvalid
from control.sign.signing import MADE_HERE
from control.store.contents import flatten, get_rrset, iterate_pairs
from control.store.environment import Transaction
from control.store.keys import Pair, RRsetChange, rrset_key, type_of_key
from control.store.zones import StoredZone
from control.update.difference import find_changes
from control.update.plan import NO_SERIAL, Verdict, settle
from control.update.prepared import Prepared
from control.update.publish import incremental_limit
from control.update.results import Step, StepKind
from control.update.serial import compare_serials, next_serial, serial_of_soa, set_serial
from control.zonefile.zonemd import ZONEMD

SOA = 6
RECORDED_MAX = 1 << 17
"""RRsets of a difference that is held in memory, some 100 MB, and goes to the journal. More become a whole zone."""
FEW = 500
"""RRsets of a zone whose pairs are held as Python objects while it is loaded."""


def compare(txn: Transaction, prepared: Prepared, now_s: int) -> None:
    """Find out what differs from the store, and what becomes of it."""
    situation, target, settings = prepared.situation, prepared.target, prepared.request.settings
    stored = situation.stored
    assert stored is not None
    old, limit = iterate_pairs(txn, stored), incremental_limit(stored)
    if prepared.is_recorded:  # What the journal has brought to the file's contents is nowhere else: it stays there.
        old, limit = unskipped(old, prepared.skipped_types), sys.maxsize if prepared.replayed else RECORDED_MAX
    changes = find_changes(old, prepared.pairs or prepared.contents, limit)
    if changes is not None and prepared.is_recorded:
        changes = _keep_own(changes, stored, settings, makes_serial=prepared.makes_serial)
    prepared.changes = changes
    changed = changes is None or bool(changes)
    prepared.verdict = settle(situation, target.serial, changed=changed)
    _follow_verdict(txn, prepared, now_s)
    if prepared.is_recorded and prepared.changes is None:
        _take_whole(txn, prepared)


def _take_whole(txn: Transaction, prepared: Prepared) -> None:
    """Make the contents what a difference too large to be recorded would have made: with skipped types and serial."""
    stored, serial = prepared.situation.stored, prepared.target.serial
    assert stored is not None
    skip = prepared.skipped_types - MADE_HERE if prepared.signing is not None else prepared.skipped_types
    own = (pair for pair in iterate_pairs(txn, stored) if type_of_key(pair[0]) in skip)
    contents: Iterable[Pair] = prepared.pairs or prepared.contents
    if serial != prepared.end_serial:
        contents = _with_serial(contents, serial)
    if skip or serial != prepared.end_serial:
        prepared.contents = flatten(merge(contents, own))
        take_pairs(prepared)
        prepared.target = measured(prepared, prepared.target)


def _with_serial(pairs: Iterable[Pair], serial: int) -> Iterator[Pair]:
    return ((key, set_serial(value, serial) if type_of_key(key) == SOA else value) for key, value in pairs)


def _follow_verdict(txn: Transaction, prepared: Prepared, now_s: int) -> None:
    stored, target, settings = prepared.situation.stored, prepared.target, prepared.request.settings
    assert stored is not None
    match prepared.verdict:
        case Verdict.REFUSE:
            message = f"the zone file's serial {target.serial} is before {stored.serial}, which is served; raise it"
            raise SerialRefused(prepared.request.zone, message)
        case Verdict.RAISE:
            serial = next_serial_of(prepared, now_s)
            if prepared.changes is not None:
                prepared.changes = _with_soa(txn, stored, prepared.changes, serial)
            prepared.target = target._replace(serial=serial)
            if settings.zonefile_load == NO_SERIAL:
                prepared.steps[-1] = Step(StepKind.FILE, serial, prepared.file_serial)
        case Verdict.SAME:
            prepared.changes = ()
        case Verdict.IGNORE:
            prepared.changes = ()
            prepared.steps.append(Step(StepKind.IGNORED, prepared.file_serial))


def next_serial_of(prepared: Prepared, now_s: int) -> int:
    """Return the serial behind the zone's, and where signing makes the serials, behind the file's as well."""
    stored, settings, serial = prepared.situation.stored, prepared.request.settings, prepared.file_serial
    if stored is not None and not (prepared.signing is not None and compare_serials(stored.serial, serial) == -1):
        serial = stored.serial
    return next_serial(serial, settings.serial_policy, settings.serial_modulo, now_s)


def _keep_own(
    changes: Iterable[RRsetChange], stored: StoredZone, settings: ZoneSettings, *, makes_serial: bool
) -> list[RRsetChange]:
    """Leave out what the file is not to say: the serial where the server makes it, and its ZONEMD if that is all."""
    changes = list(changes)
    if not makes_serial:
        return changes
    soa_key = rrset_key(stored.zone_id, stored.apex, SOA)
    settled = []
    for change in changes:
        if change.key == soa_key and change.new is not None and change.old is not None:
            change = change._replace(new=set_serial(change.new, serial_of_soa(change.old)))
        if change.old != change.new:
            settled.append(change)
    digest_key = rrset_key(stored.zone_id, stored.apex, ZONEMD)
    if settings.zonemd_generate != "none" and all(change.key == digest_key for change in settled):
        return []
    return settled


def _with_soa(txn: Transaction, stored: StoredZone, changes: Iterable[RRsetChange], serial: int) -> list[RRsetChange]:
    key = rrset_key(stored.zone_id, stored.apex, SOA)
    by_key = {change.key: change for change in changes}
    old = get_rrset(txn, stored, stored.apex, SOA)
    new = by_key[key].new if key in by_key else old
    if new is None:
        raise ZoneInvalid(stored.apex, "missing SOA at the zone apex; correct the zone file and reload")
    by_key[key] = RRsetChange(key, old, set_serial(new, serial))
    return [by_key[key] for key in sorted(by_key)]


def unskipped(pairs: Iterable[Pair], skip: frozenset[int]) -> Iterator[Pair]:
    """Return the pairs of all types but some."""
    return (pair for pair in pairs if type_of_key(pair[0]) not in skip)


def measured(prepared: Prepared, zone: StoredZone) -> StoredZone:
    """Return the zone with the numbers of the contents."""
    contents = prepared.contents
    records, octets = contents.measure()
    return zone._replace(rrsets=contents.count, records=records, size=octets)


def take_pairs(prepared: Prepared) -> None:
    """Hold the contents as Python objects too where they are few."""
    contents = prepared.contents
    prepared.pairs = contents.take(0, FEW) if contents.count <= FEW else None
