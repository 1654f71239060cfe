# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Reading and editing zones" and "Reading and editing the zone file safely", line by line."""

import pytest

from tests.support.daemon import wait_for
from tests.support.operator import Operated

pytestmark = pytest.mark.peer("knotc")


@pytest.fixture
def two(operated: Operated) -> Operated:
    """A daemon with two zones."""
    operated.write_zone("example.net", 7)
    operated.write_config("example.com", "example.net")
    operated.start()
    return operated


def test_reading(two: Operated) -> None:
    """All zones, one zone, one owner, one type; names without final dot are relative."""
    assert len(two.run("zone-read", "--").splitlines()) == 8
    assert two.run("zone-read", "example.com", "ns") == two.shown("[example.com.] ns.example.com. 300 A 192.0.2.1")
    assert two.run("zone-read", "example.com", "@", "NS") == two.shown(
        "[example.com.] example.com. 300 NS ns.example.com."
    )
    assert two.run("zone-read", "EXAMPLE.com.", "www.example.com.", "AAAA") == ""
    assert two.fails("zone-read example.com no") == "error: (no such node in zone found) [example.com] no"
    assert two.fails("zone-read example.org") == "error: (no such zone found) [example.org]"


def test_a_transaction(two: Operated) -> None:
    """Changes are seen inside the transaction, then in its difference, and are answered on commit."""
    two.ok("zone-begin example.com example.net")
    two.ok("zone-set example.com ns1 3600 A 192.0.2.3")
    two.ok("zone-set -- ns2 3600 A 192.0.2.4")
    two.ok("zone-unset example.com www A 192.0.2.2")
    assert two.run("zone-get", "example.com", "ns1") == two.shown("[example.com.] ns1.example.com. 3600 A 192.0.2.3")
    assert two.run("zone-diff", "example.com").splitlines() == [
        two.shown("[example.com.] -www.example.com. 300 A 192.0.2.2"),
        two.shown("[example.com.] +ns1.example.com. 3600 A 192.0.2.3"),
        two.shown("[example.com.] +ns2.example.com. 3600 A 192.0.2.4"),
    ]
    assert two.address_of() == "192.0.2.2"
    two.ok("zone-commit example.com")
    assert two.address_of("ns1.example.com") == "192.0.2.3"
    assert not two.ask("www.example.com").answer
    two.ok("zone-abort example.net")
    assert not two.ask("ns2.example.net").answer
    assert (two.serial(), two.serial("example.net")) == ("2", "7")


def test_removing_in_every_form(two: Operated) -> None:
    """All records of an owner, one record set, one record; quoted text is one string."""
    two.ok("zone-begin --")
    for address in ("192.0.2.3", "192.0.2.4"):
        two.ok(f"zone-set -- ns1 3600 A {address}")
    two.ok("zone-set -- ns1 3600 AAAA 2001:db8::1")
    assert two.run("zone-set", "example.com", "@", "3600", "TXT", '"v=spf1 a:mail.example.com -all"') == "OK"
    two.ok("zone-unset example.com ns1 A 192.0.2.3")
    assert "192.0.2.4" in two.run("zone-get", "example.com", "ns1", "A")
    two.ok("zone-unset example.com ns1 A")
    assert two.run("zone-get", "example.com", "ns1", "A") == ""
    assert two.run("zone-get", "example.com", "ns1").endswith(" 3600 AAAA 2001:db8::1")
    two.ok("zone-unset example.net ns1")
    assert "no such node in zone found" in two.fails("zone-get example.net ns1")
    two.ok("zone-commit --")
    assert str(two.ask("example.com", "TXT").answer[0][0]) == '"v=spf1 a:mail.example.com -all"'
    assert str(two.ask("ns1.example.com", "AAAA").answer[0][0]) == "2001:db8::1"


def test_commands_that_are_not_there(two: Operated) -> None:
    """A command of the manual that this server does not have is refused, by the program or by the server."""
    status, text = two.control("zone-refresh", "example.com", said_otherwise=True)
    assert status == 1
    assert "not supported" in text


def test_a_transaction_outlives_connections(two: Operated) -> None:
    """It belongs to the zone; a second one is refused, as are reload and conf-begin, until it ends."""
    two.ok("zone-begin example.com")
    assert two.fails("zone-begin example.com") == two.shown("error: [example.com] (too many transactions)")
    assert two.fails("reload") == "error: (too many transactions)"
    assert two.fails("conf-begin") == "error: (too many transactions)"
    assert "transaction: open" in two.run("zone-status", "example.com")
    two.ok("zone-abort example.com")
    assert two.fails("zone-commit example.com") == two.shown("error: [example.com] (no active transaction)")
    assert two.run("reload") == "Reloaded"
    two.ok("conf-begin")
    assert two.fails("zone-begin example.com") == two.shown("error: [example.com] (too many transactions)")
    two.ok("conf-abort")


def test_several_zones_commit_together(two: Operated) -> None:
    """A zone that breaks a rule keeps the others from being committed; all transactions stay open for correction."""
    two.ok("zone-begin --")
    two.ok("zone-set -- alias 60 CNAME www")
    two.ok("zone-set example.net alias 60 A 192.0.2.9")
    assert "(operation failed for some zones)" in two.fails("zone-commit --")
    assert "(semantic check)" in two.fails("zone-commit example.net")
    assert not two.ask("alias.example.com").answer
    two.ok("zone-unset example.net alias A")
    two.ok("zone-commit --")
    assert two.ask("alias.example.com").answer
    assert two.ask("alias.example.net").answer


def test_editing_errors(two: Operated) -> None:
    """Duplicates, what is not there and bad data are refused in Knot's words and leave the transaction as it was."""
    two.ok("zone-begin example.com")
    assert "such record already exists in zone" in two.fails("zone-set example.com www 300 A 192.0.2.2")
    assert "no such node in zone found" in two.fails("zone-unset example.com nope")
    assert "not exists" in two.fails("zone-unset example.com www AAAA")
    assert "parser failed" in two.fails("zone-set example.com www 300 A nonsense")
    assert "parser failed" in two.fails("zone-set example.com www 300 NOTYPE 1")
    two.ok("zone-unset example.com @ SOA")
    assert two.run("zone-diff", "example.com") == ""
    two.ok("zone-set example.com www 60 A 192.0.2.5")
    assert two.run("zone-get", "example.com", "www").splitlines() == [
        two.shown("[example.com.] www.example.com. 60 A 192.0.2.2"),
        two.shown("[example.com.] www.example.com. 60 A 192.0.2.5"),
    ]
    two.ok("zone-commit example.com")


def test_editing_the_zone_file_safely(two: Operated) -> None:
    """Freeze, flush, edit with a greater serial, reload, thaw: the manual's procedure; changes wait meanwhile."""
    two.ok("zone-begin example.com")
    two.ok("zone-set example.com kept 60 A 192.0.2.7")
    two.ok("zone-commit example.com")
    two.ok("-b zone-freeze example.com.")
    assert "freeze: yes" in two.run("zone-status", "example.com")
    two.ok("-b zone-flush example.com.")
    text = two.file_text()
    assert "kept" in text
    two.write_zone("example.com", 0, text=text.replace(" 2 3600 600", " 3 3600 600") + "added 60 A 192.0.2.8\n")
    two.ok("-b zone-reload example.com.")
    two.ok("zone-thaw example.com.")
    assert two.address_of("added.example.com") == "192.0.2.8"
    assert two.address_of("kept.example.com") == "192.0.2.7"
    assert two.serial() == "3"
    assert two.run("zone-status", "example.com", "+freeze") == "[example.com.]"


def test_a_frozen_zone_keeps_its_flush(two: Operated) -> None:
    """A change of a frozen zone is written to its file after the thaw."""
    two.ok("-b zone-freeze example.com")
    two.ok("zone-begin example.com")
    two.ok("zone-set example.com new 60 A 192.0.2.7")
    two.ok("zone-commit example.com")
    assert two.address_of("new.example.com") == "192.0.2.7"
    assert "flush: frozen(" in two.run("zone-status", "example.com")
    assert "new" not in two.file_text()
    two.ok("-b zone-thaw example.com")
    two.wait_flushed("new")


def test_reload_in_blocking_mode_tells_the_result(two: Operated) -> None:
    """A broken file is an error of the blocking reload, and the old contents stay."""
    two.write_zone("example.com", 0, text="@ SOA nonsense\n")
    assert two.fails("-b zone-reload example.com") == two.shown("error: [example.com] (invalid zone file)")
    assert two.address_of() == "192.0.2.2"
    two.ok("zone-reload example.com")
    assert two.counter("server.zone-update-error", 2) in two.run("stats", "server")


def test_flush_into_a_directory(two: Operated) -> None:
    """A copy is written there and the zone file is left alone."""
    place = two.base / "copies"
    before = two.file_text()
    two.ok(f"-b zone-flush +outdir {place}")
    assert sorted(path.name for path in place.iterdir()) == ["example.com.zone", "example.net.zone"]
    assert two.file_text() == before


def test_purge(two: Operated) -> None:
    """A purged zone has neither contents nor file; with its file back a reload brings it back."""
    two.ok("-f zone-purge example.com")
    assert two.ask("www.example.com").rcode() == 2
    assert two.run("zone-status", "example.com") == "[example.com.] role: master | serial: -"
    assert not (two.base / "example.com.zone").exists()
    two.write_zone("example.com", 9)
    assert two.run("reload") == "Reloaded"
    wait_for(lambda: two.serial() == "9", "the zone from its file")
    two.ok("-f zone-purge +expire example.com")
    assert two.serial() == "-"
    assert two.run("zone-read", "example.com") == ""
    assert two.run("reload") == "Reloaded"
    wait_for(lambda: two.serial() == "9", "the expired zone again")


def test_stats(two: Operated) -> None:
    """Counters of server and zones; an unknown name is refused."""
    assert two.run("stats") == two.counter("server.zone-count", 2)
    assert two.counter("zone.max-ttl", 300, "example.com.") in two.run("zone-stats", "example.com")
    assert two.fails("stats nope") == "error: (invalid parameter) nope"
