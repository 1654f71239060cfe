# SPDX-License-Identifier: Apache-2.0
"""Carrying out loads: what prepare.py found is written to the store and published, small zones many at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import ControlError, StoreError, ZoneMissing
from control.sign.remember import remember
from control.sign.signing import NOT_SIGNED, SigningOf, unsigned
from control.store.contents import flat_zone, iterate_pairs
from control.store.environment import Store, Transaction
from control.store.journal import get_journal, has_history
from control.store.keys import Pair, parse_owner_key
from control.store.zones import StoredZone, get_zone, put_zone
from control.update.checks import check_owners
from control.update.keep import forget_changes, keep_changes, leave_chain, note_zone
from control.update.plain import PlainLoader
from control.update.plan import Reading, Situation, Verdict, plan_reading
from control.update.prepare import prepare, prepare_transferred
from control.update.prepared import Also, LoadRequest, Prepared, file_state
from control.update.publish import Publisher, build, build_flat
from control.update.results import LoadResult, Outcome, Step, StepKind
from control.update.signed import settle_signed
from control.update.transition import advance
from control.update.whole import CHUNK_RRSETS, adopt, check_current, move_pairs, store_while
from pyxdp_dns.errors import EngineError

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone
    from pyxdp_dns.table import Transaction as Publication

PLAIN_ZONES = 1000
"""Zones looked at together for what is plain among them."""
GROUP_ZONES = 500
GROUP_RRSETS = 1 << 14
"""Zones, and RRsets, of one transaction when many zones are loaded."""

Entry = tuple[LoadRequest, Prepared | Situation | Exception]
Outcomes = tuple[LoadRequest, LoadResult | Exception]


class Loader:
    """Loads zones into one store and one response table. `sweep` removes what a load leaves behind."""

    def __init__(
        self,
        store: Store,
        publisher: Publisher,
        clock: Clock,
        sweep: Callable[[], None],
        signing_of: SigningOf = unsigned,
    ) -> None:
        self._store, self._publisher, self._clock, self._sweep = store, publisher, clock, sweep
        self._signing_of = signing_of
        self._plain = PlainLoader(store, publisher, clock)

    def load(self, request: LoadRequest) -> LoadResult:
        """Load one zone; `Door.load` has the contract."""
        started_ns = self._clock.monotonic_ns()
        entry = self._begin(request)
        if isinstance(entry, Situation):
            result = self._keep(request, entry)
        else:
            try:
                (result,) = self._write([entry])
            finally:
                entry.close()
        return replace(result, seconds=(self._clock.monotonic_ns() - started_ns) / 1e9)

    def take(self, zone: bytes, contents: "ScannedZone", settings: ZoneSettings, also: Also) -> LoadResult:
        """Make what a primary has the contents of a zone that is signed here; `also` writes with them.

        The contents stay the caller's. Raises ZoneCheckError, ZoneError, StoreError or EngineError.
        """
        request = LoadRequest(zone, "", settings, cold=False)
        with self._store.read() as txn:
            situation = _look(txn, request)
        found = prepare_transferred(self._store, request, situation, contents, self._clock.now_ns(), self._signing_of)
        found.also = also
        try:
            (result,) = self._write([found])
            return result
        finally:
            found.close()

    def load_many(self, requests: Iterable[LoadRequest]) -> Iterator[Outcomes]:
        """Load many zones; `Door.load_many` has the contract."""
        waiting = iter(requests)
        while batch := list(islice(waiting, PLAIN_ZONES)):
            plain = self._plain.load(batch) if len(batch) > 1 else {}
            others = self._load_others(request for request in batch if request.zone not in plain)
            for request in batch:
                found = plain.get(request.zone)
                yield next(others) if found is None else (request, found)

    def _load_others(self, requests: Iterable[LoadRequest]) -> Iterator[Outcomes]:
        waiting = iter(requests)
        while group := self._gather(waiting):
            yield from self._finish(group)

    def _gather(self, requests: Iterator[LoadRequest]) -> list[Entry]:
        """Look at zones and read files for one transaction; empty when there are no more."""
        group: list[Entry] = []
        rrsets = 0
        for request in requests:
            try:
                found: Prepared | Situation | Exception = self._begin(request)
            except (ControlError, EngineError, OSError) as exc:
                found = detached(exc)
            group.append((request, found))
            rrsets += found.contents.count if isinstance(found, Prepared) else 0
            if len(group) >= GROUP_ZONES or rrsets >= GROUP_RRSETS:
                break
        return group

    def _begin(self, request: LoadRequest) -> Prepared | Situation:
        """Look at the zone and read its file, if it has to be read. Raises what `load` raises."""
        with self._store.read() as txn:
            situation = _look(txn, request)
        match plan_reading(situation):
            case Reading.READ:
                return prepare(self._store, request, situation, self._clock.now_ns(), self._signing_of)
            case Reading.FAIL:
                self._withdraw(situation)
                raise ZoneMissing(
                    request.zone, f"neither a zone file {request.file} nor a journal with the zone exists"
                )
        return situation

    def _withdraw(self, situation: Situation) -> None:
        """What is in the store of a zone that cannot be loaded is not the zone: nothing is to be made of it."""
        stored = situation.stored
        if situation.served is not None or stored is None:
            return

        def job(txn: Transaction) -> None:
            check_current(txn, stored.apex, stored)
            put_zone(txn, stored._replace(expired=True))

        with self._publisher.publishing() as publication:
            publication.empty_zone(stored.apex)
            self._publisher.write(self._store, publication, job)

    def _keep(self, request: LoadRequest, situation: Situation) -> LoadResult:
        """Serve what is in the store: the load would give the same."""
        stored = situation.stored
        assert stored is not None
        steps = list(_kept_steps(situation))
        is_new = request.settings.journal_content == "all" and not situation.holds_zone
        if stored.expired or is_new:
            self._store.write(lambda txn: self._note_kept(txn, request, stored))
        if is_new:
            steps.append(Step(StepKind.STORED, stored.serial))
        is_seen_late = self._ensure_table(stored)
        served = situation.served
        return LoadResult(
            zone=request.zone,
            outcome=Outcome.UNCHANGED,
            old_serial=None if served is None else served.serial,
            file_serial=None,
            new_serial=stored.serial,
            records=stored.records,
            size=stored.size,
            steps=tuple(steps),
            warnings=(),
            seconds=0.0,
            version=stored.version,
            is_file=stored.is_file and stored.serial == stored.file_serial,
            is_seen_late=is_seen_late,
        )

    def _note_kept(self, txn: Transaction, request: LoadRequest, stored: StoredZone) -> None:
        check_current(txn, stored.apex, stored)
        if stored.expired:
            put_zone(txn, stored._replace(expired=False))
        if request.settings.journal_content == "all":
            note_zone(txn, stored.apex, held=True)

    def _ensure_table(self, zone: StoredZone) -> bool:
        """Publish what the store has of a zone, unless the table has it or something newer came in between.

        Tells whether the table had another version.
        """
        with self._publisher.lock:
            version = self._publisher.version_of(zone.apex)
            if version == zone.version:
                return False
            with self._store.read() as txn, self._publisher.publishing() as publication:
                known = get_zone(txn, zone.apex)
                if known is not None and not known.expired:
                    build_flat(publication, known, flat_zone(txn, known))
            return version is not None

    def _finish(self, group: Sequence[Entry]) -> Iterator[Outcomes]:
        """Write what a group read and tell what became of each zone."""
        try:
            written = iter(self._write_group([entry for _, entry in group if isinstance(entry, Prepared)]))
            for request, entry in group:
                if isinstance(entry, Exception):
                    yield request, entry
                elif isinstance(entry, Prepared):
                    yield request, next(written)
                else:
                    yield request, self._attempt(lambda: self._keep(request, entry))  # noqa: B023 - called at once
        finally:
            _close_all(group)

    def _write_group(self, group: list[Prepared]) -> list[LoadResult | Exception]:
        """Write small zones together or, when that is refused, one by one; a large zone alone."""
        small = [prepared for prepared in group if prepared.contents.count <= CHUNK_RRSETS]
        done: list[LoadResult] = []
        if len(small) > 1:
            with suppress(ControlError, EngineError):  # What is refused alone as well is reported then.
                done = self._write(small)
        together = {id(prepared): result for prepared, result in zip(small, done, strict=False)}
        return [together.get(id(prepared)) or self._write_alone(prepared) for prepared in group]

    def _write_alone(self, prepared: Prepared) -> LoadResult | Exception:
        return self._attempt(lambda: self._write([prepared])[0])

    def _attempt(self, work: Callable[[], LoadResult]) -> LoadResult | Exception:
        try:
            return work()
        except (ControlError, EngineError) as exc:
            return detached(exc)

    def _write(self, group: Sequence[Prepared]) -> list[LoadResult]:
        """Store and publish zones in one transaction, all or none; a zone that is large is stored in parts before."""
        is_whole = [prepared for prepared in group if prepared.changes is None]
        try:
            with self._publisher.publishing() as publication:
                streamed = [prepared for prepared in is_whole if prepared.contents.count > CHUNK_RRSETS]
                for prepared in streamed:
                    self._store_while_building(publication, prepared)
                for prepared in is_whole:
                    if prepared not in streamed:
                        build_flat(publication, prepared.target, prepared.contents)
                return self._publisher.write(
                    self._store,
                    publication,
                    lambda txn: [self._write_one(txn, publication, item, item in streamed) for item in group],
                )
        finally:
            if any(prepared.situation.stored is not None for prepared in is_whole) or len(group) == 1:
                with suppress(StoreError):  # What cannot be removed from a full disk now is removed later.
                    self._sweep()

    def _write_one(
        self, txn: Transaction, publication: "Publication", prepared: Prepared, is_stored: bool
    ) -> LoadResult:
        stored = prepared.situation.stored
        needs_flush = False
        if prepared.changes is None:
            current = prepared.target
            adopt(txn, stored, current, () if is_stored else _pairs(prepared))
            check_replayed(txn, current, prepared)
            _end_chain(txn, prepared)
            held = _note_zone(txn, prepared)
            if prepared.signing is not None and prepared.signed is not None:
                signed = remember(txn, current, prepared.signing, prepared.signed)
                prepared.signed = signed
        else:
            assert stored is not None
            check_current(txn, stored.apex, stored)
            current, needs_flush, held = self._write_changes(txn, publication, stored, prepared)
        if prepared.also is not None:
            if prepared.signing is not None and prepared.signed is None:
                remember(txn, current, prepared.signing, NOT_SIGNED)
            prepared.also(txn)
        return _result(prepared, current, needs_flush, is_new_in_journal=held)

    def _write_changes(
        self, txn: Transaction, publication: "Publication", stored: StoredZone, prepared: Prepared
    ) -> tuple[StoredZone, bool, bool]:
        """Write a small difference; return the zone, whether to flush, and whether the journal now holds it."""
        settings, changes = prepared.request.settings, prepared.changes or ()
        target = prepared.target
        base = stored._replace(
            reading=target.reading,
            sources=target.sources,
            file_serial=target.file_serial,
            is_file=target.is_file and prepared.verdict is not Verdict.IGNORE,
            is_source=target.is_source and prepared.verdict is not Verdict.IGNORE,
            expired=False,
        )
        if not changes:
            put_zone(txn, base)
            if self._publisher.version_of(stored.apex) != stored.version:
                build(publication, stored, iterate_pairs(txn, stored))
            return base, False, _note_zone(txn, prepared)
        current = advance(txn, base, changes, target.version)
        check_replayed(txn, current, prepared)
        if prepared.signing is not None:
            current, changes, signed = settle_signed(txn, current, changes, settings, prepared.signing)
            prepared.signed = remember(txn, current, prepared.signing, signed)
        needs_flush, held = False, False
        if prepared.verdict in (Verdict.RECORD, Verdict.RAISE):
            now_s = self._clock.now_ns() // 10**9
            in_file = target.is_file
            needs_flush = keep_changes(txn, stored, current, changes, settings, now_s, in_file=in_file)
        else:
            _end_chain(txn, prepared)
            held = _note_zone(txn, prepared)
        put_zone(txn, current)
        known = None if stored.expired else stored
        self._publisher.publish_changes(publication, txn, known, current, changes)
        return current, needs_flush, held

    def _store_while_building(self, publication: "Publication", prepared: Prepared) -> None:
        """Store a large zone in the store's thread and build its table in this one; both have ended on return."""
        with store_while(self._store, prepared.target.zone_id, iter(_pairs(prepared))):
            build_flat(publication, prepared.target, prepared.contents)


def _look(txn: Transaction, request: LoadRequest) -> Situation:
    stored = get_zone(txn, request.zone)
    journal = None if request.settings.journal_content == "none" else get_journal(txn, request.zone)
    leads_on = False
    if stored is not None and journal is not None and stored.file_serial is not None:
        leads_on = has_history(txn, journal, stored.file_serial)
    return Situation(
        settings=request.settings,
        cold=request.cold,
        force=request.force,
        follows=request.follows,
        file=file_state(stored, request),
        stored=stored,
        has_journal=journal is not None,
        holds_zone=journal is not None and journal.holds_zone,
        leads_on=leads_on,
        history=leads_on and journal is not None and stored is not None and journal.last == stored.serial,
    )


def check_replayed(txn: Transaction, zone: StoredZone, prepared: Prepared) -> None:
    """Check the owners that the journal changed, which the scanner did not see. Raises ZoneInvalid."""
    owners = dict.fromkeys(owner for owner, _ in prepared.replayed)
    if owners:
        check_owners(txn, zone, map(parse_owner_key, owners), prepared.request.settings)


def _end_chain(txn: Transaction, prepared: Prepared) -> None:
    """Contents that differ from those there were, and are not told by a changeset, end the journal's chain."""
    if prepared.verdict in (Verdict.RECORD, Verdict.RAISE):
        forget_changes(txn, prepared.request.zone)
    elif prepared.situation.stored is not None and not prepared.replayed:
        leave_chain(txn, prepared.request.zone, prepared.target.serial)


def _note_zone(txn: Transaction, prepared: Prepared) -> bool:
    """Note that contents taken as a whole are in the journal, if they are; true when that is to be told."""
    is_held = prepared.request.settings.journal_content == "all"
    is_new = note_zone(txn, prepared.request.zone, held=is_held)
    return is_held and (is_new or prepared.changes is None or bool(prepared.changes))


def _kept_steps(situation: Situation) -> Iterator[Step]:
    assert situation.stored is not None
    match plan_reading(situation):
        case Reading.FROM_JOURNAL:
            yield Step(StepKind.FROM_JOURNAL, situation.stored.serial)
        case Reading.IGNORE:
            yield Step(StepKind.FROM_JOURNAL, situation.stored.serial)
            yield Step(StepKind.IGNORED, situation.stored.file_serial or 0)


def _result(prepared: Prepared, current: StoredZone, needs_flush: bool, *, is_new_in_journal: bool) -> LoadResult:
    stored_now = (Step(StepKind.STORED, current.serial),) if is_new_in_journal else ()
    served = prepared.situation.served
    is_same = prepared.changes is not None and not prepared.changes
    outcome = Outcome.UNCHANGED if is_same else Outcome.UPDATED
    return LoadResult(
        zone=current.apex,
        outcome=Outcome.LOADED if prepared.situation.stored is None else outcome,
        old_serial=None if served is None else served.serial,
        file_serial=prepared.file_serial,
        new_serial=current.serial,
        records=current.records,
        size=current.size,
        steps=(*prepared.steps, *stored_now),
        warnings=prepared.warnings,
        seconds=0.0,
        needs_flush=needs_flush,
        version=current.version,
        is_file=current.is_file and current.serial == current.file_serial,
        taken_serial=None if prepared.signed is None else prepared.file_serial,
        signed=prepared.signed,
        valid_until=prepared.valid_until,
    )


def _pairs(prepared: Prepared) -> Iterable[Pair]:
    """The contents under the id they will have."""
    stored, contents = prepared.situation.stored, prepared.pairs or prepared.contents
    return contents if stored is None else move_pairs(contents, prepared.target.zone_id)


def _close_all(group: Iterable[Entry]) -> None:
    for _, entry in group:
        if isinstance(entry, Prepared):
            entry.close()


def detached(error: Exception) -> Exception:
    """Return an error that can be kept: it no longer holds the frames it went through, whose snapshots occupy readers
    of the store."""
    link: BaseException | None = error
    while link is not None:
        link.__traceback__ = None
        link = link.__context__
    return error
