# SPDX-License-Identifier: Apache-2.0
"""Following another server's changesets: each step brings a zone from one of its serials to the next (RFC 1995).

All steps are taken in one store transaction, which the caller gives up when a step is refused. Each is a changeset of
its own in the journal. What the zone has become is checked once, after the last step.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import NamedTuple

from control.catalog.read import read_catalog
from control.conf.zone import ZoneSettings
from control.errors import ZoneBusy, ZoneError, ZoneUnknown
from control.sign.signing import both
from control.sign.validate import validated
from control.store.contents import flat_zone, iterate_pairs
from control.store.environment import Transaction
from control.store.keys import Record, RRsetChange, name_text, parse_owner_key, rrset_key, unpack_rdatas
from control.store.zones import StoredZone, get_zone, put_zone
from control.update.apply import check_size
from control.update.checks import check_owners
from control.update.difference import count_records, owners_touched
from control.update.digest import settle_digest
from control.update.keep import keep_changes
from control.update.results import ChangeResult, Outcome
from control.update.transition import advance, plan_changes
from control.zonefile.zonemd import verify

SOA = 6


class Step(NamedTuple):
    """One changeset: from one serial to another; the SOAs are among the records."""

    serial_from: int
    serial_to: int
    removals: Sequence[Record]
    additions: Sequence[Record]


class StepRefused(ZoneError):
    """A changeset does not fit the zone: transfer the zone as a whole."""

    reason = "malformed data"


class FollowOptions(NamedTuple):
    """How steps are taken."""

    settings: ZoneSettings
    now_s: int
    benevolent: bool = False
    """Removing what is not there and adding what is there is no error."""
    flushing: bool = False
    """The zone file is being written."""


class Followed(NamedTuple):
    """A zone before and after the steps, and everything that changed."""

    known: StoredZone
    current: StoredZone
    changes: Sequence[RRsetChange]
    result: ChangeResult


def follow_steps(
    txn: Transaction, zone: bytes, steps: Sequence[Step], reserve_version: Callable[[], int], options: FollowOptions
) -> Followed:
    """Take steps from the serial the zone has. Raises ZoneError; the transaction is then to be given up."""
    known = get_zone(txn, zone)
    if known is None or known.expired:
        raise ZoneUnknown(zone, "no contents to change; transfer the zone as a whole")
    current, changes, needs_flush, removed, added = known, list[RRsetChange](), False, 0, 0
    for number, step in enumerate(steps, 1):
        before = current
        current, made = _take_step(txn, before, step, reserve_version(), options)
        if number == len(steps):
            current, made = settle_digest(txn, current, made, options.settings)
        flush = keep_changes(txn, before, current, made, options.settings, options.now_s, flushing=options.flushing)
        put_zone(txn, current)
        counts = count_records(made)
        changes += made
        needs_flush, removed, added = needs_flush or flush, removed + counts[0], added + counts[1]
    warnings = check_result(txn, known, current, changes, options.settings)
    valid_until = None
    if options.settings.validates:
        valid_until = validated(flat_zone(txn, current), zone, options.settings, options.now_s)
    result = ChangeResult(
        zone=zone,
        outcome=Outcome.UPDATED if changes else Outcome.UNCHANGED,
        old_serial=known.serial,
        new_serial=current.serial,
        removed=removed,
        added=added,
        version=current.version,
        size=current.size,
        needs_flush=needs_flush,
        warnings=warnings,
        valid_until=valid_until,
    )
    return Followed(known, current, changes, result)


def merge_results(results: Sequence[ChangeResult]) -> ChangeResult:
    """Return the result of changes of one zone that followed each other, in order."""
    done = [result.signed for result in results if result.signed is not None]
    return results[-1]._replace(
        old_serial=results[0].old_serial,
        removed=sum(result.removed for result in results),
        added=sum(result.added for result in results),
        needs_flush=any(result.needs_flush for result in results),
        warnings=tuple(dict.fromkeys(text for result in results for text in result.warnings)),
        signed=reduce(both, done) if done else None,
    )


def _take_step(
    txn: Transaction, zone: StoredZone, step: Step, version: int, options: FollowOptions
) -> tuple[StoredZone, Sequence[RRsetChange]]:
    if zone.serial != step.serial_from:
        message = f"the zone has serial {zone.serial}, the changes begin at {step.serial_from}; transfer it anew"
        raise ZoneBusy(zone.apex, message)
    if not options.benevolent:
        check_exact(txn, zone, step)
    changes = plan_changes(txn, zone, step.removals, step.additions)
    current = advance(txn, zone._replace(is_file=False, is_source=False), changes, version)
    if current.serial != step.serial_to:
        raise StepRefused(zone.apex, f"the changes end with serial {current.serial}, not {step.serial_to}")
    return current, changes


def check_exact(txn: Transaction, zone: StoredZone, step: Step) -> None:
    """Check that what goes is there and that what comes is not. Raises StepRefused."""
    present: dict[bytes, set[bytes]] = {}

    def rdatas_of(record: Record) -> set[bytes]:
        key = rrset_key(zone.zone_id, record.owner, record.type)
        if key not in present:
            value = txn.get(txn.contents, key)
            present[key] = set() if value is None else set(unpack_rdatas(value))
        return present[key]

    for record in step.removals:
        rdatas = rdatas_of(record)
        if record.rdata not in rdatas:
            raise _refusal(zone, record, "removes a record that is not there")
        rdatas.remove(record.rdata)
    for record in step.additions:
        rdatas = rdatas_of(record)
        if record.rdata in rdatas:
            raise _refusal(zone, record, "adds a record that is there")
        rdatas.add(record.rdata)


def _refusal(zone: StoredZone, record: Record, what: str) -> StepRefused:
    hint = "transfer the zone as a whole, or set zone.ixfr-benevolent"
    return StepRefused(zone.apex, f"a changeset {what} ({name_text(record.owner)}, type {record.type}); {hint}")


def check_result(
    txn: Transaction, known: StoredZone, current: StoredZone, changes: Iterable[RRsetChange], settings: ZoneSettings
) -> tuple[str, ...]:
    """Check what the zone has become; return the rules that are broken and tolerated. Raises ZoneError."""
    owners = dict.fromkeys(owners_touched(changes))
    warnings = check_owners(txn, current, map(parse_owner_key, owners), settings)
    check_size(known, current, settings)
    if settings.zonemd_verify:
        verify(txn, current)
    if settings.interprets:
        read_catalog(current.apex, iterate_pairs(txn, current))
    return warnings
