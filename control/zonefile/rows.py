# SPDX-License-Identifier: Apache-2.0
"""Stored pairs into text in bulk: rows for the control socket, lines for zone files.

Memory does not grow with the zone.
"""

from collections.abc import Iterable, Iterator
from itertools import islice, takewhile
from typing import NamedTuple

from control.store.keys import Pair, owner_of_key
from pyxdp_dns.text import Printed, TypeSet, print_pairs

CHUNK_PAIRS = 2048


NSEC3_BYTES, RRSIG_BYTES = (50).to_bytes(2, "big"), (46).to_bytes(2, "big")
TYPE_COVERED = slice(8, 10)
"""Of the first record of a value."""


class Row(NamedTuple):
    """One record in presentation form; the owner is absolute. The TTL of an RRSIG is its original TTL."""

    owner: str
    ttl: str
    type: str
    data: str


_make_row = Row._make


def is_of_nsec3(pair: Pair) -> bool:
    """Tell whether a pair is of the NSEC3 chain: such a record, or its signatures."""
    rtype = pair[0][-2:]
    return rtype == NSEC3_BYTES or (rtype == RRSIG_BYTES and pair[1][TYPE_COVERED] == NSEC3_BYTES)


def print_chunks(pairs: Iterable[Pair], skip: TypeSet | None = None, pad: int = 0) -> Iterator[Printed]:
    """Yield the lines of pairs, those of some thousand pairs at a time; arguments as of `print_pairs`."""
    rest = iter(pairs)
    while chunk := list(islice(rest, CHUNK_PAIRS)):
        yield print_pairs(chunk, skip, pad)


def iterate_lines(pairs: Iterable[Pair]) -> Iterator[list[bytes]]:
    """Yield the records of pairs in order, some thousand at a time, as lines `owner TAB ttl TAB type TAB data`."""
    for printed in print_chunks(pairs):
        lines = printed.text.split(b"\n")
        lines.pop()
        yield lines


def iterate_rows(pairs: Iterable[Pair]) -> Iterator[list[Row]]:
    """Yield the records of pairs in order, some thousand at a time."""
    for printed in print_chunks(pairs):
        lines = printed.text.decode("ascii").split("\n")
        lines.pop()
        yield [_make_row(line.split("\t")) for line in lines]


def leading_owner(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the pairs of the first owner, which in a zone that has an SOA is the apex."""
    rest = iter(pairs)
    first = next(rest, None)
    if first is None:
        return []
    part = owner_of_key(first[0])
    return [first, *takewhile(lambda pair: owner_of_key(pair[0]) == part, rest)]
