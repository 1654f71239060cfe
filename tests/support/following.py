# SPDX-License-Identifier: Apache-2.0
"""A daemon whose zone comes from a hostile primary."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.driven import Driven
from tests.support.hostile import Behaviour, Hostile, good


class Stage:
    """The daemon, the primary, and what is seen of them."""

    def __init__(
        self,
        base: Path,
        primary: Hostile,
        *,
        remotes: str = "",
        masters: str = "primary",
        server: Sequence[str] = (),
        items: str = "    retry-min-interval: 3600\n",
    ) -> None:
        """`remotes` is in front of the zone's section instead of the primary, `items` goes on with the zone's."""
        self.primary, self.daemon = primary, Driven(base)
        self.daemon.server_items = ["tcp-remote-io-timeout: 250", *server]
        remotes = remotes or f"remote:\n  - id: primary\n    address: {primary.address}@{primary.port}\n"
        self.daemon.write_config(
            extra=f"{remotes}zone:\n  - domain: example.com\n    file: {base}/secondary.zone\n"
            f"    master: {masters}\n    zonefile-sync: -1\n    zone-max-size: 1M\n{items}"
        )
        self.daemon.up()
        self.used = self.usage()

    def usage(self) -> tuple[int, int]:
        """File descriptors and threads of the daemon."""
        assert self.daemon.process is not None
        process = Path(f"/proc/{self.daemon.process.pid}")
        return len(list((process / "fd").iterdir())), len(list((process / "task").iterdir()))

    def serial(self) -> str:
        """The serial that zone-status tells."""
        return str(self.daemon.do("zone-status", zone="example.com", filters="s")[0].data)

    def serve(self, serial: int) -> None:
        """Bring the daemon to a version, whatever it has."""
        self.primary.behaviour = good(serial)
        self.daemon.do("zone-retransfer", zone="example.com", flags="B")
        self.check(serial)

    def check(self, serial: int) -> None:
        """See that a version is answered and told."""
        assert self.daemon.address_of() == f"192.0.2.{serial}"
        assert self.serial() == str(serial)

    def refresh(self, behaviour: Behaviour) -> str | None:
        """Refresh from a primary that behaves so; return the reason when it fails."""
        self.primary.behaviour = behaviour
        self.daemon.mark()
        return self.daemon.refusal_or_none("zone-refresh", zone="example.com", flags="B")
