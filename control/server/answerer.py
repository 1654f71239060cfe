# SPDX-License-Identifier: Apache-2.0
"""Answers from the response table in the control plane: TCP, and hand-offs that turn out to be ordinary queries.

Reads the table as one more reader with its own slot in the engine's shared region, so that the writer waits for it.
"""

from pathlib import Path
from typing import Any

from control.server.special import reply_to
from pyxdp_dns.table import Responder, Table, Transport, Verdict

IPV6_BYTES = 16


class TableAnswerer:
    """Answers on the loop's thread; closed until `open` succeeded."""

    def __init__(self) -> None:
        self._table: Table | None = None
        self._responder: Responder | None = None

    def open(self, path: Path, shm: Any | None, slot: int, zone_stats: Any | None = None) -> None:
        """(Re)open the table and register with a reader slot; raises what opening a table raises.

        `zone_stats` is the handle of `ZoneStats`, to count for single zones; it must stay open as long as this.
        """
        table = Table.open_reader(path)
        try:
            responder = Responder(table, shm, slot)
        except BaseException:
            table.close()
            raise
        if zone_stats is not None:
            responder.use_zone_stats(zone_stats)
        self.close()
        self._table, self._responder = table, responder

    def close(self) -> None:
        """Let go of the table."""
        if self._responder is not None:
            self._responder.close()
        if self._table is not None:
            self._table.close()
        self._table = self._responder = None

    def enter(self) -> None:
        """See the newest contents."""
        if self._responder is not None:
            self._responder.enter()

    def leave(self) -> None:
        """Hold nothing of the table."""
        if self._responder is not None:
            self._responder.leave()

    def answer(self, message: bytes, client: bytes = b"") -> bytes | None:
        """Answer a message that came over TCP from an address (4 or 16 octets), between `enter` and `leave`."""
        if self._responder is None:
            return None
        transport = Transport.TCP6 if len(client) == IPV6_BYTES else Transport.TCP
        reply = self._responder.answer(transport, message, client)
        if reply.verdict is Verdict.HANDOFF:
            return self._counted(message, reply_to(message, lambda plain: self._plain(transport, plain)))
        return reply.data if reply.verdict is Verdict.REPLY else None

    def answer_handed_off(self, family: int, message: bytes) -> bytes | None:
        """Answer a message the engine handed off; enters and leaves by itself."""
        transport = Transport.UDP4 if family == 4 else Transport.UDP6
        self.enter()
        try:
            return self._counted(message, reply_to(message, lambda plain: self._plain(transport, plain)))
        finally:
            self.leave()

    def count_reply(self, request: bytes, reply: bytes, rcode: int = -1) -> None:
        """Count a reply that others composed to a message that `answer` or the engine handed off.

        Between `enter` and `leave`; `rcode` as in `Responder.count_reply`.
        """
        if self._responder is not None:
            self._responder.count_reply(request, reply, rcode)

    def _counted(self, request: bytes, reply: bytes | None) -> bytes | None:
        if reply is not None:
            self.count_reply(request, reply)
        return reply

    def _plain(self, transport: Transport, message: bytes) -> bytes | None:
        if self._responder is None:
            return None
        reply = self._responder.answer(transport, message, recount=True)
        return reply.data if reply.verdict is Verdict.REPLY else None
