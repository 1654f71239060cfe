# SPDX-License-Identifier: Apache-2.0
"""Catalogs whose members are served, and catalogs that are made of members, in a whole daemon on zone files."""

import signal
from collections.abc import Iterator
from pathlib import Path

import dns.rcode
import pytest

from control.catalog.generate import member_id
from control.ctl.unit import Unit
from control.tools import catalogprint
from tests.support.ask import name_wire
from tests.support.catalogs import catalog_text, member_line
from tests.support.cataloguer import CATALOG, Cataloguer
from tests.support.daemon import wait_for

MANY = 10_000
GENERATED = """\
  - domain: made.test
    catalog-role: generate
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Cataloguer]:
    """A daemon that is not started yet, with files for members a to d of both templates."""
    under_test = Cataloguer(tmp_path)
    under_test.configure()
    for zone in "abcd":
        for template in ("one", "two"):
            under_test.member_file(f"{zone}.test", template)
    try:
        yield under_test
    finally:
        under_test.close()


def test_members_are_served_by_the_template_of_their_group(daemon: Cataloguer) -> None:
    """They are in zone-status and conf-list, and not in the configuration."""
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u2", "b.test"), 'group.u2.zones 0 TXT "two"')
    daemon.start()
    daemon.serves("a.test")
    daemon.serves("b.test", "two")
    assert daemon.catalogs() == {"cat.test.": "interpret", "a.test.": "cat.test.", "b.test.": "cat.test.#two"}
    listed = [row.id for row in daemon.do("conf-list", filters="z")]
    assert listed == ["example.com.", "a.test.", "b.test.", "cat.test."]
    read = [row.data for row in daemon.do("conf-read", section="zone", item="domain")]
    assert sorted(map(str, read)) == ["cat.test.", "example.com."]
    for line in ("[cat.test.] enqueued 2 catalog updates", "catalog, updating, 2 changes"):
        assert line in daemon.logged()
    assert "[a.test.] zone added from catalog" in daemon.logged()
    assert daemon.ask("cat.test", "SOA").rcode() == dns.rcode.NOTAUTH


def test_members_follow_a_transaction(daemon: Cataloguer) -> None:
    """Added, given another group, removed with their files, and reset by another label."""
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u2", "b.test"))
    daemon.start()
    daemon.serves("b.test")
    assert daemon.edit(("set", "u3.zones", "PTR", "c.test."), ("set", "group.u1.zones", "TXT", '"two"')) is None
    daemon.serves("c.test")
    daemon.serves("a.test", "two")
    assert daemon.edit(("unset", "u2.zones")) is None
    daemon.expect("[b.test.] zone purged")
    daemon.serves("b.test", None)
    assert not (daemon.base / "one/b.test.zone").exists()
    assert (daemon.base / "two/b.test.zone").exists()
    daemon.mark()
    assert daemon.edit(("unset", "u3.zones"), ("set", "v3.zones", "PTR", "c.test.")) is None
    daemon.expect("[c.test.] zone added from catalog")
    assert "[c.test.] zone purged" in daemon.logged()
    assert daemon.catalogs()["c.test."] == "cat.test."
    wait_for(lambda: not (daemon.base / "one/c.test.zone").exists(), "the zone file was removed")


def test_a_member_with_a_file_of_the_operator_keeps_it(daemon: Cataloguer) -> None:
    """zonefile-sync -1: the server writes no zone files, and removes none."""
    daemon.configure(templates="    zonefile-sync: -1\n")
    daemon.catalog_file(member_line("u1", "a.test"))
    daemon.start()
    daemon.serves("a.test")
    assert daemon.edit(("unset", "u1.zones")) is None
    daemon.expect("[a.test.] zone purged")
    daemon.serves("a.test", None)
    assert (daemon.base / "one/a.test.zone").exists()


def test_a_catalog_without_version_is_refused(daemon: Cataloguer) -> None:
    """By a transaction and by a load; what was known of its members stays, also over a restart."""
    daemon.catalog_file(member_line("u1", "a.test"))
    daemon.start()
    daemon.serves("a.test")
    assert daemon.edit(("unset", "version"), ("unset", "u1.zones")) == "invalid zone file"
    assert "[cat.test.] failed to process catalog zone (invalid zone file)" in daemon.logged()
    daemon.mark()
    (daemon.base / "cat.test.zone").write_text(catalog_text(serial=7, version=""))
    assert daemon.refusal("zone-reload", zone="cat.test", flags="B") == "invalid zone file"
    assert "[cat.test.] failed to process catalog zone (invalid zone file)" in daemon.logged()
    daemon.stop()
    daemon.start()
    daemon.serves("a.test")
    assert daemon.catalogs()["a.test."] == "cat.test."


def test_members_survive_restarts(daemon: Cataloguer) -> None:
    """A stop, a killed daemon, and a catalog that changed meanwhile."""
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u2", "b.test"))
    daemon.start()
    daemon.serves("b.test")
    daemon.stop()
    daemon.start()
    assert "loading 4 zones" in daemon.logged()
    daemon.serves("a.test")
    daemon.kill()
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u3", "c.test"), serial=2)
    daemon.start()
    daemon.serves("c.test")
    daemon.serves("b.test", None)
    assert set(daemon.catalogs()) == {"cat.test.", "a.test.", "c.test."}


def test_members_follow_the_configuration(daemon: Cataloguer) -> None:
    """A reload keeps them, other templates reload them; without their catalog they go, their files stay."""
    daemon.catalog_file(member_line("u1", "a.test"))
    daemon.start()
    daemon.serves("a.test")
    daemon.reload()
    daemon.serves("a.test")
    daemon.configure(CATALOG.replace("[one, two]", "[two, one]"))
    daemon.reload()
    daemon.serves("a.test", "two")
    daemon.configure("")
    daemon.reload()
    daemon.serves("a.test", None)
    assert (daemon.base / "two/a.test.zone").exists()
    daemon.configure()
    daemon.reload()
    daemon.serves("a.test")


def test_configured_zones_and_duplicates_are_ignored(daemon: Cataloguer) -> None:
    """Each is said once; a zone that is no longer configured becomes a member."""
    own = f"  - domain: b.test\n    storage: {daemon.base / 'two'}\n"
    daemon.configure(CATALOG + own)
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u2", "a.test"), member_line("u3", "b.test"))
    daemon.start()
    daemon.serves("a.test")
    assert daemon.logged().count("[a.test.] duplicate addition of the member node, ignoring") == 1
    assert daemon.template_of("b.test") == "two"
    assert "b.test." not in daemon.catalogs()
    daemon.configure()
    daemon.reload()
    daemon.serves("b.test")
    assert daemon.catalogs()["b.test."] == "cat.test."
    daemon.configure(CATALOG + own)
    daemon.reload()
    daemon.serves("b.test", "two")
    assert "b.test." not in daemon.catalogs()


def test_a_member_changes_its_catalog(daemon: Cataloguer) -> None:
    """With the property coo the other catalog takes it over and it keeps its file; without, it stays where it is."""
    daemon.configure(CATALOG + CATALOG.replace("cat.test", "next.test"))
    daemon.catalog_file(member_line("u1", "a.test"), member_line("u2", "b.test"))
    members = member_line("u1", "a.test"), member_line("u2", "b.test")
    daemon.catalog_file(*members, name="next.test")
    daemon.start()
    daemon.serves("b.test")
    first = daemon.catalogs()["a.test."]
    here, there = (first[:-1], "next.test" if first == "cat.test." else "cat.test")
    daemon.mark()
    assert daemon.edit(("set", "coo.u1.zones", "PTR", f"{there}."), zone=here) is None
    wait_for(lambda: daemon.catalogs()["a.test."] == f"{there}.", "the other catalog has it")
    assert daemon.catalogs()["b.test."] == f"{here}."
    assert daemon.edit(("unset", "u1.zones"), ("unset", "coo.u1.zones"), ("unset", "u2.zones"), zone=here) is None
    wait_for(lambda: daemon.catalogs().get("b.test.") == f"{there}.", "what is free goes to the other catalog")
    assert daemon.template_of("a.test") == "one"
    assert "[a.test.] zone purged" not in daemon.logged()


def test_purging_a_catalog_removes_its_members(daemon: Cataloguer) -> None:
    """zone-purge of expired contents alone leaves them."""
    daemon.configure(templates="    zonefile-sync: -1\n")
    daemon.catalog_file(member_line("u1", "a.test"))
    daemon.start()
    daemon.serves("a.test")
    daemon.do("zone-purge", zone="cat.test", flags="F", filters="e")
    assert daemon.template_of("a.test") == "one"
    daemon.do("zone-purge", zone="cat.test", flags="F", filters="c")
    daemon.expect("[a.test.] zone purged")
    daemon.serves("a.test", None)
    daemon.do("zone-reload", zone="cat.test")
    daemon.serves("a.test")


def test_a_generated_catalog_follows_the_configuration(daemon: Cataloguer) -> None:
    """Members and groups of the configuration, with labels that stay; one new serial for many; a zone file."""
    member = "  - domain: {}.test\n    storage: {}/one\n    catalog-role: member\n    catalog-zone: made.test\n"
    one, two, three = (member.format(name, daemon.base) for name in "abc")
    daemon.configure(GENERATED + one + "    catalog-group: gold\n")
    daemon.start()
    wait_for(lambda: (daemon.base / "made.test.zone").exists(), "the zone file is written")
    made, label = name_wire("made.test."), member_id(name_wire("made.test."), name_wire("a.test.")).decode()
    fixed = {"made.test. 0 NS invalid.", 'version.made.test. 0 TXT "2"'}
    assert daemon.records("made.test") == fixed | {
        f"{label}.zones.made.test. 0 PTR a.test.",
        f'group.{label}.zones.made.test. 0 TXT "gold"',
    }
    assert daemon.catalogs() == {"made.test.": "generate", "a.test.": "@made.test.#gold"}
    serial = int(daemon.do("zone-status", zone="made.test", filters="s")[0].data or "")
    daemon.configure(GENERATED + two + three)
    daemon.reload()
    labels = [member_id(made, name_wire(f"{zone}.test.")).decode() for zone in "bc"]
    wanted = {f"{text}.zones.made.test. 0 PTR {zone}.test." for text, zone in zip(labels, "bc", strict=True)}
    wait_for(lambda: daemon.records("made.test") == fixed | wanted, "the other members")
    later = int(daemon.do("zone-status", zone="made.test", filters="s")[0].data or "")
    assert later > serial
    assert daemon.logged().count(f"[made.test.] loaded, serial {serial} -> {later}, ") == 1
    daemon.stop()
    daemon.start()
    assert daemon.records("made.test") == fixed | wanted
    assert daemon.do("zone-status", zone="made.test", filters="s")[0].data == str(later)


def test_catalogprint_beside_the_daemon(daemon: Cataloguer, capsys: pytest.CaptureFixture[str]) -> None:
    """The tool finds the store by the configuration."""
    daemon.catalog_file(member_line("u1", "a.test"))
    daemon.start()
    daemon.serves("a.test")
    assert catalogprint.main(["-c", str(daemon.config)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:] == ["a.test.  u1.zones.cat.test.  cat.test.  ", "Total records: 1"]


def test_ten_thousand_members(daemon: Cataloguer) -> None:
    """They come by one load, outlive a restart, and half of them go."""
    daemon.server_items.append("background-workers: 2")
    daemon.configure()
    daemon.config.write_text(daemon.config.read_text().replace("journal-db-max-size: 64M", "journal-db-max-size: 500M"))
    zones = [f"m{number}.test" for number in range(MANY)]
    for zone in zones:
        daemon.member_file(zone)
    daemon.catalog_file()
    daemon.start()
    members = [member_line(f"u{number}", zone) for number, zone in enumerate(zones)]
    daemon.catalog_file(*members, serial=2)
    daemon.signal(signal.SIGUSR1)
    for zone in (zones[0], zones[-1]):
        wait_for(lambda zone=zone: daemon.template_of(zone) == "one", "the members", 120)  # type: ignore[misc]
    daemon.stop()
    daemon.start()
    daemon.serves(zones[-1])
    daemon.catalog_file(*members[MANY // 2 :], serial=3)
    daemon.do("zone-reload", Unit(zone="cat.test"))
    wait_for(lambda: daemon.template_of(zones[0]) is None, "half of the members go", 120)
    wait_for(lambda: len(daemon.catalogs()) == 1 + MANY // 2, "the others stay", 120)
    daemon.serves(zones[-1])
