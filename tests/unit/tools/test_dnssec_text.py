# SPDX-License-Identifier: Apache-2.0
"""The report of zone-dnssec for a terminal."""

import pytest

from control.ctl.zone_dnssec import DnssecReport
from control.tools.dnssec_text import distance_text, report_text, span_text
from tests.support.reports import DAY, HOUR, NOW, REPORT

EXPECTED = """\
Zone        example.com., serial 2026112901
Now         2026-11-29 01:30:00 UTC
Policy      default, automatic
Signing     ECDSAP256SHA256, KSK and ZSK, NSEC
Signatures  the first expires 2026-12-12 01:30:00 (in 13 d)
            renewed next 2026-12-08 04:30:00 (in 9 d 3 h)
Next step   ZSK, generate at 2026-12-02 01:30:10 (in 3 d)
Parent      key 3375 waits for its DS record for 1 d
            registry-a negative
            registry-b failed (timed out)
            asked 2026-11-29 01:20:00 (10 min ago)
            asked again 2026-11-29 02:20:00 (in 50 min)

Keys
  key        algorithm        bits  state   since (UTC)          use
  KSK 53594  ECDSAP256SHA256  256   active  2025-10-25 01:30:00  public, active
  ZSK 36185  ECDSAP256SHA256  256   active  2026-11-10 01:30:00  public, active
  KSK 3375   ECDSAP256SHA256  256   ready   2026-11-28 01:30:00  public, ready, active+

Time line (UTC)
  2025-10-25 01:30:00  1 y 35 d ago  KSK 53594  active         signs
  2026-11-09 01:30:00  20 d ago      ZSK 36185  published      its DNSKEY is published
  2026-11-10 01:30:00  19 d ago      ZSK 36185  active         signs
  2026-11-27 01:30:00  2 d ago       KSK 3375   published      its DNSKEY is published
  2026-11-28 01:30:00  1 d ago       KSK 3375   ready          its DS is to come to the parent
  2026-11-29 01:30:00  now ------------------------
  2026-12-01 01:30:00  in 2 d        KSK 3375   active         signs
"""


def test_a_rollover_in_full() -> None:
    """What is, what was, what comes, and what the registrar gets."""
    text = report_text(REPORT)
    assert text.startswith(EXPECTED)
    assert text.endswith(f"\n    DNSKEY\n    257 3 13 {'y' * 88}\n")
    assert f"\n  key 3375, ready\n    DS      3375 13 2 {'AB' * 32}\n" in text


def test_lines_fit_a_terminal() -> None:
    """But for key data, which is to be copied as a whole."""
    assert max(len(line) for line in report_text(REPORT).splitlines() if "257 3 13" not in line) <= 100
    assert not any(line != line.rstrip() for line in report_text(REPORT).splitlines())


def test_a_zone_that_is_not_signed() -> None:
    """One line says so."""
    assert report_text(DnssecReport("a.test.", NOW)) == "a.test. is not signed here\n"


def test_a_zone_without_keys_yet() -> None:
    """Nothing is drawn of what there is not."""
    text = report_text(DnssecReport("a.test.", NOW, "", "manual"))
    assert text.splitlines() == [
        "Zone        a.test., no contents",
        "Now         2026-11-29 01:30:00 UTC",
        "Policy      built in, manual",
        "Signing",
        "",
        "Keys",
        "  none",
    ]


def test_a_key_without_parents_is_confirmed_by_hand() -> None:
    """The command for it is named; a time limit and a push are told of."""
    text = report_text(REPORT._replace(parents=(), asked=0, ask_next=0, waiting_until=NOW + HOUR, push_due=NOW + 60))
    assert "            to be confirmed with zone-ksk-submitted\n" in text
    assert "confirmed anyway 2026-11-29 02:30:00 (in 1 h)\n" in text
    assert "told of the DS records 2026-11-29 01:31:00 (in 1 min)\n" in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (HOUR, "1 h"), (DAY + 59, "1 d"), (400 * DAY, "1 y 35 d")],
)
def test_lengths_of_time(seconds: int, text: str) -> None:
    """Two units are enough."""
    assert span_text(seconds) == text


def test_distances() -> None:
    """Before, after and just now."""
    assert [distance_text(NOW + at, NOW) for at in (-60, 0, 60)] == ["1 min ago", "now", "in 1 min"]
