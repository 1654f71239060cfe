# SPDX-License-Identifier: Apache-2.0
"""Zone files: their layout, what replaces what, and that a failure leaves the old file."""

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from control.clock import Clock
from control.errors import ZoneUnknown
from control.store.environment import Store
from control.store.sources import SETTLE_NS, FileIdentity
from control.store.zones import get_zone, put_zone
from control.zonefile.refusal import ZoneFileUnwritable
from control.zonefile.write import Written, output_path, write_zone_file
from pyxdp_dns.scan import scan_zone_file
from tests.support.stored import StoredZones

APEX = b"\7example\0"
SIGNATURE = "13 1 3600 20370101000000 20200101000000 1 example. AAAA"
ZONE = f"""\
@ 3600 SOA ns hm 10 3600 900 604800 300
@ 3600 NS ns
@ 3600 RRSIG SOA {SIGNATURE}
@ 300 NSEC ns.example. NS SOA
a 300 TXT a
ns 3600 A 192.0.2.1
"""
HOUR_NS = 3600 * 10**9
CLOCK = Clock(now_ns=lambda: Clock().now_ns() + HOUR_NS)


def write(store: Store, path: Path, skip: tuple[int, ...] = ()) -> Written:
    """Write the zone; no waiting."""
    return write_zone_file(store, APEX, str(path), skip=skip, clock=CLOCK, pause=lambda _: None)


def test_layout(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """The SOA first, then the records in canonical order, signatures and chains under headings, count and time."""
    zones.put(APEX, ZONE)
    clock = replace(CLOCK, now_ns=lambda: 1_700_000_000 * 10**9)
    path = tmp_path / "example.zone"
    written = write_zone_file(store, APEX, str(path), clock=clock, pause=lambda _: None)
    lines = path.read_text().splitlines()
    assert re.fullmatch(r";; Zone dump \(pyxdp_dns [\d.]+\)", lines[0])
    assert lines[1:] == [
        "example.            \t3600\tSOA\tns.example. hm.example. 10 3600 900 604800 300",
        "example.            \t3600\tNS\tns.example.",
        'a.example.          \t300\tTXT\t"a"',
        "ns.example.         \t3600\tA\t192.0.2.1",
        ";; DNSSEC signatures",
        f"example.            \t3600\tRRSIG\tSOA {SIGNATURE}",
        ";; DNSSEC NSEC chain",
        "example.            \t300\tNSEC\tns.example. NS SOA",
        ";; Written 6 records",
        ";; Time 2023-11-14 22:13:20 UTC",
    ]
    assert (written.records, written.serial, written.was_edited) == (6, 10, False)


def test_what_is_written_reads_back(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """Every type of the corpus zone, written to a file, is scanned as the same pairs."""
    corpus = Path(__file__).resolve().parents[1] / "data" / "corpus.zone"
    pairs = zones.put(APEX, corpus.read_bytes())
    write(store, tmp_path / "zone")
    with scan_zone_file(tmp_path / "zone", APEX, int.from_bytes(pairs[0][0][:4], "big")) as scanned:
        assert list(scanned) == pairs


def test_the_identity_is_the_file_s(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """The identity returned is that of the file in place, so that the next load does not parse it."""
    zones.put(APEX, ZONE)
    assert write(store, tmp_path / "zone").identity.is_unchanged()


def test_a_fresh_file_is_waited_for(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """While the file's time stamp may still be that of another change, the writer pauses for a clock tick."""
    zones.put(APEX, ZONE)
    path, pauses = tmp_path / "zone", list[float]()
    clock = Clock(now_ns=lambda: path.stat().st_ctime_ns if path.exists() else 0)
    write_zone_file(store, APEX, str(path), clock=clock, pause=pauses.append)
    assert pauses == [(SETTLE_NS + 1) / 1e9]


def test_types_left_out(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """Types of zonefile-skip are not written, nor is their heading."""
    zones.put(APEX, ZONE)
    assert write(store, tmp_path / "zone", (46, 47, 16)).records == 3
    text = (tmp_path / "zone").read_text()
    assert "DNSSEC" not in text
    assert "TXT" not in text


def test_mode_of_the_old_file_is_kept(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """A file that replaces another one has its mode; a symbolic link stays one."""
    zones.put(APEX, ZONE)
    (tmp_path / "zone").write_text("old")
    (tmp_path / "zone").chmod(0o604)
    (tmp_path / "link").symlink_to("zone")
    write(store, tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "zone").stat().st_mode & 0o777 == 0o604
    assert "SOA" in (tmp_path / "zone").read_text()


def test_an_edited_file_is_reported(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """The file is replaced in any case; when it was not the one the zone came from, the caller is told."""
    path = tmp_path / "zone"
    path.write_text(ZONE)
    zones.put(APEX, ZONE, FileIdentity.of_read(str(path), Clock().now_ns()))
    path.write_text(ZONE + "b 300 TXT b\n")
    assert write(store, path).was_edited


def test_the_zone_s_own_file_is_no_edit(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """Replacing the file the zone was read from loses nothing."""
    path = tmp_path / "zone"
    path.write_text(ZONE)
    zones.put(APEX, ZONE, FileIdentity.of_read(str(path), Clock().now_ns()))
    assert not write(store, path).was_edited


def test_directories_are_made(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """The directory of `+outdir` need not exist; a file there is named after the zone."""
    zones.put(APEX, ZONE)
    path = Path(output_path(str(tmp_path / "a" / "b"), "example."))
    write(store, path)
    assert path == tmp_path / "a" / "b" / "example.zone"
    assert path.is_file()


def test_what_a_crash_left_is_removed(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """The temporary file of an interrupted writing does not stay."""
    zones.put(APEX, ZONE)
    (tmp_path / ".zone.new").write_text("half")
    write(store, tmp_path / "zone")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["zone"]


def test_a_failure_leaves_the_old_file(
    store: Store, zones: StoredZones, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the disk is full, the old file is as it was, the temporary one gone, and the error says what to do."""
    zones.put(APEX, ZONE)
    (tmp_path / "zone").write_text("old")

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ZoneFileUnwritable, match=r"No space left on device.*check") as caught:
        write(store, tmp_path / "zone")
    assert caught.value.errno == 28
    assert (tmp_path / "zone").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["zone"]


def test_a_directory_in_the_way(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """A path that cannot be replaced is refused with the system's reason."""
    zones.put(APEX, ZONE)
    (tmp_path / "zone").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "zone", tmp_path / "file" / "zone"):
        with pytest.raises(ZoneFileUnwritable):
            write(store, path)
    assert not list((tmp_path / "zone").iterdir())


def test_a_zone_without_contents(store: Store, tmp_path: Path) -> None:
    """There is nothing to write of a zone without contents, and no file is made."""
    with pytest.raises(ZoneUnknown):
        write(store, tmp_path / "zone")
    assert not (tmp_path / "zone").exists()


def test_an_expired_zone(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """What an expired zone had does not replace its file."""
    zones.put(APEX, ZONE)
    with store.read() as txn:
        zone = get_zone(txn, APEX)
    assert zone is not None
    store.write(lambda txn: put_zone(txn, zone._replace(expired=True)))
    with pytest.raises(ZoneUnknown):
        write(store, tmp_path / "zone")


def test_long_names(store: Store, zones: StoredZones, tmp_path: Path) -> None:
    """A file name of the greatest length has a temporary beside it like any other."""
    zones.put(APEX, ZONE)
    path = tmp_path / ("x" * 255)
    assert write(store, path).records == 6


@pytest.mark.parametrize("in_place", [False, True])
def test_a_file_edited_right_after_the_writing(
    store: Store, zones: StoredZones, tmp_path: Path, in_place: bool
) -> None:
    """It is somebody's change and will be read: what was written is not taken for it."""
    zones.put(APEX, ZONE)
    path = tmp_path / "example.zone"
    assert write(store, path).identity.is_unchanged()
    waited: list[float] = []

    def edit(seconds: float) -> None:
        waited.append(seconds)
        other = path if in_place else tmp_path / "other"
        other.write_text("; mine\n")
        other.rename(path)

    clock = Clock(now_ns=lambda: path.stat().st_ctime_ns + HOUR_NS * len(waited))
    edited = write_zone_file(store, APEX, str(path), clock=clock, pause=edit)
    assert waited
    assert not edited.identity.is_unchanged()
