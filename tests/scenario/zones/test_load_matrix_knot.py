# SPDX-License-Identifier: Apache-2.0
"""zones/loading: Knot goes through the steps of the matrix as the in-process test expects it of this server."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update
import pytest

from tests.support import peers
from tests.support.daemon import ADDRESS, wait_for
from tests.support.matrix import GONE, MATRIX, Shown, parse_shown, run_steps
from tests.support.ports import free_port

pytestmark = pytest.mark.peer

DIFFERENT_IN_KNOT: dict[tuple[str, str], str] = {}
"""Modes in which the installed Knot does otherwise than the release that the matrix was taken from."""


class Knot:
    """A knotd with one zone, its control socket, and what it logged since the last step."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.port = directory, free_port()
        self.config, self.file = directory / "knot.conf", directory / "example.zone"
        self.process: subprocess.Popen[bytes] | None = None
        (directory / "db").mkdir()

    def start(self, load: str, content: str, text: str | None) -> None:
        self.stop()
        self.write(text)
        self.config.write_text(
            f"server:\n    rundir: {self.directory}\n    listen: {ADDRESS}@{self.port}\n"
            f"database:\n    storage: {self.directory}/db\n"
            "log:\n  - target: stdout\n    any: info\n"
            "acl:\n  - id: all\n    action: update\n"
            f"zone:\n  - domain: example.\n    file: {self.file}\n    acl: all\n    zonefile-sync: -1\n"
            f"    zonefile-load: {load}\n    journal-content: {content}\n"
        )
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(["knotd", "-c", str(self.config)], stdout=log, stderr=subprocess.STDOUT)
        wait_for(self.answers, "an answer of knotd")
        self.control("zone-status")

    def reload(self, text: str | None) -> None:
        time.sleep(0.01)
        self.write(text)
        self.control("-b", "zone-reload", "example.")

    def update(self) -> None:
        update = dns.update.UpdateMessage("example.")
        update.add("update", 60, "A", "1.2.3.4")
        reply = dns.query.tcp(update, ADDRESS, 10, self.port)
        assert reply.rcode() == dns.rcode.NOERROR

    def show(self) -> Shown:
        soa = self.ask("example.", "SOA")
        if soa.rcode() != dns.rcode.NOERROR:
            return GONE
        (mark,) = self.ask("mark.example.", "TXT").answer[0]
        updated = self.ask("update.example.", "A").rcode() == dns.rcode.NOERROR
        return Shown(soa.answer[0][0].serial, mark.strings[0].decode(), updated)

    def ask(self, name: str, rtype: str, timeout_s: float = 1.0) -> dns.message.Message:
        return dns.query.udp(dns.message.make_query(name, rtype), ADDRESS, timeout_s, self.port)

    def answers(self) -> bool:
        try:
            self.ask("example.", "SOA", 0.1)
        except (OSError, dns.exception.Timeout):
            return False
        return (self.directory / "knot.sock").exists()

    def control(self, *words: str) -> str:
        command = ["knotc", "-c", str(self.config), *words]
        return subprocess.run(command, capture_output=True, check=False, timeout=30, text=True).stdout

    def write(self, text: str | None) -> None:
        if text is not None:
            self.file.write_text(text)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(30)
            self.process = None


@pytest.fixture
def knot(tmp_path: Path) -> Iterator[Knot]:
    if reason := peers.missing("knot"):
        pytest.skip(reason)
    server = Knot(tmp_path)
    try:
        yield server
    finally:
        server.stop()


@pytest.mark.parametrize(("load", "content"), MATRIX)
def test_knot_does_the_same(knot: Knot, load: str, content: str) -> None:
    """What the in-process test expects of this server is what Knot does."""
    expected = DIFFERENT_IN_KNOT.get((load, content), MATRIX[load, content])
    assert run_steps(knot, load, content) == [parse_shown(text) for text in expected.split()]
