# SPDX-License-Identifier: Apache-2.0
"""Writes deterministic zone files for benchmarks.

`python bench/zones.py delegations N PATH` writes a zone like a registry's: N delegations with two NS records each;
every tenth has its own name servers with glue. One million delegations make 2.3 million records, 118 MB.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

ORIGIN = "bench."
SYLLABLES = tuple(consonant + vowel for consonant in "bcdfghjklmnpqrstvwxyz" for vowel in "aeiou")
HOSTERS = 2000
"""Name server operators that the delegations without their own servers share."""


def scatter(index: int) -> int:
    """Return a number of 32 bits, different for each index below 2**32 and in no visible order."""
    return index * 2654435761 & 0xFFFFFFFF


def spell(number: int, syllables: int = 5) -> str:
    """Return a pronounceable label, different for each number below 105 ** syllables."""
    parts = []
    for _ in range(syllables):
        number, rest = divmod(number, len(SYLLABLES))
        parts.append(SYLLABLES[rest])
    return "".join(parts)


def delegation_names(count: int, in_order: bool) -> Iterator[tuple[int, str]]:
    """Yield (index, label) of each delegation, in canonical order when asked."""
    names = ((index, spell(scatter(index))) for index in range(count))
    return iter(sorted(names, key=lambda item: item[1])) if in_order else names


def own_servers(label: str, index: int) -> str:
    """Return a delegation to two servers below itself, with two IPv4 and one IPv6 glue records."""
    name = f"{label}.{ORIGIN}"
    low = f"{index >> 16 & 255}.{index >> 8 & 255}"
    return (
        f"{name}\t86400\tIN\tNS\tns1.{name}\n{name}\t86400\tIN\tNS\tns2.{name}\n"
        f"ns1.{name}\t86400\tIN\tA\t10.{low}.1\nns2.{name}\t86400\tIN\tA\t10.{low}.2\n"
        f"ns1.{name}\t86400\tIN\tAAAA\t2001:db8:{index >> 16:x}:{index & 0xFFFF:x}::1\n"
    )


def shared_servers(label: str, index: int) -> str:
    """Return a delegation to the servers of an operator outside the zone."""
    hoster = f"{spell(scatter(index % HOSTERS), 4)}-dns.net."
    name = f"{label}.{ORIGIN}"
    return f"{name}\t86400\tIN\tNS\tns1.{hoster}\n{name}\t86400\tIN\tNS\tns2.{hoster}\n"


def apex() -> str:
    """Return the records of the apex and its servers."""
    return (
        f"{ORIGIN}\t86400\tIN\tSOA\ta.ns.{ORIGIN} hostmaster.{ORIGIN} 2024010100 1800 900 604800 86400\n"
        f"{ORIGIN}\t86400\tIN\tNS\ta.ns.{ORIGIN}\n{ORIGIN}\t86400\tIN\tNS\tb.ns.{ORIGIN}\n"
        f"a.ns.{ORIGIN}\t86400\tIN\tA\t192.0.2.1\nb.ns.{ORIGIN}\t86400\tIN\tA\t192.0.2.2\n"
    )


def write_delegations(path: Path, count: int, in_order: bool = False) -> int:
    """Write the zone of `count` delegations to `path` and return the number of records."""
    records = 5
    with path.open("w", encoding="ascii", buffering=1 << 20) as out:
        out.write(apex())
        for index, label in delegation_names(count, in_order):
            if index % 10 == 0:
                out.write(own_servers(label, index))
                records += 5
            else:
                out.write(shared_servers(label, index))
                records += 2
    return records


def main(arguments: list[str]) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="write a deterministic zone file for benchmarks")
    parser.add_argument("kind", choices=["delegations"])
    parser.add_argument("count", type=int, help="delegations")
    parser.add_argument("path", type=Path, help="file to write")
    parser.add_argument("--in-order", action="store_true", help="owners in canonical order")
    options = parser.parse_args(arguments)
    records = write_delegations(options.path, options.count, options.in_order)
    print(f"{options.path}: zone {ORIGIN} {records} records, {options.path.stat().st_size} octets")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
