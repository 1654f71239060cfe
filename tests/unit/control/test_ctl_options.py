# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl without a daemon: options, help, refusals, the completion script."""

import subprocess
from pathlib import Path

import pytest

from control.conf.database import ConfDatabase
from control.conf.parse import parse_text
from control.ctl.arguments import UsageError
from control.ctl.table import SPECS, Where
from control.tools import absent_manual, ctl_bash, ctl_manual, xdpdnsctl
from control.tools.ctl_options import Settings, parse_options, request_timeout, take_trailing
from control.tools.ctl_remote import socket_path


@pytest.mark.parametrize(
    ("line", "settings", "rest"),
    [
        ("status", Settings(), ["status"]),
        ("-bf zone-flush -x", Settings(blocking=True, force=True), ["zone-flush", "-x"]),
        ("-s /x -t5 --timeout=6 status", Settings(socket="/x", timeout_s=6), ["status"]),
        ("-c a -C b", Settings(confdb="b"), []),
        ("--config=a --color -e", Settings(config="a", colour=True, extended=True), []),
        ("-x --json -v -m 7", Settings(colour=False, json=True, verbose=True, map_mib=7), []),
        ("-- --help", Settings(), ["--help"]),
        ("-VV", Settings(show="build"), []),
        ("-h", Settings(show="help"), []),
    ],
)
def test_options(line: str, settings: Settings, rest: list[str]) -> None:
    """Options stand before the command, short, joined or long."""
    assert parse_options(line.split()) == (settings, rest)


@pytest.mark.parametrize(
    "line", ["-z", "--zzz", "-s", "--socket", "--force=1", "-t x", "-t 86401", "-t -1", "-m 0", "-m 10001", "-t \u0665"]
)
def test_wrong_options(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong option prints the usage on standard output, why on standard error, and fails."""
    with pytest.raises(UsageError):
        parse_options(line.split())
    assert xdpdnsctl.main(line.split()) == 1
    told = capsys.readouterr()
    assert told.out.startswith("Usage:")
    assert told.err.startswith("xdpdnsctl: ")


def test_trailing_options() -> None:
    """Only -b and -f may stand behind the command, right behind it."""
    assert take_trailing(Settings(), ["-bf", "-b", "a", "-f"]) == (Settings(blocking=True, force=True), ["a", "-f"])
    assert take_trailing(Settings(), ["--", "-b"]) == (Settings(), ["--", "-b"])


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), 60),
        (Settings(blocking=True), None),
        (Settings(blocking=True, timeout_s=3), 3),
        (Settings(timeout_s=0), None),
    ],
)
def test_timeout(settings: Settings, expected: float | None) -> None:
    """A minute, for ever with -b, or what is said; nought is for ever."""
    assert request_timeout(settings) == expected


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help names every command."""
    assert xdpdnsctl.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert [spec.name for spec in SPECS if spec.name not in text] == []


@pytest.mark.parametrize("name", [spec.name for spec in SPECS if spec.where is Where.ABSENT])
def test_absent_commands(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A command of Knot that is not here is refused by name, without a server."""
    assert xdpdnsctl.main([name, "a"]) == 1
    assert capsys.readouterr().err == f"error: command '{name}' is not supported by this server\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["nope"], "error: invalid command 'nope'"),
        (["-s", "/nonexistent/s", "status"], "error: failed to connect to socket '/nonexistent/s' (not exists)"),
        (["-s", "/x", "filters"], "error: options of 'filters' follow it"),
        (
            ["-c", "/nonexistent/c", "status"],
            "error: /nonexistent/c: No such file or directory; name the configuration",
        ),
        (
            ["-c", "/nonexistent/c", "conf-check"],
            "error: failed to load configuration file '/nonexistent/c' (not exists)",
        ),
        (["-C", "/nonexistent/d", "status"], "error: "),
        (["conf-check", "--al"], "error: unknown option '--al'"),
        (["conf-check", "a", "b"], "error: command takes at most 1 arguments"),
        (["conf-import"], "error: command requires 1 arguments"),
        (["zone-check", "--", "+x"], "error: "),
        (["-s", "/x", "zone-set", "a", "@"], "error: command requires at least 3 arguments"),
    ],
)
def test_local_errors(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What fails before the server is asked is one line on standard error."""
    assert xdpdnsctl.main(words) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(text)
    assert told.err.count("\n") == 1


def test_configuration_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is checked, imported once, exported as it was; a broken one is refused with its line."""
    file, database, out = tmp_path / "c", str(tmp_path / "db"), tmp_path / "out"
    file.write_text("server:\n  identity: x\n")
    assert xdpdnsctl.main(["-c", str(file), "conf-check"]) == 0
    assert xdpdnsctl.main(["conf-check", "--all", str(file)]) == 0
    assert capsys.readouterr().out == "Configuration is valid\n" * 2
    assert xdpdnsctl.main(["-C", database, "conf-init"]) == 0
    assert xdpdnsctl.main(["-C", database, "conf-import", str(file)]) == 0
    assert xdpdnsctl.main(["-C", database, "conf-import", str(file)]) == 1
    assert "use force option" in capsys.readouterr().err
    assert xdpdnsctl.main(["-C", database, "conf-import", "-f", str(file), "+nopurge"]) == 0
    assert xdpdnsctl.main(["-C", database, "conf-export", str(out)]) == 0
    assert 'identity: "x"' in out.read_text()
    file.write_text("server:\n  nonsense: x\n")
    capsys.readouterr()
    assert xdpdnsctl.main(["conf-check", str(file)]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "line 2" in told.err


def test_socket_of_the_configuration(tmp_path: Path) -> None:
    """Without -s the first control socket of the configuration is asked."""
    file = tmp_path / "c"
    file.write_text(f"server:\n  rundir: {tmp_path}\n")
    assert socket_path(Settings(config=str(file))) == str(tmp_path / "knot.sock")
    file.write_text(f"server:\n  rundir: {tmp_path}\ncontrol:\n  listen: [/a/b, c]\n")
    assert socket_path(Settings(config=str(file))) == "/a/b"
    assert socket_path(Settings(config=str(file), socket="/s")) == "/s"


def test_socket_needs_no_more_than_its_sections(tmp_path: Path) -> None:
    """What is wrong with zones does not keep a client from the socket; what is wrong with it is told with its line."""
    other, file = tmp_path / "o", tmp_path / "c"
    other.write_text("control:\n  listen: /a/b\nacl:\n  - id: x\n    nonsense: y\n")
    file.write_text(f"zone:\n  - domain: a.\n    nonsense: x\n\ninclude: {other}\nserver:\n  rundir: /r\n")
    assert socket_path(Settings(config=str(file))) == "/a/b"
    file.write_text("zone:\n  - domain: a.\n    nonsense: x\ncontrol:\n  listne: x\n")
    with pytest.raises(UsageError, match="line 5"):
        socket_path(Settings(config=str(file)))


def test_socket_of_a_database(tmp_path: Path) -> None:
    """The database is asked for the two sections alone."""
    text = "server:\n  rundir: /r\ncontrol:\n  listen: [k, l]\nzone:\n  - domain: a.\n"
    with ConfDatabase(str(tmp_path / "db"), create=True) as database:
        database.replace(parse_text(text, "c"))
    assert socket_path(Settings(confdb=str(tmp_path / "db"))) == "/r/k"


def test_completion_script(root_dir: Path) -> None:
    """The script that is shipped is the one the table gives."""
    assert (root_dir / "scripts/completion/xdpdnsctl").read_text() == ctl_bash.script()


def test_manual(root_dir: Path) -> None:
    """The manual of commands is the one the tables give."""
    assert (root_dir / "docs/commands.md").read_text() == ctl_manual.manual()


def test_list_of_what_is_absent(root_dir: Path) -> None:
    """The list of what is not supported is the one that the schema and the table of commands give."""
    assert (root_dir / "docs/unsupported.md").read_text() == absent_manual.manual()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["zone-th"], ["zone-thaw"]),
        (["-s", "/x y", "sta"], ["status", "stats"]),
        (["status", "w"], ["workers"]),
        (["zone-status", "a.", "+se"], ["+serial"]),
        (["zone-status", "$(touch"], []),
    ],
)
def test_bash_completion(root_dir: Path, words: list[str], expected: list[str]) -> None:
    """bash completes commands, details and filters from it."""
    program = (
        'source "$1"; shift; COMP_WORDS=(xdpdnsctl "$@"); COMP_CWORD=$#; _xdpdnsctl; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", program, "bash", str(root_dir / "scripts/completion/xdpdnsctl"), *words],
        capture_output=True,
        text=True,
        timeout=20,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert (done.stdout.split(), done.stderr) == (expected, "")
