# SPDX-License-Identifier: Apache-2.0
"""Signed updates with one octet changed, each octet in turn, over TCP: none is carried out, and the server lives."""

import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import dns.name
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest

from tests.support.updated_daemon import KEY_NAME, RULES, SECRET, TIMEOUT_S, UpdatedDaemon

REQUIRE_KEY = RULES.replace("acl: [signed, local]", "acl: signed")
CHANGES = (0x01, 0x80, 0xFF)
"""What is done to an octet: bits that are turned over."""
ID_BYTES = 2
"""The signature is about the original id, which it has beside (RFC 8945, section 4.2)."""
QR = 0x80


class Signed(UpdatedDaemon):
    """A daemon that takes signed updates alone."""

    rules = REQUIRE_KEY


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Signed]:
    """A running daemon."""
    daemon = Signed(tmp_path)
    daemon.start()
    yield daemon
    daemon.close()


def signed_update(name: str) -> bytes:
    """Return an update that adds a name, with prerequisites, compressed names and a signature."""
    message = dns.update.UpdateMessage("example.com.", id=4711)
    message.present("www", "A")
    message.absent("nowhere")
    message.add(name, 60, "TXT", "garbled")
    message.add(name, 60, "MX", "10 mail.example.com.")
    message.delete("ns", "AAAA")
    keyring = dns.tsigkeyring.from_text({KEY_NAME: ("hmac-sha256", SECRET)})
    message.use_tsig(keyring, algorithm=dns.tsig.HMAC_SHA256)
    return bytes(message.to_wire())


def ask(daemon: Signed, message: bytes) -> bytes | None:
    """Send a message over a connection of its own; return the reply, None when there is none."""
    with socket.create_connection((daemon.address, daemon.port), timeout=TIMEOUT_S) as sock:
        sock.sendall(struct.pack(">H", len(message)) + message)
        sock.shutdown(socket.SHUT_WR)
        size = sock.recv(2, socket.MSG_WAITALL)
        return sock.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL) if len(size) == 2 else None


def test_every_octet_changed(daemon: Signed) -> None:
    """Each is refused or gets no reply; the zone stays as it is, and the message itself is then carried out."""
    message = signed_update("garbled")
    for at in range(ID_BYTES, len(message)):
        for change in CHANGES:
            garbled = bytearray(message)
            garbled[at] ^= change
            reply = ask(daemon, bytes(garbled))
            assert (reply is None) == bool(garbled[2] & QR), (at, change)
            assert reply is None or reply[3] & 0xF, (at, change)
    assert daemon.serial() == "1"
    assert daemon.process is not None
    assert daemon.process.poll() is None
    assert "a fault of the program" not in daemon.all_output()
    reply = ask(daemon, message)
    assert reply is not None
    assert reply[3] & 0xF == 0
    assert daemon.serial() == "2"


def test_every_length(daemon: Signed) -> None:
    """A message cut anywhere is refused or gets no reply."""
    message = signed_update("cut")
    for size in range(len(message)):
        reply = ask(daemon, message[:size])
        assert reply is None or reply[3] & 0xF, size
    assert daemon.serial() == "1"
    assert "a fault of the program" not in daemon.all_output()
