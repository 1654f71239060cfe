# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl against a server: output, streams, status, the interactive mode on a terminal."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.control_server import BIG, MANY, ControlThread
from tests.support.operator import Operated

PROGRAM = (sys.executable, "-m", "control.tools.xdpdnsctl")


def run(server: ControlThread, *words: str, stdin: str = "") -> tuple[int, str, str]:
    """Return status, output and errors."""
    command = [*PROGRAM, "-s", server.path, *words]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ("status", 0, "Running\n"),
        ("stop", 0, "Stopped\n"),
        ("zone-status", 0, "[a.test.] role: master | serial: 7 | flush: running(-3s) | notify: +14m23s\n"
         "[b.test.] role: master | serial: -\n"),
        ("zone-flush -f a.test", 0, "OK\n"),
        ("zone-flush b.test a.test", 1, "error: (zone is empty) [b.test]\n"),
        ("zone-flush", 1, "error: (operation failed for some zones)\n"),
        ("zone-diff --", 0, "[a.test.] -www.a.test. 60 A 192.0.2.1\n[a.test.] +www.a.test. 60 A 192.0.2.2\n"),
        ("zone-stats a.test zone", 0, "zone.size: 100\n"),
        ("conf-read", 0, "zone.domain a.test.\nzone[a.test.].notify one\ntwo\n"),
        ("conf-set zone.domain x y", 1, "error: (no active transaction) zone.domain x\n"),
        ("zone-journal a.test", 1, "error: (operation not supported) [a.test]\n"),
    ],
)  # fmt: skip
def test_commands(server: ControlThread, words: str, status: int, text: str) -> None:
    """Output and status are those of Knot's newest program; what the server says goes to standard output."""
    assert run(server, *words.split()) == (status, text, "")


def test_json(server: ControlThread) -> None:
    """With --json an answer is a list of its units; an error is one of them and the status says so."""
    status, text, _ = run(server, "--json", "zone-read", "a.test", "many")
    units = json.loads(text)
    assert (status, len(units), units[0]["owner"]) == (0, MANY, "www.a.test.")
    status, text, _ = run(server, "--json", "zone-flush", "b.test")
    assert (status, json.loads(text)[0]["error"]) == (1, "zone is empty")


def test_timeout(server: ControlThread) -> None:
    """Without an answer in time the program fails and says so."""
    expected = (1, "", "error: failed to control (connection timeout)\n")
    assert run(server, "-t", "1", "zone-begin", "a.test") == expected


def test_argument_that_is_too_long(server: ControlThread) -> None:
    """A value that does not fit is refused before anything is sent."""
    status, _, told = run(server, "conf-set", "zone.domain", BIG + "x")
    assert (status, told) == (1, "error: a value of 65536 octets does not fit the control protocol\n")


def test_broken_pipe(server: ControlThread) -> None:
    """The program ends quietly when its reader does."""
    command = [*PROGRAM, "-s", server.path, "zone-read", "a.test", "wide"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_commands_from_standard_input(server: ControlThread) -> None:
    """Without a command each line is one; those that fail do not end it."""
    status, text, told = run(server, stdin="status\n\nnope\n'\nload\nzone-flush 'a.test'\nexit\nstop\n")
    assert (status, text) == (0, "Running\nOK\n")
    assert [line for line in told.splitlines() if line.startswith("error:")] == [
        "error: invalid command 'nope'",
        "error: no closing quotation",
    ]


def test_terminal(server: ControlThread, tmp_path: Path) -> None:
    """On a terminal there are a prompt, completion of commands and zones, colours and a history."""
    parent, child = pty.openpty()
    environment = os.environ | {"HOME": str(tmp_path), "TERM": "dumb"}
    process = subprocess.Popen([*PROGRAM, "-s", server.path], stdin=child, stdout=child, stderr=child, env=environment)
    os.close(child)
    seen = ""

    def expect(text: str) -> None:
        nonlocal seen
        while text not in seen:
            seen += os.read(parent, 4096).decode()
        seen = seen.partition(text)[2]

    expect("xdpdnsctl> ")
    os.write(parent, b"zone-stat\tus a.\t +seri\t\n")
    expect("[a.test.]")
    expect("xdpdnsctl> ")
    os.write(parent, b"exit\n")
    assert process.wait(60) == 0
    os.close(parent)
    assert (tmp_path / ".xdpdnsctl_history").read_text().split("\n")[0].split() == ["zone-status", "a.test.", "+serial"]


def test_whole_daemon(operated: Operated) -> None:
    """With the daemon's configuration alone a zone is changed, read and flushed, and the daemon stopped."""

    def ctl(*words: str) -> str:
        done = subprocess.run(
            [*PROGRAM, "-c", str(operated.config), *words], capture_output=True, text=True, timeout=60
        )
        assert (done.returncode, done.stderr) == (0, ""), f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    operated.write_config("example.com")
    operated.start()
    assert ctl("status") == "Running\n"
    assert ctl("zone-begin", "example.com") == "OK\n"
    assert ctl("zone-set", "example.com", "new", "60", "TXT", '"a b"', "c") == "OK\n"
    assert ctl("zone-diff", "example.com") == '+new.example.com. 60 TXT "a b" "c"\n'
    assert ctl("zone-commit", "--") == "OK\n"
    assert ctl("zone-read", "--", "new") == '[example.com.] new.example.com. 60 TXT "a b" "c"\n'
    assert ctl("-b", "zone-flush", "example.com") == "OK\n"
    assert ctl("conf-read", "zone.domain") == "zone.domain example.com.\n"
    assert "zone.domain" in ctl("conf-list", "zone").split()
    assert json.loads(ctl("--json", "zone-status", "+serial"))[0]["data"] == "2"
    assert ctl("stop") == "Stopped\n"
