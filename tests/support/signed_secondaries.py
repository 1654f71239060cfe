# SPDX-License-Identifier: Apache-2.0
"""Knot DNS, NSD and BIND as secondaries of one zone, which they fetch with TSIG and give to anyone."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.peers import Peer, Place, _directory, _run

KEY_NAME, ALGORITHM, SECRET = "k1", "hmac-sha256", "AAECAwQFBgcICQoLDA0ODw=="


@contextmanager
def secondary(name: str, zone: str, primary: tuple[str, int]) -> Iterator[Peer]:
    """Run `knot`, `nsd` or `named` as a secondary of `zone`; it may not have the zone yet."""
    place = Place().settled()
    with _directory(f"{name}-secondary") as directory:
        file = directory / f"{name}.conf"
        text = {"knot": _knot, "nsd": _nsd, "named": _named}[name](directory, zone, primary, place)
        file.write_text(text)
        argv = {
            "knot": ["knotd", "-c", str(file)],
            "nsd": ["nsd", "-d", "-c", str(file)],
            "named": ["named", "-g", "-n", "1", "-c", str(file)],
        }[name]
        with _run(name, argv, place, directory) as peer:
            yield peer


def _knot(directory: Path, zone: str, primary: tuple[str, int], place: Place) -> str:
    (directory / "db").mkdir()
    return (
        f"server:\n  rundir: {directory}\n  listen: {place.address}@{place.port}\n  background-workers: 1\n"
        f"database:\n  storage: {directory}/db\nlog:\n  - target: stderr\n    any: debug\n"
        f"key:\n  - id: {KEY_NAME}\n    algorithm: {ALGORITHM}\n    secret: {SECRET}\n"
        f"remote:\n  - id: primary\n    address: {primary[0]}@{primary[1]}\n    key: {KEY_NAME}\n"
        f"acl:\n  - id: all\n    address: {place.address}\n    action: transfer\n"
        f"zone:\n  - domain: {zone}\n    master: primary\n    acl: all\n"
        f"    storage: {directory}\n    refresh-max-interval: 2\n"
    )


def _nsd(directory: Path, zone: str, primary: tuple[str, int], place: Place) -> str:
    return (
        f'server:\nip-address: {place.address}@{place.port}\nserver-count: 1\nusername: ""\nchroot: ""\ndatabase: ""\n'
        f'zonesdir: "{directory}"\nxfrdir: "{directory}"\npidfile: "{directory}/pid"\n'
        f'zonelistfile: "{directory}/zone.list"\nxfrdfile: "{directory}/xfrd"\nverbosity: 2\n'
        f'cookie-secret-file: "{directory}/cookies"\nxfrd-reload-timeout: 0\nremote-control:\ncontrol-enable: no\n'
        f'key:\nname: {KEY_NAME}\nalgorithm: {ALGORITHM}\nsecret: "{SECRET}"\n'
        f'zone:\nname: {zone}\nzonefile: "{directory}/zone"\nrequest-xfr: {primary[0]}@{primary[1]} {KEY_NAME}\n'
        f"provide-xfr: {place.address} NOKEY\nmax-refresh-time: 1\n"
    )


def _named(directory: Path, zone: str, primary: tuple[str, int], place: Place) -> str:
    return (
        f'key "{KEY_NAME}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};\ncontrols {{ }};\n'
        f'options {{ directory "{directory}"; listen-on port {place.port} {{ {place.address}; }};'
        "listen-on-v6 { none; };"
        "pid-file none; session-keyfile none; lock-file none; recursion no; notify no; dnssec-validation no;"
        "max-refresh-time 2; min-refresh-time 1; allow-transfer { any; }; check-names secondary ignore; };\n"
        f'zone "{zone}" {{ type secondary; file "{directory}/zone"; '
        f'primaries {{ {primary[0]} port {primary[1]} key "{KEY_NAME}"; }}; }};\n'
    )
