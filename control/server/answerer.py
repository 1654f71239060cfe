# SPDX-License-Identifier: Apache-2.0
"""Answers from the response table in the control plane: TCP, and hand-offs that turn out to be ordinary queries.

Reads the table as one more reader with its own slot in the engine's shared region, so that the writer waits for it.
"""

from pathlib import Path
from typing import Any

from control.server.special import reply_to
from pyxdp_dns.table import Responder, Table, Transport, Verdict


class TableAnswerer:
    """Answers on the loop's thread; closed until `open` succeeded."""

    def __init__(self) -> None:
        self._table: Table | None = None
        self._responder: Responder | None = None

    def open(self, path: Path, shm: Any | None, slot: int) -> None:
        """(Re)open the table and register with a reader slot; raises what opening a table raises."""
        table = Table.open_reader(path)
        try:
            responder = Responder(table, shm, slot)
        except BaseException:
            table.close()
            raise
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

    def answer(self, message: bytes) -> bytes | None:
        """Answer a message that came over TCP, between `enter` and `leave`."""
        if self._responder is None:
            return None
        reply = self._responder.answer(Transport.TCP, message)
        if reply.verdict is Verdict.HANDOFF:
            return reply_to(message, self._answer_tcp)
        return reply.data if reply.verdict is Verdict.REPLY else None

    def answer_handed_off(self, family: int, message: bytes) -> bytes | None:
        """Answer a message the engine handed off; enters and leaves by itself."""
        transport = Transport.UDP4 if family == 4 else Transport.UDP6
        self.enter()
        try:
            return reply_to(message, lambda plain: self._plain(transport, plain))
        finally:
            self.leave()

    def _answer_tcp(self, message: bytes) -> bytes | None:
        return self._plain(Transport.TCP, message)

    def _plain(self, transport: Transport, message: bytes) -> bytes | None:
        if self._responder is None:
            return None
        reply = self._responder.answer(transport, message)
        return reply.data if reply.verdict is Verdict.REPLY else None
