# SPDX-License-Identifier: Apache-2.0
"""The operator's manual, "Journal behaviour": history, limits, merging and flushing, as the programs show it."""

import subprocess
import sys

import pytest

from tests.support.daemon import wait_for
from tests.support.operator import PROGRAMS, Operated

pytestmark = pytest.mark.peer("knotc")

JOURNALPRINT = (sys.executable, "-m", "control.tools.journalprint", "-x")


def start(operated: Operated, *items: str) -> None:
    """Start the daemon with these items for all zones."""
    head, _, zones = operated.config.read_text().partition("zone:\n")
    lines = "".join(f"    {item}\n" for item in items)
    operated.config.write_text(f"{head}template:\n  - id: default\n{lines}zone:\n{zones}")
    operated.start()


def change(operated: Operated, times: int) -> None:
    """Make this number of changes that follow each other, each a new address of the same name."""
    for number in range(times):
        operated.ok("zone-begin example.com")
        if number:
            operated.ok("zone-unset example.com changing")
        operated.ok(f"zone-set example.com changing 60 A 192.0.2.{number + 10}")
        operated.ok("zone-commit example.com")


def journalprint(operated: Operated, *words: str) -> str:
    """Run xdpdns-journalprint on the configuration while the daemon runs."""
    argv = [*JOURNALPRINT, "-c", str(operated.config), *words]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def changesets(operated: Operated) -> int:
    """Return the number of changesets that zone-journal shows: each begins with the SOA that goes."""
    argv = [*PROGRAMS["xdpdnsctl"], "-s", str(operated.rundir / "knot.sock"), "zone-journal", "example.com"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    return sum(line.startswith("-") and " SOA " in line for line in done.stdout.splitlines())


def test_history(operated: Operated) -> None:
    """Every change is a changeset from one serial to the next; both programs show them."""
    start(operated)
    change(operated, 3)
    assert changesets(operated) == 3
    assert journalprint(operated, "-z").split() == ["example.com."]
    text = journalprint(operated, "example.com")
    assert text.count(";; Removed") == text.count(";; Added") == 3
    assert "192.0.2.12" in text
    assert journalprint(operated, "-l", "1", "example.com").count(";; Removed") == 1
    journalprint(operated, "-H", "example.com")


def test_depth_with_flush(operated: Operated) -> None:
    """At the limit the zone is flushed to its file and the oldest changesets go."""
    start(operated, "journal-max-depth: 2", "zonefile-sync: 3600")
    change(operated, 6)
    assert changesets(operated) <= 2
    wait_for(lambda: "changing" in operated.file_text(), "the flush that makes room")
    operated.restart()
    assert (operated.serial(), operated.address_of("changing.example.com")) == ("7", "192.0.2.15")


def test_depth_without_flush(operated: Operated) -> None:
    """With flush disabled changesets are merged, so that file and journal still give the zone."""
    start(operated, "journal-max-depth: 2", "zonefile-sync: -1", "zonefile-load: whole")
    change(operated, 6)
    assert changesets(operated) <= 3
    assert "changing" not in operated.file_text()
    operated.restart()
    assert (operated.serial(), operated.address_of("changing.example.com")) == ("7", "192.0.2.15")


def test_wiping_a_journal(operated: Operated) -> None:
    """`zone-purge +journal` removes the journal of one zone."""
    start(operated)
    change(operated, 2)
    operated.wait_flushed("192.0.2.11")
    operated.ok("-f zone-purge +journal example.com")
    assert changesets(operated) == 0
    assert operated.address_of("changing.example.com") == "192.0.2.11"
