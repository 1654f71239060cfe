# SPDX-License-Identifier: Apache-2.0
"""DNS over TCP and handed-off messages of the real daemon."""

import socket
import time

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest

from tests.support.daemon import ADDRESS, DaemonUnderTest

KEYRING = dns.tsigkeyring.from_text({"key.example.": "c2VjcmV0"})


def connected(daemon: DaemonUnderTest) -> socket.socket:
    return socket.create_connection((ADDRESS, daemon.port), timeout=5)


def receive(connection: socket.socket) -> bytes:
    """Receive one message; empty at the end of the connection."""
    try:
        head = connection.recv(2, socket.MSG_WAITALL)
        return connection.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if len(head) == 2 else b""
    except ConnectionResetError:
        return b""


def test_pipelining(daemon: DaemonUnderTest) -> None:
    """Many queries sent at once over one connection are all answered."""
    daemon.start()
    queries = [dns.message.make_query(f"n{i}.example.com", "A", id=i) for i in range(500)]
    with connected(daemon) as connection:
        connection.sendall(b"".join(query.to_wire(prepend_length=True) for query in queries))
        replies = [dns.message.from_wire(receive(connection)) for _ in queries]
    assert {reply.id for reply in replies} == set(range(500))
    assert {reply.rcode() for reply in replies} == {dns.rcode.NXDOMAIN}


def test_half_open_client(daemon: DaemonUnderTest) -> None:
    """A client that shuts down its sending side gets its answers, then the end of the connection."""
    daemon.start()
    with connected(daemon) as connection:
        connection.sendall(dns.message.make_query("www.example.com", "A").to_wire(prepend_length=True) * 3)
        connection.shutdown(socket.SHUT_WR)
        assert [bool(receive(connection)) for _ in range(4)] == [True, True, True, False]


def test_timeouts(daemon: DaemonUnderTest) -> None:
    """A connection that asks nothing and one that stops within a message are closed."""
    daemon.server_items = ["tcp-idle-timeout: 1", "tcp-io-timeout: 200"]
    daemon.write_config("example.com")
    daemon.start()
    with connected(daemon) as idle, connected(daemon) as slow:
        slow.sendall(b"\0")
        assert receive(slow) == b""
        assert receive(idle) == b""


def test_client_limit(daemon: DaemonUnderTest) -> None:
    """Connections beyond the limit are refused, and served again when others end."""
    daemon.server_items = ["tcp-max-clients: 3"]
    daemon.write_config("example.com")
    daemon.start()
    query = dns.message.make_query("www.example.com", "A").to_wire(prepend_length=True)
    clients = [connected(daemon) for _ in range(3)]
    for client in clients:
        client.sendall(query)
        assert receive(client)
    with connected(daemon) as fourth:
        assert receive(fourth) == b""
    for client in clients:
        client.close()
    time.sleep(0.1)
    assert daemon.address_of(tcp=True) == "192.0.2.2"


@pytest.mark.parametrize("tcp", [False, True])
def test_handed_off_messages(daemon: DaemonUnderTest, tcp: bool) -> None:
    """Who has no permission gets NOTAUTH for UPDATE, NOTIFY and transfers, and so do unknown keys; UDP has no AXFR."""
    daemon.start()
    ask = dns.query.tcp if tcp else dns.query.udp
    update = dns.update.UpdateMessage("example.com")
    update.add("new.example.com.", 300, "A", "192.0.2.3")
    assert ask(update, ADDRESS, 5, daemon.port).rcode() == dns.rcode.NOTAUTH
    notify = dns.message.make_query("example.com", "SOA")
    notify.set_opcode(dns.opcode.NOTIFY)
    assert ask(notify, ADDRESS, 5, daemon.port).rcode() == dns.rcode.NOTAUTH
    transfer = dns.message.make_query("example.com", "AXFR")
    assert ask(transfer, ADDRESS, 5, daemon.port).rcode() == (dns.rcode.NOTAUTH if tcp else dns.rcode.NOTIMP)
    signed = dns.message.make_query("www.example.com", "A")
    signed.use_tsig(KEYRING, "key.example.")
    with pytest.raises(dns.tsig.PeerBadKey):
        ask(signed, ADDRESS, 5, daemon.port)


def test_no_hand_off_while_the_control_plane_is_away(daemon: DaemonUnderTest) -> None:
    """Without the control plane handed-off messages get no answer and queries are answered as ever."""
    daemon.start()
    daemon.kill()
    with pytest.raises(dns.exception.Timeout):
        daemon.ask("example.com", "AXFR", timeout=0.3)
    assert daemon.address_of() == "192.0.2.2"
