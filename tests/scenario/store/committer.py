# SPDX-License-Identifier: Apache-2.0
"""A process whose threads each change a zone, record by record, until it is killed; started by the crash test.

Usage: committer.py DIRECTORY. It says `ready` once zones are loaded, then zone and serial of each change that was
acknowledged. Serial n of a zone has at `h<n % NAMES>` a TXT record that says n, so each state is known by its serial.
"""

import os
import sys
import threading
import time
from pathlib import Path

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.store.environment import Store
from control.store.keys import Record
from control.update.door import Door
from control.update.prepared import LoadRequest
from control.update.request import ZoneUpdate
from tests.scenario.store.loader import open_table, txt_rdata

NAMES = 7
TXT = 16
FIRST = 1
STORE_BYTES = 64 << 20
ZONES = (b"\3one\0", b"\3two\0", b"\5three\0")
SETTINGS = ZoneSettings(zonefile_sync_s=-1, journal_max_depth=9)


def zone_text(apex: bytes, serial: int = FIRST) -> str:
    """The zone of a serial; of the first, with a journal from there, the zone file."""
    name = apex[1:-1].decode()
    last = {number % NAMES: number for number in range(FIRST + 1, serial + 1)}
    texts = "".join(f"h{key}.{name}. 60 IN TXT {number}\n" for key, number in sorted(last.items()))
    return f"{name}. 60 IN SOA ns.{name}. h.{name}. {serial} 1 1 1 1\n{name}. 60 IN NS ns.{name}.\n{texts}"


def update_to(apex: bytes, serial: int) -> ZoneUpdate:
    """The change to a serial from the one before."""
    owner = b"\2h%d" % (serial % NAMES) + apex
    old, new = (Record(owner, TXT, 60, txt_rdata(number)) for number in (serial - NAMES, serial))
    removals = (old,) if serial - NAMES > FIRST else ()
    return ZoneUpdate(apex, SETTINGS, removals=removals, additions=(new,))


def work(door: Door, apex: bytes) -> None:
    """Change one zone for ever and tell of each change."""
    zone = door.find_zone(apex)
    assert zone is not None
    serial = zone.serial
    while True:
        serial += 1
        (result,) = door.commit([update_to(apex, serial)])
        assert result.new_serial == serial
        os.write(1, b"%s %d\n" % (apex[1:-1], serial))


def main(directory: Path) -> None:
    """Load the zones and change them until killed."""
    requests = [LoadRequest(apex, str(directory / apex[1:-1].decode()), SETTINGS, cold=True) for apex in ZONES]
    for request in requests:
        if not os.path.exists(request.file):
            Path(request.file).write_text(zone_text(request.zone))
    with Store(directory / "store", STORE_BYTES, time.time_ns()) as store, open_table(directory / "table") as table:
        door = Door(store, table, Clock())
        door.sweep()
        for _, result in door.load_many(requests):
            if isinstance(result, Exception):
                raise result
        os.write(1, b"ready\n")
        threads = [threading.Thread(target=work, args=(door, apex), daemon=True) for apex in ZONES]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
