# SPDX-License-Identifier: Apache-2.0
"""Store, response table and door of a daemon: opening, filling, putting a refused table aside, closing.

Everything here blocks and is called from worker threads; the door's lock makes the table one thread's at a time.
"""

import os
import time
from collections.abc import Callable, Collection, Container, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from control.access.acl import AddressRule, is_closed, query_rules
from control.conf.model import Config
from control.conf.policy import KeystoreConf
from control.conf.values import name_to_wire
from control.conf.zone import ZoneConf
from control.errors import ControlError, ZoneMissing
from control.log import ERROR, WARNING, Log
from control.sign.signing import unsigned
from pyxdp_dns.errors import EngineError, TableRefused
from pyxdp_dns.table import ACCESS_RULES_MAX, AccessRule, ServerInfo, Table

NO_MODULES: Mapping[str, Any] = {}


def server_info(config: Config, modules: Mapping[str, Any] = NO_MODULES) -> ServerInfo:
    """What the server says of itself, and what is done around its answers (`ModuleSettings` as a mapping)."""
    server = config.server
    return ServerInfo(
        identity=server.identity,
        version=server.version,
        nsid=server.nsid,
        udp_payload_ipv4=server.udp_max_payload_ipv4,
        udp_payload_ipv6=server.udp_max_payload_ipv6,
        **modules,
    )


def access_rules(rules: Iterable[AddressRule]) -> list[AccessRule]:
    """Return rules as the response table has them."""
    return [
        AccessRule(
            rule.first,
            rule.last,
            rule.is_allowed,
            udp=not rule.protocols or "udp" in rule.protocols,
            tcp=not rule.protocols or "tcp" in rule.protocols,
            tls=not rule.protocols or "tls" in rule.protocols,
        )
        for rule in rules
    ]


class Zones:
    """The store, the table and the door; they are there after `open`."""

    def __init__(self, config: Config, log: Log) -> None:
        database = config.database
        self.table_path = Path(database.storage) / "table"
        self.store_path = Path(database.journal_db)
        self.map_bytes, self.durable, self.log = database.map_bytes, not database.asynchronous, log
        self.table: Table | None = None
        self.store: Any = None
        self.door: Any = None
        self.readers: Any = None
        self.modules: Any = None
        self.signing_of: Any = unsigned
        """Tells how zones are signed, from `open` on."""

    def open(self) -> bool:
        """Open store and table, making what is not there; true when the table is new and has to be filled."""
        from control.clock import Clock
        from control.store.environment import Store
        from control.update.door import Door

        self.store = Store(self.store_path, self.map_bytes, time.time_ns(), durable=self.durable)
        table, fresh = self._open_table()
        self.table = table
        self.table.set_readers(self.readers)
        self.door = Door(self.store, table, Clock(), self.signing_of)
        return fresh

    def _open_table(self) -> tuple[Table, bool]:
        if self.table_path.exists():
            try:
                return Table.open_writer(self.table_path), False
            except TableRefused as error:
                self.quarantine(str(error))
        return Table.create(self.table_path), True

    def quarantine(self, reason: str) -> None:
        """Put a table that cannot be used aside, for inspection."""
        aside = self.table_path.with_suffix(".refused")
        self.log.error(f"response table '{self.table_path}' refused ({reason}), kept as '{aside}', building a new one")
        os.replace(self.table_path, aside)

    def rebuild_if_refused(self, config: Config, zones: Iterable[ZoneConf]) -> bool:
        """Replace a table that readers refuse by a new one, filled from the store with `zones`; true when that was
        done."""
        try:
            Table.open_reader(self.table_path).close()
        except TableRefused as error:
            reason = str(error)
        except EngineError:
            return False
        else:
            return False
        with self.door.publisher.lock:
            self.quarantine(reason)
            old, self.table = self.table, Table.create(self.table_path)
            self.table.set_readers(self.readers)
            self.door.publisher.replace(self.table)
            if old is not None:
                old.close()
        self.publish_server(config)
        zones = list(zones)
        self.publish_access(zones)
        for zone in zones:
            self.keep(zone)
        return True

    def set_readers(self, shm: Any | None) -> None:
        """Wait for the readers of this shared region from now on."""
        self.readers = shm
        if self.table is not None and self.door is not None:
            with self.door.publisher.lock:
                self.table.set_readers(shm)

    def publish_server(self, config: Config) -> None:
        """Publish identity, version, NSID, payload sizes and what modules need; again when `secrets_due` has come."""
        modules = self._module_settings(config)
        with self.door.publisher.publishing() as publication:
            publication.set_server_info(server_info(config, modules))

    @property
    def secrets_due(self) -> float | None:
        """When new secrets of DNS cookies have to be published; None: never."""
        due: float | None = None if self.modules is None else self.modules.secrets.due
        return due

    def _module_settings(self, config: Config) -> Mapping[str, Any]:
        if not config.modules:
            self.modules = None
            return NO_MODULES
        from control.server.modules import ServerModules

        if self.modules is None:
            self.modules = ServerModules()
        settings: dict[str, Any] = self.modules.settings(config, time.time())._asdict()
        return settings

    def with_table(self, work: Callable[[Table], None]) -> None:
        """Do something with the table that nobody else uses meanwhile."""
        assert self.table is not None
        with self.door.publisher.lock:
            work(self.table)

    def publish_empty(self, zones: Iterable[ZoneConf]) -> None:
        """Make zones that the table does not have answer SERVFAIL until they are loaded."""
        self.door.publish_empty_many(name_to_wire(zone.name) for zone in zones)

    def publish_access(self, zones: Iterable[ZoneConf], *, may_open: bool = True) -> None:
        """Have closed zones answer whom their rules allow, before they have contents; others everybody.

        Without `may_open` zones that are closed in the table stay so: it takes a look at each to find them.
        """
        assert self.table is not None
        with self.door.publisher.lock:
            changes = []
            for zone in zones:
                apex, rules = name_to_wire(zone.name), self._access_rules(zone)
                if rules is not None or (may_open and (info := self.table.zone_info(apex)) and info.is_closed):
                    changes.append((apex, rules))
            if changes:
                with self.door.publisher.publishing() as publication:
                    for apex, rules in changes:
                        publication.set_zone_access(apex, rules)

    def _access_rules(self, zone: ZoneConf) -> list[AccessRule] | None:
        if not is_closed(zone):
            return None
        rules = access_rules(query_rules(zone))
        if len(rules) > ACCESS_RULES_MAX:
            text = (
                f"of {len(rules)} rules about queries only the first {ACCESS_RULES_MAX} are used, name fewer addresses"
            )
            self.log.zone(WARNING, zone.name, text)
        return rules[:ACCESS_RULES_MAX]

    def withdraw(self, apexes: Iterable[bytes]) -> None:
        """Answer no longer for zones; what the store has of them stays until it is purged."""
        self.door.withdraw(apexes)

    def withdraw_others(self, keep: Container[bytes]) -> None:
        """Answer no longer for what the table has beside the zones to keep."""
        assert self.table is not None
        with self.door.publisher.lock:
            gone = [apex for apex in self.table.zones() if apex not in keep]
        if gone:
            self.withdraw(gone)

    def stored(self) -> set[bytes]:
        """Return the zones of which the store has contents, a journal, timers or keys."""
        from control.store.journal import list_journals
        from control.store.kasp_tables import list_kasp_zones
        from control.store.timers import list_timers
        from control.store.zones import list_zones

        with self.store.read() as txn:
            found = list_kasp_zones(txn).union(zone.apex for zone in list_zones(txn))
            return found.union((apex for apex, _ in list_journals(txn)), (apex for apex, _ in list_timers(txn)))

    def purge_keys(self, apex: bytes, keystores: Iterable[KeystoreConf] | None = None) -> None:
        """Forget keys and signing of a zone; with `keystores` the private halves that no zone has any more as well."""
        from control.store.kasp_tables import purge_kasp

        key_ids = self.store.write(lambda txn: purge_kasp(txn, apex, with_trash=keystores is not None))
        if keystores is not None:
            self.release_keys(key_ids, keystores)

    def release_keys(self, key_ids: Collection[str], keystores: Iterable[KeystoreConf]) -> None:
        """Remove the private halves of keys that no zone has any more; what cannot be removed is told."""
        if not key_ids:
            return
        from control.keys.release import release_private

        for problem in self.store.write(lambda txn: release_private(txn, key_ids, keystores)):
            self.log.error(f"a private key that is not used any more stays ({problem})")

    def keep(self, zone: ZoneConf) -> int | None:
        """Serve what the store has of a zone whose load failed, or SERVFAIL; return the serial that is served."""
        apex = name_to_wire(zone.name)
        try:
            if self.door.ensure_table(apex):
                serial: int = self.door.find_zone(apex).serial
                return serial
            self.publish_empty((zone,))
        except (ControlError, EngineError) as error:
            self.log.zone(ERROR, zone.name, f"zone cannot be published ({error})")
        return None

    def load_failed(self, zone: ZoneConf, error: Exception, *, cold: bool) -> int | None:
        """Serve what is left of a zone that could not be loaded; return its serial, None: SERVFAIL.

        When a zone's file cannot be read, what was served stays. A zone that has nothing to be loaded from has no
        contents when the daemon starts.
        """
        if not (cold and isinstance(error, ZoneMissing)):
            return self.keep(zone)
        try:
            self.door.publish_empty(name_to_wire(zone.name))
        except (ControlError, EngineError) as problem:
            self.log.zone(ERROR, zone.name, f"zone cannot be published ({problem})")
        return None

    def read(self, job: Callable[[Any], None]) -> None:
        """Let a job see a snapshot of the store."""
        with self.store.read() as txn:
            job(txn)

    def write(self, job: Callable[[Any], None]) -> None:
        """Let a job write beside the contents of zones."""
        self.store.write(job)

    def sweep_some(self) -> bool:
        """Remove some contents that belong to no zone; true when none are left, or none can be removed now."""
        try:
            return bool(self.door.sweep_some())
        except ControlError as error:
            self.log.warning(f"contents that belong to no zone stay in the store until the next start ({error})")
            return True

    def sync(self) -> None:
        """Write the table to disk."""
        if self.table is not None and self.door is not None:
            with self.door.publisher.lock:
                self.table.sync()

    def close(self) -> None:
        """Close table and store."""
        if self.table is not None:
            with suppress(EngineError):
                self.table.sync()
            self.table.close()
            self.table = None
        if self.store is not None:
            self.store.close()
            self.store = None
