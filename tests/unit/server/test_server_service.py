# SPDX-License-Identifier: Apache-2.0
"""What is told to a service manager, and when the watchdog is fed."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from control.server.service import Service
from pyxdp_dns.notify import Notifier


class FakeLoop:
    """A loop that only remembers what is to be called later."""

    def __init__(self) -> None:
        self.later: list[tuple[float, Callable[..., None], Any]] = []

    def call_later(self, delay: float, function: Callable[..., None], *arguments: Any) -> None:
        self.later.append((delay, function, arguments))

    def turn(self) -> None:
        """Call what is due."""
        _delay, function, arguments = self.later.pop(0)
        function(*arguments)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What listens where a service manager would."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def test_states(tmp_path: Path, manager: socket.socket) -> None:
    """Readiness, a reload with the time of its begin, and the end are told as systemd expects them."""
    service = Service(Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")}), lambda: 123)
    service.ready()
    service.reloading()
    service.stopping()
    told = [manager.recv(4096).decode().splitlines()[:2] for _ in range(3)]
    assert told[0][0] == "READY=1"
    assert told[1] == ["RELOADING=1", "MONOTONIC_USEC=123"]
    assert told[2][0] == "STOPPING=1"


def test_the_watchdog_is_fed_by_the_loop(tmp_path: Path, manager: socket.socket) -> None:
    """Each turn of the loop feeds once and asks for the next in half the time; one that stands still feeds nothing."""
    variables = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "4000000"}
    service, loop = Service(Notifier(variables)), FakeLoop()
    service.watch(loop)  # type: ignore[arg-type]
    for _ in range(3):
        assert manager.recv(4096) == b"WATCHDOG=1"
        with pytest.raises(BlockingIOError):
            manager.recv(4096)
        assert [delay for delay, _function, _arguments in loop.later] == [2.0]
        loop.turn()


def test_without_a_service_manager() -> None:
    """Without the variables nothing is told, and there is no watchdog."""
    service, loop = Service(Notifier({})), FakeLoop()
    service.ready()
    service.watch(loop)  # type: ignore[arg-type]
    assert not loop.later


def test_variables_are_not_passed_on(tmp_path: Path) -> None:
    """What systemd told this process is removed, and a watchdog of another process is not fed."""
    variables = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1", "HOME": "/"}
    notifier = Notifier(variables)
    assert variables == {"HOME": "/"}
    assert notifier.watchdog_s == 0
    assert notifier.address == "\0x"
    notifier.send("READY=1")
