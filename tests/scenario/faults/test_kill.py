# SPDX-License-Identifier: Apache-2.0
"""faults/killed at any moment: what was acknowledged is there, nothing is there in part, and it goes on."""

import os
import random
import time

from control.tools import journalprint
from tests.scenario.faults import editing
from tests.support.daemon import kill_process, wait_for
from tests.support.driven import Driven

KILLS = int(os.environ.get("XDPDNS_TEST_KILLS", "25"))
"""Lives of the daemon; the environment variable asks for a longer run."""
SEED = int(os.environ.get("XDPDNS_TEST_SEED", "3"))
LONGEST_LIFE_S = 0.5
DAEMON, ENGINE, BOTH = "daemon", "engine", "both"


def prepare(daemon: Driven) -> None:
    """Start with the zones configured in a database, one of them without a file from then on."""
    for zone in (*editing.ZONES, editing.EXTRA):
        daemon.write_zone(zone, editing.FIRST)
    daemon.write_config(extra=editing.CONFIG.format(base=daemon.base))
    daemon.import_config("-m", "20")
    daemon.up()
    daemon.do("conf-begin")
    daemon.do("conf-set", section="template", id="kept", item="zonefile-load", data="none")
    daemon.do("conf-commit")


def end(daemon: Driven, victim: str) -> None:
    """Kill who is to be killed, see what the store is, and bring the daemon back."""
    assert daemon.process is not None
    if victim != DAEMON:
        kill_process(daemon.engine_pid())
    if victim != ENGINE:
        daemon.kill()


def test_killed_at_random_moments(daemon: Driven) -> None:
    """Daemon, engine or both die while clients edit zones and configuration; every life begins with what was told."""
    prepare(daemon)
    moments, numbers = random.Random(SEED), editing.Numbers()
    zone_files = {path.name for path in daemon.base.glob("*.zone")}
    for life in range(KILLS):
        editors = editing.Editors(daemon, numbers, SEED + 2 * life)
        editors.start()
        time.sleep(moments.uniform(0, LONGEST_LIFE_S))
        victim = moments.choices((DAEMON, ENGINE, BOTH), (6, 1, 1))[0]
        end(daemon, victim)
        editors.stopping = True
        editors.join()
        if victim != ENGINE:
            editing.check_store(daemon.base)
            daemon.up()
        else:
            abort_all(daemon)
        wait_for(lambda: editing.is_answered(daemon), "an answer")
        editing.check_served(daemon, numbers)
        editing.check_configuration(daemon, numbers)
    assert numbers.commits > KILLS
    print(f"{KILLS} lives, {numbers.commits} commits, zones {numbers.done}")
    for zone in editing.ZONES:
        assert journalprint.main(["-D", str(daemon.storage / "store"), "-H", "-d", "-x", zone]) == 0
    daemon.do("zone-flush", flags="FB")
    assert {path.name for path in daemon.base.iterdir() if path.name.endswith((".zone", ".new"))} == zone_files
    assert daemon.stop() == 0
    assert [path.name for path in daemon.rundir.iterdir() if path.name != "engine.lock"] == []
    assert {path.name for path in daemon.storage.iterdir()} <= {"table", "store", "lock", "xdpdnsd.lock"}


def abort_all(daemon: Driven) -> None:
    """Forget the transactions that clients left open in a daemon that lives on."""
    for zone in editing.ZONES:
        daemon.refusal_or_none("zone-abort", zone=zone)
    daemon.refusal_or_none("conf-abort")
