# SPDX-License-Identifier: Apache-2.0
"""Bump in the wire: zones that come from primaries and are signed here; and transfers that have to validate."""

import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.peers import NO_REPLICATION
from control.conf.policy import PolicyConf
from control.errors import ZoneBogus, ZoneBusy
from control.store.environment import Store, Transaction
from control.store.keys import Record, name_text, type_of_key, unpack_rrsets
from control.update.door import Door
from control.update.follow import Step
from control.update.results import ChangeResult, Outcome
from pyxdp_dns.scan import ScannedZone, scan_zone_text
from pyxdp_dns.table import Table
from tests.support.signed import BEGIN_S, DAY, SETTINGS, SignedZones, signed_zones

APEX = b"\7example\0"
SOA, A, RRSIG, DNSKEY = 6, 1, 46, 48
NUMBERS = bytes(12) + b"\0\0\0\x3c"


class Whole:
    """A transfer that brought a whole zone."""

    steps: Sequence[Step] = ()
    zone = APEX

    def __init__(self, serial: int, names: Sequence[str], extra: str = "") -> None:
        self.text = f"example. 60 SOA . . {serial} 0 0 0 60\nexample. 60 NS ns.example.\nns.example. 60 A 192.0.2.1\n"
        self.text += "".join(f"{name}.example. 60 A 192.0.2.2\n" for name in names) + extra

    def take_contents(self) -> ScannedZone:
        """Return the contents."""
        return scan_zone_text(self.text.encode(), APEX, 0)


class Changes:
    """A transfer that brought steps."""

    zone = APEX

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    def take_contents(self) -> ScannedZone:
        """There are none."""
        raise AssertionError("steps have no contents")


def soa(serial: int) -> Record:
    """Return an SOA of the primary."""
    return Record(APEX, SOA, 60, b"\0\0" + serial.to_bytes(4, "big") + NUMBERS)


def host(label: str) -> Record:
    """Return an address."""
    return Record(bytes((len(label),)) + label.encode() + APEX, A, 60, b"\xc0\0\2\2")


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[SignedZones]:
    """Zones under the built-in policy."""
    with signed_zones(tmp_path, PolicyConf()) as found:
        yield found


def transfer(zones: SignedZones, incoming: Whole | Changes) -> ChangeResult:
    """Take a transfer, with something else in its transaction."""
    seen: list[Transaction] = []
    result = zones.door.transfer(incoming, zones.settings, NO_REPLICATION, also=seen.append)
    assert len(seen) == 1
    return result


def test_first_transfer(zones: SignedZones) -> None:
    """A zone from a primary gets keys and signatures, a serial of its own, and remembers the primary's."""
    result = transfer(zones, Whole(7, ["a", "b"]))
    assert (result.outcome, result.new_serial) == (Outcome.LOADED, 8)
    assert zones.kasp(APEX).master_serial == 7
    assert zones.faults(APEX) == ()


def test_steps(zones: SignedZones) -> None:
    """Changesets of the primary become one of the zone's own, with what has to be signed for them."""
    transfer(zones, Whole(7, ["a", "b"]))
    steps = (
        Step(7, 8, [soa(7), host("a")], [soa(8), host("c")]),
        Step(8, 9, [soa(8), host("c")], [soa(9), host("d")]),
    )
    result = transfer(zones, Changes(*steps))
    assert (result.old_serial, result.new_serial) == (8, 10)
    assert zones.kasp(APEX).master_serial == 9
    assert zones.lacking(APEX) == []
    assert zones.faults(APEX) == ()


def test_serial_alone(zones: SignedZones) -> None:
    """A primary that only raises its serial changes nothing here but what is remembered."""
    transfer(zones, Whole(7, ["a"]))
    assert transfer(zones, Changes(Step(7, 8, [soa(7)], [soa(8)]))).outcome is Outcome.UNCHANGED
    assert zones.serial(APEX) == 8
    assert zones.kasp(APEX).master_serial == 8
    assert transfer(zones, Whole(9, ["a"])).outcome is Outcome.UNCHANGED
    assert zones.kasp(APEX).master_serial == 9


def test_wrong_step(zones: SignedZones) -> None:
    """Changesets that begin at another serial than the primary's last one are refused."""
    transfer(zones, Whole(7, ["a"]))
    with pytest.raises(ZoneBusy, match="serial 7 of the primary"):
        transfer(zones, Changes(Step(8, 9, [soa(8)], [soa(9), host("c")])))
    assert zones.faults(APEX) == ()


@pytest.mark.parametrize("count", [5, 3000])
def test_other_whole_zones(zones: SignedZones, count: int) -> None:
    """Another whole zone, slightly or quite different, leads on from the zone's own serial."""
    transfer(zones, Whole(7, [f"h{number}" for number in range(count)]))
    transfer(zones, Whole(9, [f"h{number}" for number in range(1, count)]))
    assert zones.serial(APEX) == 10
    assert zones.kasp(APEX).master_serial == 9
    transfer(zones, Whole(10, [f"x{number}" for number in range(count)]))
    assert zones.serial(APEX) == 11
    assert zones.lacking(APEX) == []
    assert zones.faults(APEX) == ()


def test_signatures_of_the_primary(zones: SignedZones) -> None:
    """What the primary says of signing is left out."""
    foreign = "example. 60 DNSKEY 256 3 13 " + "A" * 86 + "==\na.example. 60 NSEC example. A RRSIG NSEC\n"
    transfer(zones, Whole(7, ["a"], foreign))
    assert zones.faults(APEX) == ()
    assert zones.lacking(APEX) == []


class Served:
    """A transfer of a zone that another door has."""

    steps: Sequence[Step] = ()
    zone = APEX

    def __init__(self, zones: SignedZones, *, without: int = 0, ttl: int = 0) -> None:
        self.pairs = [pair for pair in zones.contents(APEX) if type_of_key(pair[0]) != without]
        if ttl:
            self.pairs = [(key, ttl.to_bytes(4, "big") + value[4:]) for key, value in self.pairs]

    def take_contents(self) -> ScannedZone:
        """Return the contents as they are read from a file in the form of RFC 3597."""
        lines = [
            f"{name_text(rrset.owner)} {rrset.ttl} CLASS1 TYPE{rrset.type} \\# {len(rdata)} {rdata.hex()}"
            for rrset in unpack_rrsets(self.pairs)
            for rdata in rrset.rdatas
        ]
        return scan_zone_text("\n".join(lines).encode() + b"\n", APEX, 0)


@pytest.fixture
def validating(tmp_path: Path) -> Iterator[Door]:
    """A door for zones that have to validate."""
    directory = tmp_path / "validating"
    directory.mkdir()
    with Store(directory / "store", 64 << 20, 1) as store, Table.create(directory / "table") as table:
        yield Door(store, table, Clock(now_ns=lambda: BEGIN_S * 10**9))


VALIDATES = SETTINGS._replace(signs=False, validates=True)


def test_valid_transfer(zones: SignedZones, validating: Door) -> None:
    """A zone with valid signatures is taken, and it is told until when it is valid."""
    zones.load(APEX, Whole(7, ["a", "b"]).text, cold=True)
    result = validating.transfer(Served(zones), VALIDATES, NO_REPLICATION)
    assert result.outcome is Outcome.LOADED
    assert result.valid_until == BEGIN_S + 13 * DAY


@pytest.mark.parametrize("fault", [{"without": RRSIG}, {"without": DNSKEY}, {"ttl": 61}])
def test_bogus_transfer(zones: SignedZones, validating: Door, fault: dict[str, int]) -> None:
    """A zone that does not validate is refused, and the one before stays."""
    zones.load(APEX, Whole(7, ["a", "b"]).text, cold=True)
    validating.transfer(Served(zones), VALIDATES, NO_REPLICATION)
    before = validating.find_zone(APEX)
    zones.load(APEX, Whole(9, ["a", "b", "c"]).text)
    with pytest.raises(ZoneBogus, match="sign the zone anew"):
        validating.transfer(Served(zones, **fault), VALIDATES, NO_REPLICATION)
    assert validating.find_zone(APEX) == before


def test_signatures_about_to_expire(zones: SignedZones, validating: Door) -> None:
    """Signatures that are valid for less than `rrsig-refresh` are refused."""
    zones.load(APEX, Whole(7, ["a"]).text, cold=True)
    strict = VALIDATES._replace(validation_margin_s=14 * DAY + 1)
    with pytest.raises(ZoneBogus, match="expires in 1209600 seconds"):
        validating.transfer(Served(zones), strict, NO_REPLICATION)


def test_bogus_step(zones: SignedZones, validating: Door) -> None:
    """A changeset after which the zone does not validate is refused."""
    zones.load(APEX, Whole(7, ["a"]).text, cold=True)
    validating.transfer(Served(zones), VALIDATES, NO_REPLICATION)
    before = validating.find_zone(APEX)
    with pytest.raises(ZoneBogus):
        validating.transfer(Changes(Step(8, 9, [soa(8)], [soa(9)])), VALIDATES, NO_REPLICATION)
    assert validating.find_zone(APEX) == before


@pytest.mark.data
def test_bogus_file(validating: Door, tmp_path: Path, data_dir: Path) -> None:
    """A zone file that does not validate is refused: a real one, whose signatures have expired."""
    file = tmp_path / "gov.zone"
    file.write_bytes(gzip.decompress((data_dir / "gov" / "2024-06-02.zone.gz").read_bytes()))
    with pytest.raises(ZoneBogus, match="at "):
        validating.load(b"\3gov\0", str(file), VALIDATES, cold=True)
