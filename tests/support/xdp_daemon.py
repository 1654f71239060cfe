# SPDX-License-Identifier: Apache-2.0
"""A real xdpdnsd that listens on one end of a veth pair through AF_XDP."""

from collections.abc import Mapping
from pathlib import Path

from pyxdp_dns.counters import CounterRegion
from pyxdp_dns.filter.status import directory
from tests.support.daemon import DaemonUnderTest
from tests.support.netns import Wire


class XdpDaemon(DaemonUnderTest):
    """A daemon in the server's namespace; questions come from the client's."""

    def __init__(self, base: Path, wire: Wire) -> None:
        self.server, self.client, self.interface = wire.server, wire.client, wire.server_if
        super().__init__(base, wrap=wire.server.wrap)
        self.address = wire.server_v4
        self.write_config("example.com")

    def write_config(self, *zones: str, extra: str = "", files: Mapping[str, Path] | None = None) -> None:
        """Write a configuration that listens on the interface as well."""
        extra += f"xdp:\n  listen: {self.interface}@{self.port}\n  zero-copy: off\n"
        super().write_config(*zones, extra=extra, files=files)

    def is_loaded(self) -> bool:
        """Whether the filter is on the interface."""
        with self.server.entered():
            return (directory(self.interface) / "link").exists()

    def by_xdp(self) -> int:
        """Replies that AF_XDP workers sent."""
        with CounterRegion(self.rundir / "engine.shm") as region:
            return region.totals(["xdp"])["tx_packets"]

    def answers_by_xdp(self) -> bool:
        """Whether a query is answered by an AF_XDP worker."""
        before = self.by_xdp()
        return self.answers() and self.by_xdp() > before
