# SPDX-License-Identifier: Apache-2.0
"""A real xdpdnsd on a loopback port: configuration, start, questions, a steady query load, and a sure end."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import dns.message
import dns.query

from pyxdp_dns.engine_client import EngineProcess, connect
from tests.support.netns import Namespace
from tests.support.ports import free_port

ADDRESS = "127.0.0.1"
WAIT_S = 60.0
ZONE = """\
$TTL 300
@ SOA ns hostmaster {serial} 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A {address}
"""


def wait_for(condition: Callable[[], bool], what: str, seconds: float = WAIT_S) -> None:
    """Wait until a condition holds; the test fails with `what` when it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.01)


class DaemonUnderTest:
    """One run directory and storage, and the daemons started on them one after the other."""

    def __init__(self, base: Path, wrap: Callable[..., list[str]] = lambda *words: list(words)) -> None:
        """`wrap` turns the daemon's command into the one to run, for another network namespace."""
        self.base, self.wrap = base, wrap
        self.address, self.port = ADDRESS, free_port()
        self.rundir, self.storage, self.log = base / "run", base / "db", base / "log"
        self.config = base / "knot.conf"
        self.process: subprocess.Popen[bytes] | None = None
        self.server_items: list[str] = []
        self.log_offset = 0
        self.write_zone("example.com", 1)
        self.write_config("example.com")

    def write_zone(self, name: str, serial: int, address: str = "192.0.2.2", text: str | None = None) -> Path:
        """Write a zone file."""
        path = self.base / f"{name}.zone"
        path.write_text(ZONE.format(serial=serial, address=address) if text is None else text)
        return path

    def write_config(self, *zones: str, extra: str = "", files: Mapping[str, Path] | None = None) -> None:
        """Write a configuration with these zones; those of `files` are loaded from there."""
        lines = ["server:", f"  rundir: {self.rundir}", f"  listen: {self.address}@{self.port}", "  udp-workers: 1"]
        lines += [f"  {item}" for item in self.server_items]
        lines += ["database:", f"  storage: {self.storage}", "  journal-db-max-size: 64M"]
        lines += ["log:", f"  - target: {self.log}", "    any: debug"]
        if zones or files:
            lines.append("zone:")
        for zone in zones:
            lines += [f"  - domain: {zone}", f"    storage: {self.base}"]
        for zone, file in (files or {}).items():
            lines += [f"  - domain: {zone}", f"    file: {file}"]
        self.config.write_text("\n".join(lines) + f"\n{extra}")

    def spawn(self, *options: str) -> subprocess.Popen[bytes]:
        """Start a daemon without waiting for anything."""
        return subprocess.Popen(
            self.wrap(sys.executable, "-m", "control.tools.xdpdnsd", "-c", str(self.config), *options),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.base / "stderr").open("ab"),
        )

    def start(self) -> None:
        """Start the daemon and wait until it has loaded its zones and answers."""
        self.mark()
        self.process = self.spawn()
        self.expect("server started answering")
        self.expect("loading ", "no zones loaded")
        wait_for(self.answers, "an answer over UDP")

    def stop(self) -> int:
        """Stop the daemon with SIGTERM; return its exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(WAIT_S)
        self.process = None
        return status

    def kill(self) -> None:
        """Kill the daemon, and only it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(WAIT_S)
        self.process = None

    def signal(self, number: int) -> None:
        """Send a signal to the daemon."""
        assert self.process is not None
        self.process.send_signal(number)

    def reload(self) -> None:
        """Send SIGHUP and wait until it was worked off."""
        self.mark()
        self.signal(signal.SIGHUP)
        self.expect("configuration reloaded", "failed to load configuration")

    def mark(self) -> None:
        """Let `expect` look only at what is logged from now on."""
        self.log_offset = self.log.stat().st_size if self.log.exists() else 0

    def logged(self) -> str:
        """What was logged since the mark."""
        return self.log.read_bytes()[self.log_offset :].decode() if self.log.exists() else ""

    def expect(self, *texts: str) -> None:
        """Wait until one of the texts is logged."""
        deadline = time.monotonic() + WAIT_S
        while not any(text in self.logged() for text in texts):
            ended = self.process is not None and self.process.poll() is not None
            late = ended or time.monotonic() > deadline
            status = self.process.poll() if self.process is not None else None
            assert not late, f"log line {texts} expected, exit status {status}\n{self.all_output()}"
            time.sleep(0.01)

    def all_output(self) -> str:
        """Everything the daemons said."""
        files = [path for path in (self.log, self.base / "stderr") if path.exists()]
        return "\n".join(path.read_text(errors="replace") for path in files)

    def engine_pid(self) -> int:
        """PID of the living engine."""
        status = connect(str(self.rundir))
        assert status is not None
        return status.pid

    def ask(
        self, name: str = "www.example.com", rtype: str = "A", tcp: bool = False, timeout: float = 2.0
    ) -> dns.message.Message:
        """Ask the server one question."""
        query = dns.message.make_query(name, rtype)
        function = dns.query.tcp if tcp else dns.query.udp
        return function(query, self.address, timeout=timeout, port=self.port)

    def address_of(self, name: str = "www.example.com", tcp: bool = False) -> str:
        """The first A record of a name."""
        return str(self.ask(name, tcp=tcp).answer[0][0])

    def answers(self) -> bool:
        """Whether a query over UDP is answered at all."""
        try:
            self.ask(timeout=0.2)
        except dns.exception.Timeout:
            return False
        return True

    def close(self) -> None:
        """End daemon and engine."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        status = connect(str(self.rundir))
        if status is not None:
            engine = EngineProcess(status.pid)
            engine.stop()
            engine.close()


class Load:
    """A steady load of queries, one after the other; counts those that were not answered."""

    def __init__(
        self, port: int, pause_s: float = 0.001, address: str = ADDRESS, space: Namespace | None = None
    ) -> None:
        """`space` is the namespace to ask from."""
        self.where, self.pause_s, self.space = (address, port), pause_s, space
        self.sent = self.lost = 0
        self.longest_gap_s = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        with nullcontext() if self.space is None else self.space.entered():
            self._send()

    def _send(self) -> None:
        query = bytearray(dns.message.make_query("www.example.com", "A").to_wire())
        last = time.monotonic()
        while not self._stop.is_set():
            query[:2] = (self.sent & 0xFFFF).to_bytes(2, "big")
            self.sent += 1
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.settimeout(0.05)
                try:
                    sock.connect(self.where)
                    sock.send(query)
                    sock.recv(4096)
                except OSError:
                    self.lost += 1
                else:
                    now = time.monotonic()
                    self.longest_gap_s = max(self.longest_gap_s, now - last)
                    last = now
            time.sleep(self.pause_s)

    @contextmanager
    def running(self) -> Iterator["Load"]:
        """Send during the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            self._thread.join()


def is_alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def kill_process(pid: int) -> None:
    """Kill a process that a daemon of a test started."""
    os.kill(pid, signal.SIGKILL)
