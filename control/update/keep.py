# SPDX-License-Identifier: Apache-2.0
"""Keeping a change in the zone's journal, within `journal-max-depth` and `journal-max-usage`.

Where the limits leave no room, what is kept elsewhere goes first: changesets that are in the zone file, or any when the
journal holds the zone itself. Else the caller is asked to write the zone file, after which there is room. What a zone
needs to get from its file, as it was read or written last, to its contents is never dropped: changesets are merged
instead, and the serials in between are forgotten.
"""

from collections.abc import Sequence
from itertools import islice

from control.conf.zone import ZoneSettings
from control.errors import JournalFull
from control.store.changeset import Changeset, make_changeset, octets_of
from control.store.environment import Transaction
from control.store.journal import (
    ChangesetHead,
    JournalState,
    append_changeset,
    damage_named,
    drop_all,
    drop_oldest,
    get_journal,
    has_history,
    iterate_heads,
    open_journal,
    put_journal,
    read_changeset,
    replace_run,
)
from control.store.keys import RRsetChange
from control.store.zones import StoredZone
from control.update.merge import merge_changesets

OVERDUE = 2
"""Times the limits at which waiting for a flush ends and changesets are merged."""
OVERDUE_IN_FLUSH = 32
"""The same while the zone file is being written: the serial it will have must stay in the chain until it is known."""
MUCH_LARGER = 2
"""Times the records of the changesets behind it above which a merged one is left alone."""
LEAST_RUN = 3
"""Changesets that are merged in any case."""


def keep_changes(
    txn: Transaction,
    known: StoredZone | None,
    current: StoredZone,
    changes: Sequence[RRsetChange],
    settings: ZoneSettings,
    now_s: int,
    *,
    flushing: bool = False,
    in_file: bool = False,
) -> bool:
    """Write the changeset from `known` to `current` as `journal-content` has it; true: the zone file is to be written.

    Without `known` there is nothing the contents differ from. `flushing`: the zone file is being written, with one of
    the versions in the journal. `in_file`: the contents are in the zone file, so that history can be spared for want of
    room, as it can be where the zone itself is kept. Raises JournalFull.
    """
    if settings.journal_content == "none":
        forget_changes(txn, current.apex)
        note_zone(txn, current.apex, held=False)
        return False
    state = open_journal(txn, current.apex)
    holds_zone = settings.journal_content == "all" or (state.holds_zone and known is not None)
    if holds_zone != state.holds_zone:
        state = state._replace(holds_zone=holds_zone)
    needs_flush = False
    if known is None or known.serial == current.serial:
        state = _leave_chain(txn, state, current.serial)
    else:
        changeset = make_changeset(changes, (known.serial, current.serial), now_s)
        state = state if state.last == known.serial else drop_all(txn, state)
        try:
            with damage_named(current.apex):
                state, needs_flush = _append(txn, state, known, changeset, settings, flushing=flushing)
        except JournalFull:
            if not in_file and not (state.holds_zone and settings.zonefile_load != "whole"):
                raise
            state = drop_all(txn, state)
    put_journal(txn, current.apex, state)
    return needs_flush


def leave_chain(txn: Transaction, apex: bytes, serial: int) -> None:
    """Note that contents of `serial` were not made by changesets: a chain that ends with that serial is dropped."""
    state = get_journal(txn, apex)
    if state is not None:
        put_journal(txn, apex, _leave_chain(txn, state, serial))


def forget_changes(txn: Transaction, apex: bytes) -> None:
    """Drop all changesets of a zone: what was changed is not among them."""
    state = get_journal(txn, apex)
    if state is not None and state.depth:
        put_journal(txn, apex, drop_all(txn, state))


def _leave_chain(txn: Transaction, state: JournalState, serial: int) -> JournalState:
    return drop_all(txn, state) if state.depth and state.last == serial else state


def _append(
    txn: Transaction,
    state: JournalState,
    zone: StoredZone,
    changeset: Changeset,
    settings: ZoneSettings,
    *,
    flushing: bool,
) -> tuple[JournalState, bool]:
    """Append to a chain, with room made; where that cannot be, merge everything with the new changeset."""
    octets = octets_of(changeset)
    if flushing and _fits(state, octets, settings, OVERDUE_IN_FLUSH):
        return append_changeset(txn, state, changeset), False
    state, needs_flush = make_room(txn, state, zone, octets, settings)
    if needs_flush or _fits(state, octets, settings):
        return append_changeset(txn, state, changeset), needs_flush
    heads = list(iterate_heads(txn, state))
    merged = merge_changesets([*(read_changeset(txn, state, head) for head in heads), changeset])
    if octets_of(merged) > settings.journal_max_usage_bytes:
        message = "the journal has no room for the change; raise zone.journal-max-usage or flush the zone"
        raise JournalFull(zone.apex, message)
    return append_changeset(txn, drop_all(txn, state), merged), False


def note_zone(txn: Transaction, apex: bytes, *, held: bool) -> bool:
    """Note whether the contents count as kept in the journal; true when that is new."""
    state = get_journal(txn, apex) if not held else open_journal(txn, apex)
    if state is None or state.holds_zone == held:
        return False
    put_journal(txn, apex, state._replace(holds_zone=held))
    return True


def make_room(
    txn: Transaction, state: JournalState, zone: StoredZone, octets: int, settings: ZoneSettings
) -> tuple[JournalState, bool]:
    """Bring the journal to where a changeset of `octets` fits; also return whether the zone file is to be written.

    It may turn out to have room for less.
    """
    if _fits(state, octets, settings):
        return state, False
    if state.holds_zone and settings.zonefile_load != "whole" and settings.zonefile_sync_s < 0:
        return _drop(txn, state, octets, settings), False
    state = drop_flushed(txn, state, zone.file_serial, octets, settings)
    if _fits(state, octets, settings):
        return state, False
    if settings.zonefile_sync_s >= 0:
        if _fits(state, octets, settings, OVERDUE):
            return state, True
        return _merge(txn, state, octets, settings), True
    return _merge(txn, state, octets, settings), False


def drop_flushed(
    txn: Transaction, state: JournalState, flushed: int | None, octets: int, settings: ZoneSettings
) -> JournalState:
    """Drop changesets that lead to the serial of the zone file until one of `octets` would fit."""
    if flushed is None or not (flushed == state.last or has_history(txn, state, flushed)):
        return state
    return _drop(txn, state, octets, settings, flushed)


def _fits(state: JournalState, octets: int, settings: ZoneSettings, times: int = 1) -> bool:
    within_depth = state.depth < settings.journal_max_depth * times
    return within_depth and state.octets + octets <= settings.journal_max_usage_bytes * times


def _drop(
    txn: Transaction, state: JournalState, octets: int, settings: ZoneSettings, end: int | None = None
) -> JournalState:
    """Drop the oldest changesets, at most those that lead to serial `end`, to free twice the octets that lack."""
    lacking = state.octets + octets - settings.journal_max_usage_bytes
    least = state.octets - 2 * max(0, lacking)
    while state.depth and (state.depth >= settings.journal_max_depth or state.octets > least):
        if state.first == end:
            break
        state = drop_oldest(txn, state)
    return state


def _merge(txn: Transaction, state: JournalState, octets: int, settings: ZoneSettings) -> JournalState:
    """Merge some of the older half of the changesets; where that gives not room enough all of it, or everything."""
    for choose in (_choose_run, _older_half, _all_of):
        if _fits(state, octets, settings) or state.depth < 2:
            break
        run = choose(txn, state)
        if len(run) > 1:
            merged = merge_changesets([read_changeset(txn, state, head) for head in run])
            state = replace_run(txn, state, run, merged)
    return state


def _all_of(txn: Transaction, state: JournalState) -> list[ChangesetHead]:
    return list(iterate_heads(txn, state))


def _older_half(txn: Transaction, state: JournalState) -> list[ChangesetHead]:
    """Return the changesets that may be merged first: the newest ones are those that secondaries still ask for."""
    return list(islice(iterate_heads(txn, state), state.depth // 2 + 1))


def _choose_run(txn: Transaction, state: JournalState) -> list[ChangesetHead]:
    """Return the newest changesets of the older half, from the first on that is not much larger than those behind it.

    So a large one, of many that were merged, is read and written again when others have come near its size, and not
    each time the journal is full.
    """
    older = _older_half(txn, state)
    records, first = 0, len(older)
    while first and (first > len(older) - LEAST_RUN or _records_in(older[first - 1]) <= records * MUCH_LARGER):
        first -= 1
        records += _records_in(older[first])
    return older[first:]


def _records_in(head: ChangesetHead) -> int:
    """Return the number of records without the SOA that goes and the one that comes."""
    return head.removed + head.added - 2
