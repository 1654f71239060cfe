# SPDX-License-Identifier: Apache-2.0
"""The table of timers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from control.conf.values import name_to_wire
from control.store.environment import Store
from control.store.timers import NO_TIMERS, ZoneTimers, get_timers, list_timers, put_timers, remove_timers

APEX = name_to_wire("example.com.")
TIMERS = ZoneTimers(
    refreshed_s=1_900_000_000,
    next_refresh_s=1_900_003_600,
    expires_s=1_900_086_400,
    notified_serial=4_294_967_295,
    pinned="primary",
    outpaced_s=1_900_000_010,
    xfr_frozen=True,
    member_id=b"\x00\xffmember",
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store", 1 << 24, 1) as opened:
        yield opened


def test_a_zone_without_record_has_default_values(store: Store) -> None:
    """Nothing is remembered of a zone that was never met."""
    with store.read() as txn:
        assert get_timers(txn, APEX) == NO_TIMERS


@pytest.mark.parametrize("apex", [APEX, b"\0"], ids=["zone", "root"])
def test_timers_are_read_as_they_were_written(store: Store, apex: bytes) -> None:
    """Every field comes back, for the root zone as well."""
    store.write(lambda txn: put_timers(txn, apex, TIMERS))
    with store.read() as txn:
        assert get_timers(txn, apex) == TIMERS
        assert list(list_timers(txn)) == [(apex, TIMERS)]


def test_a_serial_of_zero_is_a_serial(store: Store) -> None:
    """That nobody was notified is something else than serial 0."""
    store.write(lambda txn: put_timers(txn, APEX, ZoneTimers(notified_serial=0)))
    with store.read() as txn:
        assert get_timers(txn, APEX).notified_serial == 0


def test_default_values_need_no_record(store: Store) -> None:
    """Timers that say nothing any more leave nothing behind."""
    store.write(lambda txn: put_timers(txn, APEX, TIMERS))
    store.write(lambda txn: put_timers(txn, APEX, NO_TIMERS))
    with store.read() as txn:
        assert list(list_timers(txn)) == []


def test_timers_can_be_forgotten(store: Store) -> None:
    """What is removed has default values again; it is told whether there was anything."""
    store.write(lambda txn: put_timers(txn, APEX, TIMERS))
    assert store.write(lambda txn: remove_timers(txn, APEX))
    assert not store.write(lambda txn: remove_timers(txn, APEX))
    with store.read() as txn:
        assert get_timers(txn, APEX) == NO_TIMERS


@pytest.mark.parametrize("lacking", [2, 3])
def test_a_store_without_timers_or_keys_is_completed(tmp_path: Path, lacking: int) -> None:
    """Formats before lack tables and nothing else: what is stored stays."""
    path = tmp_path / "store"
    with Store(path, 1 << 24, 1) as store:
        store.write(lambda txn: txn.put(txn.meta, b"format", bytes((0, 0, 0, lacking))))
        store.write(lambda txn: txn.put(txn.zones, b"kept\0", b"entry"))
    with Store(path, 1 << 24, 2) as store, store.read() as txn:
        assert txn.get(txn.meta, b"format") == b"\0\0\0\4"
        assert txn.get(txn.zones, b"kept\0") == b"entry"
