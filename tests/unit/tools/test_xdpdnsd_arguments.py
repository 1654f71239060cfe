# SPDX-License-Identifier: Apache-2.0
"""The daemon's command line."""

import pytest

from control.conf.version import VERSION
from control.tools.xdpdnsd import DEFAULT_CONFIG, Usage, main, parse_arguments


def test_options() -> None:
    """Configuration file and verbosity are taken in either spelling; the file has a default."""
    assert parse_arguments([]) == (DEFAULT_CONFIG, False, None)
    assert parse_arguments(["-c", "a", "-v"]) == ("a", True, None)
    assert parse_arguments(["--config=a", "--verbose"]) == ("a", True, None)


@pytest.mark.parametrize("words", [["-c"], ["-x"], ["file"]])
def test_wrong_options(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """What is not understood is named with the help, and ends with status 1."""
    with pytest.raises(Usage):
        parse_arguments(words)
    assert main(words) == 1
    assert words[0] in capsys.readouterr().err


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    """-V and -h print and end with status 0."""
    assert main(["-V"]) == 0
    assert VERSION in capsys.readouterr().out
    assert main(["-h"]) == 0
    assert "--config" in capsys.readouterr().out
