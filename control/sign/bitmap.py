# SPDX-License-Identifier: Apache-2.0
"""The type bit maps of NSEC and NSEC3 records (RFC 4034, section 4.1.2)."""

from collections.abc import Iterable


def type_bitmap(types: Iterable[int]) -> bytes:
    """Return the bit map of types: windows of 256 types, each as long as it has to be."""
    windows: dict[int, bytearray] = {}
    for rtype in sorted(types):
        bits = windows.setdefault(rtype >> 8, bytearray())
        place = (rtype & 0xFF) >> 3
        bits.extend(bytes(place + 1 - len(bits)))
        bits[place] |= 0x80 >> (rtype & 7)
    return b"".join(bytes((number, len(bits))) + bits for number, bits in windows.items())
