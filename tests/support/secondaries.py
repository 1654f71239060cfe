# SPDX-License-Identifier: Apache-2.0
"""Other name servers as secondaries of `example.com.`: they take a NOTIFY from anybody on the loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.support import peers

VALIDATION = "    dnssec-validation: on\n"


def knot(place: peers.Place, primary: tuple[str, int], directory: Path, *, zone: str = "") -> list[str]:
    """Return the command that runs knotd; `zone` is more text for the zone."""
    address, port = primary
    (directory / "db").mkdir()
    (directory / "knot.conf").write_text(
        f"server:\n    rundir: {directory}\n    listen: {place.address}@{place.port}\n"
        f"    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n"
        f"database:\n    storage: {directory}/db\nlog:\n  - target: stderr\n    any: debug\n"
        f"remote:\n  - id: primary\n    address: {address}@{port}\n"
        f"acl:\n  - id: all\n    action: [transfer, notify]\n"
        f"zone:\n  - domain: example.com\n    file: {directory}/zone\n    master: primary\n    acl: all\n{zone}"
    )
    return ["knotd", "-c", str(directory / "knot.conf")]


def nsd(place: peers.Place, primary: tuple[str, int], directory: Path) -> list[str]:
    """Return the command that runs nsd."""
    address, port = primary
    lines = [
        "server:", f"ip-address: {place.address}@{place.port}", f"port: {place.port}", "server-count: 1",
        'username: ""', 'chroot: ""', 'database: ""', f'zonesdir: "{directory}"', f'xfrdir: "{directory}"',
        f'pidfile: "{directory}/pid"', f'zonelistfile: "{directory}/zone.list"', f'xfrdfile: "{directory}/xfrd"',
        f'cookie-secret-file: "{directory}/cookies"', "verbosity: 2", "xfrd-reload-timeout: 0",
        "remote-control:", "control-enable: no",
        "zone:", 'name: "example.com"', f'zonefile: "{directory}/zone"', "allow-notify: 0.0.0.0/0 NOKEY",
        "allow-notify: ::/0 NOKEY",
        f"request-xfr: {address}@{port} NOKEY", "provide-xfr: 0.0.0.0/0 NOKEY", "provide-xfr: ::/0 NOKEY",
    ]  # fmt: skip
    (directory / "nsd.conf").write_text("\n".join(lines) + "\n")
    return ["nsd", "-d", "-c", str(directory / "nsd.conf")]


def named(place: peers.Place, primary: tuple[str, int], directory: Path) -> list[str]:
    """Return the command that runs named."""
    address, port = primary
    (directory / "named.conf").write_text(
        f'controls {{ }}; options {{ directory "{directory}"; {peers.listen_on(place)} '
        f"pid-file none; session-keyfile none; lock-file none; recursion no; "
        f"dnssec-validation no; empty-zones-enable no; allow-notify {{ any; }}; notify no; }};\n"
        f'zone "example.com" {{ type secondary; file "{directory}/zone"; primaries port {port} {{ {address}; }}; }};\n'
    )
    return ["named", "-g", "-n", "1", "-c", str(directory / "named.conf")]


COMMANDS = {"knot": knot, "validating": partial(knot, zone=VALIDATION), "nsd": nsd, "named": named}


@contextmanager
def running(kind: str, place: peers.Place, primary: tuple[str, int]) -> Iterator[peers.Peer]:
    """Run a secondary during the block; it has the zone when the block begins. `validating` is a knotd that does so."""
    with peers._directory(kind) as directory:
        argv = COMMANDS[kind](place, primary, directory)
        with peers._run("knot" if kind == "validating" else kind, argv, place, directory) as peer:
            peers.wait(peer, ["example.com."], place.space, 30)
            yield peer
