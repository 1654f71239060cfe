# SPDX-License-Identifier: Apache-2.0
"""A shared region and the file of zone statistics without an engine, and responders that count in them."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import dns.edns
import dns.message

from pyxdp_dns.counters import CounterRegion
from pyxdp_dns.native import check, ffi, lib
from pyxdp_dns.scan import scan_zone_file
from pyxdp_dns.shm import SharedRegion
from pyxdp_dns.statistics import Named, ZoneStats, module_counters, stats_counters
from pyxdp_dns.table import Reply, Responder, ServerInfo, Table, Transport
from tests.support import ask

EVERY_FAMILY = (1 << 15) - 1
ZONE = """\
$ORIGIN {zone}
@ 300 SOA ns hostmaster 1 3600 600 86400 60
@ 300 NS ns
ns 300 A 192.0.2.1
sub 300 NS ns.elsewhere.example.
"""


class Bench:
    """A table with zones, and a responder whose slot is the control plane's."""

    def __init__(self, directory: Path, info: ServerInfo, zones: tuple[str, ...], stack: ExitStack) -> None:
        out = ffi.new("xd_shm **")
        check(lib.xd_shm_create(os.fsencode(directory / "engine.shm"), 1, out), "region")
        lib.xd_shm_close(out[0])
        made = ffi.new("xd_zone_stats **")
        check(lib.xd_zone_stats_create(os.fsencode(directory / "zones.shm"), 2, made), "zone statistics")
        lib.xd_zone_stats_close(made[0])
        self.shm = stack.enter_context(SharedRegion(directory / "engine.shm"))
        self.region = stack.enter_context(CounterRegion(directory / "engine.shm"))
        self.zone_stats = stack.enter_context(ZoneStats(directory / "zones.shm"))
        self.table = stack.enter_context(Table.create(directory / "table"))
        self.table.set_readers(self.shm.handle)
        for zone in zones:
            self.add_zone(directory, zone)
        self.tell(info)
        self.responder = stack.enter_context(Responder(self.table, self.shm.handle, self.shm.control_slot))
        self.responder.use_zone_stats(self.zone_stats.handle)

    def add_zone(self, directory: Path, zone: str) -> None:
        """Publish a small zone."""
        file = directory / "zone"
        file.write_text(ZONE.format(zone=zone))
        apex = ask.name_wire(zone)
        with self.table.transaction() as txn, scan_zone_file(file, apex, 0) as scanned:
            txn.build_zone(apex, 1, scanned.bytes_pointer, scanned.offsets_pointer, scanned.count)

    def tell(self, info: ServerInfo) -> None:
        """Publish server information."""
        with self.table.transaction() as txn:
            txn.set_server_info(info)

    def ask(self, message: bytes, transport: Transport = Transport.UDP4, client: bytes = b"\xc0\0\2\1") -> Reply:
        """Ask as a worker does, in a batch of its own."""
        self.responder.enter()
        try:
            return self.responder.answer(transport, message, client)
        finally:
            self.responder.leave()

    def counted(self) -> dict[tuple[str, str | None], int]:
        """Return every counter of mod-stats that is not zero, by item and id."""
        return told(stats_counters(self.region.statistics(), EVERY_FAMILY))

    def module(self, section: str) -> dict[tuple[str, str | None], int]:
        """Return the counters of a module that are not zero."""
        return told(module_counters(section, self.region.statistics()))


def told(counters: Iterator[Named]) -> dict[tuple[str, str | None], int]:
    """Return counters by item and id, without zeros."""
    return {(one.item, one.id): one.value for one in counters if one.value}


@contextmanager
def bench(directory: Path, info: ServerInfo, zones: tuple[str, ...] = ("example.com.",)) -> Iterator[Bench]:
    """Yield a bench in an empty directory."""
    with ExitStack() as stack:
        yield Bench(directory, info, zones, stack)


def query(name: str, rdtype: str = "A", *options: tuple[int, bytes], edns: bool = True, dnssec: bool = False) -> bytes:
    """Return a query with EDNS options as (code, contents)."""
    if not edns:
        return dns.message.make_query(name, rdtype, id=1).to_wire()
    generic = [dns.edns.GenericOption(code, contents) for code, contents in options]
    return dns.message.make_query(
        name, rdtype, use_edns=0, payload=1232, options=generic, id=1, want_dnssec=dnssec
    ).to_wire()
