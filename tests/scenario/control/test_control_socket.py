# SPDX-License-Identifier: Apache-2.0
"""The control socket itself: its file, framing, clients that are slow, idle, hostile or gone."""

import asyncio
import os
import re
import socket
import stat
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.ctl.command import Command, Reply, Request
from control.ctl.connection import LOGGED_OPERANDS, Limits
from control.ctl.reply import LOGGED_ERRORS
from control.ctl.server import ControlServer, listen
from control.ctl.unit import BLOCK, END, Kind, Unit, encode
from control.log import Log
from tests.support.control_server import BIG, MANY, ControlThread, Harness, request

STATUS = request("status")


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is true; the test fails when it does not become so."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def test_file(tmp_path: Path) -> None:
    """The socket may be written by owner and group only, replaces a stale one and goes away at the end."""
    path = tmp_path / "knot.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()
    with ControlThread(tmp_path) as server, server.connect() as client:
        assert stat.S_IMODE(path.stat().st_mode) == 0o220
        assert client.ask("status") == [Unit(command="status")]
    assert not path.exists()


@pytest.mark.parametrize("obstacle", ["file", "server", "long", "missing"])
def test_file_refused(tmp_path: Path, obstacle: str) -> None:
    """Another's file, a living server, a path that is too long or leads nowhere are refused by name."""
    path = tmp_path / "s"
    if obstacle == "file":
        path.write_text("")
    elif obstacle == "server":
        other = socket.socket(socket.AF_UNIX)
        other.bind(str(path))
        other.listen()
    else:
        path = tmp_path / ("x" * 200 if obstacle == "long" else "no/s")
    with pytest.raises(OSError, match=re.escape(str(path))):
        listen(str(path), 5)
    assert obstacle in ("long", "missing") or path.exists()


def test_one_bad_path_binds_nothing(tmp_path: Path) -> None:
    """When one of several sockets cannot be bound, none is left."""

    async def scenario() -> None:
        server = ControlServer([], Log([]))
        with pytest.raises(OSError, match="No such file"):
            await server.start([str(tmp_path / "a"), str(tmp_path / "no" / "b")])

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_several_sockets(tmp_path: Path) -> None:
    """Every socket answers."""

    async def scenario() -> None:
        harness = Harness()
        paths = [str(tmp_path / name) for name in "abcd"]
        await harness.server.start(paths)
        for path in paths:
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(STATUS + END)
            assert await reader.read() == STATUS
            writer.close()
        await harness.server.stop()

    asyncio.run(scenario())
    assert list(tmp_path.iterdir()) == []


def test_octet_by_octet(server: ControlThread) -> None:
    """A request is understood however it is cut."""
    with server.connect() as client:
        for octet in request("zone-read", zone="A.Test"):
            client.send(bytes((octet,)))
        assert [unit.data for unit in client.answer()] == ["192.0.2.1"]


def test_pipelining(server: ControlThread) -> None:
    """Requests sent at once are answered in order."""
    with server.connect() as client:
        client.send(STATUS + request("zone-read", zone="a.test") + request("nope") + STATUS)
        assert [[unit.error or unit.command for unit in client.answer()] for _ in range(4)] == [
            ["status"],
            [None],
            ["operation not supported"],
            ["status"],
        ]


def test_operands(server: ControlThread) -> None:
    """Units behind a named zone are further zones of one command, others are commands of their own."""
    zones = [
        encode(Kind.DATA, Unit(command=name, zone=zone)) for name, zone in (("zone-read", "a.test"), (None, "b.test"))
    ]
    with server.connect() as client:
        client.send(b"".join(zones) + BLOCK)
        assert [unit.zone for unit in client.answer()] == ["a.test.", "b.test."]
        client.send(STATUS[:-1] * 2 + BLOCK)
        assert [len(client.answer()), len(client.answer())] == [1, 1]
        client.send(BLOCK + encode(Kind.DATA, Unit(zone="a.test")) + BLOCK + b"\x02" + STATUS)
        assert client.answer() == [Unit(command="status")]


def test_second_operand_without_zone(server: ControlThread) -> None:
    """An operand without zone behind one with a zone is refused, the others are done."""
    units = [Unit(command="zone-flush", zone="a.test"), Unit(command="zone-flush")]
    with server.connect() as client:
        client.send(b"".join(encode(Kind.DATA, unit) for unit in units) + BLOCK)
        assert [unit.error for unit in client.answer()] == ["invalid parameter"]
    assert [zone for zone, *_ in server.harness.flushed] == ["a.test."]


def test_end_runs_what_is_pending(server: ControlThread) -> None:
    """END in place of BLOCK lets the request run, then the server closes."""
    with server.connect() as client:
        client.send(STATUS[:-1] + END)
        assert client.answer() == [Unit(command="status")]
        assert client.closed()


@pytest.mark.parametrize("octets", [b"\x04", b"\xff", b"\x01\x10\x00\x06status\x7f", END, b""])
def test_closed_without_answer(server: ControlThread, octets: bytes) -> None:
    """Nonsense, END and a half-closed connection end the connection without a word."""
    with server.connect() as client:
        client.send(octets)
        client.socket.shutdown(socket.SHUT_WR)
        assert client.closed()


def test_too_large_request(tmp_path: Path) -> None:
    """A request above the limit is told so and the connection closed; the server goes on."""
    with ControlThread(tmp_path, Limits(block_bytes=100_000)) as server:
        with server.connect() as client:
            client.send(encode(Kind.DATA, Unit(command="status", data=BIG)) * 2)
            assert [unit.error for unit in client.answer()] == ["exceeded limit"]
            assert client.closed()
        with server.connect() as client:
            assert client.ask("status")


def test_values_are_clean(server: ControlThread) -> None:
    """What a client sends is echoed as UTF-8."""
    with server.connect() as client:
        client.send(b"\x01\x10\x00\x09zone-read\x16\x00\x02\xff.\x03")
        assert [(unit.zone, unit.error) for unit in client.answer()] == [("\ufffd.", "no such zone found")]


def test_longest_value(server: ControlThread) -> None:
    """A value of 65535 octets arrives, one more is an error and the stream stays intact."""
    with server.connect() as client:
        big, refused = client.ask("zone-read", zone="a.test", owner="big")
        assert (big.data, refused.error) == (BIG, "not enough space provided")
        assert client.ask("status")


def test_idle_client(tmp_path: Path) -> None:
    """A silent client is put out after the timeout, without a word; meanwhile others are answered."""
    with ControlThread(tmp_path, Limits(timeout_s=0.3)) as server, server.connect() as idle:
        with server.connect() as other:
            assert other.ask("status")
        assert idle.closed()


def test_many_idle_clients(tmp_path: Path) -> None:
    """Above the limit of connections the longest idle one makes room."""
    with ControlThread(tmp_path, Limits(clients=3, timeout_s=None)) as server:
        idle = [server.connect() for _ in range(3)]
        others = [server.connect() for _ in range(3)]
        assert all(client.closed() for client in idle)
        assert [client.ask("status") for client in others] == [[Unit(command="status")]] * 3


def test_client_that_does_not_read(tmp_path: Path) -> None:
    """A client that takes nothing is put out after the timeout."""
    with ControlThread(tmp_path, Limits(timeout_s=0.3)) as server, server.connect() as client:
        client.send(request("zone-read", zone="a.test", owner="wide"))
        until(lambda: server.harness.server.connections)
        until(lambda: not server.harness.server.connections)


def test_stream_in_constant_memory(server: ControlThread) -> None:
    """Tens of megabytes of rows pass through a bounded buffer, also to a slow reader."""
    with server.connect() as client:
        client.ask("zone-read", zone="a.test")
        tracemalloc.start()
        try:
            client.send(request("zone-read", zone="a.test", owner="wide"))
            rows, octets = 0, 0
            for kind, unit in client.units:
                if kind is Kind.BLOCK:
                    break
                rows, octets = rows + 1, octets + len(unit.data or "")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert rows == MANY
    assert octets > 15 << 20
    assert peak < 4 << 20


def test_vanished_client_of_a_waiting_command(server: ControlThread) -> None:
    """A command that waits for an event ends when its client does; the event goes on."""
    with server.connect() as client:
        client.send(request("zone-sign", zone="a.test", flags="B"))
        with server.connect() as other:
            assert other.ask("conf-begin") == []
    until(lambda: not server.harness.server.connections)
    assert not server.harness.event.done()


def test_event_that_is_given_up(server: ControlThread) -> None:
    """A command whose event is given up fails, and its connection goes on."""
    with server.connect() as client:
        client.send(request("zone-sign", zone="a.test", flags="B"))
        server.loop.call_soon_threadsafe(server.harness.event.cancel)
        assert [unit.error for unit in client.answer()] == ["failed"]
        assert client.ask("status")


def test_stop_that_is_busy(tmp_path: Path) -> None:
    """A stop that cannot run does not stop, and the connection goes on."""
    with ControlThread(tmp_path, Limits(timeout_s=0.3)) as server, server.connect() as holder:
        holder.send(request("conf-commit"))
        until(lambda: server.harness.running)
        with server.connect() as client:
            assert [unit.error for unit in client.ask("stop")] == ["requested resource is busy"]
        server.loop.call_soon_threadsafe(server.harness.gate.set)
        assert holder.answer() == []
        assert not server.harness.operations.stopped.is_set()


def test_two_commands_of_one_name() -> None:
    """Commands with the same name are a fault of the program, found when it starts."""

    async def nothing(_request: Request, _reply: Reply) -> None:
        pass

    with pytest.raises(ValueError, match="'x'"):
        ControlServer([Command("x", nothing), Command("x", nothing)], Log([]))


def test_vanished_client_of_a_stream(server: ControlThread) -> None:
    """A client that goes in the middle of an answer ends it."""
    with server.connect() as client:
        client.send(request("zone-read", zone="a.test", owner="wide"))
        client.socket.recv(100)
    until(lambda: not server.harness.server.connections)


def test_exclusive_command_is_busy(tmp_path: Path) -> None:
    """A command that runs alone waits for the others, no longer than the timeout; then it says so."""
    with ControlThread(tmp_path, Limits(timeout_s=0.3)) as server, server.connect() as holder:
        holder.send(request("zone-begin"))
        until(lambda: server.harness.running)
        with server.connect() as client:
            assert [unit.error for unit in client.ask("conf-begin")] == ["requested resource is busy"]
            assert client.ask("status")
        server.loop.call_soon_threadsafe(server.harness.gate.set)
        assert holder.answer() == []
        with server.connect() as client:
            assert client.ask("conf-begin") == []


def test_fault_in_a_command(server: ControlThread) -> None:
    """A fault in one command is answered with an error and nothing else suffers."""
    with server.connect() as client:
        assert [unit.error for unit in client.ask("zone-reload")] == ["failed"]
        assert client.ask("status")


def test_log_lines(tmp_path: Path) -> None:
    """Commands and errors are logged with category control, flags and filters, and the zone they are for."""
    from control.conf.model import LogConf
    from control.log import make_targets

    file = tmp_path / "log"
    log = Log(make_targets([LogConf(str(file), None, "info", None)]), lambda: 0.0)
    with ControlThread(tmp_path, log=log) as server, server.connect() as client:
        client.ask("zone-flush", zone="B.test", flags="F", filters="d")
        client.ask("zone-read", zone="a.test", flags="", filters="")
        client.ask("status")
        client.ask("nope\n")
    lines = [line.partition(" ")[2] for line in file.read_text().splitlines()]
    assert lines == [
        f"info: control, binding to '{server.path}'",
        "info: [b.test.] control, received command 'zone-flush', flags 'F', filters 'd'",
        "error: [b.test.] control, error (zone is empty)",
        "info: [a.test.] control, received command 'zone-read'",
        "info: control, received command 'status'",
        "error: control, error (operation not supported)",
    ]


def test_log_of_many_operands(tmp_path: Path) -> None:
    """A request for thousands of zones is some hundred lines and their number."""
    from control.conf.model import LogConf
    from control.log import make_targets

    file = tmp_path / "log"
    log = Log(make_targets([LogConf(str(file), None, "info", None)]), lambda: 0.0)
    with ControlThread(tmp_path, log=log) as server, server.connect() as client:
        client.send(encode(Kind.DATA, Unit(command="zone-read", zone="a.test")) * 5000 + BLOCK)
        assert len(client.answer()) == 5000
        client.send(encode(Kind.DATA, Unit(command="zone-flush", zone="b.test")) * 5000 + BLOCK)
        assert len(client.answer()) == 5000
    text = file.read_text()
    assert text.count("received command") == 2 * (LOGGED_OPERANDS + 1)
    assert text.count("error (zone is empty)") == LOGGED_ERRORS
    assert f"control, {5000 - LOGGED_ERRORS} errors more" in text
    assert f"received command 'zone-read' for {5000 - LOGGED_OPERANDS} operands more" in text


@pytest.fixture(scope="module")
def lasting_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlThread]:
    """One server for many clients."""
    with ControlThread(tmp_path_factory.mktemp("ctl"), Limits(timeout_s=1.0)) as running:
        yield running


PIECES = st.sampled_from(
    [b"\x00", b"\x01", b"\x02", b"\x03", STATUS, encode(Kind.DATA, Unit(command="zone-read")), b"\x10"]
)


@given(st.lists(PIECES | st.binary(max_size=20), max_size=10))
def test_garbage(lasting_server: ControlThread, pieces: list[bytes]) -> None:
    """Whatever a client sends, the next client is answered."""
    with lasting_server.connect() as client:
        try:
            client.send(b"".join(pieces))
            client.socket.shutdown(socket.SHUT_WR)
            while client.socket.recv(4096):
                pass
        except (ConnectionError, BrokenPipeError):
            pass
    with lasting_server.connect() as client:
        assert client.ask("status") == [Unit(command="status")]


def test_many_clients_at_once(server: ControlThread) -> None:
    """Clients in parallel get each their own answer."""
    failures: list[str] = []

    def work() -> None:
        with server.connect() as client:
            for owner in ("x", "many", "missing"):
                answer = client.ask("zone-read", zone="a.test", owner=owner)
                if len(answer) != (MANY if owner == "many" else 1):
                    failures.append(owner)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert os.path.exists(server.path)
