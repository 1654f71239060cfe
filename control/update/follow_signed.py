# SPDX-License-Identifier: Apache-2.0
"""Following another server's changesets with a zone that is signed here (bump in the wire).

The primary's serials are its own: the zone remembers which of them its contents are made from, and has serials of its
own, of which one covers all the steps. Signatures, proofs of absence and keys of the primary are left out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from control.errors import ZoneBusy, ZoneUnknown
from control.sign.remember import remember
from control.sign.settle import combine
from control.sign.signing import SOA, Signing
from control.store.environment import Transaction
from control.store.keys import Record, RRsetChange, pack_rrset
from control.store.zones import StoredZone, get_zone, put_zone
from control.update.difference import count_records
from control.update.follow import Followed, FollowOptions, Step, check_exact, check_result
from control.update.keep import keep_changes
from control.update.results import ChangeResult, Outcome
from control.update.serial import compare_serials, next_serial, set_serial
from control.update.signed import settle_signed
from control.update.transition import advance, plan_changes, soa_value


def follow_signed(
    txn: Transaction,
    zone: bytes,
    steps: Sequence[Step],
    reserve_version: Callable[[], int],
    options: FollowOptions,
    signing: Signing,
) -> Followed:
    """Take steps from the serial of the primary that the contents are made from.

    Raises ZoneError; the transaction is then to be given up.
    """
    known = get_zone(txn, zone)
    if known is None or known.expired:
        raise ZoneUnknown(zone, "no contents to change; transfer the zone as a whole")
    current, changes = _take_steps(txn, known, steps, reserve_version(), options, signing)
    signing = replace(signing, kasp=signing.kasp._replace(master_serial=steps[-1].serial_to))
    soa = _settle_soa(txn, known, steps[-1], options, is_changed=bool(changes))
    current, changes = advance(txn, current, soa, current.version), combine(changes, soa)
    current, changes, signed = settle_signed(txn, current, changes, options.settings, signing)
    needs_flush = False
    if changes:
        needs_flush = keep_changes(
            txn, known, current, changes, options.settings, options.now_s, flushing=options.flushing
        )
        put_zone(txn, current)
    else:
        current = known
    signed = remember(txn, current, signing, signed)
    removed, added = count_records(changes)
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
        warnings=check_result(txn, known, current, changes, options.settings),
        signed=signed if changes else None,
    )
    return Followed(known, current, changes, result)


def _take_steps(
    txn: Transaction,
    known: StoredZone,
    steps: Sequence[Step],
    version: int,
    options: FollowOptions,
    signing: Signing,
) -> tuple[StoredZone, list[RRsetChange]]:
    """Write what the steps say of the zone's data, the SOA excepted."""
    current = known._replace(is_file=False, is_source=False)
    serial, changes = signing.kasp.master_serial, list[RRsetChange]()
    skip = signing.skipped_types() | {SOA}
    for step in steps:
        if serial != step.serial_from:
            message = f"the zone is of serial {serial} of the primary, the changes begin at {step.serial_from}"
            raise ZoneBusy(known.apex, f"{message}; transfer it anew")
        own = step._replace(removals=_others(step.removals, skip), additions=_others(step.additions, skip))
        if not options.benevolent:
            check_exact(txn, current, own)
        made = plan_changes(txn, current, own.removals, own.additions)
        current, changes = advance(txn, current, made, version), combine(changes, made)
        serial = step.serial_to
    return current, changes


def _settle_soa(
    txn: Transaction, known: StoredZone, last: Step, options: FollowOptions, *, is_changed: bool
) -> list[RRsetChange]:
    """Return the change of the SOA: the primary's, with a serial of the zone's own where anything changes."""
    key, old = soa_value(txn, known)
    given = [record for record in last.additions if record.type == SOA]
    new = pack_rrset(given[-1].ttl, (given[-1].rdata,)) if given else old
    if old is None or new is None or (set_serial(new, known.serial) == old and not is_changed):
        return []
    is_behind = compare_serials(known.serial, last.serial_to) == -1
    base, settings = last.serial_to if is_behind else known.serial, options.settings
    serial = next_serial(base, settings.serial_policy, settings.serial_modulo, options.now_s)
    return [RRsetChange(key, old, set_serial(new, serial))]


def _others(records: Iterable[Record], skip: frozenset[int]) -> tuple[Record, ...]:
    return tuple(record for record in records if record.type not in skip)
