# SPDX-License-Identifier: Apache-2.0
"""The codec of the control protocol: octets as seen from real programs, pieces of any size, and garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.ctl.errors import BlockTooLarge, ItemTooLong, ProtocolError
from control.ctl.unit import BLOCK, EMPTY, END, MAX_VALUE_BYTES, UNIT_COST_BYTES, Decoder, Kind, Unit, encode

VALUES = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
UNITS = st.builds(Unit, *([VALUES] * len(Unit._fields)))


def decode(octets: bytes, size: int = 0) -> list[tuple[Kind, Unit]]:
    """Decode in pieces of `size` octets; 0: in one."""
    decoder = Decoder()
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)] if size else [octets]
    return [unit for piece in pieces for unit in decoder.feed(piece)]


def test_status_as_on_the_wire() -> None:
    """A request has the octets that Knot's program sends."""
    octets = bytes.fromhex("01 10 0006") + b"status" + bytes.fromhex("19 0007") + b"version" + b"\x03"
    assert encode(Kind.DATA, Unit(command="status", type="version")) + BLOCK == octets
    assert decode(octets) == [(Kind.DATA, Unit(command="status", type="version")), (Kind.BLOCK, EMPTY)]


def test_empty_is_not_absent() -> None:
    """An empty item stays empty, one that is not there is None."""
    assert decode(b"\x01\x10\x00\x06status\x11\x00\x00\x03")[0][1] == Unit(command="status", flags="")


def test_unit_ends_with_the_next_type() -> None:
    """A unit without anything behind it is not delivered."""
    octets = encode(Kind.DATA, Unit(command="status"))
    assert decode(octets) == []
    assert [kind for kind, _ in decode(octets + octets + END)] == [Kind.DATA, Kind.DATA, Kind.END]


def test_repeated_code_and_leading_items() -> None:
    """The last of a repeated code counts, and items before the type byte belong to the unit that follows."""
    octets = b"\x16\x00\x02a.\x01\x10\x00\x01x\x10\x00\x01y\x03"
    assert decode(octets)[0] == (Kind.DATA, Unit(command="y", zone="a."))


def test_block_forgets_items_without_unit() -> None:
    """Items that no unit follows before a block ends do not reach into the next block."""
    assert decode(b"\x16\x00\x02a.\x03\x01\x10\x00\x01x\x03")[1] == (Kind.DATA, Unit(command="x"))


@pytest.mark.parametrize("octet", [0x04, 0x0F, 0x1C, 0xFF])
def test_wrong_octet(octet: int) -> None:
    """An octet that is neither type nor code is fatal; what came before it has been delivered."""
    units = Decoder().feed(BLOCK + bytes((octet,)))
    assert next(units) == (Kind.BLOCK, EMPTY)
    with pytest.raises(ProtocolError):
        next(units)


def test_text() -> None:
    """A value ends at NUL; octets that are not UTF-8 survive in the program and are replaced on the socket."""
    assert decode(b"\x01\x16\x00\x04a\0bc\x03")[0][1].zone == "a"
    odd = decode(b"\x01\x1a\x00\x03\xff\xc3\xa9\x03")[0][1].data
    assert odd == "\udcff\u00e9"
    assert decode(encode(Kind.DATA, Unit(data=odd)) + BLOCK)[0][1].data == "\ufffd\u00e9"
    assert decode(encode(Kind.DATA, Unit(data="a\0b\ud800")) + BLOCK)[0][1].data == "a\ufffdb\ufffd"


def test_longest_value() -> None:
    """A value of 65535 octets passes, one more is refused before anything is written."""
    assert decode(encode(Kind.DATA, Unit(data="x" * MAX_VALUE_BYTES)) + BLOCK, 1000)[0][1].data == "x" * MAX_VALUE_BYTES
    with pytest.raises(ItemTooLong):
        encode(Kind.DATA, Unit(data="x" * MAX_VALUE_BYTES + "y"))


@given(st.lists(st.tuples(st.sampled_from([Kind.DATA, Kind.EXTRA]), UNITS), max_size=5), st.integers(1, 7))
def test_any_units_in_any_pieces(units: list[tuple[Kind, Unit]], size: int) -> None:
    """Whatever is encoded is decoded again, however it is cut."""
    octets = b"".join(encode(kind, unit) for kind, unit in units) + BLOCK
    assert decode(octets, size) == [*units, (Kind.BLOCK, EMPTY)]


@given(st.binary(max_size=300), st.integers(1, 50))
def test_garbage(octets: bytes, size: int) -> None:
    """Garbage is decoded or refused, the same however it is cut."""

    def outcome(pieces: int) -> object:
        try:
            return decode(octets, pieces)
        except ProtocolError:
            return None

    assert outcome(size) == outcome(0)


@pytest.mark.parametrize("piece", [b"\x01", b"\x10\x00\x01x", b"\x02\x16\x00\x00"])
def test_limit(piece: bytes) -> None:
    """Units, repeated items and empty ones all count; what is kept stays below the limit, and BLOCK begins anew."""
    decoder = Decoder(block_bytes=10 * UNIT_COST_BYTES)
    for _ in range(100):
        list(decoder.feed(b"\x01\x10\x00\x01x" * 5 + BLOCK))
    with pytest.raises(BlockTooLarge):
        list(decoder.feed(piece * 1000))
