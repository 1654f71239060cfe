# SPDX-License-Identifier: Apache-2.0
"""The answering code in this process: zones published to a table, asked without a socket."""

import socketserver
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pyxdp_dns.scan import scan_zone_file
from pyxdp_dns.table import Responder, ServerInfo, Table, Transport, Verdict
from tests.support import ask, exchange
from tests.support.ports import free_port


@contextmanager
def responder(files: Mapping[str, Path], directory: Path, info: ServerInfo | None = None) -> Iterator[Responder]:
    """Publish the zones to a table in `directory` and yield a responder that has entered it."""
    with Table.create(directory / "table") as table:
        with table.transaction() as txn:
            txn.set_server_info(info or ServerInfo())
            for zone, file in files.items():
                apex = ask.name_wire(zone)
                with scan_zone_file(file, apex, 0) as scanned:
                    txn.build_zone(apex, 1, scanned.bytes_pointer, scanned.offsets_pointer, scanned.count)
        with Responder(table) as answerer:
            answerer.enter()
            yield answerer
            answerer.leave()


def ask_by(answerer: Responder, transport: Transport) -> exchange.Exchange:
    """Return the exchange that asks a responder; what it drops or hands off has no reply."""

    def answer(message: bytes) -> bytes | None:
        reply = answerer.answer(transport, message)
        return reply.data if reply.verdict is Verdict.REPLY else None

    return exchange.Function(answer)


@contextmanager
def serve(answerer: Responder, address: str = "127.0.0.1") -> Iterator[int]:
    """Put a responder behind a UDP and a TCP socket on one port, for clients that bring sockets of their own."""
    lock = threading.Lock()

    def answer(transport: Transport, message: bytes) -> bytes | None:
        with lock:
            reply = answerer.answer(transport, message)
        return reply.data if reply.verdict is Verdict.REPLY else None

    class Udp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            message, sock = self.request
            if (reply := answer(Transport.UDP4, message)) is not None:
                sock.sendto(reply, self.client_address)

    class Tcp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while len(prefix := self.rfile.read(2)) == 2:
                reply = answer(Transport.TCP, self.rfile.read(int.from_bytes(prefix, "big")))
                if reply is not None:
                    self.wfile.write(struct.pack("!H", len(reply)) + reply)

    port = free_port(address)
    own = (address, port)
    with socketserver.UDPServer(own, Udp) as udp, socketserver.ThreadingTCPServer(own, Tcp) as tcp:
        for server in (udp, tcp):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield port
        finally:
            udp.shutdown()
            tcp.shutdown()
