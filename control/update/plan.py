# SPDX-License-Identifier: Apache-2.0
"""What a load does: decided from configuration, file, store and journal. Pure: values in, values out.

First `plan_reading` says whether the zone file has to be read at all; when it was, `settle` says what becomes of it.
Two things count as the zone before the load (`prior`): the zone as it is served, except at a cold start; and at a cold
start the zone kept in the journal (`journal-content: all`), except with `zonefile-load: whole`.
"""

from dataclasses import dataclass
from enum import Enum, auto

from control.conf.zone import ZoneSettings
from control.store.zones import StoredZone
from control.update.serial import compare_serials

WHOLE, DIFFERENCE, NO_SERIAL, NONE = "whole", "difference", "difference-no-serial", "none"


class FileState(Enum):
    """The zone file."""

    MISSING = auto()
    SAME = auto()
    """It is the one that was read or written last, and would be read the same way."""
    OTHER = auto()


class Reading(Enum):
    """What is to be done before a file is read."""

    READ = auto()
    KEEP = auto()
    """The contents in the store are what the load would give."""
    FROM_JOURNAL = auto()
    """The contents in the store are the zone; the file plays no part."""
    IGNORE = auto()
    """So they are, and the file is known to be older."""
    FAIL = auto()
    """There is nothing to load from."""


class Verdict(Enum):
    """What becomes of contents that were read."""

    SAME = auto()
    """They are the zone's already."""
    TAKE = auto()
    """They become the zone's, without a changeset."""
    RECORD = auto()
    """They become the zone's, and the difference goes to the journal."""
    RAISE = auto()
    """As RECORD, with the serial that follows the zone's by its policy."""
    IGNORE = auto()
    """The zone stays what it is; the file is older."""
    REFUSE = auto()
    """The load fails: the serial went back."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a load finds."""

    settings: ZoneSettings
    cold: bool
    force: bool
    follows: bool
    """The zone comes from primaries: a file is no more than a copy of it."""
    file: FileState
    stored: StoredZone | None
    holds_zone: bool
    """The journal counts as holding the zone."""
    has_journal: bool
    """There is one, and `journal-content` has it used."""
    leads_on: bool
    """A changeset begins at the serial of the file that was read or written last."""
    history: bool
    """Changesets lead from the serial of the file that was read or written last to the contents in the store."""

    @property
    def served(self) -> StoredZone | None:
        """The zone as it is served now; None at a cold start."""
        return None if self.cold or self.stored is None or self.stored.expired else self.stored

    @property
    def prior(self) -> StoredZone | None:
        """The zone that what is read will be compared with."""
        if self.served is not None:
            return self.served
        kept = self.holds_zone and self.settings.journal_content == "all" and self.settings.zonefile_load != WHOLE
        return self.stored if kept else None

    @property
    def base(self) -> StoredZone | None:
        """The zone that what is read is compared with: of one that is signed here, what the store has of it."""
        return self.stored if self.settings.signs else self.prior


def plan_reading(situation: Situation) -> Reading:
    """Return what is to be done before a file is read."""
    if _is_kept_copy(situation):
        return _of_copy(situation)
    without_file = _without_file(situation)
    if situation.settings.zonefile_load == NONE or situation.file is FileState.MISSING:
        return without_file
    if situation.file is FileState.OTHER or situation.stored is None:
        return Reading.READ
    if situation.served is not None and not situation.force:
        return Reading.KEEP
    return _reread(situation, situation.stored)


def _is_kept_copy(situation: Situation) -> bool:
    """At a start, what the store has of a zone that follows its primaries is newer than a file that is known."""
    is_new_file = situation.file is FileState.OTHER and situation.settings.zonefile_load != NONE
    has_contents = situation.stored is not None and not situation.stored.expired
    return situation.follows and situation.cold and has_contents and not is_new_file


def _of_copy(situation: Situation) -> Reading:
    stored = situation.stored
    assert stored is not None
    if situation.file is not FileState.SAME or situation.settings.zonefile_load == NONE:
        return Reading.FROM_JOURNAL
    return Reading.KEEP if stored.is_file or situation.history else Reading.IGNORE


def _without_file(situation: Situation) -> Reading:
    if situation.prior is None:
        return Reading.FAIL
    if situation.served is None:
        return Reading.FROM_JOURNAL
    return Reading.KEEP if situation.settings.zonefile_load == NONE else Reading.FAIL


def _reread(situation: Situation, stored: StoredZone) -> Reading:
    """The file is known: would reading it give the contents there are?"""
    mode = situation.settings.zonefile_load
    if situation.settings.signs:
        return Reading.KEEP if stored.is_source else Reading.READ
    if mode == NO_SERIAL and situation.prior is not None:
        return Reading.KEEP if stored.is_file else Reading.READ
    if situation.history or (stored.is_file and stored.serial == stored.file_serial and not situation.leads_on):
        return Reading.KEEP
    if mode == DIFFERENCE and stored.is_file and situation.settings.journal_content != "none":
        return Reading.KEEP  # The server has made the serial, and the changeset to it was spared or is in the journal.
    is_older = stored.file_serial is not None and compare_serials(stored.file_serial, stored.serial) == -1
    if mode == DIFFERENCE and situation.served is None and situation.prior is not None and is_older:
        return Reading.IGNORE
    return Reading.READ


def replays(situation: Situation) -> bool:
    """Tell whether changesets that follow the file's serial are applied to what is read."""
    if situation.settings.signs:
        return False
    return situation.settings.zonefile_load != NO_SERIAL or situation.prior is None


def settle(situation: Situation, serial: int, *, changed: bool) -> Verdict:
    """Return what becomes of contents of `serial`, journal replayed; `changed`: they differ from the prior zone's.

    With `difference-no-serial`, and in a zone that is signed here, another serial alone is no difference.
    """
    mode, prior = situation.settings.zonefile_load, situation.base
    if situation.settings.signs and prior is not None:
        return _settle_signed(situation, prior, serial) if changed else Verdict.SAME
    if prior is None or mode == WHOLE:
        return Verdict.TAKE
    if not changed:
        return Verdict.SAME
    if mode == NO_SERIAL:
        return Verdict.RAISE
    match compare_serials(prior.serial, serial):
        case -1:
            return Verdict.RECORD
        case 0:
            return Verdict.RAISE
        case _:
            return Verdict.IGNORE if situation.served is None else Verdict.REFUSE


def _settle_signed(situation: Situation, stored: StoredZone, serial: int) -> Verdict:
    """The zone's serial is ahead of the file's, so that this one is compared with that of the file before."""
    is_older = stored.file_serial is not None and compare_serials(stored.file_serial, serial) == 1
    if situation.settings.zonefile_load != DIFFERENCE or not is_older:
        return Verdict.RAISE
    return Verdict.IGNORE if situation.served is None else Verdict.REFUSE
