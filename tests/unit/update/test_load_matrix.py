# SPDX-License-Identifier: Apache-2.0
"""`zonefile-load` x `journal-content`: what a load gives from file, store and journal, at a start and at a reload."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import ZoneError
from control.store.contents import get_rrset, owner_rrsets
from control.store.environment import Store
from control.store.keys import Record
from control.store.zones import get_zone
from control.update.door import Door
from pyxdp_dns.table import Table
from tests.support.doors import change
from tests.support.matrix import GONE, MATRIX, Shown, parse_shown, run_steps

APEX = b"\7example\0"
A, TXT = 1, 16
HOUR_NS = 3600 * 10**9
UPDATE = Record(b"\6update" + APEX, A, 60, b"\1\2\3\4")


class InProcess:
    """The door on a store that is closed and opened at each start."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.file = directory, directory / "example.zone"
        self.settings = ZoneSettings()
        self.store: Store | None = None
        self.table = Table.create(directory / "table")

    def open(self) -> Door:
        assert self.store is not None
        clock = Clock()
        return Door(self.store, self.table, replace(clock, now_ns=lambda: clock.now_ns() + HOUR_NS))

    def start(self, load: str, content: str, text: str | None) -> None:
        self.close()
        self.settings = ZoneSettings(zonefile_load=load, journal_content=content, zonefile_sync_s=-1)
        self.store = Store(self.directory / "store", 64 << 20, 1)
        self.write(text)
        try:
            self.open().load(APEX, str(self.file), self.settings, cold=True)
        except ZoneError:
            self.open().publish_empty(APEX)

    def reload(self, text: str | None) -> None:
        self.write(text)
        with suppress(ZoneError):
            self.open().load(APEX, str(self.file), self.settings, cold=False, force=True)

    def update(self) -> None:
        change(self.open(), APEX, [], [UPDATE], self.settings, keeps_serial=False)

    def show(self) -> Shown:
        assert self.store is not None
        info = self.table.zone_info(APEX)
        if info is None or not info.has_contents:
            return GONE
        with self.store.read() as txn:
            zone = get_zone(txn, APEX)
            assert zone is not None
            assert (zone.version, zone.serial) == (info.version, info.serial)
            (mark,) = owner_rrsets(txn, zone, b"\4mark" + APEX)
            return Shown(zone.serial, mark.rdatas[0][1:].decode(), get_rrset(txn, zone, UPDATE.owner, A) is not None)

    def write(self, text: str | None) -> None:
        if text is not None:
            self.file.write_text(text)

    def close(self) -> None:
        if self.store is not None:
            self.store.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[InProcess]:
    server = InProcess(tmp_path)
    yield server
    server.close()
    server.table.close()


@pytest.mark.parametrize(("load", "content"), MATRIX)
def test_every_cell(server: InProcess, load: str, content: str) -> None:
    """Starts, an update, reloads with the same, a greater and a lesser serial give what is expected of each mode."""
    assert run_steps(server, load, content) == [parse_shown(text) for text in MATRIX[load, content].split()]
