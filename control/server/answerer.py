# SPDX-License-Identifier: Apache-2.0
"""Answers from the response table in the control plane: TCP, TLS, and queries whose signature the control plane checks.

Reads the table as one more reader with its own slot in the engine's shared region, so that the writer waits for it.
"""

from pathlib import Path
from typing import Any

from control.access.acl import Source
from pyxdp_dns.table import Responder, Table, Transport

IPV6_BYTES = 16
TRANSPORTS = {
    "udp": (Transport.UDP4, Transport.UDP6),
    "tcp": (Transport.TCP, Transport.TCP6),
    "tls": (Transport.TLS, Transport.TLS6),
}
"""Over IPv4 and over IPv6."""


class TableAnswerer:
    """Answers on the loop's thread; closed until `open` succeeded."""

    def __init__(self) -> None:
        self._table: Table | None = None
        self._responder: Responder | None = None
        self._entered = 0

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
        """See the newest contents, unless somebody else has entered already."""
        self._entered += 1
        if self._entered == 1 and self._responder is not None:
            self._responder.enter()

    def leave(self) -> None:
        """Undo one `enter`; hold nothing of the table after the last."""
        self._entered -= 1
        if self._entered == 0 and self._responder is not None:
            self._responder.leave()

    def answer(self, message: bytes, client: bytes = b"", protocol: str = "tcp") -> bytes | None:
        """Answer a message that came over tcp or tls from an address (4 or 16 octets), between `enter` and `leave`.

        No octets: it is not answered from the table but to be handed to `Inbound`.
        """
        if self._responder is None:
            return None
        return self._responder.octets(TRANSPORTS[protocol][len(client) == IPV6_BYTES], message, client)

    def answer_permitted(self, message: bytes, source: Source) -> bytes | None:
        """Answer a plain query that was counted when it came, and may ask; None when the table has no answer."""
        if self._responder is None:
            return None
        self.enter()
        try:
            transport = TRANSPORTS[source.protocol][len(source.address) == IPV6_BYTES]
            return self._responder.octets(transport, message, recount=True) or None
        finally:
            self.leave()

    def count_reply(self, request: bytes, reply: bytes, rcode: int = -1) -> None:
        """Count a reply that others composed to a message that `answer` or the engine handed off.

        `rcode` as in `Responder.count_reply`.
        """
        if self._responder is None:
            return
        self.enter()
        try:
            self._responder.count_reply(request, reply, rcode)
        finally:
            self.leave()
