# SPDX-License-Identifier: Apache-2.0
"""faults/clients of the control socket that do wrong: others are served, queries are answered, memory stays bounded."""

import os
import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from control.ctl.unit import BLOCK, Kind, Unit, encode, to_raw_bytes
from control.log import LINE_CHARS
from tests.support.control_server import RawClient
from tests.support.daemon import Load
from tests.support.driven import Driven

ZONE = "example.com"
RECORDS = 50_000
MEMORY_MIB = 64
"""What a daemon may grow by under any of this."""
LOST_SHARE = 0.02
"""Queries that may go unanswered for 50 ms, because the machine is busy with the test itself."""


def resident_mib(daemon: Driven) -> float:
    """Memory of the daemon's own."""
    assert daemon.process is not None
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def raw(command: str, **items: str) -> bytes:
    """The octets of a request; lone surrogates stand for octets that are not UTF-8."""
    return encode(Kind.DATA, Unit(command=command, **items), to_raw_bytes) + BLOCK


@pytest.fixture
def served(daemon: Driven) -> Iterator[Driven]:
    """A daemon under a load of queries, which are answered; it is whole and no larger at the end."""
    text = (daemon.base / f"{ZONE}.zone").read_text()
    many = "".join(f"n{number} A 192.0.2.{number % 250}\n" for number in range(RECORDS))
    daemon.write_zone(ZONE, 1, text=text + many)
    daemon.write_config(ZONE, extra="control:\n  timeout: 2\n")
    daemon.up()
    daemon.do("zone-read", zone=ZONE, owner="www")
    before = resident_mib(daemon)
    with Load(daemon.port, pause_s=0.01).running() as load:
        yield daemon
        assert daemon.do("status")
    assert load.lost <= load.sent * LOST_SHARE
    assert resident_mib(daemon) < before + MEMORY_MIB
    assert "fault" not in daemon.all_output()
    assert "Traceback" not in daemon.all_output()
    assert daemon.stop() == 0


def connect(daemon: Driven) -> RawClient:
    """Connect without manners."""
    return RawClient(str(daemon.socket))


def test_garbage(served: Driven) -> None:
    """Random octets and truncated units end their connection only, and leave few lines in the log."""
    source = random.Random(5)
    whole = raw("zone-status", zone=ZONE)
    served.mark()
    for number in range(500):
        octets = whole[: source.randrange(len(whole))] if number % 2 else source.randbytes(source.randrange(200))
        with connect(served) as client:
            try:
                client.send(octets)
                client.socket.shutdown(socket.SHUT_WR)
                client.socket.recv(1 << 16)
            except OSError:
                pass
    assert served.do("status")
    assert len(served.logged().splitlines()) < 60


def test_vanishing_in_a_block(served: Driven) -> None:
    """Half a block of changes does nothing."""
    served.do("conf-begin")
    with connect(served) as client:
        client.send(encode(Kind.DATA, Unit(command="conf-set", section="server", item="nsid", data="half")))
    served.do("status")
    assert served.do("conf-diff") == []
    served.do("conf-abort")


def test_vanishing_in_a_transaction(served: Driven) -> None:
    """A zone transaction outlives its connection and changes nothing until somebody commits it."""
    with connect(served) as client:
        client.ask("zone-begin", zone=ZONE)
        client.ask("zone-set", zone=ZONE, owner="late", ttl="60", type="A", data="192.0.2.9")
    assert served.refusal("zone-begin", zone=ZONE) == "too many transactions"
    assert not served.ask(f"late.{ZONE}").answer
    with connect(served) as client:
        client.send(raw("zone-commit", zone=ZONE))
    served.do("zone-status", zone=ZONE)
    while served.do("zone-status", zone=ZONE, filters="t")[0].data != "-":
        pass
    assert served.address_of(f"late.{ZONE}") == "192.0.2.9"


def test_vanishing_in_a_stream(served: Driven) -> None:
    """Clients that leave while a large zone is sent leave nothing behind: the store can reuse its pages."""
    for _ in range(40):
        with connect(served) as client:
            client.send(raw("zone-read", zone=ZONE))
            client.socket.recv(100)
    assert len(served.rows(ZONE)) > RECORDS
    assert served.process is not None
    assert len(os.listdir(f"/proc/{served.process.pid}/fd")) < 60


def test_slow_readers(served: Driven) -> None:
    """Clients that do not read do not keep others waiting, and are let go."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(served)) for _ in range(10)]
        for client in clients:
            client.send(raw("zone-read", zone=ZONE))
        for number in range(5):
            served.edit(ZONE, [("set", Unit(owner=f"s{number}", ttl="60", type="A", data="192.0.2.8"))])
            served.do("zone-commit", zone=ZONE)
        assert served.address_of(f"s4.{ZONE}") == "192.0.2.8"


def test_a_thousand_connections(served: Driven) -> None:
    """More clients than there is room for: the longest idle ones make room, whoever asks is answered."""
    with ExitStack() as stack:
        for _ in range(1000):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(served.socket))
        assert served.do("status")
        assert served.process is not None
        assert len(os.listdir(f"/proc/{served.process.pid}/fd")) < 100


def test_huge_operands(served: Driven) -> None:
    """The longest values and blocks are refused or answered, whatever the command."""
    big = "x" * 65535
    for command in ("zone-set", "zone-read", "zone-status", "conf-set", "conf-read", "status", big, "zone-begin"):
        everything = {"zone": ZONE, "owner": big, "type": big, "data": big, "ttl": big}
        for items in ({"zone": big}, everything, {"section": big}):
            with connect(served) as client:
                client.send(raw(command, flags=big, filters=big, item=big, id=big, **items))
                assert client.socket.recv(1) != b""
    served.refusal_or_none("zone-abort", zone=ZONE)
    served.do("zone-begin", zone=ZONE)
    served.do("zone-set", zone=ZONE, owner="t", ttl="60", type="TXT", data='"a" ' * 16000)
    assert served.refusal("zone-set", zone=ZONE, owner="t", ttl="60", type="A", data=big).startswith("parser failed")
    served.do("zone-set", zone=ZONE, owner="t", ttl="60", type="TXT", data='"' + "a" * 250 + '"')
    served.do("zone-abort", zone=ZONE)
    with connect(served) as client:
        units = encode(Kind.DATA, Unit(command="zone-status", zone=big)) * 100
        try:
            for _ in range(10):
                client.send(units)
        except OSError:
            pass
    assert max(map(len, served.logged().splitlines())) < LINE_CHARS + 100


def test_names(served: Driven) -> None:
    """Names that are not UTF-8, with escapes or binary labels, are names or refused; none forges a line of the log."""
    forged = "x\n2026-01-01T00:00:00.000+00:00 critical: forged"
    for zone in ("\udcff\udcfe.test", "a\\000b.test", "a\0b", "\\999.test", forged, "..", "a" * 64, "\u2028.test", ""):
        for command in ("zone-status", "zone-read", "zone-begin", "zone-purge", "zone-reload"):
            with connect(served) as client:
                client.send(raw(command, zone=zone))
                assert any(unit.error for unit in client.answer())
    served.do("zone-begin", zone=ZONE)
    for owner in ("\\000\\255\\010", "a\\.b", "\\@", "*"):
        served.do("zone-set", zone=ZONE, owner=owner, ttl="60", type="TXT", data='"\\010\\000"')
    for owner in (forged, "\udcff", "a b", "a..b", "\\256", "a\\"):
        with connect(served) as client:
            client.send(raw("zone-set", zone=ZONE, owner=owner, ttl="60", type="TXT", data=forged))
            client.answer()
    served.do("zone-abort", zone=ZONE)
    with connect(served) as client:
        client.send(raw("conf-set", section=forged, item=forged, data=forged))
        client.send(raw(forged))
        client.answer()
    assert not [line for line in served.logged().splitlines() if line.startswith("2026-01-01")]


def test_wrong_order(served: Driven) -> None:
    """Steps without the ones before are refused by name, and what is open stays as it is."""
    for command in ("zone-set", "zone-unset", "zone-diff", "zone-get", "zone-commit", "zone-abort"):
        items = {"owner": "a", "type": "A", "data": "192.0.2.1", "ttl": "1"}
        assert served.refusal(command, zone=ZONE, **items) == "no active transaction"
    for command in ("conf-set", "conf-unset", "conf-diff", "conf-get", "conf-commit"):
        assert served.refusal(command, section="server", item="nsid", data="a") == "no active transaction"
    served.do("zone-begin", zone=ZONE)
    assert served.refusal("conf-begin") == "too many transactions"
    assert served.refusal("reload") == "too many transactions"
    served.do("zone-commit", zone=ZONE)
    served.do("conf-begin")
    assert served.refusal("conf-begin") == "too many transactions"
    assert served.refusal("zone-begin", zone=ZONE) == "too many transactions"
    served.do("conf-abort")
