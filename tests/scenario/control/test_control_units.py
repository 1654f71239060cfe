# SPDX-License-Identifier: Apache-2.0
"""The same units to knotd and to xdpdnsd on the socket itself: the units of the answers are the same, item by item.

Letters of answers stand in FLAGS up to Knot 3.4.0 and in FILTERS after it; this server writes both, so only FLAGS is
compared, and an empty one is none.
"""

import socket
from collections.abc import Iterator

import pytest

from control.ctl.unit import Decoder, Kind, Unit, encode
from pyxdp_dns.engine_client import EngineProcess, connect
from tests.scenario.control.duel_world import CONFIG, FILES
from tests.support.duel import KNOTC, Pair, Side

pytestmark = pytest.mark.peer("knotd", "knotc")

BLOCK, END = bytes((Kind.BLOCK,)), bytes((Kind.END,))
TIMEOUT_S = 60.0
LIBRARY = "libknot.so.13"

Answer = list[tuple[Kind, Unit]]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Both servers, for all tests of this module."""
    place = tmp_path_factory.mktemp("units")
    try:
        with Pair(place, CONFIG, FILES, (KNOTC, KNOTC)) as running:
            yield running
    finally:
        status = connect(str(place / "ours" / "run"))
        if status is not None:
            engine = EngineProcess(status.pid)
            engine.stop()
            engine.close()


class Client:
    """A connection that sends octets and takes answers apart."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(str(side.socket))
        self.decoder = Decoder(1 << 20)
        self.waiting: Answer = []

    def answer(self) -> Answer:
        """Return the units up to the next BLOCK."""
        taken: Answer = []
        while True:
            for at, (kind, unit) in enumerate(self.waiting):
                if kind is Kind.BLOCK:
                    taken += self.waiting[:at]
                    self.waiting = self.waiting[at + 1 :]
                    return [(kind, self.plain(unit)) for kind, unit in taken]
            octets = self.socket.recv(65536)
            assert octets, f"connection closed after {self.waiting}"
            self.waiting += self.decoder.feed(octets)

    def plain(self, unit: Unit) -> Unit:
        """Return a unit without what may differ."""
        shown = {name: self.side.plain(value) for name, value in unit._asdict().items() if value is not None}
        return Unit(**shown)._replace(flags=unit.flags or None, filters=None)

    def ask(self, *units: Unit) -> Answer:
        """Send a request of units and return its answer."""
        self.socket.sendall(b"".join(encode(Kind.DATA, unit) for unit in units) + BLOCK)
        return self.answer()

    def close(self) -> None:
        """End politely."""
        self.socket.sendall(END)
        self.socket.close()


def ask_both(pair: Pair, *requests: tuple[Unit, ...]) -> tuple[list[Answer], list[Answer]]:
    """Return what each side answers to requests on one connection."""
    both = []
    for side in pair.sides:
        client = Client(side)
        both.append([client.ask(*units) for units in requests])
        client.close()
    return both[0], both[1]


def unit(command: str, **items: str) -> Unit:
    """Return a unit of a request."""
    return Unit(command=command, **items)


SINGLE = (
    unit("zone-read"),
    unit("zone-read", zone="example.com"),
    unit("zone-read", zone="EXAMPLE.com", owner="www"),
    unit("zone-read", zone="example.com", owner="www", type="a"),
    unit("zone-read", zone="example.com", owner="@", type="SOA", flags="B"),
    unit("zone-read", zone="example.com", owner="nope", type="A"),
    unit("zone-read", zone="Example.Org", owner="x"),
    unit("zone-read", owner="@", type="NS"),
    unit("zone-get", zone="example.com"),
    unit("zone-diff", zone="example.com."),
    unit("zone-commit", zone="example.com", data="x"),
    unit("zone-set", zone="example.com", owner="a", ttl="1", type="A", data="192.0.2.1"),
    unit("zone-set", owner="a", ttl="1", type="A", data="192.0.2.1"),
    unit("zone-unset", zone="nope", owner="a"),
    unit("zone-status", zone="nope"),
    unit("zone-status", zone="example.com", filters="r"),
    unit("zone-status", zone="example.com", filters="s"),
    unit("zone-status", zone="empty.test", filters="rs"),
    unit("zone-status", filters="t"),
    unit("zone-status", zone="example.com", filters="f"),
    unit("zone-status", zone="example.com", filters="x"),
    unit("zone-flush", zone="example.com", flags="B"),
    unit("zone-flush", zone="nope", flags="BF"),
    unit("zone-refresh", zone="example.com", flags="B"),
    unit("zone-refresh"),
    unit("zone-freeze", zone="example.com", flags="B"),
    unit("zone-thaw", zone="example.com", flags="B"),
    unit("zone-purge", zone="nope", flags="F", filters="t"),
    unit("zone-ksk-submitted", zone="example.com"),
    unit("stats", section="server"),
    unit("stats", section="server", item="nope"),
    unit("stats", section="server", item="zone-count"),
    unit("status", type="nope"),
    unit("conf-read"),
    unit("conf-read", section="zone"),
    unit("conf-read", section="zone", id="example.com"),
    unit("conf-read", section="zone", id="Nope"),
    unit("conf-read", section="server", item="identity", id=""),
    unit("conf-read", section="", item="identity"),
    unit("conf-read", section="nope", item="identity"),
    unit("conf-list", section="zone"),
    unit("conf-list", section="zone", item="domain"),
    unit("conf-list", section="template"),
    unit("conf-list", section="zone", id="quiet.test", item="template"),
    unit("conf-list", section="zone", flags="z"),
    unit("conf-list", section="zone", item="journal-content", flags="s"),
    unit("conf-list", section="zone", flags="t"),
    unit("conf-get", section="server"),
    unit("conf-diff"),
    unit("conf-set", section="server", item="identity", data="x"),
    unit("conf-commit"),
    unit("conf-abort"),
)


@pytest.mark.parametrize("request_unit", SINGLE, ids=lambda one: " ".join(filter(None, one)))
def test_one_request(pair: Pair, request_unit: Unit) -> None:
    """One unit is answered with the same units."""
    knot, ours = ask_both(pair, (request_unit,))
    if request_unit.command == "stats" and request_unit.item is None:
        ours = [[(kind, one) for kind, one in answer if one.item == "zone-count"] for answer in ours]
    assert ours == knot


def test_several_operands(pair: Pair) -> None:
    """Zones of one block are answered in one block, an error among them too; of configuration items it is the last."""
    zones = ("example.com", "nope", "example.net")
    requests = (
        tuple(unit("zone-read", zone=zone, owner="www", type="A") for zone in zones),
        (unit("zone-read", zone="example.com", owner="www"), Unit(zone="example.net", owner="www")),
        (unit("conf-read", section="control"), unit("conf-read", section="nope"), unit("conf-read", section="log")),
        (unit("conf-read", section="control"), unit("zone-read", section="log")),
    )
    knot, ours = ask_both(pair, *requests)
    assert ours == knot


def test_zone_transaction(pair: Pair) -> None:
    """From begin to commit on one connection, with errors in between."""
    zone = {"zone": "example.net"}
    record = {"owner": "New", "ttl": "60", "type": "txt", "data": '"a b" c'}
    requests = (
        (unit("zone-begin", **zone),),
        (unit("zone-begin", **zone),),
        (unit("zone-set", **zone, **record),),
        (unit("zone-get", **zone, owner="new"),),
        (unit("zone-diff", **zone),),
        (unit("zone-diff"),),
        (unit("zone-unset", **zone, owner="www", type="A", data="192.0.2.77"),),
        (unit("zone-unset", **zone, owner="www", type="A"),),
        (unit("zone-diff", **zone),),
        (unit("zone-status", **zone, filters="t"),),
        (unit("zone-commit", **zone),),
        (unit("zone-read", **zone, owner="@", type="SOA"),),
        (unit("zone-abort", **zone),),
    )
    knot, ours = ask_both(pair, *requests)
    assert ours == knot


def test_configuration_transaction(pair: Pair) -> None:
    """Several values are DATA and EXTRA, differences have signs, a block that fails changes nothing."""
    requests = (
        (unit("conf-begin"),),
        (unit("conf-begin"),),
        (unit("conf-set", section="server", item="listen", data="192.0.2.1@5300"),),
        (unit("conf-get", section="server", item="listen"),),
        (unit("conf-set", section="zone", id="new.test"), unit("conf-set", section="zone", id="new.test", item="nope")),
        (unit("conf-get", section="zone", item="domain"),),
        (unit("conf-set", section="zone", item="domain", data="new.test"),),
        (unit("conf-diff"),),
        (unit("conf-diff", section="server"),),
        (unit("conf-unset", section="server", item="listen", data="192.0.2.9@5300"),),
        (unit("conf-unset", section="zone", id="nope.test"),),
        (unit("conf-abort"),),
    )
    knot, ours = ask_both(pair, *requests)
    assert ours == knot


def test_libknot(pair: Pair) -> None:
    """The Python module of Knot's project makes the same of both answers."""
    libknot = pytest.importorskip("libknot", reason="needs the Python package libknot")
    control = pytest.importorskip("libknot.control", reason="needs the Python package libknot")
    try:
        libknot.Knot(LIBRARY)
    except OSError as error:
        pytest.skip(f"needs the shared library {LIBRARY} (Debian: libknot13): {error}")
    made = []
    for side in pair.sides:
        client = control.KnotCtl()
        client.connect(str(side.socket))
        results = []
        for query in (
            {"cmd": "conf-read", "section": "template"},
            {"cmd": "conf-read", "section": "zone", "item": "domain"},
            {"cmd": "zone-read", "zone": "example.com", "owner": "www"},
            {"cmd": "zone-read", "rtype": "SOA", "zone": "signed.test", "owner": "@"},
            {"cmd": "zone-read", "zone": "nope"},
            {"cmd": "zone-begin", "zone": "signed.test"},
            {"cmd": "zone-unset", "zone": "signed.test", "owner": "nope"},
            {"cmd": "zone-abort", "zone": "signed.test"},
            {"cmd": "conf-get"},
        ):
            client.send_block(**query)
            try:
                results.append(client.receive_block())
            except control.KnotCtlErrorRemote as error:
                results.append(str(error))
        made.append(repr(results).replace(str(side.base), "BASE"))
        client.send(control.KnotCtlType.END)
        client.close()
    assert made[1] == made[0]
