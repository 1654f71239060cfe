# SPDX-License-Identifier: Apache-2.0
"""Transfers at the door: what becomes of zone and journal, and that a refusal leaves both as they were."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.peers import NO_REPLICATION
from control.conf.zone import ZoneSettings
from control.errors import ZoneBusy, ZoneInvalid, ZoneTooLarge, ZoneUnknown
from control.store.contents import iterate_pairs
from control.store.environment import Store, Transaction
from control.store.journal import get_journal, iterate_heads
from control.store.keys import Pair, Record
from control.store.zones import get_zone, list_condemned
from control.update import replace as replace_module
from control.update.door import Door
from control.update.follow import Step, StepRefused
from control.update.results import ChangeResult, Outcome
from pyxdp_dns.errors import ZoneCheckError
from pyxdp_dns.scan import ScannedZone, scan_zone_text
from pyxdp_dns.table import Table

MIB = 1 << 20
APEX = b"\7example\0"
SOA, A = 6, 1
SETTINGS = ZoneSettings(zonefile_sync_s=-1)
NUMBERS = bytes(16)


class Whole:
    """A transfer that brought a whole zone."""

    steps: Sequence[Step] = ()
    zone = APEX

    def __init__(self, serial: int, names: Sequence[str], extra: str = "") -> None:
        self.text = f"example. 60 SOA . . {serial} 0 0 0 0\nexample. 60 NS ns.example.\nns.example. 60 A 192.0.2.1\n"
        self.text += "".join(f"{name}.example. 60 A 192.0.2.2\n" for name in names) + extra

    def take_contents(self) -> ScannedZone:
        return scan_zone_text(self.text.encode(), APEX, 0)


class Changes:
    """A transfer that brought steps."""

    zone = APEX

    def __init__(self, *steps: Step) -> None:
        self.steps = steps

    def take_contents(self) -> ScannedZone:
        raise AssertionError("steps have no contents")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 64 * MIB, 1) as store:
        yield store


@pytest.fixture
def table(tmp_path: Path) -> Iterator[Table]:
    with Table.create(tmp_path / "table") as table:
        yield table


@pytest.fixture
def door(store: Store, table: Table) -> Door:
    return Door(store, table, Clock())


def soa(serial: int) -> Record:
    return Record(APEX, SOA, 60, b"\0\0" + serial.to_bytes(4, "big") + NUMBERS)


def host(label: str) -> Record:
    return Record(bytes((len(label),)) + label.encode() + APEX, A, 60, b"\xc0\0\2\2")


def step(old: int, new: int, gone: Sequence[Record] = (), come: Sequence[Record] = ()) -> Step:
    return Step(old, new, (soa(old), *gone), (soa(new), *come))


def take(
    door: Door, incoming: Whole | Changes, settings: ZoneSettings = SETTINGS, *, benevolent: bool = False
) -> ChangeResult:
    return door.transfer(incoming, settings, NO_REPLICATION._replace(ixfr_benevolent=benevolent))


def pairs(store: Store) -> list[Pair]:
    with store.read() as txn:
        zone = get_zone(txn, APEX)
        return [] if zone is None else [(key[4:], value) for key, value in iterate_pairs(txn, zone)]


def contents(incoming: Whole) -> list[Pair]:
    with incoming.take_contents() as scanned:
        return [(key[4:], value) for key, value in scanned]


def chain(store: Store) -> list[tuple[int, int]]:
    with store.read() as txn:
        state = get_journal(txn, APEX)
        return [] if state is None else [(head.serial_from, head.serial_to) for head in iterate_heads(txn, state)]


def state(store: Store, table: Table) -> tuple[object, list[Pair], list[tuple[int, int]], object]:
    """Everything a refusal must leave as it was."""
    with store.read() as txn:
        return get_zone(txn, APEX), pairs(store), chain(store), table.zone_info(APEX)


def test_first_zone_is_taken(door: Door, store: Store, table: Table) -> None:
    """A zone without contents gets those of the transfer, published under their version."""
    whole = Whole(5, ["a", "b"])
    result = take(door, whole)
    assert (result.outcome, result.old_serial, result.new_serial) == (Outcome.LOADED, None, 5)
    assert pairs(store) == contents(whole)
    info = table.zone_info(APEX)
    assert info is not None
    assert info.version == result.version


def test_small_difference_is_a_changeset(door: Door, store: Store) -> None:
    """A whole zone that differs in little is kept in the journal as a changeset."""
    take(door, Whole(5, ["a", "b"]))
    whole = Whole(6, ["a", "c"])
    result = take(door, whole)
    assert (result.outcome, result.removed, result.added) == (Outcome.UPDATED, 2, 2)
    assert pairs(store) == contents(whole)
    assert chain(store) == [(5, 6)]


def test_large_difference_ends_the_chain(door: Door, store: Store) -> None:
    """A whole zone that differs in much is written anew: no changeset leads to it."""
    take(door, Whole(5, ["a"]))
    take(door, Changes(step(5, 6, come=[host("b")])))
    whole = Whole(7, [f"n{number}" for number in range(200)])
    take(door, whole)
    assert pairs(store) == contents(whole)
    assert chain(store) == []
    with store.read() as txn:
        assert not list(list_condemned(txn))


def test_same_zone_changes_nothing(door: Door, store: Store, table: Table) -> None:
    """The same contents again leave zone and journal as they are; a zone that had expired is answered again."""
    take(door, Whole(5, ["a"]))
    before = state(store, table)
    assert take(door, Whole(5, ["a"])).outcome is Outcome.UNCHANGED
    assert state(store, table) == before
    door.expire(APEX)
    assert take(door, Whole(5, ["a"])).outcome is Outcome.LOADED
    assert state(store, table)[:3] == before[:3]


def test_serial_that_goes_back_has_no_changeset(door: Door, store: Store) -> None:
    """A whole zone that was asked for is taken whatever its serial."""
    take(door, Whole(5, ["a"]))
    assert take(door, Whole(3, ["a"])).new_serial == 3
    assert chain(store) == []


def test_large_zone_goes_through_the_store_in_parts(door: Door, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Contents of more than one transaction are stored while the table is built."""
    monkeypatch.setattr(replace_module, "CHUNK_RRSETS", 10)
    whole = Whole(5, [f"n{number}" for number in range(100)])
    take(door, whole)
    assert pairs(store) == contents(whole)


def test_steps_are_changesets(door: Door, store: Store, table: Table) -> None:
    """Steps are applied together, each with its changeset and the primary's serial."""
    take(door, Whole(5, ["a"]))
    result = take(door, Changes(step(5, 7, come=[host("b")]), step(7, 9, gone=[host("a")])))
    assert (result.old_serial, result.new_serial, result.removed, result.added) == (5, 9, 3, 3)
    assert pairs(store) == contents(Whole(9, ["b"]))
    assert chain(store) == [(5, 7), (7, 9)]
    info = table.zone_info(APEX)
    assert info is not None
    assert info.version == result.version


@pytest.mark.parametrize(
    ("steps", "error"),
    [
        pytest.param([step(4, 6)], ZoneBusy, id="another serial"),
        pytest.param([step(5, 6), step(7, 8)], ZoneBusy, id="a gap"),
        pytest.param([step(5, 6), step(6, 7, gone=[host("x")])], StepRefused, id="removes what is not there"),
        pytest.param([step(5, 6), step(6, 7, come=[host("a")])], StepRefused, id="adds what is there"),
        pytest.param([Step(5, 6, (soa(5),), ())], (StepRefused, ZoneInvalid), id="no SOA"),
        pytest.param(
            [step(5, 6, come=[Record(b"\1a" + APEX, 5, 60, APEX)])], ZoneInvalid, id="breaks a mandatory rule"
        ),
    ],
)
def test_refused_steps_leave_all_as_it_was(
    door: Door, store: Store, table: Table, steps: list[Step], error: type[Exception]
) -> None:
    """Steps that do not fit leave store, journal and table as they were, also those before them."""
    take(door, Whole(5, ["a"]))
    before = state(store, table)
    with pytest.raises(error):
        take(door, Changes(*steps))
    assert state(store, table) == before


def test_benevolence_tolerates(door: Door, store: Store) -> None:
    """With `ixfr-benevolent` what is gone may go and what is there may come."""
    take(door, Whole(5, ["a"]))
    take(door, Changes(step(5, 6, gone=[host("x")], come=[host("a")])), benevolent=True)
    assert pairs(store) == contents(Whole(6, ["a"]))


def test_one_by_one(door: Door, store: Store) -> None:
    """With `ixfr-by-one` the steps before a refused one are taken."""
    take(door, Whole(5, ["a"]))
    changes = Changes(step(5, 6), step(6, 7, gone=[host("x")]))
    with pytest.raises(StepRefused):
        door.transfer(changes, SETTINGS, NO_REPLICATION._replace(ixfr_by_one=True))
    assert chain(store) == [(5, 6)]


def test_refused_zone_leaves_the_old_one(door: Door, store: Store, table: Table) -> None:
    """A zone that breaks a mandatory rule, is too large or lacks its digest is refused; the old one stays."""
    take(door, Whole(5, ["a"]))
    before = state(store, table)
    with pytest.raises(ZoneCheckError):
        take(door, Whole(6, ["a"], "a.example. 60 CNAME b.example.\n"))
    with pytest.raises(ZoneTooLarge):
        take(door, Whole(6, ["a"]), SETTINGS._replace(zone_max_size_bytes=50))
    with pytest.raises(ZoneInvalid):
        take(door, Whole(6, ["a"]), SETTINGS._replace(zonemd_verify=True))
    assert state(store, table) == before


def test_steps_need_contents(door: Door) -> None:
    """Steps cannot be taken from nothing."""
    with pytest.raises(ZoneUnknown):
        take(door, Changes(step(5, 6)))


def test_more_is_written_in_the_same_transaction(door: Door, store: Store, table: Table) -> None:
    """What the caller writes beside the zone sees the new version, and its failure undoes that."""
    seen = []

    def also(txn: Transaction) -> None:
        zone = get_zone(txn, APEX)
        assert zone is not None
        seen.append(zone.serial)
        if zone.serial > 5:
            raise ZoneInvalid(APEX, "refused")

    door.transfer(Whole(5, ["a"]), SETTINGS, NO_REPLICATION, also=also)
    before = state(store, table)
    for incoming in (Whole(6, ["a"]), Changes(step(5, 7))):
        with pytest.raises(ZoneInvalid):
            door.transfer(incoming, SETTINGS, NO_REPLICATION, also=also)
    assert seen == [5, 6, 7]
    assert state(store, table) == before
