# SPDX-License-Identifier: Apache-2.0
"""Questions derived from zones: every name, the empty non-terminals, names beside and beneath, in every type."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dns.name
import dns.rdatatype

from tests.support import ask, zones

TYPES = (
    "A", "NS", "SOA", "MX", "TXT", "AAAA", "SRV", "CNAME", "DNAME", "DS", "RRSIG", "NSEC", "DNSKEY", "NSEC3",
    "NSEC3PARAM", "HTTPS", "ANY", "TYPE65280",
)  # fmt: skip
"""Asked at every name, with the types that the name has."""

TYPES_BENEATH = ("A", "DS", "TXT", "ANY")
"""Asked at names made up."""

VARIANTS = {"plain": b"", "do": ask.opt(do=True), "edns": ask.opt()}
"""OPT records: none, with and without DO. The last is asked for NS and ANY alone: the replies are otherwise plain."""

_HASH_TYPES = (int(dns.rdatatype.NSEC3), int(dns.rdatatype.A))


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the message that asks it."""

    name: bytes
    type: int
    variant: str
    message: bytes

    def text(self) -> str:
        """Return the question for a reader."""
        return f"{ask.name_text(self.name)} {dns.rdatatype.to_text(dns.rdatatype.RdataType(self.type))} {self.variant}"


def of_zones(files: Mapping[str, Path]) -> Iterator[Question]:
    """Yield the questions for all zones in each variant; a question is asked once even if two zones suggest it."""
    asked: set[tuple[bytes, int]] = set()
    for zone, file in files.items():
        for name, rdtype in _pairs(zone, file):
            if (name, rdtype) not in asked:
                asked.add((name, rdtype))
                for variant, edns in VARIANTS.items():
                    if variant == "edns" and rdtype not in (ask.NS, ask.ANY):
                        continue
                    yield Question(name, rdtype, variant, ask.query(name, rdtype, edns=edns))


def _pairs(zone: str, file: Path) -> Iterator[tuple[bytes, int]]:
    contents = zones.read(zone, file)
    base = {ask.type_number(name) for name in TYPES}
    beneath = [ask.type_number(name) for name in TYPES_BENEATH]
    origin = dns.name.from_text(zone)
    for name in sorted(_with_ancestors(contents.nodes, origin)):
        node = contents.nodes.get(name)
        if node is not None and zones.is_hash(node):
            for rdtype in _HASH_TYPES:
                yield ask.name_wire(name), rdtype
            continue
        own = {int(rdataset.rdtype) for rdataset in node} if node is not None else set()
        for rdtype in sorted(base | own):
            yield ask.name_wire(name), rdtype
        for made_up in _around(name, origin):
            for rdtype in beneath:
                yield made_up, rdtype
    for rdtype in beneath:
        yield ask.name_wire(origin).upper(), rdtype
        if origin != dns.name.root:
            yield ask.name_wire(origin.parent()), rdtype


def _with_ancestors(names: Mapping[dns.name.Name, object], origin: dns.name.Name) -> set[dns.name.Name]:
    found = set()
    for name in names:
        while name not in found and name.is_subdomain(origin):
            found.add(name)
            if name == origin:
                break
            name = name.parent()
    return found


def _around(name: dns.name.Name, origin: dns.name.Name) -> Iterator[bytes]:
    """Yield names that are not there: beneath, two labels beneath, a wildcard's, before and after; and in capitals."""
    wire = ask.name_wire(name)
    for labels in (b"\x04none", b"\x05Under\x04nOnE", b"\x01*", b"\x01\x00", b"\x02zz\x01*"):
        if len(labels) + len(wire) <= 255:
            yield labels + wire
    if name != origin:
        first, rest = name[0], wire[1 + len(name[0]) :]
        for label in (first + b"\0", first[:-1] or b"-", first.swapcase()):
            if len(label) <= 63 and len(label) + 1 + len(rest) <= 255:
                yield bytes([len(label)]) + label + rest
