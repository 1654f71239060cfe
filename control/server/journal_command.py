# SPDX-License-Identifier: Apache-2.0
"""zone-journal: the changesets of a zone's journal, oldest first, each as its removals and then its additions.

The first record of either part is the SOA, so that the serials say where a changeset begins.
"""

from collections.abc import Iterable, Iterator

from control.ctl.command import Command, Reply, Request, signed, stream, zone_command
from control.ctl.unit import Unit
from control.events.zone import ZoneHandle
from control.server.keeper import Keeper
from control.server.zone_edits import record_units
from control.store.changeset import Entry
from control.store.journal import get_journal, iterate_additions, iterate_heads, iterate_removals
from control.store.keys import Pair

NO_ZONE_ID = bytes(4)


class JournalCommand:
    """Reads journals for clients."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    async def journal(self, zone: ZoneHandle, _operand: Unit, _request: Request, reply: Reply) -> None:
        """Answer with the records of every changeset."""
        await stream(reply, self._units(zone))

    def _units(self, zone: ZoneHandle) -> Iterator[Unit]:
        with self._keeper.zones.store.read() as txn:
            state = get_journal(txn, zone.wire)
            if state is None:
                return
            for head in iterate_heads(txn, state):
                for sign, entries in (
                    ("-", iterate_removals(txn, state, head)),
                    ("+", iterate_additions(txn, state, head)),
                ):
                    yield from (signed(unit, sign) for unit in record_units(zone, entry_pairs(entries)))

    def commands(self) -> Iterable[Command]:
        """Return the command."""
        return (zone_command("zone-journal", self._keeper.directory, self.journal),)


def entry_pairs(entries: Iterable[Entry]) -> Iterator[Pair]:
    """Yield entries of a changeset in the form of stored pairs; they belong to no zone id."""
    for owner, rtype, value in entries:
        yield NO_ZONE_ID + owner + b"\0" + rtype.to_bytes(2, "big"), value
