# SPDX-License-Identifier: Apache-2.0
"""Which zone counts in which row: rows are given, taken back, and given again once no thread can count in them."""

from collections.abc import Mapping
from typing import NamedTuple

from pyxdp_dns.statistics import NO_ROW, WIDE, ZoneStats
from pyxdp_dns.table import Table


class Row(NamedTuple):
    """A zone's row, counted from 0, and the families counted there, as bits."""

    number: int
    families: int


class ZoneRows:
    """The rows of one table. Changes belong to the writer thread; `values` and `families` may be asked by any."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Row] = {}
        self._retired: list[tuple[int, int]] = []
        self._end = 0
        self._unclean: set[int] = set()
        self._stats: ZoneStats | None = None
        self._table: Table | None = None

    def adopt(self, table: Table) -> None:
        """Take over what a table has; rows it does not use may have been in use until a moment ago."""
        if table is self._table:
            return
        self._table = table
        self._rows, self._retired, self._end = {}, [], 0
        for apex in table.zones():
            info = table.zone_info(apex)
            if info is not None and info.stats_row:
                self._rows[apex] = Row(info.stats_row - 1, info.stats_families)
        used = {row.number for row in self._rows.values()}
        self._end = max(used, default=-1) + 1
        generation = table.stats().generation
        self._retired = [(generation, number) for number in range(self._end) if number not in used]

    def use(self, stats: ZoneStats | None) -> None:
        """Count in this file from now on (a new engine may have made a new one); the old one stays the caller's."""
        self._stats = stats
        if stats is not None:
            for number in self._unclean:
                stats.clear(number)
            self._unclean = set()
        self._reserve()

    def follow(self, wanted: Mapping[bytes, int]) -> None:
        """Give every zone of `wanted` that the table has a row with these families, and take rows from all others.

        Raises:
            ResourceError: there is no room for so many rows; nothing has changed.
        """
        table = self._table
        assert table is not None
        present = {
            apex: families for apex, families in wanted.items() if families and table.zone_info(apex) is not None
        }
        gone = [apex for apex in self._rows if apex not in present]
        before = dict(self._rows)
        generation = table.stats().generation + 1
        end, retired = self._end, list(self._retired)
        rows = {apex: self._take(apex, families) for apex, families in present.items()}
        try:
            self._rows = rows
            self._reserve()
            self._publish(rows, gone)
        except BaseException:
            self._rows, self._end, self._retired = before, end, retired
            raise
        self._retired += [(generation, before[apex].number) for apex in gone]

    def forget(self, apex: bytes) -> None:
        """A zone was removed from the table, by a publication that has been made."""
        row = self._rows.pop(apex, None)
        if row is not None and self._table is not None:
            self._retired.append((self._table.stats().generation, row.number))

    @property
    def in_use(self) -> bool:
        """Some zone has a row."""
        return bool(self._rows)

    def families(self, apex: bytes) -> int:
        """Return the families counted for a zone."""
        row = self._rows.get(apex)
        return row.families if row else 0

    def values(self, apex: bytes) -> tuple[int, ...]:
        """Return a zone's counters, as in a row."""
        row, stats = self._rows.get(apex), self._stats
        return NO_ROW if row is None or stats is None else stats.sum(row.number)

    def _take(self, apex: bytes, families: int) -> Row:
        if apex in self._rows:
            return Row(self._rows[apex].number, families)
        assert self._table is not None
        if self._retired and self._retired[0][0] <= self._table.oldest_seen():
            number = self._retired.pop(0)[1]
        else:
            number = self._end
            self._end += 1
        # Another table may have used the file before, and given that row to another zone.
        if self._stats is None:
            self._unclean.add(number)
        else:
            self._stats.clear(number)
        return Row(number, families)

    def _reserve(self) -> None:
        if self._stats is not None and self._rows:
            self._stats.reserve(self._end, any(row.families & WIDE for row in self._rows.values()))

    def _publish(self, rows: Mapping[bytes, Row], gone: list[bytes]) -> None:
        assert self._table is not None
        changed = {apex: row for apex, row in rows.items() if not self._is_told(apex, row)}
        left = [apex for apex in gone if self._table.zone_info(apex) is not None]
        if not changed and not left:
            return
        with self._table.transaction() as txn:
            for apex, row in changed.items():
                txn.set_zone_stats(apex, row.number + 1, row.families)
            for apex in left:
                txn.set_zone_stats(apex, 0, 0)

    def _is_told(self, apex: bytes, row: Row) -> bool:
        """Say whether the table has the row for the zone: one that was taken out and put in again has none."""
        info = self._table.zone_info(apex) if self._table is not None else None
        return info is not None and (info.stats_row, info.stats_families) == (row.number + 1, row.families)
