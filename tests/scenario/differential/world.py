# SPDX-License-Identifier: Apache-2.0
"""What the zones of a set hold, as far as the rules about differences need to know it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.dnssec
import dns.name
import dns.node
import dns.rdataclass
import dns.rdatatype

from tests.support import ask, zones


@dataclass(frozen=True, slots=True)
class Chain:
    """The NSEC3 records of a zone: how names are hashed, and which hashes are there, as base32hex in lower case."""

    salt: bytes
    iterations: int
    hashes: frozenset[bytes]

    def hash(self, name: bytes) -> bytes:
        """Return the hash of a wire name (RFC 5155, section 5)."""
        text = dns.dnssec.nsec3_hash(ask.name_text(name.lower()), self.salt or None, self.iterations, 1)
        return text.lower().encode()


@dataclass(frozen=True, slots=True)
class World:
    """Zones as sets of wire names in lower case; `names` includes empty non-terminals, `chains` is by apex."""

    apexes: frozenset[bytes]
    names: frozenset[bytes]
    dnames: frozenset[bytes]
    cuts: frozenset[bytes]
    chains: Mapping[bytes, Chain]

    def apex_of(self, name: bytes) -> bytes | None:
        """Return the longest apex that a name ends in."""
        return next((suffix for suffix in suffixes(name.lower()) if suffix in self.apexes), None)

    def optout_encloser(self, name: bytes) -> tuple[bytes, bytes] | None:
        """Return the closest provable encloser of a name and the next closer name (RFC 5155, sections 1.3 and 6).

        None unless the closest encloser is another: a name that an opt-out span leaves out.
        """
        name = name.lower()
        chain = self.chains.get(self.apex_of(name) or b"")
        if chain is None:
            return None
        enclosers = suffixes(name)
        closest = next(place for place, suffix in enumerate(enclosers) if suffix in self.names)
        provable = next(place for place, suffix in enumerate(enclosers) if chain.hash(suffix) in chain.hashes)
        return (enclosers[provable], enclosers[provable - 1]) if provable > closest else None

    def is_synthesized(self, name: bytes) -> bool:
        """Return whether a name of these zones exists only through a wildcard."""
        name = name.lower()
        if name in self.names or self.apex_of(name) is None:
            return False
        encloser = next(suffix for suffix in suffixes(name) if suffix in self.names)
        return b"\x01*" + encloser in self.names

    def dname_above(self, name: bytes) -> bytes | None:
        """Return the owner of the DNAME above a name."""
        return next((suffix for suffix in suffixes(name.lower())[1:] if suffix in self.dnames), None)

    def is_glue(self, name: bytes) -> bool:
        """Return whether a name is at or below a cut of the zone that holds it."""
        return any(suffix in self.cuts for suffix in suffixes(name.lower()))


def suffixes(name: bytes) -> list[bytes]:
    """Return a name and its ancestors down to the root."""
    found = [name]
    while name != b"\0":
        name = name[1 + name[0] :]
        found.append(name)
    return found


def build(files: Mapping[str, Path]) -> World:
    """Return what the zones hold."""
    names: set[bytes] = set()
    dnames: set[bytes] = set()
    cuts: set[bytes] = set()
    chains: dict[bytes, Chain] = {}
    for zone, file in files.items():
        apex = ask.name_wire(zone)
        nodes = zones.read(zone, file).nodes
        chains.update(_chain(apex, nodes))
        for owner, node in nodes.items():
            if zones.is_hash(node):
                continue
            wire = ask.name_wire(owner).lower()
            names.update(suffix for suffix in suffixes(wire) if suffix.endswith(apex))
            if node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.DNAME) is not None:
                dnames.add(wire)
            if wire != apex and node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.NS) is not None:
                cuts.add(wire)
    apexes = frozenset(map(ask.name_wire, files))
    return World(apexes, frozenset(names), frozenset(dnames), frozenset(cuts), chains)


def _chain(apex: bytes, nodes: Mapping[dns.name.Name, dns.node.Node]) -> dict[bytes, Chain]:
    """Return the NSEC3 chain of a zone by its apex, nothing for a zone without."""
    for node in nodes.values():
        found = node.get_rdataset(dns.rdataclass.IN, dns.rdatatype.NSEC3PARAM)
        if found is not None:
            hashes = frozenset(owner[0].lower() for owner, other in nodes.items() if zones.is_hash(other))
            return {apex: Chain(found[0].salt, found[0].iterations, hashes)}
    return {}
