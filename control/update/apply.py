# SPDX-License-Identifier: Apache-2.0
"""One request to the door inside a store transaction: plan, serial, contents, checks; then journal and zone record.

What a request may be refused for is found out before anything but contents is written, and contents are put back, so
that other requests can go on in the same transaction.
"""

from collections.abc import Sequence
from typing import NamedTuple

from control.catalog.read import read_catalog
from control.conf.zone import ZoneSettings
from control.errors import ZoneBusy, ZoneError, ZoneInvalid, ZoneTooLarge, ZoneUnknown
from control.sign.remember import remember
from control.sign.settle import signing_for
from control.sign.signing import MADE_HERE, Signed, Signing, SigningOf, unsigned
from control.sign.validate import validated
from control.store.contents import apply_changes, flat_zone, iterate_pairs
from control.store.environment import Store, Transaction
from control.store.keys import RRsetChange, parse_owner_key
from control.store.zones import StoredZone, get_zone, put_zone
from control.update.checks import check_owners
from control.update.difference import count_records, invert_changes, owners_touched, without_types
from control.update.digest import is_digest_stale, settle_digest
from control.update.keep import keep_changes
from control.update.request import ZoneUpdate
from control.update.results import ChangeResult, Outcome
from control.update.serial import compare_serials, next_serial, serial_of_soa, set_serial
from control.update.signed import settle_signed
from control.update.transition import advance, find_soa_change, plan_changes, rebase_changes, soa_value
from control.zonefile.zonemd import verify


class Applied(NamedTuple):
    """A zone as it was, the changes that were written, and the zone as it is; `known` None: it had no contents."""

    known: StoredZone | None
    current: StoredZone
    changes: Sequence[RRsetChange]
    warnings: tuple[str, ...] = ()
    signing: Signing | None = None
    signed: Signed | None = None
    """How the zone was signed, and what was done; both or none."""
    valid_until: int | None = None


def apply_updates(
    txn: Transaction, store: Store, updates: Sequence[ZoneUpdate], now_s: int, signing_of: SigningOf = unsigned
) -> list[Applied]:
    """Write the contents of all updates, each of another zone, or none. Raises ZoneError."""
    done: list[Applied] = []
    try:
        for update in updates:
            signing = update.signing or signing_for(signing_of, txn, update.zone)
            done.append(_apply_update(txn, store, update, now_s, signing))
    except ZoneError:
        for applied in done:
            apply_changes(txn, invert_changes(applied.changes))
        raise
    return done


def record_update(
    txn: Transaction, update: ZoneUpdate, applied: Applied, now_s: int, *, flushing: bool = False
) -> ChangeResult:
    """Write journal and zone record of an update that was applied, and return its result."""
    known, current = applied.known, applied.current
    needs_flush = False
    if applied.changes:
        needs_flush = keep_changes(txn, known, current, applied.changes, update.settings, now_s, flushing=flushing)
        put_zone(txn, current)
    signed = applied.signed
    if applied.signing is not None and signed is not None:
        signed = remember(txn, current, applied.signing, signed)
    if update.also is not None:
        update.also(txn)
    removed, added = count_records(applied.changes)
    loaded = Outcome.LOADED if known is None else Outcome.UPDATED
    return ChangeResult(
        zone=update.zone,
        outcome=loaded if applied.changes else Outcome.UNCHANGED,
        old_serial=None if known is None else known.serial,
        new_serial=current.serial,
        removed=removed,
        added=added,
        version=current.version,
        size=current.size,
        needs_flush=needs_flush,
        warnings=applied.warnings,
        signed=signed,
        valid_until=applied.valid_until,
    )


def _apply_update(txn: Transaction, store: Store, update: ZoneUpdate, now_s: int, signing: Signing | None) -> Applied:
    stored = get_zone(txn, update.zone)
    known = None if stored is None or stored.expired else stored
    _check_base(update, known)
    base = known or StoredZone(update.zone, store.reserve_zone_id(), 0, 0, 0, 0, 0, ())
    changes = rebase_changes(txn, base, update.changes)
    if update.removals or update.additions:
        changes = plan_changes(txn, base, update.removals, update.additions)
    if signing is not None and update.signed is None:
        changes = without_types(changes, signing.skipped_types())
    if known is not None:
        changes = _settle_serial(txn, known, changes, update, now_s)
    if not changes:
        if known is None:
            raise ZoneUnknown(update.zone, "no contents to begin with; add records, an SOA among them")
        return Applied(known, known, ())
    return _write_contents(txn, store, update, Before(known, base, signing, now_s), changes)


class Before(NamedTuple):
    """A zone before a change (`known` None: without contents), how it is signed, and the time of day."""

    known: StoredZone | None
    base: StoredZone
    signing: Signing | None
    now_s: int


def _write_contents(
    txn: Transaction, store: Store, update: ZoneUpdate, before: Before, changes: Sequence[RRsetChange]
) -> Applied:
    """Write changes and check what the zone has become; put everything back when it must not be so."""
    known, base, signing, now_s = before
    signed, valid_until = None, None
    try:
        changing = _no_longer_the_file(base, update)
        current = advance(txn, changing, changes, store.reserve_version())
        checked = changes if update.signed is None else without_types(changes, MADE_HERE)
        warnings = check_owners(txn, current, map(parse_owner_key, owners_touched(checked)), update.settings)
        if signing is None:
            current, changes = settle_digest(txn, current, changes, update.settings)
        else:
            current, changes, signed = settle_signed(
                txn, current, changes, update.settings, signing, before=update.signed
            )
        check_size(base, current, update.settings)
        if update.settings.zonemd_verify:
            verify(txn, current)
        if update.settings.interprets:
            read_catalog(current.apex, iterate_pairs(txn, current))
        if update.settings.validates:
            valid_until = validated(flat_zone(txn, current), current.apex, update.settings, now_s)
    except ZoneError:
        apply_changes(txn, invert_changes(changes))
        raise
    return Applied(known, current, changes, warnings, signing, signed, valid_until)


def _no_longer_the_file(zone: StoredZone, update: ZoneUpdate) -> StoredZone:
    """Note that contents are no longer those of the zone file; what signing alone changes is not in a source."""
    is_source = zone.is_source and (update.signed is not None or update.digests)
    if not zone.is_file and zone.is_source == is_source:
        return zone
    return zone._replace(is_file=False, is_source=is_source)


def _check_base(update: ZoneUpdate, known: StoredZone | None) -> None:
    version = 0 if known is None else known.version
    if update.base_version is not None and update.base_version != version:
        raise ZoneBusy(update.zone, "changed by another operation in the meantime; try again")
    if known is None and not update.may_create:
        raise ZoneUnknown(update.zone, "no contents to change; load the zone first")


def _settle_serial(
    txn: Transaction, known: StoredZone, changes: list[RRsetChange], update: ZoneUpdate, now_s: int
) -> list[RRsetChange]:
    """Return changes with a serial that is greater than the zone's: by the change itself, or by the policy."""
    if not changes and not (update.digests and is_digest_stale(txn, known, update.settings)):
        return changes
    change = find_soa_change(known, changes)
    if change is not None and change.new is not None:
        match compare_serials(known.serial, serial_of_soa(change.new)):
            case -1:
                return changes
            case 0:
                pass
            case _:
                return _decrease_serial(known, changes, update.settings)
    settings = update.settings
    serial = known.serial
    if not update.keeps_serial:
        serial = next_serial(serial, settings.serial_policy, settings.serial_modulo, now_s)
    return with_serial(txn, known, changes, serial)


def with_serial(txn: Transaction, zone: StoredZone, changes: Sequence[RRsetChange], serial: int) -> list[RRsetChange]:
    """Return changes after which the SOA has `serial`. An SOA that goes stays away, for the checks to find."""
    change = find_soa_change(zone, changes)
    key, old = soa_value(txn, zone)
    new = old if change is None else change.new
    if new is None or serial_of_soa(new) == serial:
        return list(changes)
    settled = [other for other in changes if other is not change]
    settled.append(RRsetChange(key, old, set_serial(new, serial)))
    return sorted(settled, key=lambda item: item.key)


def _decrease_serial(known: StoredZone, changes: list[RRsetChange], settings: ZoneSettings) -> list[RRsetChange]:
    """A serial that goes back has no place in a journal's chain."""
    if settings.journal_content != "none":
        message = f"the SOA serial is not greater than {known.serial}; raise it, or leave it to the server"
        raise ZoneInvalid(known.apex, message)
    return changes


def check_size(base: StoredZone, current: StoredZone, settings: ZoneSettings) -> None:
    """Check `zone.zone-max-size`; a zone that is too large may shrink. Raises ZoneTooLarge."""
    limit = settings.zone_max_size_bytes
    if limit is not None and current.size > limit and current.size > base.size:
        message = f"{current.size} octets, {limit} are allowed; remove records or raise zone.zone-max-size"
        raise ZoneTooLarge(current.apex, message)
