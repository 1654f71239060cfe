# SPDX-License-Identifier: Apache-2.0
"""When a file counts as unchanged."""

import os
from pathlib import Path

import pytest

from control.store.sources import SETTLE_NS, FileIdentity, are_unchanged, identify


@pytest.fixture
def zone_file(tmp_path: Path) -> Path:
    path = tmp_path / "zone"
    path.write_text("contents\n")
    return path


def long_after(path: Path) -> int:
    return path.stat().st_ctime_ns + SETTLE_NS + 1


def test_a_file_left_alone_is_unchanged(zone_file: Path) -> None:
    """The same device, inode, size and times: the same contents."""
    assert FileIdentity.of_read(str(zone_file), long_after(zone_file)).is_unchanged()


@pytest.mark.parametrize("what", ["appended", "touched", "replaced", "removed", "link count"])
def test_any_trace_of_a_change_counts(zone_file: Path, what: str) -> None:
    """Size, modification time, inode or change time alone are enough."""
    identity = FileIdentity.of_read(str(zone_file), long_after(zone_file))
    stat = zone_file.stat()
    if what == "appended":
        zone_file.write_text("contents\nmore\n")
        os.utime(zone_file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif what == "touched":
        os.utime(zone_file, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    elif what == "replaced":
        other = zone_file.with_name("other")
        other.write_text("CONTENTS\n")
        os.utime(other, ns=(stat.st_atime_ns, stat.st_mtime_ns))
        other.rename(zone_file)
    elif what == "removed":
        zone_file.unlink()
    else:
        before = stat.st_ctime_ns
        while zone_file.stat().st_ctime_ns == before:
            os.utime(zone_file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert not identity.is_unchanged()


@pytest.mark.parametrize("offset_ns", [-SETTLE_NS, 0, SETTLE_NS])
def test_a_file_changed_while_or_just_before_it_was_read_is_not_trusted(zone_file: Path, offset_ns: int) -> None:
    """Within a tick of the reading, a second change might have left the same time stamp."""
    started_ns = zone_file.stat().st_ctime_ns + offset_ns
    assert not FileIdentity.of_read(str(zone_file), started_ns).is_unchanged()


def test_an_included_file_counts_like_the_zone_file(zone_file: Path, tmp_path: Path) -> None:
    """A change in any of the files is a change; so is another path."""
    included = tmp_path / "included"
    included.write_text("x\n")
    paths = [str(zone_file), str(included)]
    known = identify(paths, max(map(long_after, (zone_file, included))))
    assert are_unchanged(known, str(zone_file))
    assert not are_unchanged(known, str(included))
    included.write_text("xy\n")
    assert not are_unchanged(known, str(zone_file))


def test_nothing_known_is_never_unchanged(zone_file: Path) -> None:
    """Contents that came from no file, or from one that is gone, do not spare the reading of one."""
    assert not are_unchanged((), str(zone_file))
    assert identify([str(zone_file), "/nonexistent/file"], long_after(zone_file)) == ()
