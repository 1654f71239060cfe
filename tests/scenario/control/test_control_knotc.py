# SPDX-License-Identifier: Apache-2.0
"""Knot's own control program, unmodified, drives the server."""

import subprocess

import pytest

from tests.support.control_server import MANY, ControlThread

pytestmark = pytest.mark.peer("knotc")


def knotc(server: ControlThread, *words: str) -> tuple[int, str]:
    """Run it; return its status and standard output."""
    done = subprocess.run(["knotc", "-s", server.path, *words], capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout.rstrip("\n")


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ("status", 0, "Running"),
        ("status version", 0, "0.1.0"),
        (
            "status WORKERS",
            0,
            "UDP workers: 2, TCP workers: 1, XDP workers: 0, background workers: 4 (running: 1, pending: 0)",
        ),
        ("status cert-key", 0, "-"),
        ("status nope", 1, "error: (invalid parameter) nope"),
        ("reload", 0, "Reloaded"),
        (
            "stats",
            0,
            "server.zone-count = 2\nmod-stats.request-protocol[tcp4] = 5\nmod-stats.request-protocol[udp6] = 3",
        ),
        ("-f stats server", 0, "server.zone-count = 2\nserver.tcp-io-timeout = 0"),
        ("stats SERVER.Zone-Count", 0, "server.zone-count = 2"),
        ("stats nope", 1, "error: (invalid parameter) nope"),
        ("zone-stats a.test zone", 0, "[a.test.] zone.size = 100"),
        ("zone-stats -- mod-stats", 1, "[a.test.] mod-stats.response-code[NOERROR] = 9\n"
         "error: (operation failed for some zones) mod-stats"),
        (
            "zone-status",
            0,
            "[a.test.] role: master | serial: 7 | flush: running(-3s) | notify: +14m23s\n"
            "[b.test.] role: master | serial: -",
        ),
        ("zone-status A.TEST +serial", 0, "[a.test.] serial: 7"),
        ("zone-status nope.test", 1, "error: [nope.test] (no such zone found)"),
        ("zone-status a..b", 1, "error: [a..b] (invalid parameter)"),
        ("zone-flush a.test", 0, "OK"),
        ("zone-flush b.test a.test nope", 1, "error: [b.test] (zone is empty)\nerror: [nope] (no such zone found)"),
        ("zone-flush", 1, "error:  (operation failed for some zones)"),
        ("zone-read a.test", 0, "[a.test.] www.a.test. 60 A 192.0.2.1"),
        ("zone-read a.test missing", 1, "error: (no such node in zone found) [a.test] missing"),
        ("conf-read", 0, "zone.domain = a.test.\nzone[a.test.].notify = one two"),
        ("conf-read nope", 1, "error: (invalid item) nope"),
        ("conf-list zone", 0, "zone.domain\nzone.file"),
        ("conf-set zone.domain x", 1, "error: (no active transaction) zone.domain = x"),
        ("zone-reload", 1, "error:  (failed)"),
        ("zone-thaw a.test", 1, "error: [a.test] (operation not supported)"),
    ],
)  # fmt: skip
def test_commands(server: ControlThread, words: str, status: int, text: str) -> None:
    """Each command has the status and the output that it has with Knot's server."""
    assert knotc(server, *words.split()) == (status, text)


def test_loading(server: ControlThread) -> None:
    """While zones are loading, the status is answered nevertheless."""
    server.harness.operations.is_loading = True
    assert knotc(server, "status")[0] == 0


def test_filters_and_flags_arrive(server: ControlThread) -> None:
    """Directory, force and filter letter of a flush arrive for every zone named."""
    assert knotc(server, "-f", "zone-flush", "a.test", "+outdir", "/x") == (0, "OK")
    assert server.harness.flushed == [("a.test.", "/x", True, True)]


def test_refused_reload(server: ControlThread) -> None:
    """A reload that fails says why, and the client fails."""
    server.harness.operations.refuse = "invalid value"
    assert knotc(server, "reload") == (1, "error: (invalid value)")


def test_long_answer(server: ControlThread) -> None:
    """Twenty thousand rows arrive."""
    status, text = knotc(server, "zone-read", "a.test", "many")
    assert (status, len(text.splitlines())) == (0, MANY)


def test_blocking(server: ControlThread) -> None:
    """Without -b the command is done at once, with -b when its event is."""
    assert knotc(server, "zone-sign", "a.test") == (0, "OK")
    waiting = subprocess.Popen(["knotc", "-s", server.path, "-b", "zone-sign", "a.test"], stdout=subprocess.PIPE)
    assert knotc(server, "status") == (0, "Running")
    assert waiting.poll() is None
    server.loop.call_soon_threadsafe(server.harness.event.set_result, None)
    assert waiting.communicate(timeout=20)[0] == b"OK\n"


def test_stop(server: ControlThread) -> None:
    """The client hears of the stop before the server stops."""
    assert knotc(server, "stop") == (0, "Stopped")
    assert server.harness.operations.stopped.is_set()


def test_interactive(server: ControlThread) -> None:
    """The interactive mode runs one command per line."""
    done = subprocess.run(
        ["knotc", "-s", server.path], input="status\nzone-flush a.test\n", capture_output=True, text=True, timeout=30
    )
    assert (done.returncode, done.stdout.split()) == (0, ["Running", "OK"])
