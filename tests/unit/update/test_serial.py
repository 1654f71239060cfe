# SPDX-License-Identifier: Apache-2.0
"""Serial number arithmetic (RFC 1982)."""

import pytest

from control.conf.zone import SerialModulo
from control.store.keys import pack_rrset
from control.update.serial import compare_serials, next_serial, serial_of_soa, set_serial


@pytest.mark.parametrize(
    ("a", "b", "order"),
    [
        (1, 1, 0),
        (1, 2, -1),
        (2, 1, 1),
        (0xFFFFFFFF, 0, -1),
        (0, 0x7FFFFFFF, -1),
        (0x7FFFFFFF, 0xFFFFFFFE, -1),
        (0, 0x80000001, 1),
        (0, 0x80000000, None),
        (0x80000000, 0, None),
    ],
)
def test_serials_compare_around_the_circle(a: int, b: int, order: int | None) -> None:
    """Half the circle ahead is after, half behind is before, opposite is undefined."""
    assert compare_serials(a, b) == order


def test_the_serial_is_the_first_number_of_an_soa() -> None:
    """Whatever the two names are, five numbers follow them."""
    numbers = b"".join(number.to_bytes(4, "big") for number in (2024010101, 1, 2, 3, 4))
    assert serial_of_soa(pack_rrset(60, [b"\2ns\0\4host\0" + numbers])) == 2024010101


NOON = 1717329600
"""2024-06-02 12:00:00 UTC."""


@pytest.mark.parametrize(
    ("current", "policy", "modulo", "serial"),
    [
        (1, "increment", (0, 1, 0), 2),
        (0xFFFFFFFF, "increment", (0, 1, 0), 0),
        (1, "unixtime", (0, 1, 0), NOON),
        (NOON, "unixtime", (0, 1, 0), NOON + 1),
        (NOON + 9, "unixtime", (0, 1, 0), NOON + 10),
        (1, "unixtime", (0, 1, -100), NOON - 100),
        (1, "dateserial", (0, 1, 0), 2024060200),
        (2024060200, "dateserial", (0, 1, 0), 2024060201),
        (2024060299, "dateserial", (0, 1, 0), 2024060300),
        (1, "increment", (0, 2, 0), 2),
        (2, "increment", (0, 2, 0), 4),
        (2, "increment", (2, 3, 0), 5),
        (0xFFFFFFFE, "increment", (2, 3, 0), 2),
        (1, "unixtime", (1, 3, 0), NOON + 1),
    ],
)
def test_a_policy_gives_the_next_serial(current: int, policy: str, modulo: tuple[int, int, int], serial: int) -> None:
    """By the clock where that is ahead of the serial, else by one; always congruent to what is configured."""
    assert next_serial(current, policy, SerialModulo(*modulo), NOON) == serial
    assert compare_serials(current, serial) == -1


def test_a_serial_is_set_in_an_soa() -> None:
    """Nothing else of it changes."""
    names, rest = b"\2ns\0\4host\0", bytes(range(16))
    value = pack_rrset(60, [names + bytes(4) + rest])
    assert set_serial(value, 0x01020304) == pack_rrset(60, [names + b"\1\2\3\4" + rest])
