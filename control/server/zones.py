# SPDX-License-Identifier: Apache-2.0
"""Zones as configured into the store and the table: loading, dropping, rebuilding. Runs in the writer thread."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from control.conf.model import Config, ZoneConf
from control.conf.values import name_to_wire
from control.errors import ControlError
from control.log import DEBUG, ERROR, INFO, WARNING, Log
from control.update.results import LoadResult, Outcome
from pyxdp_dns.errors import EngineError, TableRefused, ZoneCheckError, ZoneFileError
from pyxdp_dns.table import ServerInfo, Table

ERRORS_LOGGED = 20
"""Errors of one zone file that are logged one by one."""


def server_info(config: Config) -> ServerInfo:
    """What the server says of itself."""
    server = config.server
    return ServerInfo(
        identity=server.identity,
        version=server.version,
        nsid=server.nsid,
        udp_payload_ipv4=server.udp_max_payload_ipv4,
        udp_payload_ipv6=server.udp_max_payload_ipv6,
    )


class Zones:
    """The store, the table and the configured zones. Every method but `__init__` belongs to the writer thread."""

    def __init__(self, storage: str, map_bytes: int, log: Log) -> None:
        self.table_path = Path(storage) / "table"
        self.store_path = Path(storage) / "store"
        self.map_bytes, self.log = map_bytes, log
        self.table: Table | None = None
        self.store: Any = None
        self.door: Any = None
        self.stopping = False
        self.readers: Any = None

    def open(self) -> bool:
        """Open store and table, making what is not there; true when the table is new and has to be filled."""
        import time

        from control.store.environment import Store

        if self.store is None:
            self.store = Store(self.store_path, self.map_bytes, time.time_ns())
        fresh = not self.table_path.exists()
        if not fresh:
            try:
                self.table = Table.open_writer(self.table_path)
            except TableRefused as error:
                self.quarantine(str(error))
                fresh = True
        if fresh:
            self.table = Table.create(self.table_path)
        self._connect()
        return fresh

    def quarantine(self, reason: str) -> None:
        """Put a table that cannot be used aside, for inspection."""
        aside = self.table_path.with_suffix(".refused")
        self.log.error(f"response table '{self.table_path}' refused ({reason}), kept as '{aside}', building a new one")
        os.replace(self.table_path, aside)

    def rebuild_if_refused(self, config: Config) -> bool:
        """Replace a table that readers refuse by a new one, filled from the store; true when that was done."""
        try:
            Table.open_reader(self.table_path).close()
        except TableRefused as error:
            reason = str(error)
        except EngineError:
            return False
        else:
            return False
        if self.table is not None:
            self.table.close()
            self.table = None
        self.quarantine(reason)
        self.open()
        self.publish_server(config)
        for zone in config.zones.values():
            self._keep(zone)
        return True

    def _connect(self) -> None:
        from control.clock import Clock
        from control.update.door import Door

        assert self.table is not None
        self.table.set_readers(self.readers)
        self.door = Door(self.store, self.table, Clock())

    def set_readers(self, shm: Any | None) -> None:
        """Wait for the readers of this shared region from now on."""
        self.readers = shm
        if self.table is not None:
            self.table.set_readers(shm)

    def publish_server(self, config: Config) -> None:
        """Publish identity, version, NSID and payload sizes."""
        assert self.table is not None
        with self.table.transaction() as txn:
            txn.set_server_info(server_info(config))

    def publish_empty(self, zones: Iterable[ZoneConf]) -> None:
        """Make zones that the table does not have answer SERVFAIL until they are loaded."""
        assert self.table is not None
        for zone in zones:
            apex = name_to_wire(zone.name)
            if self.table.zone_info(apex) is None:
                self.door.publish_empty(apex)

    def drop_others(self, config: Config) -> int:
        """Drop what is in the table or the store but not configured; return how many."""
        assert self.table is not None
        keep = {name_to_wire(name) for name in config.zones}
        gone = [apex for apex in self.known() if apex not in keep]
        for apex in gone:
            self.door.drop(apex)
        return len(gone)

    def known(self) -> set[bytes]:
        """The zones of table and store."""
        from control.store.zones import list_zones

        assert self.table is not None
        with self.store.read() as txn:
            return {zone.apex for zone in list_zones(txn)}.union(self.table.zones())

    def load(self, zone: ZoneConf, *, at_start: bool) -> bool:
        """Load a zone's file when it changed; what was served stays when that fails. True: it has contents."""
        if self.stopping:
            return False
        try:
            result = self.door.load_file(name_to_wire(zone.name), zone.file, zone.default_ttl)
        except (ControlError, EngineError, OSError) as error:
            self._failed(zone, error)
            return self._keep(zone)
        self._loaded(zone, result, at_start)
        return True

    def _keep(self, zone: ZoneConf) -> bool:
        """Serve what the store has of a zone, or SERVFAIL."""
        apex = name_to_wire(zone.name)
        try:
            if self.door.ensure_table(apex):
                return True
            self.publish_empty((zone,))
        except (ControlError, EngineError) as error:
            self.log.zone(ERROR, zone.name, f"zone cannot be published ({error})")
        return False

    def _failed(self, zone: ZoneConf, error: Exception) -> None:
        reason = ""
        if not os.path.exists(zone.file):
            reason = "not exists"
        elif isinstance(error, OSError):
            reason = error.strerror or str(error)
        if reason:
            self._error(zone, f"failed to parse zone file '{zone.file}' ({reason})")
        elif isinstance(error, ZoneFileError):
            for file, line, text in error.errors[:ERRORS_LOGGED]:
                self._error(zone, f"zone loader, error in zone, file '{file}', line {line} ({text})")
            self._error(zone, f"zone loader, failed to load, file '{zone.file}', {error.count} errors")
            reason = "invalid zone file"
        elif isinstance(error, ZoneCheckError):
            for owner, text in error.findings[:ERRORS_LOGGED]:
                self._error(zone, f"check, node {owner}, {text}")
            reason = "semantic check"
        self._error(zone, f"zone event 'load' failed ({reason or error})")

    def _error(self, zone: ZoneConf, text: str) -> None:
        self.log.zone(ERROR, zone.name, text)

    def _loaded(self, zone: ZoneConf, result: LoadResult, at_start: bool) -> None:
        for warning in result.warnings:
            self.log.zone(WARNING, zone.name, warning)
        if result.outcome is Outcome.UNCHANGED:
            text = f"loaded, serial {result.new_serial}, zone file unchanged"
            self.log.zone(INFO if at_start else DEBUG, zone.name, text)
            return
        old = "none" if result.old_serial is None else str(result.old_serial)
        if result.old_serial is None:
            self.log.zone(INFO, zone.name, f"zone file loaded, serial {result.new_serial}")
        else:
            self.log.zone(INFO, zone.name, f"zone file loaded, serial updated {old} -> {result.new_serial}")
        text = f"loaded, serial {old} -> {result.new_serial}, {result.records} records, {result.seconds:.2f} seconds"
        self.log.zone(INFO, zone.name, text)

    def sync(self) -> None:
        """Write the table to disk."""
        if self.table is not None:
            self.table.sync()

    def close(self) -> None:
        """Close table and store."""
        if self.table is not None:
            self.table.close()
            self.table = None
        if self.store is not None:
            self.store.close()
            self.store = None
