# SPDX-License-Identifier: Apache-2.0
"""`zone-check`: what is reported of zone files, and the exit status."""

from pathlib import Path
from typing import NamedTuple

import pytest

from control.conf.zone import ZoneConf, ZoneSettings
from control.log import NAMES
from control.tools.zone_check import check_configured, check_zone_files, print_problem

SOA = "@ 3600 SOA ns.x. hm 1 2 3 4 5\n@ 3600 NS ns.x.\n"


class Zone(NamedTuple):
    """A configured zone."""

    name: str
    file: str
    settings: ZoneSettings = ZoneSettings(semantic_checks="on")


def run(path: Path, text: str | None, *, strict: bool = False, **settings: object) -> tuple[int, list[str]]:
    """Check one zone file; return exit status and reports."""
    file = path / "a.zone"
    if text is not None:
        file.write_text(text)
    lines: list[str] = []

    def report(severity: int, zone: str, line: str) -> None:
        lines.append(f"{NAMES[severity]}: [{zone}] {line}".replace(str(path), ""))

    chosen = ZoneSettings(semantic_checks="on")._replace(**settings)  # type: ignore[arg-type]
    return check_zone_files([Zone("a.", str(file), chosen)], report, strict=strict), lines


def test_a_good_zone(tmp_path: Path) -> None:
    """Nothing is said of a zone without problems."""
    assert run(tmp_path, SOA) == (0, [])


def test_warnings(tmp_path: Path) -> None:
    """Findings that keep nothing from being loaded change the exit status only when strict; so it is with soft ones."""
    text = SOA + "b NS ns.b\n"
    lines = ["warning: [a.] check, node b.a., missing glue record"]
    assert run(tmp_path, text) == (0, lines)
    assert run(tmp_path, text, strict=True) == (1, lines)
    assert run(tmp_path, text, strict=True, semantic_checks="off") == (0, [])
    lines = ["notice: [a.] check, node b.a., another record exists beside CNAME"]
    assert run(tmp_path, SOA + "b CNAME c\nb A 192.0.2.1\n", semantic_checks="soft") == (0, lines)


def test_what_the_scanner_ignores_is_no_finding(tmp_path: Path) -> None:
    """Data outside the zone is reported and does not matter, strict or not."""
    lines = ["warning: [a.] zone loader, file '/a.zone', line 3 (ignoring out-of-zone data, owner b.)"]
    assert run(tmp_path, SOA + "b. 60 A 192.0.2.1\n", strict=True) == (0, lines)


def test_errors(tmp_path: Path) -> None:
    """A zone that cannot be loaded gives exit status 1 and every reason."""
    assert run(tmp_path, SOA + "b CNAME c\nb A 192.0.2.1\n") == (
        1,
        [
            "error: [a.] check, node b.a., another record exists beside CNAME",
            "error: [a.] zone loader, failed to load, file '/a.zone' (semantic check)",
        ],
    )
    status, lines = run(tmp_path, SOA + "b A x\n")
    assert (status, len(lines)) == (1, 2)
    assert lines[0].startswith("error: [a.] zone loader, error in zone, file '/a.zone', line 3 (malformed IPv4")
    assert lines[1] == "error: [a.] zone loader, failed to load, file '/a.zone', 1 errors"


def test_no_file(tmp_path: Path) -> None:
    """A zone without a file is an error."""
    assert run(tmp_path, None) == (1, ["error: [a.] failed to check zone file '/a.zone' (not exists)"])
    (tmp_path / "a.zone").mkdir()
    assert run(tmp_path, None)[0] == 1


def test_digest(tmp_path: Path) -> None:
    """With zonemd-verify a zone that does not verify cannot be loaded."""
    lines = ["error: [a.] ZONEMD, verification failed (not exists)"]
    assert run(tmp_path, SOA, zonemd_verify=True) == (1, lines)


def test_printing(capsys: pytest.CaptureFixture[str]) -> None:
    """Problems go to standard error."""
    print_problem(1, "a.", "text")
    assert capsys.readouterr() == ("", "error: [a.] text\n")


def test_zones_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Zones are named with or without final dot in any case; one that is not configured fails without hiding others."""
    good, bad = tmp_path / "a.zone", tmp_path / "b.zone"
    good.write_text(SOA)
    bad.write_text("@ A 192.0.2.1\n")
    zones = {"a.": ZoneConf("a.", str(good), ZoneSettings()), "b.": ZoneConf("b.", str(bad), ZoneSettings())}
    assert check_configured(zones, ["A"]) == 0
    assert capsys.readouterr().err == ""
    assert check_configured(zones, ["a", "c", "x..y"]) == 1
    assert capsys.readouterr().err == "error: [c.] no such zone found\nerror: [x..y] invalid name\n"
    assert check_configured(zones, []) == 1
    assert "[b.]" in capsys.readouterr().err
