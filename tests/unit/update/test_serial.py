# SPDX-License-Identifier: Apache-2.0
"""Serial number arithmetic (RFC 1982)."""

import pytest

from control.store.keys import pack_rrset
from control.update.serial import compare_serials, serial_of_soa, serial_warnings


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


@pytest.mark.parametrize(
    ("old", "new", "words"), [(2, 2, "without"), (2, 1, "decreased"), (0, 0x80000000, "incomparable")]
)
def test_a_serial_that_did_not_rise_is_warned_of(old: int, new: int, words: str) -> None:
    """A secondary would not notice the change."""
    (warning,) = serial_warnings(old, new)
    assert words in warning
    assert serial_warnings(1, 2) == ()
