# SPDX-License-Identifier: Apache-2.0
"""The short road of loading many zones: those the store knows nothing of, with small files nothing is to be said of.

They are read in one call and written and published in one transaction. The results are those of load.py, which loads
all others, and these too where the short road refuses them: it says why.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import ControlError, ZoneBusy
from control.store.contents import add_pairs
from control.store.environment import Store, Transaction
from control.store.sources import SETTLE_NS, FileIdentity
from control.store.zones import StoredZone, add_zones, is_unknown
from control.update.keep import note_zone
from control.update.prepared import LoadRequest, reading_of
from control.update.publish import Publisher
from control.update.results import LoadResult, Outcome, Step, StepKind
from pyxdp_dns.errors import EngineError

if TYPE_CHECKING:
    from pyxdp_dns.scan_plain import PlainFile, PlainZone, PlainZones

Results = dict[bytes, LoadResult]
"""By zone."""

Group: TypeAlias = "Sequence[tuple[ZoneSettings, PlainZone, StoredZone]]"


class PlainLoader:
    """Loads zones that are new and plain into one store and one response table."""

    def __init__(self, store: Store, publisher: Publisher, clock: Clock) -> None:
        self._store, self._publisher, self._clock = store, publisher, clock

    def load(self, requests: Sequence[LoadRequest]) -> Results:
        """Load those of the zones that are plain, all or none of them; return their results."""
        with self._store.read() as txn:
            new = [request for request in requests if _is_ordinary(request.settings) and is_unknown(txn, request.zone)]
        if not new:
            return {}
        from pyxdp_dns.scan_plain import PlainZones

        started_ns = self._clock.now_ns()
        files = [self._file(request) for request in new]
        try:
            scanned = PlainZones(files)
        except EngineError:
            return {}
        try:
            group = [
                (request.settings, found, self._describe(request, file.zone_id, found, started_ns))
                for request, file, found in zip(new, files, scanned.zones, strict=True)
                if found is not None
            ]
            if group:
                self._write(scanned, group)
        except (ControlError, EngineError):
            return {}
        finally:
            scanned.close()
        return {zone.apex: _result(settings, zone) for settings, _, zone in group}

    def _file(self, request: LoadRequest) -> "PlainFile":
        from pyxdp_dns.scan_plain import PlainFile

        settings, zone_id = request.settings, self._store.reserve_zone_id()
        extra, most = settings.semantic_checks == "on", settings.zone_max_size_bytes
        return PlainFile(request.file, request.zone, zone_id, settings.default_ttl, most, extra)

    def _describe(self, request: LoadRequest, zone_id: int, found: "PlainZone", started_ns: int) -> StoredZone:
        device, inode, size, mtime_ns, ctime_ns = found.stat
        settled = started_ns - max(mtime_ns, ctime_ns) > SETTLE_NS
        return StoredZone(
            request.zone,
            zone_id,
            self._store.reserve_version(),
            found.serial,
            found.rrsets,
            found.records,
            reading_of(request.settings),
            (FileIdentity(request.file, device, inode, size, mtime_ns, ctime_ns, settled),),
            found.octets,
            found.serial,
            True,
        )

    def _write(self, scanned: "PlainZones", group: Group) -> None:
        """Store and publish in one transaction."""

        def job(txn: Transaction) -> None:
            add_pairs(txn, group[0][2].zone_id, scanned.pairs())
            if not add_zones(txn, [zone for _, _, zone in group]):
                raise ZoneBusy(group[0][2].apex, "one of its group was changed by another operation in the meantime")
            for settings, _, zone in group:
                if settings.journal_content == "all":
                    note_zone(txn, zone.apex, held=True)

        with self._publisher.publishing() as publication:
            for _, found, zone in group:
                publication.build_zone(zone.apex, zone.version, *scanned.flat(found), found.rrsets)
            self._publisher.write(self._store, publication, job)


def _is_ordinary(settings: ZoneSettings) -> bool:
    """Tell whether the file is read, and is the zone as it stands."""
    is_read = settings.zonefile_load != "none" and not settings.zonefile_skip
    is_looked_at = settings.zonemd_verify or settings.interprets or settings.validates
    return is_read and not is_looked_at and not settings.signs


def _result(settings: ZoneSettings, zone: StoredZone) -> LoadResult:
    steps = [Step(StepKind.FILE, zone.serial, zone.serial)]
    if settings.journal_content == "all":
        steps.append(Step(StepKind.STORED, zone.serial))
    return LoadResult(
        zone=zone.apex,
        outcome=Outcome.LOADED,
        old_serial=None,
        file_serial=zone.serial,
        new_serial=zone.serial,
        records=zone.records,
        size=zone.size,
        steps=tuple(steps),
        warnings=(),
        seconds=0.0,
        version=zone.version,
        is_file=True,
    )
