# SPDX-License-Identifier: Apache-2.0
"""faults/a wall clock that jumps: serials never go back, events and statistics keep their pace."""

import os
from itertools import pairwise

import pytest

from control.ctl.unit import Unit
from control.update.serial import compare_serials
from tests.support.daemon import wait_for
from tests.support.driven import Driven

YEAR_S = 365 * 86400
ZONES = ("unix.test", "date.test", "delayed.test")
CONFIG = """\
statistics:
  timer: 1
  file: {base}/stats.yaml
template:
  - id: default
    storage: {base}
zone:
  - domain: unix.test
    serial-policy: unixtime
    zonefile-sync: -1
  - domain: date.test
    serial-policy: dateserial
    zonefile-sync: -1
  - domain: delayed.test
    zonefile-sync: 1
"""


def test_jumps(daemon: Driven, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years ahead, years back, and a restart in the past: each commit counts on, what is due later comes."""
    clock, dump = daemon.base / "clock", daemon.base / "stats.yaml"
    clock.write_text("0")
    monkeypatch.setenv("XDPDNS_TEST_CLOCK", str(clock))
    for zone in ZONES:
        daemon.write_zone(zone, 1)
    daemon.write_config(extra=CONFIG.format(base=daemon.base))
    wrap = daemon.wrap
    daemon.wrap = lambda *words: [
        "tests.support.shifted" if word == "control.tools.xdpdnsd" else word for word in wrap(*words)
    ]
    daemon.up()
    serials: dict[str, list[int]] = {zone: [1] for zone in ZONES}
    for number, shift in enumerate((0, 10 * YEAR_S, -20 * YEAR_S, 0, -20 * YEAR_S)):
        change = daemon.base / "new"
        change.write_text(str(shift))
        os.replace(change, clock)
        for zone in ZONES:
            daemon.edit(zone, [("set", Unit(owner=f"n{number}", ttl="60", type="A", data="192.0.2.9"))])
            daemon.do("zone-commit", zone=zone)
            serials[zone].append(int(daemon.do("zone-status", zone=zone, filters="s")[0].data or 0))
            assert daemon.address_of(f"n{number}.{zone}") == "192.0.2.9"
        wait_for(lambda name=f"n{number}.": name in (daemon.base / "delayed.test.zone").read_text(), "a late flush")
        daemon.do("zone-status")
        dump.unlink(missing_ok=True)
        wait_for(dump.exists, "a dump")
    assert all(compare_serials(*pair) == -1 for found in serials.values() for pair in pairwise(found)), serials
    daemon.kill()
    daemon.up()
    for zone in ZONES:
        assert int(daemon.do("zone-status", zone=zone, filters="s")[0].data or 0) == serials[zone][-1]
        daemon.do("zone-flush", zone=zone, flags="FB")
        daemon.do("zone-reload", zone=zone, flags="FB")
        assert daemon.address_of(f"n4.{zone}") == "192.0.2.9"
    assert "fault" not in daemon.all_output()
    assert daemon.stop() == 0
