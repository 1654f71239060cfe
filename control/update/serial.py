# SPDX-License-Identifier: Apache-2.0
"""SOA serials: serial number arithmetic (RFC 1982) and reading the serial out of an SOA."""

from control.store.keys import unpack_rdatas

SOA_NUMBERS_BYTES = 20


def compare_serials(a: int, b: int) -> int | None:
    """Return -1, 0 or 1 as serial `a` is before, equal to or after `b`; None where RFC 1982 leaves it undefined."""
    distance = (b - a) & 0xFFFFFFFF
    if distance == 0:
        return 0
    if distance == 0x80000000:
        return None
    return -1 if distance < 0x80000000 else 1


def serial_of_soa(value: bytes) -> int:
    """Return the serial in the value of an SOA RRset: the first of the five numbers that end its rdata."""
    rdata = unpack_rdatas(value)[0]
    return int.from_bytes(rdata[-SOA_NUMBERS_BYTES:][:4], "big")


def serial_warnings(old: int, new: int) -> tuple[str, ...]:
    """Return what is to be said of a zone file whose contents changed and whose serial went from `old` to `new`."""
    match compare_serials(old, new):
        case -1:
            return ()
        case 0:
            return ("zone file changed without SOA serial update",)
        case 1:
            return ("zone file changed with decreased SOA serial",)
        case _:
            return ("zone file changed with incomparable SOA serial",)
