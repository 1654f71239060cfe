# SPDX-License-Identifier: Apache-2.0
"""SOA serials: serial number arithmetic (RFC 1982), serial policies, and reading and setting the serial in an SOA."""

from datetime import UTC, datetime

from control.conf.zone import SerialModulo

SOA_NUMBERS_BYTES = 20
MODULUS = 1 << 32


def compare_serials(a: int, b: int) -> int | None:
    """Return -1, 0 or 1 as serial `a` is before, equal to or after `b`; None where RFC 1982 leaves it undefined."""
    distance = (b - a) & 0xFFFFFFFF
    if distance == 0:
        return 0
    if distance == 0x80000000:
        return None
    return -1 if distance < 0x80000000 else 1


def serial_of_soa(value: bytes) -> int:
    """Return the serial in the value of an SOA RRset: the first of the five numbers that end its record, and so it."""
    return int.from_bytes(value[-SOA_NUMBERS_BYTES:][:4], "big")


def set_serial(value: bytes, serial: int) -> bytes:
    """Return the value of an SOA RRset with another serial."""
    at = len(value) - SOA_NUMBERS_BYTES
    return value[:at] + serial.to_bytes(4, "big") + value[at + 4 :]


def next_serial(current: int, policy: str, modulo: SerialModulo, now_s: int) -> int:
    """Return the serial that follows `current` under a `zone.serial-policy` at a time of day.

    A policy that gives none greater than `current` gives way to increment. The result is congruent to the remainder of
    `modulo`.
    """
    if policy == "increment":
        wanted = current + 1
    elif policy == "unixtime":
        wanted = now_s + modulo.shift
    elif policy == "dateserial":
        wanted = int(datetime.fromtimestamp(now_s, UTC).strftime("%Y%m%d")) * 100
    else:
        raise ValueError(f"unknown serial policy {policy}")
    wanted = _congruent(wanted, modulo)
    return wanted if compare_serials(current, wanted) == -1 else _congruent(current + 1, modulo)


def _congruent(number: int, modulo: SerialModulo) -> int:
    """Return the first serial from `number` on that has the wanted remainder."""
    serial = number % MODULUS
    serial += (modulo.remainder - serial) % modulo.modulus
    return serial if serial < MODULUS else modulo.remainder
