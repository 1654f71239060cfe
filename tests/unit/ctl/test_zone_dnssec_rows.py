# SPDX-License-Identifier: Apache-2.0
"""The report of zone-dnssec as rows, and rows as the report."""

import pytest

from control.ctl.render import config_text
from control.ctl.unit import Unit
from control.ctl.zone_dnssec import DnssecReport, ReportUnreadable, read_report, rows
from tests.support.reports import NEW, REPORT


def test_rows_come_to_the_report_again() -> None:
    """Whatever is set or not, in the order in which it was."""
    assert read_report(list(rows(REPORT))) == REPORT
    short = DnssecReport("a.test.", 5)
    assert read_report(list(rows(short))) == short


def test_rows_read_as_items_of_sections() -> None:
    """A client that knows no such command can show them."""
    texts = [config_text(unit) for unit in rows(REPORT)]
    assert texts[0] == "zone.now 1795915800"
    assert f"key[{NEW}].state ready" in texts
    assert "zone.action-time 1796175010" in texts
    assert "parent[registry-b].reason timed out" in texts
    assert "step[11].state removed" in texts
    assert {unit.zone for unit in rows(REPORT)} == {"example.com."}


def test_what_is_not_set_has_no_row() -> None:
    """Of a zone that is not signed there is little to tell."""
    assert [config_text(unit) for unit in rows(DnssecReport("a.test.", 5))] == ["zone.now 5"]


def test_items_of_other_versions_are_left_out() -> None:
    """A newer daemon may tell more."""
    more = [*rows(REPORT), Unit(zone="example.com.", section="zone", item="colour", data="red"), Unit(section="x")]
    assert read_report(more) == REPORT


def test_a_number_that_is_none_is_told_of() -> None:
    """The error says what to do."""
    with pytest.raises(ReportUnreadable, match="use the xdpdnsctl that belongs to the daemon"):
        read_report([Unit(zone="a.test.", section="zone", item="now", data="soon")])
