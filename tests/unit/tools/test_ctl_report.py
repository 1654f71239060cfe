# SPDX-License-Identifier: Apache-2.0
"""How xdpdnsctl shows the answer to zone-dnssec."""

from pathlib import Path

import pytest

from control.ctl.arguments import UsageError
from control.ctl.table import BY_NAME
from control.ctl.unit import Kind, Unit
from control.ctl.zone_dnssec import rows
from control.tools.ctl_remote import take_picture
from control.tools.ctl_report import print_report
from control.tools.dnssec_svg import report_svg
from control.tools.dnssec_text import report_text
from tests.support.reports import REPORT

SPEC = BY_NAME["zone-dnssec"]
ANSWER = [(Kind.DATA, unit) for unit in rows(REPORT)]


@pytest.mark.parametrize(
    ("words", "file", "rest"),
    [
        (["a.test"], None, ["a.test"]),
        (["a.test", "--svg", "x.svg"], "x.svg", ["a.test"]),
        (["--svg=x.svg", "a.test"], "x.svg", ["a.test"]),
    ],
)
def test_the_file_is_an_option(words: list[str], file: str | None, rest: list[str]) -> None:
    """Before or behind the zone."""
    assert take_picture(words) == (file, rest)


def test_an_option_without_file_is_refused() -> None:
    """And says so."""
    with pytest.raises(UsageError, match="option '--svg' requires an argument"):
        take_picture(["a.test", "--svg"])


def test_text_and_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The picture goes to its file, and nothing is printed then."""
    assert print_report(SPEC, ANSWER, None) == 0
    assert capsys.readouterr().out == report_text(REPORT)
    file = tmp_path / "a.svg"
    assert print_report(SPEC, ANSWER, str(file)) == 0
    assert capsys.readouterr().out == ""
    assert file.read_text() == report_svg(REPORT)


def test_what_the_server_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed as for every command, and no picture is made."""
    refusal = Unit(command="zone-dnssec", zone="b.test", error="no such zone found")
    assert print_report(SPEC, [(Kind.DATA, refusal)], str(tmp_path / "a.svg")) == 1
    assert capsys.readouterr().out == "error: (no such zone found) [b.test]\n"
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_shown(tmp_path: Path) -> None:
    """The file cannot be written, or the daemon is of another version."""
    with pytest.raises(UsageError, match=r"none/a\.svg: No such file or directory; name another file with --svg"):
        print_report(SPEC, ANSWER, str(tmp_path / "none" / "a.svg"))
    strange = Unit(zone="a.test.", section="zone", item="now", data="soon")
    with pytest.raises(UsageError, match="use the xdpdnsctl that belongs to the daemon"):
        print_report(SPEC, [(Kind.DATA, strange)], None)
