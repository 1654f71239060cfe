# SPDX-License-Identifier: Apache-2.0
"""The daemon's command line."""

import pytest

from control.conf.version import VERSION
from control.tools.daemon_options import ENGINE, Options, Usage, parse_options
from control.tools.xdpdnsd import main


def test_options() -> None:
    """Options are taken in every spelling that knotd takes; nothing is said without any."""
    assert parse_options([]) == Options()
    assert parse_options(["-c", "a", "-v"]) == Options(config="a", verbose=True)
    assert parse_options(["--config=a", "--verbose"]) == parse_options(["-ca", "-v"])
    assert parse_options(["-C", "d", "-m", "10"]) == parse_options(["--confdb=d", "--max-conf-size=10"])
    assert parse_options(["-m10000"]).conf_mib == 10_000
    assert parse_options(["-s/s"]).socket == parse_options(["--socket", "/s"]).socket == "/s"
    assert parse_options(["--engine"]).role == ENGINE


def test_background() -> None:
    """-d takes its directory attached, or none: then it is the root directory."""
    assert parse_options(["-d"]).directory == "/"
    assert parse_options(["-d/run"]).directory == parse_options(["--daemonize=/run"]).directory == "/run"
    assert parse_options(["-d", "-c", "a"]) == Options(config="a", directory="/")


@pytest.mark.parametrize(
    "words", [["-c"], ["-x"], ["file"], ["-d", "--adopt"], ["--verbose=1"], ["-m", "0"], ["-m10001"], ["-mx"]]
)
def test_wrong_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is not understood is named with the help, and ends with status 1."""
    with pytest.raises(Usage):
        parse_options(words)
    assert main(words) == 1
    assert words[0][:2] in capsys.readouterr().err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """-V and -h print and end with status 0."""
    assert main(["-V"]) == 0
    assert VERSION in capsys.readouterr().out
    assert main(["-h"]) == 0
    assert "--config" in capsys.readouterr().out
