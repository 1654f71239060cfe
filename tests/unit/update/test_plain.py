# SPDX-License-Identifier: Apache-2.0
"""Zones loaded together are what they are when each is loaded alone: results, log lines, store and answers."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from control.clock import Clock
from control.conf.zone import ZoneSettings
from control.errors import ControlError, ZoneBusy
from control.store.contents import iterate_pairs
from control.store.environment import Store
from control.store.journal import get_journal
from control.store.keys import Pair
from control.store.zones import StoredZone, get_zone
from control.update.door import Door
from control.update.prepared import LoadRequest
from control.update.report import load_lines
from control.update.results import LoadResult, Outcome
from pyxdp_dns.errors import EngineError, TableFull
from pyxdp_dns.table import Table, Transaction

MIB = 1 << 20
HOUR_NS = 3600 * 10**9
HEAD = "$TTL 3600\n@ SOA ns host {serial} 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\n"
TEXTS = {
    "plain": HEAD.format(serial=5) + "www A 192.0.2.2\nwww A 192.0.2.3\nmail MX 10 www\n",
    "other": HEAD.format(serial=4294967295) + '*.x TXT "a" "b"\n',
    "warned": HEAD.format(serial=6) + "www 60 A 192.0.2.2\nwww 61 A 192.0.2.3\n",
    "outside": HEAD.format(serial=6) + "www.elsewhere. A 192.0.2.2\n",
    "foreign": HEAD.format(serial=7) + "here LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n",
    "including": HEAD.format(serial=8) + "$INCLUDE part\n",
    "wrong": HEAD.format(serial=9) + "www A nonsense\n",
    "refused": HEAD.format(serial=9) + "www CNAME ns\nwww A 192.0.2.1\n",
    "glueless": HEAD.format(serial=10) + "sub NS ns.sub\n",
    "keys": HEAD.format(serial=10) + "@ CDS 0 0 0 00\n",
    "without-ns": "@ 60 SOA ns host 11 3600 900 604800 300\n",
    "empty": "",
    "many": HEAD.format(serial=12) + "".join(f"a{i} A 192.0.2.9\n" for i in range(700)),
    "long": HEAD.format(serial=13) + "; " + "x" * 70000 + "\n",
    "last": HEAD.format(serial=14) + '_dmarc TXT "v=DMARC1"\n',
}
SETTINGS = (
    ZoneSettings(),
    ZoneSettings(semantic_checks="on"),
    ZoneSettings(semantic_checks="soft", default_ttl=77),
    ZoneSettings(journal_content="all", zonefile_load="difference"),
    ZoneSettings(journal_content="none"),
    ZoneSettings(zonefile_skip=frozenset({1})),
    ZoneSettings(zone_max_size_bytes=250),
    ZoneSettings(zonemd_verify=True),
    ZoneSettings(zonemd_generate="zonemd-sha384"),
    ZoneSettings(zonefile_load="none"),
)


class Place:
    """A store, a table and their door."""

    def __init__(self, path: Path) -> None:
        clock = Clock()
        self.store, self.table = Store(path / "store", 64 * MIB, 1), Table.create(path / "table")
        self.door = Door(self.store, self.table, replace(clock, now_ns=lambda: clock.now_ns() + HOUR_NS))

    def close(self) -> None:
        """Close both."""
        self.table.close()
        self.store.close()

    def stored(self, apex: bytes) -> tuple[StoredZone | None, list[Pair], object]:
        """Return all that is stored of a zone, with numbers that every load has of its own left out."""
        with self.store.read() as txn:
            zone, journal = get_zone(txn, apex), get_journal(txn, apex)
            if zone is None:
                return None, [], journal
            pairs = [(key[4:], value) for key, value in iterate_pairs(txn, zone)]
        return zone._replace(zone_id=0, version=0), pairs, None if journal is None else journal._replace(journal_id=0)


@pytest.fixture
def places(tmp_path: Path) -> Iterator[tuple[Place, Place]]:
    for number in "12":
        (tmp_path / number).mkdir()
    pair = Place(tmp_path / "1"), Place(tmp_path / "2")
    yield pair
    for place in pair:
        place.close()


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    for name, text in TEXTS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "part").write_text("www A 192.0.2.4\n")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "directory").mkdir()
    return {name: tmp_path / name for name in (*TEXTS, "missing", "fifo", "directory")}


def requests_of(files: dict[str, Path], settings: ZoneSettings) -> list[LoadRequest]:
    return [
        LoadRequest(bytes((len(name),)) + name.encode() + b"\4test\0", str(path), settings, True)
        for name, path in files.items()
    ]


def outline(result: LoadResult | Exception) -> object:
    """What of a result does not depend on time and numbers given."""
    if isinstance(result, Exception):
        return type(result), str(result)
    return replace(result, version=0, seconds=0.0), tuple(load_lines(result))


def load_alone(door: Door, requests: Sequence[LoadRequest]) -> list[LoadResult | Exception]:
    results: list[LoadResult | Exception] = []
    for request in requests:
        try:
            results.append(door.load(request.zone, request.file, request.settings, cold=True))
        except (ControlError, EngineError, OSError) as exc:
            results.append(exc)
    return results


@pytest.mark.parametrize("settings", SETTINGS, ids=range(len(SETTINGS)))
def test_together_as_alone(places: tuple[Place, Place], files: dict[str, Path], settings: ZoneSettings) -> None:
    """Whatever files and settings say, loading together gives what loading one by one gives, in order."""
    alone, together = places
    requests = requests_of(files, settings)
    expected = load_alone(alone.door, requests)
    found = list(together.door.load_many(requests))
    assert [request for request, _ in found] == requests
    assert [outline(result) for _, result in found] == [outline(result) for result in expected]
    for request in requests:
        assert together.stored(request.zone) == alone.stored(request.zone)
        info = together.table.zone_info(request.zone)
        assert (info is None) == (alone.table.zone_info(request.zone) is None)
        if info is not None and info.has_contents:
            assert together.table.digest(request.zone) == alone.table.digest(request.zone)


def test_versions_are_stored(places: tuple[Place, Place], files: dict[str, Path]) -> None:
    """The table answers from the version in the store, and the next start does not read the files again."""
    place = places[0]
    requests = requests_of({name: files[name] for name in ("plain", "other", "last")}, ZoneSettings())
    for request, result in place.door.load_many(requests):
        assert isinstance(result, LoadResult)
        stored = place.door.find_zone(request.zone)
        assert stored is not None
        assert stored.version == result.version == place.door.publisher.version_of(request.zone)
    again = [result for _, result in place.door.load_many(requests)]
    assert [result.outcome for result in again if isinstance(result, LoadResult)] == [Outcome.UNCHANGED] * 3


def test_refused_group(places: tuple[Place, Place], files: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One zone that the table refuses does not keep the others from being loaded."""
    build_zone = Transaction.build_zone

    def build(self: Transaction, apex: bytes, *rest: object) -> None:
        if apex.startswith(b"\5other"):
            raise TableFull("no room")
        build_zone(self, apex, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Transaction, "build_zone", build)
    requests = requests_of({name: files[name] for name in ("plain", "other", "last")}, ZoneSettings())
    results = [result for _, result in places[0].door.load_many(requests)]
    assert [type(result) for result in results] == [LoadResult, TableFull, LoadResult]


def test_zone_named_twice(places: tuple[Place, Place], files: dict[str, Path]) -> None:
    """A zone that is named twice is loaded once, and busy the second time."""
    requests = requests_of({"plain": files["plain"]}, ZoneSettings()) * 2
    results = [result for _, result in places[0].door.load_many(requests)]
    assert [type(result) for result in results] == [LoadResult, ZoneBusy]
    assert places[0].stored(requests[0].zone)[0] is not None
