# SPDX-License-Identifier: Apache-2.0
"""Other name servers as primaries: they give transfers to anybody on the loopback and tell one secondary of changes."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support import peers
from tests.support.netns import Namespace

ZONE = """\
$TTL 60
@ SOA ns hostmaster {serial} {times} 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.{serial}
"""


@dataclass(slots=True)
class Primary:
    """A primary of `example.com.`: it can be stopped and started again."""

    kind: str
    file: Path
    place: peers.Place
    notified: tuple[str, int]
    times: str = "3600 600 86400"
    log: list[str] = field(default_factory=list)

    def write(self, serial: int) -> None:
        """Write the zone; `www` has the serial as the last octet of its address."""
        self.file.write_text(ZONE.format(serial=serial, times=self.times))

    @contextmanager
    def running(self) -> Iterator[peers.Peer]:
        """Run it during the block."""
        configure: Callable[[Primary, Path], list[str]] = {"knot": knot, "nsd": nsd, "named": named}[self.kind]
        with peers._directory(self.kind) as directory:
            argv = configure(self, directory)
            with peers._run(self.kind, argv, self.place, directory) as peer:
                try:
                    peers.wait(peer, ["example.com."], self.place.space, 20)
                    yield peer
                finally:
                    self.log.append(peer.log)

    def change(self, peer: peers.Peer, serial: int) -> None:
        """Give the zone another version, which the primary then tells of."""
        self.write(serial)
        peer.process.send_signal(signal.SIGHUP)


def knot(primary: Primary, directory: Path) -> list[str]:
    """Return the command that runs knotd."""
    (address, port), place = primary.notified, primary.place
    (directory / "db").mkdir()
    (directory / "knot.conf").write_text(
        f"server:\n    rundir: {directory}\n    listen: {place.address}@{place.port}\n"
        f"    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
        f"database:\n    storage: {directory}/db\nlog:\n  - target: stderr\n    any: debug\n"
        f"remote:\n  - id: secondary\n    address: {address}@{port}\n"
        f"acl:\n  - id: all\n    action: [transfer, notify]\n"
        f"zone:\n  - domain: example.com\n    file: {primary.file}\n    zonefile-load: difference\n"
        f"    zonefile-sync: -1\n    notify: secondary\n    acl: all\n"
    )
    return ["knotd", "-c", str(directory / "knot.conf")]


def nsd(primary: Primary, directory: Path) -> list[str]:
    """Return the command that runs nsd."""
    (address, port), place = primary.notified, primary.place
    lines = [
        "server:", f"ip-address: {place.address}@{place.port}", f"port: {place.port}", "server-count: 1",
        'username: ""', 'chroot: ""', 'database: ""', f'zonesdir: "{directory}"', f'xfrdir: "{directory}"',
        f'pidfile: "{directory}/pid"', f'zonelistfile: "{directory}/zone.list"', f'xfrdfile: "{directory}/xfrd"',
        f'cookie-secret-file: "{directory}/cookies"', "verbosity: 2", "remote-control:", "control-enable: no",
        "zone:", 'name: "example.com"', f'zonefile: "{primary.file}"', f"notify: {address}@{port} NOKEY",
        "provide-xfr: 0.0.0.0/0 NOKEY", "provide-xfr: ::/0 NOKEY",
    ]  # fmt: skip
    (directory / "nsd.conf").write_text("\n".join(lines) + "\n")
    return ["nsd", "-d", "-c", str(directory / "nsd.conf")]


def named(primary: Primary, directory: Path) -> list[str]:
    """Return the command that runs named."""
    (address, port), place = primary.notified, primary.place
    (directory / "named.conf").write_text(
        f'controls {{ }}; options {{ directory "{directory}"; {peers.listen_on(place)} '
        f"pid-file none; session-keyfile none; lock-file none; recursion no; "
        f"dnssec-validation no; empty-zones-enable no; allow-transfer {{ any; }}; notify explicit; notify-delay 0; "
        f"also-notify {{ {address} port {port}; }}; ixfr-from-differences yes; }};\n"
        f'zone "example.com" {{ type primary; file "{primary.file}"; }};\n'
    )
    return ["named", "-g", "-n", "1", "-c", str(directory / "named.conf")]


def make(
    kind: str, directory: Path, notified: tuple[str, int], space: Namespace | None = None, address: str = "127.0.0.1"
) -> Primary:
    """Return a primary with its place chosen and a zone of serial 1."""
    primary = Primary(kind, directory / "primary.zone", peers.Place(address, space=space).settled(), notified)
    primary.write(1)
    return primary
