# SPDX-License-Identifier: Apache-2.0
"""Rows of records that are encoded by the thousand."""

import pytest

from control.ctl.errors import ItemTooLong
from control.ctl.rows import encode_records
from control.ctl.unit import MAX_VALUE_BYTES, Kind, Unit, encode

LINES = [b"a.test.\t300\tA\t192.0.2.1", b'b.test.\t60\tTXT\t"tab\there"', b"c.test.\t300\tA\t192.0.2.2"]


def test_rows_are_those_of_the_units() -> None:
    """The octets are those of encoding each record as a unit."""
    units = [
        Unit(zone="test.", **dict(zip(("owner", "ttl", "type", "data"), row.split("\t", 3), strict=True)))
        for row in (line.decode() for line in LINES)
    ]
    assert b"".join(encode_records("test.", LINES)) == b"".join(encode(Kind.DATA, unit) for unit in units)


def test_data_that_do_not_fit_come_after_what_fits() -> None:
    """Rows before a record that is too long are given before it is refused."""
    rows = encode_records("test.", [LINES[0], b"x.test.\t1\tTXT\t" + b"x" * (MAX_VALUE_BYTES + 1)])
    assert next(rows) == b"".join(encode_records("test.", LINES[:1]))
    with pytest.raises(ItemTooLong):
        next(rows)
