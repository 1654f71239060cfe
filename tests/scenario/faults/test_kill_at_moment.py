# SPDX-License-Identifier: Apache-2.0
"""faults/killed at a chosen moment: between what is stored, what is published, and what is written to files."""

from pathlib import Path

import pytest

from control.ctl.client import ClientError
from control.ctl.unit import Unit
from tests.support.daemon import WAIT_S
from tests.support.driven import Driven

NAMES = ("example.com", "example.net")
ADDRESS = "192.0.2.77"


class Dying:
    """A daemon with two zones that dies at a moment once it is armed."""

    def __init__(self, daemon: Driven, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
        self.daemon = daemon
        monkeypatch.setenv("XDPDNS_TEST_DIES_AT", moment)
        monkeypatch.setenv("XDPDNS_TEST_ARMED", str(daemon.base))
        daemon.write_zone(NAMES[1], 1)
        daemon.write_config(*NAMES, extra="template:\n  - id: default\n    zonefile-sync: -1\n")
        daemon.import_config()
        wrap = daemon.wrap
        daemon.wrap = lambda *words: [
            "tests.support.dying" if word == "control.tools.xdpdnsd" else word for word in wrap(*words)
        ]
        daemon.up()

    @property
    def armed(self) -> Path:
        """The file that lets the daemon die."""
        return self.daemon.base / "armed"

    def edit_both(self, *, armed: bool = True) -> None:
        """Change both zones in one commit, which the daemon survives unless it is armed for it."""
        for zone in NAMES:
            self.daemon.edit(zone, [("set", Unit(owner="new", ttl="60", type="A", data=ADDRESS))])
        if armed:
            self.armed.touch()
        self.daemon.do("zone-commit", *(Unit(zone=zone) for zone in NAMES))

    def revive(self) -> None:
        """See that the daemon has died, and start it again."""
        assert self.daemon.process is not None
        assert self.daemon.process.wait(WAIT_S) == -9
        self.armed.unlink()
        self.daemon.up()

    def has_change(self) -> list[bool]:
        """Whether the change of `edit_both` is in each zone, in the store and in answers, which is the same."""
        found = []
        for zone in NAMES:
            stored = (f"new.{zone}.", "A") in self.daemon.rows(zone)
            for tcp in (False, True):
                assert bool(self.daemon.ask(f"new.{zone}", tcp=tcp).answer) == stored
            found.append(stored)
        return found


def test_before_the_store_commits(daemon: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of two zones that the store has not made did not happen in either."""
    dying = Dying(daemon, monkeypatch, "before-commit")
    with pytest.raises(ClientError):
        dying.edit_both()
    dying.revive()
    assert dying.has_change() == [False, False]
    assert daemon.do("zone-status", zone="example.com", filters="s")[0].data == "1"


def test_between_store_and_publication(daemon: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of two zones that the store has is published by the next daemon to the engine that goes on."""
    dying = Dying(daemon, monkeypatch, "after-commit")
    engine = daemon.engine_pid()
    with pytest.raises(ClientError):
        dying.edit_both()
    assert not daemon.ask("new.example.com").answer
    dying.revive()
    assert dying.has_change() == [True, True]
    assert daemon.engine_pid() == engine
    for zone in NAMES:
        assert [unit.flags for unit in daemon.do("zone-journal", zone=zone)] == ["-", "+", "+"]


@pytest.mark.parametrize("moment", ["before-rename", "after-rename"])
def test_while_a_zone_file_is_replaced(daemon: Driven, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """The zone file is the old or the new one as a whole; the zone is the new one; no temporary file stays."""
    dying = Dying(daemon, monkeypatch, moment)
    file = daemon.base / "example.com.zone"
    old = file.read_text()
    dying.edit_both(armed=False)
    dying.armed.touch()
    with pytest.raises(ClientError):
        daemon.do("zone-flush", zone="example.com", flags="FB")
    text = file.read_text()
    assert (text == old) == (moment == "before-rename")
    assert (ADDRESS in text) == (moment == "after-rename")
    dying.revive()
    assert dying.has_change() == [True, True]
    daemon.do("zone-flush", flags="FB")
    assert ADDRESS in file.read_text()
    assert not list(daemon.base.glob(".*.new"))


def test_between_configuration_database_and_its_use(daemon: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of the configuration that the database has is in use after the next start."""
    dying = Dying(daemon, monkeypatch, "after-conf-commit")
    daemon.do("conf-begin")
    daemon.do("conf-unset", section="zone", item="domain", id="example.net")
    daemon.do("conf-set", section="server", item="nsid", data="changed")
    dying.armed.touch()
    with pytest.raises(ClientError):
        daemon.do("conf-commit")
    dying.revive()
    assert daemon.do("conf-read", section="server", item="nsid")[0].data == "changed"
    assert daemon.do("conf-list", section="zone", item="domain")[0].data == "example.com."
    assert daemon.ask("example.net", "SOA").rcode() == 5
    assert daemon.refusal("conf-diff") == "no active transaction"
