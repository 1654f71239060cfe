# SPDX-License-Identifier: Apache-2.0
"""A process that loads and changes zones over and over until it is killed; started by the crash test.

Usage: loader.py DIRECTORY. It says `ready` once store and table are open and healed. Version n of the zone has its
serial and a TXT record at `version.example.` that both say n, and n % 7 * 40 further names; so every state is known by
its serial.
"""

import sys
import time
from pathlib import Path

from control.clock import Clock
from control.store.environment import Store
from control.store.keys import Record
from control.update import load, publish, whole
from control.update.door import Door
from pyxdp_dns.errors import TableError
from pyxdp_dns.table import Table
from tests.support.doors import change, load_file

APEX = b"\7example\0"
TXT_OWNER = b"\7version" + APEX
SOA, TXT = 6, 16
DEFAULT_TTL = 3600
STORE_BYTES = 64 << 20


def names_of(serial: int) -> int:
    return serial % 7 * 40


def zone_text(serial: int) -> str:
    hosts = "".join(f"h{i:05d}.example. 60 IN A 192.0.2.1\n" for i in range(names_of(serial)))
    return (
        f"example. 60 IN SOA ns.example. host.example. {serial} 3600 900 604800 300\n"
        "example. 60 IN NS ns.example.\n"
        "ns.example. 60 IN A 192.0.2.1\n"
        f"version.example. 60 IN TXT {serial}\n{hosts}"
    )


def soa_rdata(serial: int) -> bytes:
    numbers = b"".join(number.to_bytes(4, "big") for number in (serial, 3600, 900, 604800, 300))
    return b"\2ns" + APEX + b"\4host" + APEX + numbers


def txt_rdata(serial: int) -> bytes:
    return bytes((len(str(serial)),)) + str(serial).encode()


def open_table(path: Path) -> Table:
    """Open the table that a killed writer left, or begin a new one where it cannot be used."""
    if path.exists():
        try:
            return Table.open_writer(path)
        except TableError:
            path.unlink()
    return Table.create(path)


def change_zone(door: Door, serial: int) -> None:
    """From `serial` to the next with the same number of names, seven on, by a change of records."""
    removals = [Record(TXT_OWNER, TXT, 60, txt_rdata(serial))]
    additions = [Record(APEX, SOA, 60, soa_rdata(serial + 7)), Record(TXT_OWNER, TXT, 60, txt_rdata(serial + 7))]
    change(door, APEX, removals, additions)


def main(directory: Path) -> None:
    """Load and change until killed; small transactions and both ways of loading."""
    whole.CHUNK_RRSETS = load.CHUNK_RRSETS = 50
    publish.MIN_INCREMENTAL = 100
    zone_file = directory / "example.zone"
    with Store(directory / "store", STORE_BYTES, time.time_ns()) as store, open_table(directory / "table") as table:
        door = Door(store, table, Clock())
        door.sweep()
        door.ensure_table(APEX)
        known = door.find_zone(APEX)
        serial = 1 if known is None else known.serial
        print("ready", flush=True)
        while True:
            serial += 1
            zone_file.write_text(zone_text(serial))
            load_file(door, APEX, str(zone_file), DEFAULT_TTL)
            change_zone(door, serial)
            serial += 7


if __name__ == "__main__":
    main(Path(sys.argv[1]))
