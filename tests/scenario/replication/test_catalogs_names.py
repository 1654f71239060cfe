# SPDX-License-Identifier: Apache-2.0
"""Members whose names are unusual, and members whose zone files others have."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.catalogs import member_line
from tests.support.cataloguer import CATALOG, Cataloguer
from tests.support.daemon import wait_for


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Cataloguer]:
    """A daemon that is not started yet, with files for members a and b."""
    under_test = Cataloguer(tmp_path)
    under_test.configure()
    for zone in "ab":
        under_test.member_file(f"{zone}.test")
    try:
        yield under_test
    finally:
        under_test.close()


def test_zone_files_have_one_zone(daemon: Cataloguer) -> None:
    """Of two members that would write the same file the second is refused and said; removing it leaves the file.

    When the first goes, the other one comes with the next change of the catalog.
    """
    daemon.member_file("u_v.test")
    daemon.catalog_file(member_line("u1", "u_v.test"), member_line("u2", r"u\047v.test"), member_line("u3", "a.test"))
    daemon.start()
    daemon.serves("u_v.test")
    daemon.expect("cannot be served (zone file")
    assert set(daemon.catalogs()) == {"cat.test.", "u_v.test.", "a.test."}
    assert daemon.edit(("unset", "u2.zones"), ("unset", "u3.zones")) is None
    daemon.expect("[a.test.] zone purged")
    daemon.serves("u_v.test")
    assert (daemon.base / "one/u_v.test.zone").exists()
    assert daemon.edit(("set", "u2.zones", "PTR", r"u\047v.test."), ("unset", "u1.zones")) is None
    wait_for(lambda: len(daemon.catalogs()) == 2 and "u_v.test." not in daemon.catalogs(), "the other one comes")


def test_a_file_that_a_configured_zone_has_is_kept(daemon: Cataloguer) -> None:
    """A member never takes it, and when it goes because of another template, the file stays."""
    own = f"  - domain: own.test\n    file: {daemon.base / 'one/b.test.zone'}\n"
    daemon.configure(CATALOG + own)
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u2", "b.test"))
    daemon.start()
    daemon.serves("a.test")
    daemon.serves("own.test")
    assert set(daemon.catalogs()) == {"cat.test.", "a.test."}
    assert daemon.edit(("unset", "u2.zones"), ("unset", "u1.zones")) is None
    daemon.expect("[a.test.] zone purged")
    assert (daemon.base / "one/b.test.zone").exists()
    daemon.serves("own.test")


def test_members_may_share_a_file_that_is_only_read(daemon: Cataloguer) -> None:
    """zonefile-sync -1: one file for all members, which stays when they go."""
    shared = daemon.member_file("shared")
    daemon.configure(templates=f"    zonefile-sync: -1\n    file: {shared}\n")
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u2", "b.test"))
    daemon.start()
    daemon.serves("a.test")
    daemon.serves("b.test")
    assert daemon.edit(("unset", "u1.zones")) is None
    daemon.expect("[a.test.] zone purged")
    assert shared.exists()
    daemon.serves("b.test")


def test_unusual_names(daemon: Cataloguer) -> None:
    """The catalog itself, names with escapes, and one too long for a file name; each is what it is, and goes again."""
    odd = (r"a\.b.test", r"\000x.test", r"\\back.test", r"q\"uote.test", "UPPER.test", ".".join([r"\255" * 60] * 4))
    lines = [member_line(f"u{number}", name) for number, name in enumerate(odd)]
    daemon.catalog_file(*lines, member_line("self", "cat.test"))
    daemon.start()
    wait_for(lambda: len(daemon.catalogs()) == 1 + len(odd), "the members")
    assert daemon.catalogs()["cat.test."] == "interpret"
    assert "upper.test." in daemon.catalogs()
    daemon.expect("[cat.test.] member zone already configured, ignoring")
    daemon.stop()
    daemon.start()
    assert len(daemon.catalogs()) == 1 + len(odd)
    assert daemon.edit(*(("unset", f"u{number}.zones") for number in range(len(odd)))) is None
    wait_for(lambda: set(daemon.catalogs()) == {"cat.test."}, "the members go")
    assert "fault of the program" not in daemon.all_output()
