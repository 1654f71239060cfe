# SPDX-License-Identifier: Apache-2.0
"""The engine as a process: its sockets, privileges, hand-off, death and errors."""

import os
import re
import signal
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pyxdp_dns.counters import fates
from pyxdp_dns.engine_client import EngineSpec, XdpInterface, connect, spawn, stop
from pyxdp_dns.errors import ResourceError
from pyxdp_dns.filter import loader
from pyxdp_dns.filter.status import directory
from pyxdp_dns.handoff import HandoffMessage
from tests.scenario.engine.conftest import Running, wait_for
from tests.support import frames, netns, tables

pytestmark = pytest.mark.root

PORT = 5300
Start = Callable[..., Running]


@pytest.fixture
def space() -> Iterator[netns.Namespace]:
    """A namespace with two IPv4 and two IPv6 addresses on its loopback interface."""
    with netns.namespace() as made:
        made.bring_up("lo", ("192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8::2/128"))
        yield made


def ask(space: netns.Namespace, server: str, message: bytes, seconds: float = 5.0) -> tuple[bytes, str]:
    """Send a message to the server; return the reply and the address it came from."""
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with space.entered(), socket.socket(family, socket.SOCK_DGRAM) as client:
        client.settimeout(seconds)
        client.sendto(message, (server, PORT))
        reply, sender = client.recvfrom(65536)
        return reply, sender[0]


@pytest.mark.parametrize("listen", [("0.0.0.0", "::"), ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2")])
def test_reply_leaves_from_the_address_asked(
    space: netns.Namespace, table: Path, start: Start, listen: tuple[str, ...]
) -> None:
    """On wildcard and on single addresses, the reply's source is the address that was asked."""
    engine = start(space, table=str(table), listen=tuple((address, PORT) for address in listen), udp_workers=2)
    for server in ("192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"):
        reply, sender = ask(space, server, frames.question("www.example."))
        assert sender == server
        assert struct.unpack_from("!4H", reply) == (1, 0x8400, 1, 1)
    wait_for(lambda: engine.total("udp", "rx_packets") == engine.total("udp", "rcode_noerror") == 4, "all counted")


def test_every_packet_is_counted_once(space: netns.Namespace, table: Path, start: Start) -> None:
    """Answers by RCODE, responses, short and handed-off messages add up to the packets received."""
    engine = start(space, table=str(table), listen=(("192.0.2.1", PORT),), udp_workers=2)
    update = b"\0\1\x28\0" + frames.question("example.", 6)[4:]
    odd = [b"", b"short", b"\0\1\x80\0" + b"\0" * 8, update, b"\0\1\0\0\0\1\0\0\0\0\0\0\xff"]
    asked = [
        frames.question(name, rtype) for name in ("www.example.", "none.example.", "other.test.") for rtype in (1, 28)
    ]
    with space.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        for message in odd + asked:
            client.sendto(message, ("192.0.2.1", PORT))
    wait_for(lambda: engine.total("udp", "rx_packets") == len(odd) + len(asked), "all received")
    wait_for(lambda: sum(fates(w.counters) for w in engine.workers("udp")) == len(odd) + len(asked), "all counted")
    engine.expect("udp", "drop_short", 2)
    engine.expect("udp", "drop_not_query", 1)
    engine.expect("udp", "drop_handoff_full", 1)
    engine.expect("udp", "rcode_nxdomain", 2)


def test_workers_share_an_address(space: netns.Namespace, table: Path, start: Start) -> None:
    """Queries to one address from many ports are spread over all UDP workers, and all are answered."""
    engine = start(space, table=str(table), listen=(("192.0.2.1", PORT),), udp_workers=2)
    for _ in range(64):
        ask(space, "192.0.2.1", frames.question("www.example."))
    wait_for(lambda: engine.total("udp", "rx_packets") == 64, "all counted")
    received = [worker.counters["rx_packets"] for worker in engine.workers("udp")]
    assert min(received) > 0


def test_capabilities_are_gone_in_every_thread(space: netns.Namespace, table: Path, start: Start) -> None:
    """Every thread has empty capability sets and bounding set, and no_new_privs."""
    engine = start(space, table=str(table), listen=(("192.0.2.1", PORT),), udp_workers=2)
    wait_for(lambda: not engine.status().is_privileged, "privileges dropped")
    tasks = list(Path(f"/proc/{engine.process.pid}/task").iterdir())
    assert len(tasks) == 4
    for task in tasks:
        status = (task / "status").read_text()
        assert set(re.findall(r"^Cap\w+:\s+(\w+)$", status, re.MULTILINE)) == {"0" * 16}
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)


def test_killed_engine_is_replaced_at_once(space: netns.Namespace, table: Path, start: Start) -> None:
    """After SIGKILL a new engine takes over run directory, addresses and shared region, and answers."""
    options = {"table": str(table), "listen": (("192.0.2.1", PORT),)}
    engine = start(space, **options)
    region = (engine.rundir / "engine.shm").stat().st_ino
    engine.process.signal(signal.SIGKILL)
    assert engine.process.wait(5)
    again = start(space, rundir=engine.rundir, **options)
    reply, _ = ask(space, "192.0.2.1", frames.question("www.example."))
    assert reply[3] & 15 == 0
    again.expect("udp", "rx_packets", 1)
    assert (engine.rundir / "engine.shm").stat().st_ino == region


def test_terminal_signals_are_ignored_and_stop_works(space: netns.Namespace, table: Path, start: Start) -> None:
    """SIGHUP and SIGINT change nothing; `stop` ends the engine, after which there is none."""
    engine = start(space, table=str(table), listen=(("192.0.2.1", PORT),))
    for number in (signal.SIGHUP, signal.SIGINT):
        engine.process.signal(number)
    assert ask(space, "192.0.2.1", frames.question("www.example."))[0]
    assert os.getsid(engine.process.pid) != os.getsid(0)
    assert stop(str(engine.rundir))
    assert connect(str(engine.rundir)) is None
    assert not stop(str(engine.rundir))


def test_second_engine_is_refused(space: netns.Namespace, table: Path, start: Start) -> None:
    """A second engine on the run directory, or on an address in use, is refused with the reason; the first goes on."""
    engine = start(space, table=str(table), listen=(("192.0.2.1", PORT),))
    with pytest.raises(ResourceError, match="another engine runs"):
        start(space, rundir=engine.rundir, table=str(table))
    with pytest.raises(ResourceError, match=rf"192\.0\.2\.1@{PORT}: address in use"):
        start(space, table=str(table), listen=(("192.0.2.1", PORT),))
    assert ask(space, "192.0.2.1", frames.question("www.example."))[0]


def test_errors_name_what_they_concern(space: netns.Namespace, table: Path, start: Start, tmp_path: Path) -> None:
    """An address of no interface, a missing table and a damaged one each keep the engine from starting, by name."""
    with pytest.raises(ResourceError, match=r"198\.51\.100\.1@5300: no interface has this address"):
        start(space, table=str(table), listen=(("198.51.100.1", PORT),))
    with pytest.raises(ResourceError, match="missing-table"):
        start(space, table=str(tmp_path / "missing-table"))
    (tmp_path / "damaged").write_bytes(b"junk" * 4096)
    with pytest.raises(ResourceError, match="damaged"):
        start(space, table=str(tmp_path / "damaged"))


def test_handoff_there_and_back(space: netns.Namespace, table: Path, start: Start) -> None:
    """An UPDATE goes to the control plane with its addresses; the reply leaves from the address that was asked."""
    engine = start(space, table=str(table), listen=(("0.0.0.0", PORT),))
    update = b"\0\1\x28\0" + frames.question("example.", 6)[4:]
    with space.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.sendto(update, ("192.0.2.2", PORT))
        wait_for(lambda: engine.total("udp", "drop_handoff_full") == 1, "dropped while nobody listens")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
            control.bind(str(engine.rundir / "handoff.sock"))
            control.settimeout(5)
            client.sendto(update, ("192.0.2.2", PORT))
            datagram, engine_end = control.recvfrom(65536)
            handed = HandoffMessage.unpack(datagram)
            assert handed.message == update
            assert (handed.local, handed.local_port) == (socket.inet_aton("192.0.2.2"), PORT)
            assert handed.remote_port == client.getsockname()[1]
            control.sendto(b"not a hand-off", engine_end)
            control.sendto(handed.reply(b"\0\1\xa8\4" + update[4:]).pack(), engine_end)
            reply, sender = client.recvfrom(65536)
    assert (reply[:4], sender) == (b"\0\1\xa8\4", ("192.0.2.2", PORT))
    wait_for(lambda: engine.total("handoff", "tx_packets") == 1, "counted")
    engine.expect("udp", "handoff", 1)
    engine.expect("handoff", "rcode_notimp", 1)
    engine.expect("handoff", "drop_malformed", 1)


@pytest.mark.xdp
def test_udp_answers_while_the_filter_is_missing(wire: netns.Wire, table: Path, start: Start) -> None:
    """Without the filter the engine answers over sockets; once it is loaded, AF_XDP answers and privileges go."""
    with wire.server.entered():
        interface = XdpInterface(wire.server_if, str(directory(wire.server_if) / "xskmap"))
    engine = start(wire.server, table=str(table), listen=((wire.server_v4, 53),), interfaces=(interface,))
    query = ("kdig", "+short", "@" + wire.server_v4, "www.example.", "A")
    assert wire.client.run(*query).stdout == "192.0.2.80\n"
    engine.expect("udp", "rx_packets", 1)
    with wire.server.entered():
        loader.load(wire.server_if)
    try:
        engine.wait_for_queues()
        assert wire.client.run(*query).stdout == "192.0.2.80\n"
        engine.expect("xdp", "tx_packets", 1)
        assert {queue["mode"] for queue in engine.status().queues} == {"copy"}
    finally:
        with wire.server.entered():
            loader.unload(wire.server_if)


@pytest.mark.xdp
def test_interface_without_free_queue(wire: netns.Wire, table: Path, start: Start) -> None:
    """A queue that another engine holds and an interface that does not exist are named; UDP is answered anyway."""
    interface = (XdpInterface(wire.server_if, "/sys/fs/bpf/none"),)
    first = start(wire.server, table=str(table), listen=(), interfaces=interface)
    wait_for(lambda: {queue["state"] for queue in first.status().queues} == {"bound"}, "queues taken")
    missing = (*interface, XdpInterface("nosuch0", "/sys/fs/bpf/none"))
    second = start(wire.server, table=str(table), listen=((wire.server_v4, 53),), interfaces=missing)
    wait_for(lambda: {queue["state"] for queue in second.status().queues} == {"failed"}, "queues refused")
    assert all(
        f"{wire.server_if} queue {queue['queue']}" in queue["error"] and "another program" in queue["error"]
        for queue in second.status().queues
    )
    assert "nosuch0" in second.status().problems[0]
    answer = wire.client.run("kdig", "+short", "@" + wire.server_v4, "www.example.", "A")
    assert answer.stdout == "192.0.2.80\n"


def test_large_reply_over_udp(space: netns.Namespace, tmp_path: Path, start: Start) -> None:
    """A reply larger than 1 232 octets comes whole when both sides allow it, truncated otherwise."""
    tables.make_table(tmp_path / "table", tables.small_zone(), payload=4096)
    start(space, table=str(tmp_path / "table"), listen=(("192.0.2.1", PORT),))
    assert len(ask(space, "192.0.2.1", frames.question("big.example.", 16, payload=4096))[0]) > 3000
    assert ask(space, "192.0.2.1", frames.question("big.example.", 16))[0][2] & 2


def test_spec_digest_tells_engines_apart(space: netns.Namespace, table: Path, start: Start) -> None:
    """An engine fits its own specification only, and no longer when its table file was replaced."""
    engine = start(space, table=str(table), listen=(("192.0.2.1", PORT),))
    spec = EngineSpec(rundir=str(engine.rundir), table=str(table), listen=(("192.0.2.1", PORT),))
    other = EngineSpec(rundir=str(engine.rundir), table=str(table), listen=(("192.0.2.2", PORT),))
    assert engine.status().fits(spec)
    assert not engine.status().fits(other)
    tables.make_table(table, tables.small_zone(), payload=4096)
    assert not engine.status().fits(spec)


def test_unreadable_spec_is_reported(tmp_path: Path) -> None:
    """A run directory that does not exist keeps the engine from starting, with its path in the message."""
    with pytest.raises(ResourceError, match="nowhere"):
        spawn(EngineSpec(rundir=str(tmp_path / "nowhere"), table=None))


def test_silent_client_blocks_nobody(space: netns.Namespace, table: Path, start: Start) -> None:
    """Clients of engine.sock that say nothing or nonsense do not keep others from an answer."""
    engine = start(space, table=str(table))
    with socket.socket(socket.AF_UNIX) as silent, socket.socket(socket.AF_UNIX) as odd:
        for client in (silent, odd):
            client.connect(str(engine.rundir / "engine.sock"))
        odd.sendall(b"[nonsense\n")
        assert b"error" in odd.recv(4096)
        odd.sendall(b"x" * 10000)
        assert engine.status().pid == engine.process.pid
