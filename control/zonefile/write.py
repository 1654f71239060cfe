# SPDX-License-Identifier: Apache-2.0
"""A zone of the store into its zone file, in the layout of Knot's dump.

The file is replaced as a whole: what is written goes to a temporary file beside it, which takes its place once it is on
disk. A failure or a crash leaves the old file as it was. Memory does not grow with the zone.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import filterfalse
from typing import BinaryIO, NamedTuple

from control.clock import Clock
from control.conf.filename import zone_file_name
from control.conf.version import PROGRAM, VERSION
from control.errors import ZoneUnknown
from control.store.contents import get_rrset, iterate_pairs
from control.store.environment import Store, Transaction
from control.store.keys import Pair, rrset_key
from control.store.sources import SETTLE_NS, FileIdentity
from control.store.zones import StoredZone, get_zone
from control.zonefile.refusal import ZoneFileUnwritable
from control.zonefile.rows import is_of_nsec3, print_chunks
from pyxdp_dns.text import DUMP_PAD, TypeSet

SOA, RRSIG, NSEC, NSEC3 = 6, 46, 47, 50
SECTIONS = ((RRSIG, ";; DNSSEC signatures"), (NSEC, ";; DNSSEC NSEC chain"), (NSEC3, ";; DNSSEC NSEC3 chain"))
"""What stands behind all other records, in this order, each under its heading."""
NSEC3_SIGNATURES = ";; DNSSEC NSEC3 signatures"
"""The last heading: signatures of the NSEC3 chain, which are not among the others."""

NEW_FILE_MODE = 0o660
NEW_DIRECTORY_MODE = 0o770
NAME_MAX = 255
BUFFER_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Written:
    """A zone file was written with the contents of `serial`, the store's `version` of the zone."""

    identity: FileIdentity
    serial: int
    version: int
    records: int
    was_edited: bool
    """The file that was replaced was not the one the zone came from: somebody's change of it is lost."""


class Dumped(NamedTuple):
    """A zone file has its name, which a power failure may still take from it."""

    path: str
    directory: str
    made: os.stat_result
    zone: StoredZone
    records: int
    was_edited: bool


def write_zone_file(
    store: Store,
    apex: bytes,
    path: str,
    *,
    skip: Iterable[int] = (),
    clock: Clock,
    pause: Callable[[float], None] = time.sleep,
) -> Written:
    """Write the zone `apex` to `path`; records of types in `skip` are left out. Directories are made.

    `pause` lets a clock tick pass, so that the file is known to be settled. Raises ZoneUnknown or ZoneFileUnwritable.
    """
    (written,) = settle_zone_files([dump_zone_file(store, apex, path, skip=skip, clock=clock)], clock, pause)
    if isinstance(written, ZoneFileUnwritable):
        raise written
    return written


def dump_zone_file(store: Store, apex: bytes, path: str, *, skip: Iterable[int] = (), clock: Clock) -> Dumped:
    """Do what `write_zone_file` does before the file is settled. Raises ZoneUnknown or ZoneFileUnwritable."""
    try:
        target = os.path.realpath(path)
        os.makedirs(os.path.dirname(target), NEW_DIRECTORY_MODE, exist_ok=True)
        with store.read() as txn:
            zone = get_zone(txn, apex)
            if zone is None or zone.expired:
                raise ZoneUnknown(apex, "no contents to write; load the zone first")
            with _replacing(target) as (out, made):
                records = _write_zone(out, txn, zone, frozenset(skip), clock)
                was_edited = _was_edited(zone, path)
        return Dumped(path, os.path.dirname(target), made[0], zone, records, was_edited)
    except OSError as exc:
        raise ZoneFileUnwritable(path, exc) from exc


def settle_zone_files(
    dumped: Iterable[Dumped], clock: Clock, pause: Callable[[float], None] = time.sleep
) -> list[Written | ZoneFileUnwritable]:
    """Let the names of files last and a clock tick pass, for all of them together; return what became of each."""
    dumped, synced = list(dumped), set[str]()
    results: list[Written | ZoneFileUnwritable] = []
    # The last file first: when its tick is over, so are those of the others.
    for file in reversed(dumped):
        try:
            if file.directory not in synced:
                _sync_directory(file.directory)
                synced.add(file.directory)
            identity = _identify(file.path, file.made, clock, pause)
        except OSError as exc:
            results.append(ZoneFileUnwritable(file.path, exc))
        else:
            results.append(Written(identity, file.zone.serial, file.zone.version, file.records, file.was_edited))
    return results[::-1]


def output_path(directory: str, apex_text: str) -> str:
    """Return the file in `directory` for a zone (text with the final dot): `zone-flush +outdir`."""
    return os.path.join(directory, zone_file_name("%s.zone", apex_text))


def _write_zone(out: BinaryIO, txn: Transaction, zone: StoredZone, skip: frozenset[int], clock: Clock) -> int:
    out.write(f";; Zone dump ({PROGRAM} {VERSION})\n".encode())
    seen: set[bytes] = set()
    records = 0
    soa = get_rrset(txn, zone, zone.apex, SOA)
    if soa is not None and SOA not in skip:
        records += _write_pairs(out, [(rrset_key(zone.zone_id, zone.apex, SOA), soa)], TypeSet(()))
    plain = TypeSet({SOA, *(rtype for rtype, _ in SECTIONS), *skip})
    records += _write_pairs(out, _noting_types(iterate_pairs(txn, zone), seen), plain)
    wanted = [(rtype, heading) for rtype, heading in SECTIONS if rtype not in skip and rtype.to_bytes(2, "big") in seen]
    has_chain = NSEC3.to_bytes(2, "big") in seen
    for rtype, heading in wanted:
        out.write(f"{heading}\n".encode())
        pairs = iterate_pairs(txn, zone)
        if rtype == RRSIG and has_chain:
            pairs = filterfalse(is_of_nsec3, pairs)
        records += _write_pairs(out, pairs, TypeSet.all_but({rtype}))
    if has_chain and RRSIG not in skip:
        out.write(f"{NSEC3_SIGNATURES}\n".encode())
        records += _write_pairs(out, filter(is_of_nsec3, iterate_pairs(txn, zone)), TypeSet.all_but({RRSIG}))
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(clock.now_ns() // 10**9))
    out.write(f";; Written {records} records\n;; Time {now}\n".encode())
    return records


def _write_pairs(out: BinaryIO, pairs: Iterable[Pair], skip: TypeSet) -> int:
    records = 0
    for printed in print_chunks(pairs, skip, DUMP_PAD):
        out.write(printed.text)
        records += printed.records
    return records


def _noting_types(pairs: Iterable[Pair], seen: set[bytes]) -> Iterator[Pair]:
    for pair in pairs:
        seen.add(pair[0][-2:])
        yield pair


@contextmanager
def _replacing(target: str) -> Iterator[tuple[BinaryIO, list[os.stat_result]]]:
    """Give a new file that takes the place of `target` at the end of the block; with an exception it is removed.

    What it was when it took that place is put into the list.
    """
    made: list[os.stat_result] = []
    directory, name = os.path.split(target)
    temporary = os.path.join(directory, _temporary_name(name))
    with suppress(FileNotFoundError):
        os.unlink(temporary)  # Left by a crash.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, NEW_FILE_MODE)
    try:
        with open(descriptor, "wb", buffering=BUFFER_BYTES) as out:
            _keep_access(target, descriptor)
            yield out, made
            out.flush()
            os.fsync(descriptor)
            made.append(os.fstat(descriptor))
        os.rename(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _temporary_name(name: str) -> str:
    """The same for every writing of a file, so that what a crash leaves is found; zones are written one at a time."""
    temporary = f".{name}.new"
    return temporary if len(os.fsencode(temporary)) <= NAME_MAX else f".{sha256(os.fsencode(name)).hexdigest()}.new"


def _keep_access(target: str, descriptor: int) -> None:
    """Give the new file mode, group and owner of the old one, as far as that is permitted."""
    try:
        old = os.stat(target)
    except FileNotFoundError:
        return
    for user, group in ((-1, old.st_gid), (old.st_uid, -1)):
        with suppress(PermissionError):
            os.fchown(descriptor, user, group)
    os.fchmod(descriptor, old.st_mode & 0o777)


def _sync_directory(directory: str) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _was_edited(zone: StoredZone, path: str) -> bool:
    """Tell whether the file about to be replaced is another one than the zone was read from or last written to."""
    if not zone.sources or zone.sources[0].path != path:
        return False
    known = zone.sources[0]
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return False
    return (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns) != (
        known.device,
        known.inode,
        known.size,
        known.mtime_ns,
    )


def _identify(path: str, made: os.stat_result, clock: Clock, pause: Callable[[float], None]) -> FileIdentity:
    """Return the identity of the file just written, a clock tick after it took its place.

    A file that was edited or replaced since is not settled: it will be read.
    """
    stat = os.stat(path)
    rest_ns = max(stat.st_ctime_ns, stat.st_mtime_ns) + SETTLE_NS + 1 - clock.now_ns()
    if 0 < rest_ns <= 2 * SETTLE_NS:
        pause(rest_ns / 1e9)
    found = FileIdentity.of_read(path, clock.now_ns())
    is_ours = (found.inode, found.size, found.mtime_ns) == (made.st_ino, made.st_size, made.st_mtime_ns)
    return found if is_ours else replace(found, settled=False)
