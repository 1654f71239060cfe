# SPDX-License-Identifier: Apache-2.0
"""A real xdpdnsd on a configuration database, driven through its control socket by the client of the package."""

from collections.abc import Iterable
from pathlib import Path

from control.conf.database import ConfDatabase
from control.conf.parse import parse_file
from control.ctl.client import Client
from control.ctl.unit import Unit
from control.store.inspect import open_snapshot
from control.store.zones import list_condemned
from tests.support.daemon import DaemonUnderTest, wait_for

PATIENCE_S = 60.0


class Refused(Exception):
    """The daemon answered with an error: the text is its reason."""


def ask(socket: Path, command: str, *operands: Unit, **items: str) -> list[Unit]:
    """Run one command and return the rows of its answer; raises Refused, or ClientError when there is no daemon."""
    units = [unit._replace(command=command) for unit in operands or (Unit(**items),)]
    with Client(str(socket), PATIENCE_S) as client:
        rows = [unit for _, unit in client.ask(units)]
    for row in rows:
        if row.error is not None:
            raise Refused(row.error)
    return rows


class Driven(DaemonUnderTest):
    """A daemon whose control socket the test uses. With `import_config` it runs on a configuration database."""

    confdb: Path

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.rundir / "knot.sock"

    def do(self, command: str, *operands: Unit, **items: str) -> list[Unit]:
        """Run a command; raises Refused or ClientError."""
        return ask(self.socket, command, *operands, **items)

    def refusal(self, command: str, *operands: Unit, **items: str) -> str:
        """Run a command that is refused and return the reason."""
        try:
            self.do(command, *operands, **items)
        except Refused as error:
            return str(error)
        raise AssertionError(f"{command} was not refused")

    def refusal_or_none(self, command: str, *operands: Unit, **items: str) -> str | None:
        """Run a command and return the reason when it is refused."""
        try:
            self.do(command, *operands, **items)
        except Refused as error:
            return str(error)
        return None

    def import_config(self, *options: str) -> None:
        """Put the configuration into a database and use that from now on."""
        self.confdb = self.base / "confdb"
        with ConfDatabase(str(self.confdb), create=True) as database:
            database.replace(parse_file(str(self.config)))
        wrap = self.wrap
        words = ("-C", str(self.confdb), *options)
        self.wrap = lambda *command: wrap(*command[: command.index("-c")], *words)

    def up(self) -> None:
        """Start the daemon and wait until its control socket answers and its zones are loaded."""
        self.process = self.spawn()
        wait_for(self.is_up, "the control socket answers", PATIENCE_S)
        wait_for(self.answers, "an answer over UDP")

    def is_up(self) -> bool:
        """Whether the daemon has loaded its zones."""
        assert self.process is not None
        if self.process.poll() is not None:
            raise AssertionError(f"exit status {self.process.returncode}\n{self.all_output()}")
        try:
            return all(not is_loading(unit) for unit in self.do("zone-status", filters="s"))
        except Exception:  # noqa: BLE001 - whatever keeps a starting daemon from answering
            return False

    def is_swept(self) -> bool:
        """Whether the store of the daemon, which may run, has no contents that belong to no zone."""
        with open_snapshot(self.storage / "store") as txn:
            return not list_condemned(txn)

    def edit(self, zone: str, changes: Iterable[tuple[str, Unit]]) -> None:
        """Begin a transaction and make changes in it: pairs of `set` or `unset` and what."""
        self.do("zone-begin", zone=zone)
        for verb, unit in changes:
            self.do(f"zone-{verb}", unit._replace(zone=zone))

    def rows(self, zone: str, command: str = "zone-read") -> dict[tuple[str, str], set[str]]:
        """The records of a zone by owner and type."""
        found: dict[tuple[str, str], set[str]] = {}
        for unit in self.do(command, zone=zone):
            found.setdefault((unit.owner or "", unit.type or ""), set()).add(unit.data or "")
        return found


def is_loading(unit: Unit) -> bool:
    """Whether a row of zone-status says that the zone has no contents yet."""
    return unit.data in (None, "", "-", "none")
