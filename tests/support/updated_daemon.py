# SPDX-License-Identifier: Apache-2.0
"""A daemon that takes dynamic updates, and clients that send them."""

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.support.operator import Operated
from tests.support.updates import build

KEY_NAME, SECRET = "update-key", "c2VjcmV0LW9mLXVwZGF0ZXM="
RULES = f"""\
key:
  - id: {KEY_NAME}
    algorithm: hmac-sha256
    secret: {SECRET}
acl:
  - id: signed
    key: {KEY_NAME}
    action: [update, transfer]
  - id: local
    address: 127.0.0.1
    action: [update, transfer]
template:
  - id: default
    acl: [signed, local]
"""
TIMEOUT_S = 60.0


class UpdatedDaemon(Operated):
    """Everybody on the host may update its zones, signed or not."""

    rules = RULES

    def write_config(self, *zones: str, extra: str = "", files: Mapping[str, Path] | None = None) -> None:
        """Write a configuration with these zones, and the rules."""
        super().write_config(*zones, extra=extra, files=files)
        head, mark, tail = self.config.read_text().partition("zone:\n")
        self.config.write_text(f"{head}{self.rules}{mark}{tail}")

    def nsupdate(self, script: str, *options: str, program: str = "nsupdate") -> "subprocess.CompletedProcess[str]":
        """Run nsupdate or knsupdate with commands for the zone example.com."""
        text = f"server {self.address} {self.port}\nzone example.com.\n{script}\nsend\n"
        key = ("-y", f"hmac-sha256:{KEY_NAME}:{SECRET}")
        return subprocess.run(
            [program, *key, *options], input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )

    def send_update(self, *changes: str, prerequisites: tuple[str, ...] = ()) -> int:
        """Send an update over TCP; return the RCODE of the reply."""
        with UpdateClient(self.address, self.port) as client:
            return client.send(build("example.com.", prerequisites, changes))


class UpdateClient:
    """One TCP connection; a context manager."""

    def __init__(self, address: str, port: int) -> None:
        self.socket = socket.create_connection((address, port), timeout=TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "UpdateClient":
        return self

    def __exit__(self, *_error: object) -> None:
        self.socket.close()

    def send(self, message: bytes) -> int:
        """Send a message and return the RCODE of the reply. Raises OSError."""
        self.socket.sendall(struct.pack(">H", len(message)) + message)
        size = self._read(2)
        return self._read(int.from_bytes(size, "big"))[3] & 0xF

    def _read(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            part = self.socket.recv(count - len(octets))
            if not part:
                raise ConnectionResetError("the connection was closed")
            octets += part
        return octets


def check_halves(daemon: Operated, zone: str, expected: set[str]) -> None:
    """Check that a zone has both names of each update that was acknowledged, and no name without its other."""
    sides: dict[str, set[str]] = {"a": set(), "b": set()}
    for line in daemon.run("zone-read", zone).splitlines():
        labels = line.split()[1].split(".")
        if labels[0] in sides and "-" in labels[1]:
            sides[labels[0]].add(labels[1])
    assert sides["a"] == sides["b"]
    assert expected <= sides["a"]


class Updaters:
    """Clients that each send one update after the other, as fast as these are acknowledged, until they are stopped.

    Each update adds two names, a and b, so that half an update can be seen.
    """

    def __init__(self, address: str, port: int, count: int, run: str, zone: str = "example.com.") -> None:
        self._address, self._port, self._run, self.zone = address, port, run, zone
        self.acknowledged: list[list[str]] = [[] for _ in range(count)]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,), daemon=True) for number in range(count)]

    def total(self) -> int:
        """Return how many updates were acknowledged."""
        return sum(map(len, self.acknowledged))

    @contextmanager
    def running(self) -> Iterator["Updaters"]:
        """Let them run in the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join(TIMEOUT_S)

    def _work(self, number: int) -> None:
        with suppress(OSError), UpdateClient(self._address, self._port) as client:
            for step in range(1_000_000):
                if self._stop.is_set():
                    return
                label = f"{self._run}-{number}-{step}"
                adds = [f"{side}.{label} 60 IN A 192.0.2.7" for side in ("a", "b")]
                if client.send(build(self.zone, (), adds)) == 0:
                    self.acknowledged[number].append(label)
