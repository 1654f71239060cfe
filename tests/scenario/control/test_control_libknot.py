# SPDX-License-Identifier: Apache-2.0
"""The Python module of Knot's project drives the server."""

from collections.abc import Iterator

import pytest

from tests.support.control_server import ControlThread

libknot = pytest.importorskip("libknot", reason="needs the Python package libknot")
control = pytest.importorskip("libknot.control", reason="needs the Python package libknot")

LIBRARY = "libknot.so.13"


@pytest.fixture
def client(server: ControlThread) -> Iterator["control.KnotCtl"]:
    """A connection of the module."""
    try:
        libknot.Knot(LIBRARY)
    except OSError as error:
        pytest.skip(f"needs the shared library {LIBRARY} (Debian: libknot13): {error}")
    connection = control.KnotCtl()
    connection.connect(server.path)
    yield connection
    connection.send(control.KnotCtlType.END)
    connection.close()


def test_configuration(client: "control.KnotCtl") -> None:
    """Values come as lists below section, identifier and item."""
    client.send_block(cmd="conf-read")
    assert client.receive_block() == {"zone": {"a.test.": {"notify": ["one", "two"]}}}


def test_statistics(client: "control.KnotCtl") -> None:
    """Counters come as numbers, families as maps, those of zones below the zones."""
    client.send_block(cmd="stats")
    assert client.receive_stats() == {
        "server": {"zone-count": 2},
        "mod-stats": {"request-protocol": {"tcp4": 5, "udp6": 3}},
    }
    client.send_block(cmd="zone-stats")
    assert client.receive_stats()["zone"]["a.test."]["zone"]["size"] == 100


def test_zones(client: "control.KnotCtl") -> None:
    """The state of zones is a map for each zone, with a row for what exporters ask for."""
    client.send_block(cmd="zone-status")
    zones = client.receive_block()
    assert zones["a.test."]["serial"] == "7"
    assert {zone: (rows["refresh"], rows["expiration"]) for zone, rows in zones.items()} == {
        "a.test.": ("-", "-"),
        "b.test.": ("-", "-"),
    }


def test_records(client: "control.KnotCtl") -> None:
    """Records are found by zone, owner and type."""
    client.send_block(cmd="zone-read", zone="a.test")
    assert client.receive_block() == {"a.test.": {"www.a.test.": {"A": {"ttl": "60", "data": ["192.0.2.1"]}}}}


def test_error_and_next_request(client: "control.KnotCtl") -> None:
    """An error is raised with the reason, and the connection goes on."""
    client.send_block(cmd="zone-flush", zone="b.test")
    with pytest.raises(control.KnotCtlErrorRemote, match="zone is empty"):
        client.receive_block()
    client.send_block(cmd="zone-flush", zone="a.test")
    assert client.receive_block() == {}
