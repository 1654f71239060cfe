# SPDX-License-Identifier: Apache-2.0
"""Store keys and values: form, order, limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.store.keys import (
    RRset,
    name_text,
    owner_key,
    pack_rrset,
    parse_owner_key,
    rrset_key,
    type_of_key,
    unpack_rdatas,
    unpack_rrsets,
    unpack_ttl,
)

labels = st.lists(st.binary(min_size=1, max_size=12).map(bytes.lower), max_size=8)


def wire(*parts: bytes) -> bytes:
    return b"".join(bytes((len(part),)) + part for part in parts) + b"\0"


@given(labels)
def test_an_owner_key_reads_back_as_the_name(parts: list[bytes]) -> None:
    """Every name, whatever its octets, survives the way into a key and back."""
    assert parse_owner_key(owner_key(wire(*parts))) == wire(*parts)


@given(st.lists(labels, min_size=2, max_size=6))
def test_key_order_is_canonical_order(names: list[list[bytes]]) -> None:
    """Keys sort as RFC 4034, section 6.1 has it: by labels from the right, each as octets."""
    by_key = sorted(names, key=lambda parts: rrset_key(1, wire(*parts), 1))
    assert [parts[::-1] for parts in by_key] == sorted(parts[::-1] for parts in names)


def test_all_types_of_a_name_sort_before_its_children() -> None:
    """The zero octet between owner and type keeps a name's RRsets together, whatever the type's octets."""
    parent, child = rrset_key(1, wire(b"a"), 0xFFFF), rrset_key(1, wire(b"\0", b"a"), 0)
    assert parent < child


def test_the_worst_name_makes_a_key_of_511_octets() -> None:
    """250 octets that all need escaping, in four labels, make LMDB's longest key."""
    name = wire(b"\0" * 63, b"\1" * 63, b"\0" * 63, b"\1" * 61)
    assert len(name) == 255
    key = rrset_key(0xFFFFFFFF, name, 0xFFFF)
    assert len(key) == 511
    assert type_of_key(key) == 0xFFFF


@pytest.mark.parametrize("name", [b"", b"\1", b"\1a", b"\1a\0\0", b"\x40" + b"a" * 64 + b"\0", b"\1a" * 127 + b"\1a\0"])
def test_a_malformed_name_is_refused(name: bytes) -> None:
    """What is no wire name makes no key."""
    with pytest.raises(ValueError, match="malformed"):
        owner_key(name)


@pytest.mark.parametrize("owner", [b"a", b"\0", b"a\0\0", b"a" * 64 + b"\0"])
def test_a_malformed_owner_in_a_key_is_refused(owner: bytes) -> None:
    """An owner part with an empty, open or too long label makes no name."""
    with pytest.raises(ValueError, match="malformed"):
        parse_owner_key(owner)


@given(st.integers(0, 0x7FFFFFFF), st.sets(st.binary(max_size=40), min_size=1, max_size=5))
def test_a_value_reads_back_sorted(ttl: int, rdatas: set[bytes]) -> None:
    """A value has the TTL and each rdata once, in canonical order."""
    value = pack_rrset(ttl, [*rdatas, *rdatas])
    assert unpack_ttl(value) == ttl
    assert list(unpack_rdatas(value)) == sorted(rdatas)


def test_a_value_with_octets_missing_is_refused() -> None:
    """Lengths that contradict each other are an error, not a shorter rdata."""
    value = pack_rrset(60, [b"abc", b"defg"])
    for end in (6, 8, len(value) - 1):
        with pytest.raises(ValueError, match="malformed"):
            unpack_rdatas(value[:end])


def test_more_records_than_a_value_can_count_are_refused() -> None:
    """65 535 records is the largest RRset."""
    with pytest.raises(ValueError, match="65535"):
        pack_rrset(60, [i.to_bytes(3, "big") for i in range(65536)])


def test_pairs_become_rrsets() -> None:
    """Each pair is one RRset of its owner."""
    name = wire(b"www", b"example")
    pairs = [(rrset_key(7, name, 1), pack_rrset(60, [b"\1\2\3\4"])), (rrset_key(7, name, 16), pack_rrset(5, [b"\1a"]))]
    assert list(unpack_rrsets(pairs)) == [RRset(name, 1, 60, (b"\1\2\3\4",)), RRset(name, 16, 5, (b"\1a",))]


def test_a_name_as_text_escapes_what_is_special() -> None:
    """Dots and blanks inside labels cannot be mistaken for anything else."""
    assert name_text(wire(b"a.b", b"c d\xff", b"example")) == "a\\.b.c\\032d\\255.example."
    assert name_text(b"\0") == "."
