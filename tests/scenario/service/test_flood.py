# SPDX-License-Identifier: Apache-2.0
"""Packets and connections of strangers do not fill the log."""

import random
import socket

from control.log import LIMIT_LINES
from tests.support.daemon import DaemonUnderTest

ROUNDS = 400


def messages() -> list[bytes]:
    """Messages of every operation and many classes, types and lengths, most of them nonsense."""
    source = random.Random(1)
    made = [bytes(source.randbytes(source.randrange(0, 60))) for _ in range(ROUNDS // 2)]
    for _ in range(ROUNDS // 2):
        flags = source.randrange(16) << 11 | source.randrange(2) << 10
        head = source.randbytes(2) + flags.to_bytes(2, "big") + bytes.fromhex("0001000000000000")
        kind = source.choice((1, 6, 250, 251, 252, 255, 65280)).to_bytes(2, "big")
        made.append(head + b"\x07example\x03com\0" + kind + source.choice((b"\0\1", b"\0\3", b"\0\xff")))
    return made


def test_flood(daemon: DaemonUnderTest) -> None:
    """Thousands of bad messages over UDP and TCP and refused connections leave a few lines, at level debug."""
    daemon.server_items = ["tcp-max-clients: 4"]
    daemon.write_config("example.com")
    daemon.start()
    daemon.mark()
    where = (daemon.address, daemon.port)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for message in messages():
            udp.sendto(message, where)
    for message in messages():
        with socket.create_connection(where, timeout=2) as tcp:
            tcp.sendall(len(message).to_bytes(2, "big") + message)
    held = [socket.create_connection(where, timeout=2) for _ in range(ROUNDS)]
    for connection in held:
        connection.close()
    assert daemon.ask(tcp=False).answer
    lines = daemon.logged().splitlines()
    print(f"{len(lines)} lines for {3 * ROUNDS} messages and connections")
    assert len(lines) <= 3 * LIMIT_LINES
    assert daemon.address_of() == "192.0.2.2"
