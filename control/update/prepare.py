# SPDX-License-Identifier: Apache-2.0
"""A zone file that was read and is about to become a zone: contents, what differs from the store, what to say of it.

Everything that can be done without a write transaction is done here: scanning, leaving out skipped types, replaying the
journal, signing, comparing (compare.py).
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from control.catalog.read import read_catalog
from control.conf.zone import ZoneSettings
from control.errors import SigningRefused, ZoneTooLarge
from control.sign.settle import signing_for
from control.sign.signing import Signing, SigningOf, unsigned
from control.sign.validate import validated
from control.store.contents import flatten
from control.store.environment import Store, Transaction
from control.store.journal import damage_named, get_journal, iterate_heads, read_changeset
from control.store.keys import Pair, type_of_key
from control.store.sources import identify
from control.store.zones import StoredZone
from control.update.compare import compare, measured, next_serial_of, take_pairs, unskipped
from control.update.merge import NetChange, RRsetName, net_changes, replay
from control.update.plan import Situation, replays
from control.update.prepare_signed import sign_as_whole
from control.update.prepared import LoadRequest, Prepared, reading_of
from control.update.results import Step, StepKind
from control.update.serial import serial_of_soa
from control.zonefile.checks import check_scanned
from control.zonefile.zonemd import verify_scanned

if TYPE_CHECKING:
    from pyxdp_dns.scan import ScannedZone

SOA = 6


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
    take_pairs(prepared)
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
        prepared.contents = flatten(replay(unskipped(prepared.contents, skip), net, zone_id))
        take_pairs(prepared)
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
        _sign_whole(prepared, next_serial_of(prepared, now_ns // 10**9))
        return
    with store.read() as txn:
        compare(txn, prepared, now_ns // 10**9)
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
    take_pairs(prepared)
    prepared.target = measured(prepared, prepared.target._replace(serial=serial))


def _describe(store: Store, prepared: Prepared, now_ns: int) -> None:
    target = prepared.target._replace(
        version=store.reserve_version(),
        serial=prepared.end_serial,
        sources=identify(prepared.scanned.files, now_ns),
        file_serial=prepared.file_serial,
        is_file=not prepared.replayed and prepared.signing is None,
        is_source=not prepared.replayed and prepared.signing is not None,
    )
    prepared.target = measured(prepared, target)


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
