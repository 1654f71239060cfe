# SPDX-License-Identifier: Apache-2.0
"""The zones under tests/zones, made ready for servers: expanded, and signed in several ways."""

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.name
import dns.node
import dns.rdatatype
import dns.zone

ZONES = Path(__file__).parent.parent / "zones"

MODES = ("unsigned", "nsec", "nsec3", "optout")

_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "nsec": (),
    "nsec3": ("-3", "-"),
    "optout": ("-3", "AABBCCDD", "-H", "2", "-A"),
}

NSEC_ONLY = frozenset({"long.test."})
"""Zones that dnssec-signzone cannot sign with NSEC3: below a name of 255 octets it looks for a wildcard."""

SIGNING_TIMEOUT_S = 120


def missing() -> str | None:
    """Return why zones cannot be signed here, None when they can; tests skip by this text."""
    for program in ("dnssec-signzone", "dnssec-keygen"):
        if shutil.which(program) is None:
            return f"needs the program {program}"
    return None


def names(*, root: bool = False) -> list[str]:
    """Return the names of the zones that load together; with `root` the root zone alone."""
    if root:
        return ["."]
    return sorted(f"{file.stem}." for file in ZONES.glob("*.zone") if file.stem != "root")


def source(zone: str) -> Path:
    """Return the hand-written file of a zone."""
    return ZONES / ("root.zone" if zone == "." else f"{zone}zone")


@dataclass(frozen=True, slots=True)
class ZoneSet:
    """Zones served together: the file of each, ready to load."""

    mode: str
    files: Mapping[str, Path]


def prepare(zones: Iterable[str], mode: str, directory: Path) -> ZoneSet:
    """Write the zones into `directory`, signed as `mode` says, and return where they are."""
    files = {}
    for zone in zones:
        file = directory / (source(zone).name + "." + mode)
        if mode == "unsigned":
            _expand(zone, file)
        else:
            sign(zone, "nsec" if zone in NSEC_ONLY else mode, source(zone), file, directory)
        files[zone] = file
    return ZoneSet(mode, files)


def _expand(zone: str, file: Path) -> None:
    """Write a zone without what not every server reads, $GENERATE."""
    text = source(zone).read_text()
    if "$GENERATE" in text:
        read(zone, source(zone)).to_file(str(file), relativize=False)
    else:
        file.write_text(text)


def sign(zone: str, mode: str, unsigned: Path, file: Path, directory: Path) -> None:
    """Sign a zone file in one of the modes with keys that are kept under `directory`."""
    keys = directory / "keys"
    keys.mkdir(exist_ok=True)
    if not list(keys.glob(f"K{zone}+*.key")):
        for flags in (["-f", "KSK"], []):
            _run("dnssec-keygen", "-q", "-K", str(keys), "-a", "ECDSAP256SHA256", *flags, zone)
    times = ("-s", "20200101000000", "-e", "20370101000000")
    options = ("-q", "-S", "-K", str(keys), "-d", str(keys), "-o", zone, *times, *_OPTIONS[mode])
    _run("dnssec-signzone", *options, "-f", str(file), str(unsigned))


def key_signing_key(zone: str, directory: Path) -> str:
    """Return the zone's key signing key as the text of its DNSKEY record, from the directory given to `prepare`."""
    for file in sorted((directory / "keys").glob(f"K{zone}+*.key")):
        line = next(line for line in file.read_text().splitlines() if not line.startswith(";"))
        if " DNSKEY 257 " in line:
            return line
    raise AssertionError(f"{zone}: no key signing key")


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=SIGNING_TIMEOUT_S)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"


def read(zone: str, file: Path) -> dns.zone.Zone:
    """Return a zone's contents as dnspython reads them, with absolute names."""
    return dns.zone.from_file(str(file), origin=zone, relativize=False, check_origin=False)


def is_hash(node: dns.node.Node) -> bool:
    """Return whether a node is an owner of NSEC3 records, which is no name of the zone (RFC 5155, section 7.2.8)."""
    return {rdataset.rdtype for rdataset in node} <= {dns.rdatatype.NSEC3, dns.rdatatype.RRSIG}
