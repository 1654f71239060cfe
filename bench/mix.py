# SPDX-License-Identifier: Apache-2.0
"""The zone and the questions of the query benchmarks: 70 % answers, 20 % referrals, 10 % names that do not exist.

Four fifths of the owner names are hosts, one fifth delegations, half of them with DS. Signed variants are made by
ldns-signzone (ECDSA P-256) and kept in a directory under the system's temporary one.
"""

import os
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.zones import scatter, spell

ORIGIN = "mix.bench."
FULL = 100_000
QUICK = 2_000
VARIANTS = ("plain", "nsec", "nsec3")
EXPIRY = "20381231000000"
NSEC3_FLAGS = ("-n", "-t", "0")
SEED = 1


@dataclass(frozen=True, slots=True)
class Mix:
    """Zone file and question lists of one variant; `kxdpgun` and `kxdpgun_do` differ by the DO flag."""

    variant: str
    zone: Path
    dnsperf: Path
    kxdpgun: Path
    kxdpgun_do: Path


def cache() -> Path:
    """Return the directory where generated zones are kept between runs."""
    path = Path(tempfile.gettempdir()) / f"xdpdns-bench-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def is_delegation(index: int) -> bool:
    """Return whether the name with this index is a delegation."""
    return index % 5 == 4


def records(count: int) -> Iterator[str]:
    """Yield the zone's lines for `count` owner names beside the apex."""
    yield f"{ORIGIN} 3600 IN SOA ns1.{ORIGIN} hostmaster.{ORIGIN} 1 1800 900 604800 300\n"
    yield f"{ORIGIN} 3600 IN NS ns1.{ORIGIN}\n{ORIGIN} 3600 IN NS ns2.{ORIGIN}\n"
    yield f"ns1.{ORIGIN} 3600 IN A 192.0.2.1\nns2.{ORIGIN} 3600 IN A 192.0.2.2\n*.wild.{ORIGIN} 3600 IN A 192.0.2.3\n"
    for index in range(count):
        name = f"{spell(scatter(index))}.{ORIGIN}"
        low = f"{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"
        if not is_delegation(index):
            yield f"{name} 3600 IN A 10.{low}\n{name} 3600 IN AAAA 2001:db8::{index >> 16:x}:{index & 0xFFFF:x}\n"
            continue
        yield f"{name} 3600 IN NS ns1.{name}\n{name} 3600 IN NS ns2.{name}\n"
        yield f"ns1.{name} 3600 IN A 10.{low}\nns2.{name} 3600 IN A 11.{low}\n"
        if index % 2:
            yield f"{name} 3600 IN DS {index & 0xFFFF} 13 2 {index:064X}\n"


def questions(count: int) -> list[tuple[str, str]]:
    """Return as many questions as the zone has names, in random order that is the same each time."""
    source = random.Random(SEED)
    hosts = [index for index in range(count) if not is_delegation(index)]
    cuts = [index for index in range(count) if is_delegation(index)]
    found = []
    for number in range(count):
        place = number % 10
        if place < 7:
            found.append((f"{spell(scatter(source.choice(hosts)))}.{ORIGIN}", source.choice(("A", "AAAA"))))
        elif place < 9:
            found.append((f"www.{spell(scatter(source.choice(cuts)))}.{ORIGIN}", "A"))
        else:
            found.append((f"{spell(scatter(source.randrange(count)))}-none.{ORIGIN}", "A"))
    source.shuffle(found)
    return found


def prepare(variant: str, count: int = FULL) -> Mix:
    """Return the zone and question lists of a variant (`VARIANTS`), made now or found from an earlier run."""
    base = cache() / f"mix-{count}"
    base.mkdir(exist_ok=True)
    plain = base / "plain.zone"
    if not plain.exists():
        write(plain, "".join(records(count)))
        asked = questions(count)
        write(base / "dnsperf", "".join(f"{name} {rdtype}\n" for name, rdtype in asked))
        write(base / "kxdpgun", "".join(f"{name} {rdtype}\n" for name, rdtype in asked))
        write(base / "kxdpgun-do", "".join(f"{name} {rdtype} D\n" for name, rdtype in asked))
    zone = base / f"{variant}.zone"
    if not zone.exists():
        sign(plain, zone, NSEC3_FLAGS if variant == "nsec3" else ())
    return Mix(variant, zone, base / "dnsperf", base / "kxdpgun", base / "kxdpgun-do")


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.replace(path)


def sign(source: Path, target: Path, flags: tuple[str, ...]) -> None:
    """Sign a zone file with a new key; `flags` choose the denial of existence."""
    with tempfile.TemporaryDirectory(dir=source.parent) as work:
        keygen = ["ldns-keygen", "-k", "-a", "ECDSAP256SHA256", ORIGIN]
        key = subprocess.run(keygen, cwd=work, check=True, capture_output=True, text=True).stdout.strip()
        shutil.copy(source, f"{work}/zone")
        argv = ["ldns-signzone", "-e", EXPIRY, "-o", ORIGIN, "-f", "signed", *flags, "zone", key]
        subprocess.run(argv, cwd=work, check=True, capture_output=True)
        Path(f"{work}/signed").replace(target)
