# SPDX-License-Identifier: Apache-2.0
"""Zone files into sorted store pairs (RFC 1035 section 5, RFC 2308, RFC 3597).

Owns the C scanner (csrc/scan.h) and the records it hands out because it does not know their type: dnspython converts
those, and they are added back, so every type works and the common ones are fast.
"""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import chain, repeat
from struct import Struct
from types import TracebackType
from typing import Any, NamedTuple, Self

from pyxdp_dns.errors import EngineError, ZoneCheckError, ZoneFileError
from pyxdp_dns.native import check, ffi, lib

Octets = bytes
"""`bytes` by a name that the property of `ScannedZone` does not hide."""

Pair = tuple[bytes, bytes]

CHUNK_PAIRS = 4096

_allocate = ffi.new_allocator(should_clear_after_alloc=False)
FINDINGS_MAX = 100


@dataclass(frozen=True, slots=True)
class ZoneNote:
    """A warning of a scan: something was ignored or corrected. Line 0 concerns the zone as a whole."""

    file: str
    line: int
    text: str


class ScannedZone:
    """The RRsets of a zone in key order, in memory of C; a context manager that frees it.

    `pairs` is the `xd_pairs *`, `bytes_pointer` and `offsets_pointer` its parts for the table writer; none of them
    may be used after the end of the context.
    """

    def __init__(self, pairs: Any, records: int, files: tuple[str, ...], warnings: tuple[ZoneNote, ...]) -> None:
        self.pairs = pairs
        self.files = files
        """Paths of the files read, the zone file first, then what it includes; each once."""
        self.records = records
        """Records read, duplicates included."""
        self.warnings = warnings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the memory; a second call does nothing."""
        lib.xd_pairs_uninit(self.pairs)

    @property
    def count(self) -> int:
        """Number of RRsets."""
        return int(self.pairs.count)

    @property
    def bytes_pointer(self) -> Any:
        """Keys and values back to back, `uint8_t *`."""
        return self.pairs.bytes

    @property
    def offsets_pointer(self) -> Any:
        """2 * count + 1 offsets into the bytes, `uint64_t *`."""
        return self.pairs.offsets

    @property
    def bytes(self) -> memoryview:
        """Keys and values back to back, without copying."""
        size = self.pairs.offsets[2 * self.count] if self.count else 0
        return memoryview(ffi.buffer(self.pairs.bytes, size)) if size else memoryview(b"")

    @property
    def offsets(self) -> memoryview:
        """The offsets as unsigned 64-bit integers, without copying."""
        if not self.pairs.offsets:
            return memoryview(b"").cast("Q")
        return memoryview(ffi.buffer(self.pairs.offsets, (2 * self.count + 1) * 8)).cast("B").cast("Q")

    def __iter__(self) -> Iterator[Pair]:
        """Yield (key, value) in key order, ready for lmdb's `putmulti(append=True)`."""
        return self.iterate(0)

    def iterate(self, start: int) -> Iterator[Pair]:
        """Yield the pairs from the one numbered `start` on."""
        starts = range(start, self.count, CHUNK_PAIRS)
        return chain.from_iterable(map(self._pairs, starts, repeat(CHUNK_PAIRS)))

    def take(self, start: int, most: int) -> list[Pair]:
        """Return up to `most` pairs in key order, from the one numbered `start` on."""
        return list(self._pairs(start, most))

    def _pairs(self, start: int, most: int) -> Iterator[Pair]:
        """Take up to `most` pairs apart: by `struct`, which makes objects of them in one call."""
        count = min(most, self.count - start)
        if count <= 0:
            return iter(())
        offsets = self.pairs.offsets + 2 * start
        out = _allocate("char[]", count * lib.XD_PAIRS_FORMAT_BYTES + 1)
        sizes = ffi.buffer(out, lib.xd_pairs_format(offsets, count, out))[:]
        block = ffi.buffer(self.pairs.bytes + offsets[0], offsets[2 * count] - offsets[0])
        parts = Struct(sizes).unpack(block)
        return zip(parts[0::2], parts[1::2], strict=True)

    def move(self, zone_id: int) -> None:
        """Give the keys another zone id."""
        lib.xd_pairs_move(self.pairs, zone_id)

    def only_value(self) -> "Octets | None":
        """Return the value of the RRset when there is exactly one."""
        if self.pairs.count != 1:
            return None
        start, end = self.pairs.offsets[1], self.pairs.offsets[2]
        return Octets(ffi.buffer(self.pairs.bytes + start, end - start))

    def measure(self) -> tuple[int, int]:
        """Return the number of records and their octets in wire form, names not compressed."""
        return measure_pairs(self.pairs.bytes, self.pairs.offsets, self.count)

    def largest_ttl(self) -> int:
        """Return the largest TTL, 0 without RRsets."""
        return largest_ttl(self.pairs.bytes, self.pairs.offsets, self.count)

    def has_types(self, types: Collection[int]) -> bool:
        """Tell whether some RRset is of one of these types."""
        return have_types(self.pairs.bytes, self.pairs.offsets, self.count, types)

    def check(self, origin: Octets) -> None:
        """Run the mandatory checks; raise `ZoneCheckError` when one of them finds something."""
        found = self.find_problems(origin)
        found.refuse(name_text(origin), Severity.MANDATORY)

    def find_problems(self, origin: Octets, *, extra: bool = False) -> "Findings":
        """Run the mandatory checks, and the extra ones when asked."""
        found = ffi.new("xd_zonecheck_findings *")
        self._look_for_problems(origin, extra, found)
        if not any(found.counts):
            return NO_FINDINGS
        items = ffi.new("xd_zonecheck_finding[]", FINDINGS_MAX)
        found = ffi.new("xd_zonecheck_findings *", {"items": items, "room": FINDINGS_MAX})
        self._look_for_problems(origin, extra, found)
        kept = tuple(_finding(items[index]) for index in range(found.kept))
        return Findings(kept, tuple(found.counts))

    def _look_for_problems(self, origin: Octets, extra: bool, found: Any) -> None:
        lib.xd_zonecheck(self.pairs, origin, found)
        if extra:
            lib.xd_zonecheck_delegations(self.pairs, origin, found)


def measure_pairs(content: Any, offsets: Any, count: int) -> tuple[int, int]:
    """Return the number of records of pairs in flat form, and their octets in wire form, names not compressed.

    `content` and `offsets` are C pointers or objects with the buffer interface (uint8, uint64).
    """
    size = lib.xd_pairs_measure(*_pointers(content, offsets), count)
    return size.records, size.octets


def largest_ttl(content: Any, offsets: Any, count: int) -> int:
    """Return the largest TTL of pairs in flat form, as `measure_pairs` takes them; 0 when there are none."""
    return int(lib.xd_pairs_largest_ttl(*_pointers(content, offsets), count))


def have_types(content: Any, offsets: Any, count: int, types: Collection[int]) -> bool:
    """Tell whether some of pairs in flat form, as `measure_pairs` takes them, is of one of these types."""
    return bool(lib.xd_pairs_have_types(*_pointers(content, offsets), count, list(types), len(types)))


def _pointers(content: Any, offsets: Any) -> tuple[Any, Any]:
    c_content = content if isinstance(content, ffi.CData) else ffi.from_buffer("uint8_t[]", content)
    c_offsets = offsets if isinstance(offsets, ffi.CData) else ffi.from_buffer("uint64_t[]", offsets)
    return c_content, c_offsets


class Severity(IntEnum):
    """How grave a finding is."""

    EXTRA = lib.XD_ZONECHECK_EXTRA
    """It never keeps a zone from being served."""
    MANDATORY = lib.XD_ZONECHECK_MANDATORY
    """It does, unless `semantic-checks` is `soft`."""
    ESSENTIAL = lib.XD_ZONECHECK_ESSENTIAL
    """Without it there is no zone."""


class Finding(NamedTuple):
    """A rule that the records of an owner (presentation form) break."""

    owner: str
    text: str
    severity: Severity


class Findings(NamedTuple):
    """What the checks of a zone found: the first hundred, and how many there are of each severity."""

    items: tuple[Finding, ...]
    counts: tuple[int, ...]

    def refuse(self, zone: str, least: Severity) -> None:
        """Raise `ZoneCheckError` when something of at least that severity was found."""
        count = sum(self.counts[least:])
        if count:
            grave = tuple((item.owner, item.text) for item in self.items if item.severity >= least)
            raise ZoneCheckError(zone, grave or ((zone, "more problems than are listed"),), count)


NO_FINDINGS = Findings((), (0,) * len(Severity))


def _finding(item: Any) -> Finding:
    text = bytes(ffi.string(lib.xd_zonecheck_text(item.code))).decode()
    if item.keytag >= 0:
        text += f" (keytag {item.keytag})"
    return Finding(name_text(bytes(item.owner)), text, Severity(item.severity))


def name_text(wire: bytes) -> str:
    """Return the presentation form of a valid wire-form name; octets behind its root label are ignored."""
    out = ffi.new("char[]", 4 * 255 + 1)
    lib.xd_name_text(out, wire)
    return bytes(ffi.string(out)).decode("ascii")


def scan_zone_file(path: str | os.PathLike[str], origin: bytes, zone_id: int, default_ttl: int = 3600) -> ScannedZone:
    """Read the zone file at `path` of the zone `origin` (wire form).

    The caller closes the result and checks it (`ScannedZone.check`). Raises `ZoneFileError` with every error found.
    """
    shown = os.fspath(path)
    return _scan(shown, origin, zone_id, default_ttl, lambda scan: lib.xd_scan_file(scan, os.fsencode(shown)))


def scan_zone_text(
    text: bytes, origin: bytes, zone_id: int, default_ttl: int = 3600, name: str = "text"
) -> ScannedZone:
    """Read a zone from memory; `name` stands for the file in errors. Otherwise as `scan_zone_file`."""
    return _scan(
        name, origin, zone_id, default_ttl, lambda scan: lib.xd_scan_memory(scan, name.encode(), text, len(text))
    )


def _scan(path: str, origin: bytes, zone_id: int, default_ttl: int, read: Any) -> ScannedZone:
    if not 0 < lib.xd_name_check(origin, len(origin)) == len(origin):
        raise EngineError(f"zone file {path}: the origin is not a domain name in wire form; pass the zone's name")
    holder = ffi.new("xd_scan **")
    check(lib.xd_scan_create(origin, zone_id, default_ttl, holder), f"zone file {path}")
    scan = holder[0]
    try:
        check(read(scan), f"zone file {path}")
        errors = _add_foreign(scan)
        _raise_errors(scan, path, errors)
        records = lib.xd_scan_records(scan)
        pairs = ffi.new("xd_pairs *")
        if lib.xd_scan_errors(scan) == 0:
            result = lib.xd_scan_finish(scan, pairs)
            _raise_errors(scan, path, [])
            check(result, f"zone file {path}")
        return ScannedZone(pairs, records, _files(scan), tuple(_warnings(scan)))
    finally:
        lib.xd_scan_free(scan)


def _notes(scan: Any) -> Iterator[Any]:
    index = 0
    while note := lib.xd_scan_get_note(scan, index):
        yield note
        index += 1


def _files(scan: Any) -> tuple[str, ...]:
    files: list[str] = []
    while path := lib.xd_scan_get_file(scan, len(files)):
        files.append(os.fsdecode(ffi.string(path)))
    return tuple(dict.fromkeys(reversed(files)))


def _text(chars: Any) -> str:
    return bytes(ffi.string(chars)).decode("utf-8", "backslashreplace")


def _warnings(scan: Any) -> Iterator[ZoneNote]:
    for note in _notes(scan):
        if not note.is_error:
            yield ZoneNote(_text(note.file), note.line, _text(note.text))


def _raise_errors(scan: Any, path: str, foreign: list[tuple[str, int, str]]) -> None:
    count = lib.xd_scan_errors(scan) + len(foreign)
    if count:
        found = [(_text(note.file), note.line, _text(note.text)) for note in _notes(scan) if note.is_error]
        raise ZoneFileError(path, tuple(sorted(found + foreign, key=lambda error: error[:2])), count)


def _add_foreign(scan: Any) -> list[tuple[str, int, str]]:
    """Convert and add the records the scanner did not know; return the errors of those that nobody knows."""
    errors: list[tuple[str, int, str]] = []
    index = 0
    while record := lib.xd_scan_get_foreign(scan, index):
        index += 1
        if len(errors) >= FINDINGS_MAX:
            break
        reason = _add_record(scan, record)
        if reason:
            errors.append((_text(record.file), record.line, reason))
    return errors


def _add_record(scan: Any, record: Any) -> str:
    """Add one foreign record; return the reason when it is refused, or an empty text."""
    from pyxdp_dns.foreign import ForeignError, convert_record

    type_text, rdata_text = _text(record.type), _text(record.rdata)
    owner = _wire_name(record.owner)
    try:
        number, rdata = convert_record(type_text, rdata_text, _wire_name(record.origin))
    except ForeignError as exc:
        return str(exc)
    result = lib.xd_scan_add(scan, owner, len(owner), number, record.ttl, rdata, len(rdata))
    return "" if result == 0 else f"record of type {type_text}: {_text(lib.xd_error_text(-result))}"


def _wire_name(pointer: Any) -> bytes:
    return bytes(ffi.buffer(pointer, lib.xd_name_len(pointer)))
