# SPDX-License-Identifier: Apache-2.0
"""Zones in a store and a table, and UPDATE messages carried out on them without a daemon."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.ddns.carry import Carried, Carrier, Commit
from control.ddns.message import Update, UpdateRefused, parse_update
from control.store.contents import iterate_rrsets
from control.store.environment import Store
from control.store.zones import get_zone
from control.update.door import Door
from pyxdp_dns.table import Table
from pyxdp_dns.text import parse_name
from tests.support.update_cases import ZONE

Records = frozenset[tuple[bytes, int, int, bytes]]
"""Owner, type, TTL and data in canonical form of every record of a zone."""


class UpdatedZones:
    """A store and a table in a directory."""

    def __init__(self, directory: Path, store: Store, table: Table) -> None:
        self.directory, self.store = directory, store
        self.door = Door(store, table, Clock())
        self.settings = ZoneSettings(zonefile_sync_s=-1)

    def load(self, name: str, text: str = ZONE) -> bytes:
        """Make a zone; return its wire name."""
        path = self.directory / "zone"
        path.write_text(text)
        apex = parse_name(name, b"\0")
        self.door.load(apex, str(path), self.settings, cold=True)
        return apex

    def carry_out(self, apex: bytes, updates: Sequence[Update], commit: Commit | None = None) -> Carried:
        """Carry out a batch."""
        return Carrier(self.store, commit or self.door.commit, apex, self.settings).carry_out(updates)

    def send(self, apex: bytes, *messages: bytes) -> list[int]:
        """Carry out messages in one batch; return the RCODEs. Messages that cannot be read are left out of it."""
        rcodes: list[int | None] = []
        updates = []
        for message in messages:
            try:
                updates.append(parse_update(message))
                rcodes.append(None)
            except UpdateRefused as refusal:
                rcodes.append(refusal.rcode)
        verdicts = iter(self.carry_out(apex, updates).verdicts)
        return [int(next(verdicts).rcode) if rcode is None else int(rcode) for rcode in rcodes]

    def records(self, apex: bytes) -> Records:
        """Return what the zone has."""
        with self.store.read() as txn:
            zone = get_zone(txn, apex)
            assert zone is not None
            return frozenset(
                (rrset.owner, rrset.type, rrset.ttl, rdata)
                for rrset in iterate_rrsets(txn, zone)
                for rdata in rrset.rdatas
            )

    def serial(self, apex: bytes) -> int:
        """Return the zone's serial."""
        zone = self.door.find_zone(apex)
        assert zone is not None
        return zone.serial


@contextmanager
def updated_zones() -> Iterator[UpdatedZones]:
    """Give a store and a table that go with the block."""
    with tempfile.TemporaryDirectory() as path:
        directory = Path(path)
        with (
            Store(directory / "store", 64 << 20, 1, durable=False) as store,
            Table.create(directory / "table") as table,
        ):
            yield UpdatedZones(directory, store, table)
