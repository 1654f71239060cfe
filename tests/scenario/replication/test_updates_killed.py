# SPDX-License-Identifier: Apache-2.0
"""kill -9 under updates of several zones and zone transactions: what was acknowledged is there, nothing by half."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.daemon import wait_for
from tests.support.updated_daemon import UpdatedDaemon, Updaters, check_halves

ZONES = ("example.com.", "example.net.", "example.org.")
CLIENTS = 3
"""Of each zone."""
KILLS = 2


class Editor:
    """An operator with one zone transaction after the other, each of two names, until one fails."""

    def __init__(self, daemon: UpdatedDaemon, zone: str, run: str) -> None:
        self._daemon, self._zone, self._run = daemon, zone, run
        self.acknowledged: list[str] = []
        self._is_over = False

    @contextmanager
    def running(self) -> Iterator["Editor"]:
        """Let it work in the block."""
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._is_over = True
            thread.join()

    def _work(self) -> None:
        for step in range(1_000_000):
            label = f"{self._run}-ctl-{step}"
            steps = [("zone-begin", self._zone)]
            steps += [("zone-set", self._zone, f"{side}.{label}", "60", "A", "192.0.2.8") for side in ("a", "b")]
            for words in (*steps, ("zone-commit", self._zone)):
                if self._daemon.control(*words, said_otherwise=True)[0] != 0:
                    return
            self.acknowledged.append(label)
            if self._is_over:
                return


def test_killed_under_updates(tmp_path: Path) -> None:
    """After each kill and restart every acknowledged change is there, and none by half."""
    daemon = UpdatedDaemon(tmp_path)
    for zone in ZONES:
        daemon.write_zone(zone.rstrip("."), 1)
    daemon.write_config(*(zone.rstrip(".") for zone in ZONES))
    daemon.start()
    expected: dict[str, set[str]] = {zone: set() for zone in ZONES}
    try:
        for run in range(KILLS):
            updaters = [Updaters(daemon.address, daemon.port, CLIENTS, f"r{run}", zone) for zone in ZONES]
            editor = Editor(daemon, ZONES[0], f"r{run}")
            with ExitStack() as stack:
                stack.enter_context(editor.running())
                for clients in updaters:
                    stack.enter_context(clients.running())
                for clients in updaters:
                    wait_for(lambda: clients.total() >= 30 * (1 + run), "updates are acknowledged")  # noqa: B023
                wait_for(lambda: len(editor.acknowledged) > run, "transactions are committed")  # noqa: B023
                daemon.kill()
            expected[ZONES[0]].update(editor.acknowledged)
            for clients in updaters:
                expected[clients.zone].update(*clients.acknowledged)
            daemon.start()
            for zone in ZONES:
                daemon.expect(f"[{zone}] loaded, serial none -> ")
                check_halves(daemon, zone, expected[zone])
    finally:
        daemon.close()
