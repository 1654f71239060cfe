# SPDX-License-Identifier: Apache-2.0
"""The one door for change: whatever changes a zone ends here, in the same steps.

    begin -> collect removals and additions -> serial policy -> check -> one store transaction (contents, journal, zone)
          -> publish to the response table

The table's new contents are built before the store commits and published after it, so a refusal by either leaves both
as they were. Only a crash can come in between: then the versions differ, and `ensure_table` builds the zone anew from
the store.

Everything here blocks and is meant for worker threads; any number of them may call. Zones are named by wire names in
lower case.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

from control.clock import Clock
from control.conf.peers import ReplicationConf
from control.conf.zone import ZoneSettings
from control.errors import ControlError
from control.sign.settle import signing_for
from control.sign.signing import Signing, SigningOf, unsigned
from control.store.contents import flat_zone, remove_condemned
from control.store.environment import Store, Transaction
from control.store.journal import get_journal, put_journal, remove_journal
from control.store.kasp_tables import purge_kasp
from control.store.sources import FileIdentity
from control.store.timers import remove_timers
from control.store.zones import StoredZone, get_zone, list_condemned, put_zone, remove_zone
from control.update.early import Early
from control.update.follow import FollowOptions, Step, follow_steps, merge_results
from control.update.follow_signed import follow_signed
from control.update.group import CommitQueue
from control.update.keep import drop_flushed
from control.update.load import Loader
from control.update.prepared import LoadRequest, reading_of
from control.update.publish import Publisher, build_flat
from control.update.replace import Replacement, Replacer
from control.update.request import ZoneUpdate
from control.update.resign import Resigner
from control.update.results import ChangeResult, LoadResult, Outcome
from pyxdp_dns.errors import EngineError

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone
    from pyxdp_dns.table import Table

SWEEP_RRSETS = 10_000
"""RRsets removed in one transaction: some milliseconds in which no other write can run."""


class Transferred(Protocol):
    """What a transfer brought: steps or, without any, contents as a whole."""

    @property
    def zone(self) -> bytes:
        """Wire name in lower case."""

    @property
    def steps(self) -> Sequence[Step]:
        """Changesets in order."""

    def take_contents(self) -> "ScannedZone":
        """Return the contents, which the caller closes."""


class Transfer(NamedTuple):
    """A transfer that is to become its zone, and what is written in the same transaction."""

    incoming: Transferred
    settings: ZoneSettings
    replication: ReplicationConf
    also: Callable[[Transaction], None]
    early: Early | None = None
    """What is written of it already."""


class Flushed(NamedTuple):
    """A zone file that was written, with the contents of `serial`."""

    zone: bytes
    file: FileIdentity
    serial: int
    settings: ZoneSettings


def nothing_else(txn: Transaction) -> None:
    """Write nothing beside the zone."""


class Door:
    """Changes zones in one store and one response table."""

    def __init__(self, store: Store, table: "Table", clock: Clock, signing_of: SigningOf = unsigned) -> None:
        """`signing_of` tells how zones are signed: each change of one that is signed here has its signatures."""
        self._store = store
        self.publisher = Publisher(table)
        """The response table; what else is published of the server goes through it too."""
        self._clock, self._signing_of = clock, signing_of
        self._queue = CommitQueue(store, self.publisher, clock, signing_of)
        self._loader = Loader(store, self.publisher, clock, self.sweep, signing_of)
        self._replacer = Replacer(store, self.publisher, clock, self.sweep)
        self._resigner = Resigner(store, self._queue, self._replacer, clock)

    def commit(self, updates: Sequence[ZoneUpdate]) -> list[ChangeResult]:
        """Change one or several zones, each named once: all of them or, with an exception, none.

        On return the changes are on disk and answered. Calls at the same time share the wait for the disk.
        Raises ZoneUnknown, ZoneBusy, ZoneInvalid, ZoneTooLarge, JournalFull, StoreError or EngineError.
        """
        if len({update.zone for update in updates}) < len(updates):
            raise ValueError("a commit names a zone twice; put its changes into one update")
        return self._queue.commit(updates)

    def commit_many(self, batches: Iterable[Sequence[ZoneUpdate]]) -> list[list[ChangeResult] | BaseException]:
        """Do what `commit` does for several callers, who share the wait for the disk; return what it gives each of
        them or would raise. No batch names a zone twice."""
        return self._queue.commit_many(batches)

    def load(
        self, zone: bytes, file: str, settings: ZoneSettings, *, cold: bool, force: bool = False, follows: bool = False
    ) -> LoadResult:
        """Load a zone as `zonefile-load` and `journal-content` have it.

        `cold`: the daemon has just started; else the zone as it is served now counts. `force`: read the zone file even
        if it is the one that was read before. `follows`: it comes from primaries, and its contents in the store are
        the zone after a start, whatever the journal has, unless there is another file than was read or written last.

        Raises ZoneFileError or ZoneCheckError of the scanner, ZoneError (its `reason` says why), StoreError or
        EngineError; store and table are then as before. A zone that has nothing to be loaded from at a cold start
        (ZoneMissing) is answered SERVFAIL.
        """
        request = LoadRequest(zone, file, settings, cold, force, follows)
        return self._complete(request, self._loader.load(request))

    def load_many(self, requests: Iterable[LoadRequest]) -> Iterator[tuple[LoadRequest, LoadResult | Exception]]:
        """Load zones as `load` does, small ones together; yield what became of each, in their order.

        A result is yielded when its zone is stored and answered. What `load` would raise is yielded.
        """
        for request, result in self._loader.load_many(requests):
            if isinstance(result, LoadResult):
                try:
                    result = self._complete(request, result)
                except (ControlError, EngineError) as exc:
                    yield request, exc
                    continue
            yield request, result

    def _complete(self, request: LoadRequest, result: LoadResult) -> LoadResult:
        """Add to a zone that was loaded what the server makes itself."""
        if request.settings.zonemd_generate == "none":
            return result
        update = ZoneUpdate(request.zone, request.settings, base_version=result.version, digests=True)
        (change,) = self.commit([update])
        if change.outcome is Outcome.UNCHANGED:
            return result
        return replace(
            result,
            outcome=Outcome.LOADED if result.outcome is Outcome.LOADED else Outcome.UPDATED,
            taken_serial=result.new_serial,
            is_file=False,
            new_serial=change.new_serial,
            size=change.size,
            records=result.records + change.added - change.removed,
            version=change.version,
            needs_flush=result.needs_flush or change.needs_flush,
        )

    def sign(self, zone: bytes, settings: ZoneSettings, signing_of: Callable[[Transaction], Signing]) -> ChangeResult:
        """Sign a zone whose data stays: what `signing_of`, asked with a snapshot, says, is different or due.

        Raises ZoneUnknown, SigningRefused, ZoneBusy when the zone changes all the time, StoreError or EngineError.
        """
        result = self._resigner.sign(zone, settings, signing_of)
        if result.outcome is Outcome.UNCHANGED or settings.zonemd_generate == "none":
            return result
        update = ZoneUpdate(zone, settings, base_version=result.version, digests=True)
        (change,) = self.commit([update])
        return result if change.outcome is Outcome.UNCHANGED else merge_results([result, change])

    def transfer(
        self,
        incoming: Transferred,
        settings: ZoneSettings,
        replication: ReplicationConf,
        *,
        also: Callable[[Transaction], None] = nothing_else,
    ) -> ChangeResult:
        """Make what a transfer brought the zone, with the serial that it has: all of it or, with an exception, none.

        Steps are taken from the serial the zone has, and are changesets in the journal. Contents as a whole become a
        changeset where they differ in little, or with `ixfr-from-axfr` or `journal-content: all`; else the journal's
        chain ends. `also` writes what belongs to the new version in its transaction; with `ixfr-by-one` after each
        step, and steps before one that is refused are taken.

        Raises StepRefused (a transfer of the whole zone may help), ZoneCheckError, ZoneError, StoreError, EngineError.
        """
        if incoming.steps:
            groups = [[step] for step in incoming.steps] if replication.ixfr_by_one else [incoming.steps]
            return merge_results([self._follow(incoming.zone, steps, settings, replication, also) for steps in groups])
        with incoming.take_contents() as contents:
            if settings.signs:
                return as_change(self._complete_taken(incoming.zone, contents, settings, also))
            is_recorded = keeps_difference(settings, replication)
            return self._replacer.replace(incoming.zone, contents, settings, is_recorded=is_recorded, also=also)

    def _complete_taken(
        self, zone: bytes, contents: "ScannedZone", settings: ZoneSettings, also: Callable[[Transaction], None]
    ) -> LoadResult:
        """Make contents of a primary those of a zone that is signed here, with what the server makes itself."""
        result = self._loader.take(zone, contents, settings, also)
        return self._complete(LoadRequest(zone, "", settings, cold=False), result)

    def begin_early(self, zone: bytes) -> Early:
        """Give what the beginning of a zone is written with while the rest of it is transferred; to be closed."""
        return Early(self._store, zone, self.sweep)

    def transfer_many(self, transfers: Sequence[Transfer]) -> list[ChangeResult | Exception]:
        """Do what `transfer` does for several zones, those that are new and small together.

        Returns what it gives each of them or would raise. The contents of all are held at the same time.
        """
        with ExitStack() as held:
            found = [self._begin(transfer, held) for transfer in transfers]
            written = iter(self._replacer.write_new([item for item in found if isinstance(item, Replacement)]))
            return [next(written) if isinstance(item, Replacement) else item for item in found]

    def _begin(self, transfer: Transfer, held: ExitStack) -> Replacement | ChangeResult | Exception:
        """Check what is written together with others, and carry out what is not."""
        incoming, settings, replication, also, early = transfer
        try:
            if incoming.steps or settings.signs:
                return self.transfer(incoming, settings, replication, also=also)
            contents = held.enter_context(incoming.take_contents())
            is_recorded = keeps_difference(settings, replication)
            found = self._replacer.prepare(
                incoming.zone, contents, settings, is_recorded=is_recorded, also=also, early=early
            )
            return found if found.is_small else self._replacer.carry_out(found)
        except (ControlError, EngineError, OSError) as error:
            return error

    def _follow(
        self,
        zone: bytes,
        steps: Sequence[Step],
        settings: ZoneSettings,
        replication: ReplicationConf,
        also: Callable[[Transaction], None],
    ) -> ChangeResult:
        now_s = self._clock.now_ns() // 10**9
        with self.publisher.publishing() as publication:
            options = FollowOptions(settings, now_s, replication.ixfr_benevolent, zone in self._queue.flushing)

            def job(txn: Transaction) -> ChangeResult:
                signing = signing_for(self._signing_of, txn, zone) if settings.signs else None
                if signing is None:
                    done = follow_steps(txn, zone, steps, self._store.reserve_version, options)
                else:
                    done = follow_signed(txn, zone, steps, self._store.reserve_version, options, signing)
                if done.changes:
                    self.publisher.publish_changes(publication, txn, done.known, done.current, done.changes)
                also(txn)
                return done.result

            return self.publisher.write(self._store, publication, job)

    def find_zone(self, zone: bytes) -> StoredZone | None:
        """Return what the store has of a zone, or None."""
        with self._store.read() as txn:
            return get_zone(txn, zone)

    def ensure_table(self, zone: bytes) -> bool:
        """Build the zone in the table from the store unless the table has that version.

        False: the store has none, or it has expired.
        """
        with self.publisher.lock, self._store.read() as txn:
            known = get_zone(txn, zone)
            if known is None or known.expired:
                return False
            if self.publisher.version_of(zone) != known.version:
                with self.publisher.publishing() as publication:
                    build_flat(publication, known, flat_zone(txn, known))
        return True

    @contextmanager
    def flushing(self, *zones: bytes) -> Iterator[None]:
        """Let the journals keep, for the length of the block, every serial the files written in it may have.

        Without that a crash between the file's new name and `flushed` could leave a file from which nothing leads on.
        """
        with self.publisher.lock:
            self._queue.flushing.update(zones)
        try:
            yield
        finally:
            with self.publisher.lock:
                self._queue.flushing.difference_update(zones)

    def flushed(self, zone: bytes, file: FileIdentity, serial: int, settings: ZoneSettings) -> None:
        """Note that the zone file was written with the contents of `serial`, and free what the journal need not keep.

        The next start then does not read it. Not to be called when types were left out (`zonefile-skip`).
        """
        self.flushed_many([Flushed(zone, file, serial, settings)])

    def flushed_many(self, files: Sequence[Flushed]) -> None:
        """Do what `flushed` does for several zones, in one transaction."""

        def job(txn: Transaction) -> None:
            for file in files:
                note_flushed(txn, file)

        self._store.write(job)

    def expire(self, zone: bytes) -> None:
        """Let the zone be answered SERVFAIL until it is loaded or transferred again, also after a restart."""

        def job(txn: Transaction) -> None:
            known = get_zone(txn, zone)
            if known is not None:
                put_zone(txn, known._replace(expired=True))

        with self.publisher.publishing() as publication:
            publication.empty_zone(zone)
            self.publisher.write(self._store, publication, job)

    def publish_empty(self, zone: bytes) -> None:
        """Let the zone be answered SERVFAIL; what the store has of it stays."""
        with self.publisher.lock:
            if self.publisher.is_known(zone) and self.publisher.version_of(zone) is None:
                return
            with self.publisher.publishing() as publication:
                publication.empty_zone(zone)

    def publish_empty_many(self, zones: Iterable[bytes]) -> None:
        """Let zones that the table does not have be answered SERVFAIL, in one publication."""
        with self.publisher.publishing() as publication:
            for zone in zones:
                if not self.publisher.is_known(zone):
                    publication.empty_zone(zone)

    def withdraw(self, zones: Iterable[bytes]) -> None:
        """Let zones no longer be answered for, in one publication; what the store has of them stays."""
        with self.publisher.publishing() as publication:
            for zone in zones:
                if self.publisher.is_known(zone):
                    publication.remove_zone(zone)

    def purge_journal(self, zone: bytes) -> bool:
        """Remove a zone's journal; its contents stay, but no longer count as kept there. False: it had none.

        A serial that the server gave the file's contents is forgotten with it: the next start begins with the file's.
        """

        def job(txn: Transaction) -> bool:
            known = get_zone(txn, zone)
            if known is not None and known.is_file and known.serial != known.file_serial:
                put_zone(txn, known._replace(is_file=False))
            return remove_journal(txn, zone)

        return self._store.write(job)

    def drop(self, zone: bytes) -> None:
        """Remove a zone from table and store, its journal excepted; no error when it is not there."""
        with self.publisher.publishing() as publication:
            if self.publisher.is_known(zone):
                publication.remove_zone(zone)
            self.publisher.write(self._store, publication, lambda txn: remove_zone(txn, zone))
        self.sweep()

    def purge(self, zones: Sequence[bytes], also: Callable[[Transaction], None]) -> list[str]:
        """Remove zones from the table, and all the store has of them, in one transaction; `also` writes in it.

        Returns the ids of the keys that they had, also deleted ones; the private halves are still there.
        """
        keys: list[str] = []

        def job(txn: Transaction) -> None:
            for zone in zones:
                keys.extend(purge_kasp(txn, zone, with_trash=True))
                remove_journal(txn, zone)
                remove_timers(txn, zone)
                remove_zone(txn, zone)
            also(txn)

        with self.publisher.publishing() as publication:
            for zone in zones:
                if self.publisher.is_known(zone):
                    publication.remove_zone(zone)
            self.publisher.write(self._store, publication, job)
        self.sweep()
        return keys

    def sweep(self) -> None:
        """Remove contents that belong to no zone, in small steps between which others can write."""
        while not self.sweep_some():
            pass

    def sweep_some(self) -> bool:
        """Take one step of `sweep`; true when nothing is left. Raises StoreError.

        Whoever starts takes them too: what was killed or found its disk full has left something.
        """
        with self._store.read() as txn:
            if self._store.growing.issuperset(list_condemned(txn)):
                return True
        with self.publisher.lock:
            return self._store.write(lambda txn: remove_condemned(txn, SWEEP_RRSETS, self._store.growing))


def as_change(result: LoadResult) -> ChangeResult:
    """Return what a load did as a change of all records."""
    return ChangeResult(
        zone=result.zone,
        outcome=result.outcome,
        old_serial=result.old_serial,
        new_serial=result.new_serial,
        removed=0,
        added=result.records,
        version=result.version,
        size=result.size,
        needs_flush=result.needs_flush,
        warnings=result.warnings,
        signed=result.signed,
        valid_until=result.valid_until,
    )


def keeps_difference(settings: ZoneSettings, replication: ReplicationConf) -> bool:
    """Whether a whole zone that differs in much from the one there is becomes a changeset."""
    return replication.ixfr_from_axfr or settings.journal_content == "all"


def note_flushed(txn: Transaction, flushed: Flushed) -> None:
    """Note which contents a zone file has, and free what the journal need not keep."""
    zone, file, serial, settings = flushed
    known = get_zone(txn, zone)
    if known is None:
        return
    is_file, read_as = known.serial == serial, reading_of(settings)
    read = known._replace(sources=(file,), reading=read_as, file_serial=serial)
    put_zone(txn, read._replace(is_file=is_file, is_source=is_file and settings.signs))
    state = get_journal(txn, zone)
    if state is not None:
        put_journal(txn, zone, drop_flushed(txn, state, serial, 0, settings))
