# SPDX-License-Identifier: Apache-2.0
"""Every rule of RFC 2136, sections 2.4, 2.5, 3.2 and 3.4, on one small zone: RCODE, and what it changes.

The cases are in tests/support/update_cases.py under the sections they are about; what each has to end with is in
tests/golden/updates.txt, of which tests/scenario/replication/test_updates_differential.py says how it agrees with
knotd and named.
"""

from collections.abc import Iterator
from pathlib import Path

import dns.name
import dns.rdata
import dns.rdatatype
import pytest

from control.ddns.message import Rcode
from tests.support.update_cases import by_hand
from tests.support.updated import Records, UpdatedZones, updated_zones
from tests.support.updates import Case, build

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "updates.txt"
ORIGIN, APEX = "example.", b"\7example\0"
CASES = {case.name: case for case in by_hand()}


def outcome(zones: UpdatedZones, apex: bytes, case: Case) -> list[str]:
    """Carry out a case; return the lines it has in the golden file."""
    before = zones.records(apex)
    (rcode,) = zones.send(apex, build(ORIGIN, case.prerequisites, case.changes))
    after = zones.records(apex)
    lines = [f"{case.name}: {Rcode(rcode).name}, serial {zones.serial(apex)}"]
    lines += [f"  - {line}" for line in texts(before - after)]
    return lines + [f"  + {line}" for line in texts(after - before)]


def texts(records: Records) -> list[str]:
    """Return records as text in order."""
    return sorted(text(*record) for record in records)


def text(owner: bytes, rtype: int, ttl: int, data: bytes) -> str:
    """Return a record as text, names relative to the zone."""
    origin = dns.name.from_text(ORIGIN)
    rdata = dns.rdata.from_wire(1, rtype, data, 0, len(data), origin)
    name = dns.name.from_wire(owner, 0)[0].relativize(origin)
    return f"{name} {ttl} {dns.rdatatype.to_text(rdata.rdtype)} {rdata.to_text(origin, relativize=True)}"


def golden() -> dict[str, list[str]]:
    """Return the lines of the golden file by case."""
    cases: dict[str, list[str]] = {}
    for line in GOLDEN.read_text().splitlines():
        if not line.startswith(" "):
            lines = cases.setdefault(line.partition(":")[0], [])
        lines.append(line)
    return cases


@pytest.fixture(scope="module")
def zones() -> Iterator[UpdatedZones]:
    """A store and a table."""
    with updated_zones() as zones:
        yield zones


@pytest.mark.parametrize("name", CASES)
def test_case(zones: UpdatedZones, name: str) -> None:
    """The message ends with the RCODE, the serial and the records that the golden file has for it."""
    zones.door.drop(APEX)
    zones.door.purge_journal(APEX)
    apex = zones.load(ORIGIN)
    assert outcome(zones, apex, CASES[name]) == golden().get(name)


def test_no_case_is_missing() -> None:
    """The golden file has just the cases there are."""
    assert list(golden()) == list(CASES)
