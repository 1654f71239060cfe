# SPDX-License-Identifier: Apache-2.0
"""Finding the engine of a run directory: what it means when a connection is broken off."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pyxdp_dns.engine_client import connect
from pyxdp_dns.errors import EngineError

LISTENER = """\
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
print(flush=True)
connection = listener.accept()[0]
if sys.argv[2] == "reads":
    connection.recv(100)
if sys.argv[3] == "ends":
    os._exit(0)
connection.close()
sys.stdin.read()
"""


@contextmanager
def listening(rundir: Path, *behaviour: str) -> Iterator[None]:
    """Run a process that listens as an engine does, takes one connection and breaks it off."""
    argv = [sys.executable, "-c", LISTENER, str(rundir / "engine.sock"), *behaviour]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield


@pytest.mark.parametrize("reading", ["reads", "resets"])
def test_an_engine_that_ends_while_it_is_asked(tmp_path: Path, reading: str) -> None:
    """It is not running any more, whether it took the request or not."""
    with listening(tmp_path, reading, "ends"):
        assert connect(str(tmp_path)) is None


def test_an_engine_that_lives_and_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the way of another one, and the error says what to do."""
    monkeypatch.setattr("pyxdp_dns.engine_client.ANSWER_SECONDS", 0.0)
    with listening(tmp_path, "reads", "lives"), pytest.raises(EngineError, match="kill it and start again"):
        connect(str(tmp_path))


def test_no_engine(tmp_path: Path) -> None:
    """Without a socket, or with one that nobody listens on, none is running."""
    assert connect(str(tmp_path)) is None
    with listening(tmp_path, "resets", "ends"):
        assert connect(str(tmp_path)) is None
    assert connect(str(tmp_path)) is None
