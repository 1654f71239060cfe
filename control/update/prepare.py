# SPDX-License-Identifier: Apache-2.0
"""A zone file that was read and is about to become a zone: contents, what differs from the store, what to say of it.

Everything that can be done without a write transaction is done here: scanning, leaving out skipped types, replaying the
journal, comparing, and the decision what becomes of it (plan.py).
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import merge
from typing import TYPE_CHECKING
from zlib import crc32

from control.catalog.read import read_catalog
from control.conf.zone import ZoneSettings
from control.errors import SerialRefused, SigningRefused, ZoneInvalid, ZoneTooLarge
from control.sign.settle import signing_for
from control.sign.signing import MADE_HERE, Signed, Signing, SigningOf, unsigned
from control.sign.validate import validated
from control.store.contents import FlatZone, flatten, get_rrset, iterate_pairs
from control.store.environment import Store, Transaction
from control.store.journal import damage_named, get_journal, iterate_heads, read_changeset
from control.store.keys import Pair, RRsetChange, rrset_key, type_of_key
from control.store.sources import identify
from control.store.zones import StoredZone
from control.update.difference import find_changes
from control.update.merge import NetChange, RRsetName, net_changes, replay
from control.update.plan import NO_SERIAL, WHOLE, FileState, Situation, Verdict, replays, settle
from control.update.prepare_signed import sign_as_whole
from control.update.publish import incremental_limit
from control.update.results import Step, StepKind
from control.update.serial import compare_serials, next_serial, serial_of_soa, set_serial
from control.zonefile.checks import check_scanned
from control.zonefile.zonemd import ZONEMD, verify_scanned

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone

SOA = 6
RECORDED_MAX = 1 << 17
"""RRsets of a difference that is held in memory, some 100 MB, and goes to the journal. More become a whole zone."""
Also = Callable[[Transaction], None]
FEW = 500
"""RRsets of a zone whose pairs are held as Python objects while it is loaded."""


@dataclass(frozen=True, slots=True)
class LoadRequest:
    """A zone to be loaded, as `Door.load` has it."""

    zone: bytes
    file: str
    settings: ZoneSettings
    cold: bool
    force: bool = False
    follows: bool = False
    """The zone comes from primaries."""


@dataclass(slots=True)
class Prepared:
    """What a load is about to write. `close` it."""

    request: LoadRequest
    situation: Situation
    scanned: "ScannedZone"
    contents: "ScannedZone | FlatZone"
    target: StoredZone
    """The zone as it will be; for a small difference, version, counts and serial follow from that."""
    verdict: Verdict = Verdict.TAKE
    changes: Sequence[RRsetChange] | None = None
    """None: contents are written as a whole, under the id of `target`."""
    pairs: Sequence[Pair] | None = None
    """The contents again where they are few."""
    replayed: Sequence[RRsetName] = ()
    """RRsets that the journal changed, which the scanner has not checked."""
    steps: list[Step] = field(default_factory=list)
    warnings: tuple[str, ...] = ()
    file_serial: int = 0
    end_serial: int = 0
    """The file's serial, or the one the journal leads to from there."""
    signing: Signing | None = None
    """How the zone is signed; None: it is not signed here."""
    signed: Signed | None = None
    """What signing the contents as a whole did."""
    valid_until: int | None = None
    """When the contents no longer validate; None: they were not validated."""
    also: Also | None = None
    """What else is written in the transaction that changes the zone, after the contents."""

    @property
    def skipped_types(self) -> frozenset[int]:
        """Types that are not taken from the file."""
        skip = self.request.settings.zonefile_skip
        return skip if self.signing is None else skip | self.signing.skipped_types()

    @property
    def is_recorded(self) -> bool:
        """Whether a difference to what there is goes to the journal."""
        is_whole = self.request.settings.zonefile_load == WHOLE and self.signing is None
        return self.situation.base is not None and not is_whole

    @property
    def makes_serial(self) -> bool:
        """Whether the file's serial does not count where it differs from the zone's."""
        return self.request.settings.zonefile_load == NO_SERIAL or self.signing is not None

    def close(self) -> None:
        """Free the scanner's memory, and the signer's."""
        self.scanned.close()
        if not isinstance(self.contents, FlatZone):
            self.contents.close()


def reading_of(settings: ZoneSettings) -> int:
    """Return what the meaning of a zone file depends on beside its text, as one number."""
    if not settings.zonefile_skip and not settings.signs:
        return settings.default_ttl
    skip = (*sorted(settings.zonefile_skip), settings.signs)
    return 1 << 31 | crc32(repr((settings.default_ttl, skip)).encode()) >> 1


def prepare(
    store: Store, request: LoadRequest, situation: Situation, now_ns: int, signing_of: SigningOf = unsigned
) -> Prepared:
    """Read the zone file and find out what is to be written. No snapshot is held while the file is read.

    Raises ZoneFileError or ZoneCheckError of the scanner, ZoneError or StoreError.
    """
    from pyxdp_dns.scan import scan_zone_file

    stored = situation.stored
    zone_id = store.reserve_zone_id() if stored is None else stored.zone_id
    scanned = scan_zone_file(request.file, request.zone, zone_id, request.settings.default_ttl)
    try:
        found = _check(request, situation, scanned, zone_id)
        if request.settings.signs:
            found.signing = _signing(store, request.zone, signing_of)
        _fill(store, found, now_ns)
        return found
    except BaseException:
        scanned.close()
        raise


def prepare_transferred(
    store: Store,
    request: LoadRequest,
    situation: Situation,
    contents: "ScannedZone",
    now_ns: int,
    signing_of: SigningOf,
) -> Prepared:
    """Find out what is to be written of contents from a primary, in a zone that is signed here; they stay the caller's.

    The serial is remembered as the primary's. Raises SigningRefused when the zone is not signed here, and as `prepare`.
    """
    stored = situation.stored
    zone_id = store.reserve_zone_id() if stored is None else stored.zone_id
    contents.move(zone_id)
    found = _check(request, situation, contents, zone_id)
    signing = _signing(store, request.zone, signing_of)
    if signing is None:
        raise SigningRefused(request.zone, "no longer signed here; transfer it again")
    serial = _serial_of(contents)
    found.signing = replace(signing, kasp=signing.kasp._replace(master_serial=serial))
    _fill(store, found, now_ns)
    own = stored or _blank(request, zone_id)
    source = (own.sources, own.reading, own.file_serial)
    found.target = found.target._replace(
        sources=source[0], reading=source[1], file_serial=source[2], is_source=False, expired=False
    )
    return found


def _check(request: LoadRequest, situation: Situation, scanned: "ScannedZone", zone_id: int) -> Prepared:
    problems = check_scanned(scanned, request.zone, request.settings)
    warnings = _notes(scanned) + tuple(map(str, problems))
    return Prepared(request, situation, scanned, scanned, _blank(request, zone_id), warnings=warnings)


def _signing(store: Store, zone: bytes, signing_of: SigningOf) -> Signing | None:
    with store.read() as txn:
        return signing_for(signing_of, txn, zone)


def _blank(request: LoadRequest, zone_id: int) -> StoredZone:
    return StoredZone(request.zone, zone_id, 0, 0, 0, 0, reading_of(request.settings), ())


def _fill(store: Store, prepared: Prepared, now_ns: int) -> None:
    """Find out what the contents are, how they differ from the store, and what becomes of them."""
    situation, zone_id = prepared.situation, prepared.target.zone_id
    _take_pairs(prepared)
    prepared.file_serial = prepared.end_serial = _serial_of(prepared.pairs or prepared.contents)
    if situation.has_journal and replays(situation):
        with store.read() as txn:
            net, prepared.end_serial = _history(txn, prepared.request.zone, prepared.file_serial)
        prepared.replayed = tuple(net)
    else:
        net = {}
    if prepared.request.settings.zonemd_verify and not net:
        verify_scanned(prepared.contents if prepared.pairs is None else prepared.pairs, prepared.request.zone)
    skip = prepared.skipped_types
    if net or (skip and prepared.contents.has_types(skip)):
        prepared.contents = flatten(replay(_unskipped(prepared.contents, skip), net, zone_id))
        _take_pairs(prepared)
    _describe(store, prepared, now_ns)
    _check_size(prepared.target, situation.stored, prepared.request.settings)
    if prepared.request.settings.zonemd_verify and net:
        verify_scanned(prepared.contents if prepared.pairs is None else prepared.pairs, prepared.request.zone)
    prepared.valid_until = validated(
        prepared.contents, prepared.request.zone, prepared.request.settings, now_ns // 10**9
    )
    if prepared.request.settings.interprets:
        read_catalog(prepared.request.zone, prepared.contents if prepared.pairs is None else prepared.pairs)
    _note_reading(prepared, prepared.end_serial)
    if situation.stored is None:
        _sign_whole(prepared, _next_serial(prepared, now_ns // 10**9))
        return
    with store.read() as txn:
        _compare(txn, prepared, now_ns // 10**9)
    if prepared.changes is None:
        _sign_whole(prepared, prepared.target.serial)
        prepared.target = prepared.target._replace(zone_id=store.reserve_zone_id())


def _sign_whole(prepared: Prepared, serial: int) -> None:
    """Sign contents that are written as a whole, where the zone is signed here."""
    if prepared.signing is None:
        return
    apex, zone_id = prepared.request.zone, prepared.target.zone_id
    if prepared.contents is not prepared.scanned:
        prepared.scanned.close()
    prepared.contents, prepared.signed = sign_as_whole(prepared.contents, apex, zone_id, serial, prepared.signing)
    _take_pairs(prepared)
    prepared.target = _measured(prepared, prepared.target._replace(serial=serial))


def _take_pairs(prepared: Prepared) -> None:
    contents = prepared.contents
    prepared.pairs = contents.take(0, FEW) if contents.count <= FEW else None


def _describe(store: Store, prepared: Prepared, now_ns: int) -> None:
    target = prepared.target._replace(
        version=store.reserve_version(),
        serial=prepared.end_serial,
        sources=identify(prepared.scanned.files, now_ns),
        file_serial=prepared.file_serial,
        is_file=not prepared.replayed and prepared.signing is None,
        is_source=not prepared.replayed and prepared.signing is not None,
    )
    prepared.target = _measured(prepared, target)


def _measured(prepared: Prepared, zone: StoredZone) -> StoredZone:
    """Return the zone with the numbers of the contents."""
    contents = prepared.contents
    records, octets = contents.measure()
    return zone._replace(rrsets=contents.count, records=records, size=octets)


def _compare(txn: Transaction, prepared: Prepared, now_s: int) -> None:
    """Find out what differs from the store, and what becomes of it."""
    situation, target, settings = prepared.situation, prepared.target, prepared.request.settings
    stored = situation.stored
    assert stored is not None
    old, limit = iterate_pairs(txn, stored), incremental_limit(stored)
    if prepared.is_recorded:  # What the journal has brought to the file's contents is nowhere else: it stays there.
        old, limit = _unskipped(old, prepared.skipped_types), sys.maxsize if prepared.replayed else RECORDED_MAX
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
        _take_pairs(prepared)
        prepared.target = _measured(prepared, prepared.target)


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
            serial = _next_serial(prepared, now_s)
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


def _next_serial(prepared: Prepared, now_s: int) -> int:
    """Return the serial behind the zone's, and where signing makes the serials, behind the file's as well."""
    stored, settings, serial = prepared.situation.stored, prepared.request.settings, prepared.file_serial
    if stored is not None and not (prepared.signing is not None and compare_serials(stored.serial, serial) == -1):
        serial = stored.serial
    return next_serial(serial, settings.serial_policy, settings.serial_modulo, now_s)


def _note_reading(prepared: Prepared, end: int) -> None:
    """Tell what was read; of a serial that the file is given, `_follow_verdict` tells."""
    prior, file_serial = prepared.situation.prior, prepared.file_serial
    if prior is not None and prepared.situation.served is None:
        prepared.steps.append(Step(StepKind.FROM_JOURNAL, prior.serial))
    prepared.steps.append(Step(StepKind.FILE, file_serial, file_serial))
    if end != file_serial:
        prepared.steps.append(Step(StepKind.REPLAYED, end, file_serial))


def _history(txn: Transaction, zone: bytes, serial: int) -> tuple[dict[RRsetName, NetChange], int]:
    """Return what the changesets from a serial on do, and the serial they lead to."""
    state = get_journal(txn, zone)
    if state is None:
        return {}, serial
    with damage_named(zone):
        heads = list(iterate_heads(txn, state, serial))
        net = net_changes(read_changeset(txn, state, head) for head in heads)
    return net, heads[-1].serial_to if heads else serial


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


def _unskipped(pairs: Iterable[Pair], skip: frozenset[int]) -> Iterator[Pair]:
    return (pair for pair in pairs if type_of_key(pair[0]) not in skip)


def _check_size(target: StoredZone, stored: StoredZone | None, settings: ZoneSettings) -> None:
    limit = settings.zone_max_size_bytes
    if limit is not None and target.size > limit and (stored is None or target.size > stored.size):
        message = f"{target.size} octets, {limit} are allowed; remove records or raise zone.zone-max-size"
        raise ZoneTooLarge(target.apex, message)


def _notes(scanned: "ScannedZone") -> tuple[str, ...]:
    return tuple(f"file '{note.file}', line {note.line} ({note.text})" for note in scanned.warnings)


def _serial_of(pairs: Iterable[Pair]) -> int:
    """The apex is the first owner and a checked zone has an SOA there."""
    return next(serial_of_soa(value) for key, value in pairs if type_of_key(key) == SOA)


def file_state(stored: StoredZone | None, request: LoadRequest) -> FileState:
    """Look at the zone file without reading it."""
    from control.store.sources import are_unchanged

    if request.settings.zonefile_load == "none":
        return FileState.MISSING
    is_read_so = stored is not None and stored.reading == reading_of(request.settings)
    if is_read_so and stored is not None and are_unchanged(stored.sources, request.file):
        return FileState.SAME
    return FileState.MISSING if is_missing(request.file) else FileState.OTHER


def is_missing(path: str) -> bool:
    """Tell whether there is no file; one that cannot be reached is not missing, reading it says why."""
    import os

    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
