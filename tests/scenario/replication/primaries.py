# SPDX-License-Identifier: Apache-2.0
"""Other name servers as primaries that give their zones away, unsigned or to one TSIG key, with IXFR."""

import base64
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from control.conf.peers import KeyConf
from tests.support.peers import Peer, Place, _directory, _run, wait

KEY = KeyConf(b"\4xfer\3key\0", "hmac-sha256", bytes(range(32)))
SECRET = base64.b64encode(KEY.secret).decode()
START_S = 60.0


@contextmanager
def knot(zones: Mapping[str, Path], *, is_signed: bool = False, server: str = "") -> Iterator[Peer]:
    """Run knotd; a zone file that is changed is a changeset after SIGHUP."""
    place = Place().settled()
    key = f"key:\n  - id: xfer.key.\n    algorithm: hmac-sha256\n    secret: {SECRET}\n" if is_signed else ""
    allowed = "    key: xfer.key.\n" if is_signed else ""
    with _directory("knot") as directory:
        (directory / "db").mkdir()
        text = (
            f"server:\n    rundir: {directory}\n    listen: {place.address}@{place.port}\n"
            f"    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n{server}"
            f"control:\n    listen: {directory}/control.sock\nlog:\n  - target: stderr\n    any: info\n"
            f"database:\n    storage: {directory}/db\n{key}"
            f"acl:\n  - id: give\n    address: 127.0.0.0/8\n    action: transfer\n{allowed}"
            "template:\n  - id: default\n    zonefile-sync: -1\n    zonefile-load: difference\n"
            "    journal-content: all\n    semantic-checks: off\n    acl: give\nzone:\n"
        )
        text += "".join(f'  - domain: "{name}"\n    file: "{path}"\n' for name, path in zones.items())
        (directory / "knot.conf").write_text(text)
        with _run("knot", ["knotd", "-c", str(directory / "knot.conf")], place, directory) as peer:
            wait(peer, zones, None, START_S)
            yield peer


@contextmanager
def nsd(zones: Mapping[str, Path], *, is_signed: bool = False) -> Iterator[Peer]:
    """Run nsd; a zone file that is changed is a changeset after SIGHUP."""
    place = Place().settled()
    with _directory("nsd") as directory:
        lines = [
            "server:", f"ip-address: {place.address}@{place.port}", f"port: {place.port}", "server-count: 1",
            'username: ""', 'chroot: ""', 'database: ""', f'zonesdir: "{directory}"', f'xfrdir: "{directory}"',
            f'pidfile: "{directory}/pid"', f'zonelistfile: "{directory}/zone.list"', f'xfrdfile: "{directory}/xfrd"',
            f'cookie-secret-file: "{directory}/cookies"', "rrl-ratelimit: 0", "verbosity: 1",
            "remote-control:", "control-enable: no",
            "key:", 'name: "xfer.key"', "algorithm: hmac-sha256", f'secret: "{SECRET}"',
        ]  # fmt: skip
        for name, file in zones.items():
            lines += ["zone:", f'name: "{name}"', f'zonefile: "{file}"', "store-ixfr: yes", "create-ixfr: yes"]
            lines += [f"provide-xfr: 127.0.0.0/8 {'xfer.key' if is_signed else 'NOKEY'}"]
        (directory / "nsd.conf").write_text("\n".join(lines) + "\n")
        with _run("nsd", ["nsd", "-d", "-c", str(directory / "nsd.conf")], place, directory) as peer:
            wait(peer, zones, None, START_S)
            yield peer


@contextmanager
def named(zones: Mapping[str, Path], *, is_signed: bool = False) -> Iterator[Peer]:
    """Run named; a zone file that is changed is a changeset after SIGHUP."""
    place = Place().settled()
    allowed = "key xfer.key" if is_signed else "any"
    with _directory("named") as directory:
        statements = [
            f'key xfer.key {{ algorithm hmac-sha256; secret "{SECRET}"; }};',
            "controls { };",
            f'options {{ directory "{directory}"; listen-on port {place.port} {{ {place.address}; }};',
            "listen-on-v6 { none; }; pid-file none; session-keyfile none; lock-file none; recursion no; notify no;",
            "dnssec-validation no; empty-zones-enable no; check-names primary ignore; ixfr-from-differences yes;"
            "max-ixfr-ratio unlimited;",
            f"allow-transfer {{ {allowed}; }}; }};",
        ]
        for name, file in zones.items():
            statements.append(f'zone "{name}" {{ type primary; file "{file}"; check-integrity no; check-mx ignore; }};')
        (directory / "named.conf").write_text("\n".join(statements) + "\n")
        argv = ["named", "-g", "-n", "1", "-c", str(directory / "named.conf")]
        with _run("named", argv, place, directory) as peer:
            wait(peer, zones, None, START_S)
            yield peer
