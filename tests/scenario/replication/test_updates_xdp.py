# SPDX-License-Identifier: Apache-2.0
"""UPDATE, NOTIFY, IXFR and signed queries over UDP at an interface with the filter: to the control plane and back from
the address that was asked, while AF_XDP workers answer queries."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pyxdp_dns.counters import CounterRegion
from tests.support import netns, peers, primaries
from tests.support.daemon import Load, wait_for
from tests.support.netns import End, Wire, link
from tests.support.updated_daemon import KEY_NAME, RULES, SECRET, UpdatedDaemon
from tests.support.xdp_daemon import XdpDaemon

pytestmark = [
    pytest.mark.root,
    pytest.mark.xdp,
    pytest.mark.peer("knotd", "kdig", "nsupdate", "knsupdate"),
    pytest.mark.skipif(netns.missing() is not None, reason=str(netns.missing())),
]

KEY = f"hmac-sha256:{KEY_NAME}:{SECRET}"
SECOND = "192.0.2.77"
"""Another address of the server, not the one the kernel would send from."""


class Updated(XdpDaemon, UpdatedDaemon):
    """Signed updates, transfers and notifications from the client's namespace, which has the primary of sec.example."""

    def __init__(self, base: Path, wire: Wire, primary: peers.Place) -> None:
        self.addresses = (wire.server_v4, SECOND, wire.server_v6)
        self.rules = RULES.replace("action: [update, transfer]", "action: [update, transfer, notify]", 1)
        self.rules += f"remote:\n  - id: primary\n    address: {primary.address}@{primary.port}\n"
        super().__init__(base, wire)

    def write_config(self, *zones: str, extra: str = "", files: Mapping[str, Path] | None = None) -> None:
        """Write a configuration that listens on all addresses and has the secondary zone."""
        self.server_items = [f"listen: {address}@{self.port}" for address in self.addresses[1:]]
        extra += f"zone:\n  - domain: sec.example\n    file: {self.base}/sec.zone\n    master: primary\n"
        super().write_config(*zones, extra=extra, files=files)

    def kdig(self, address: str, *words: str) -> str:
        """Ask over UDP, signed; return what kdig prints."""
        options = ("-p", str(self.port), "-y", KEY, "+notcp", "+ignore", "+retry=0", "+time=5")
        return self.client.run("kdig", f"@{address}", *words, *options, check=False).stdout


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Updated]:
    """A daemon on one end of a veth pair; the test's thread and a knotd are on the other."""
    (tmp_path / "primary.zone").write_text(primaries.ZONE.format(serial=5, times="3600 600 86400"))
    with link(server=End(addresses=(f"{SECOND}/24",))) as wire, wire.client.entered():
        place = peers.Place(wire.client_v4, 5399, wire.client)
        rules = f"acl:\n  - id: all\n    address: {wire.server_v4}/24\n    action: transfer\n"
        files = {"sec.example.": tmp_path / "primary.zone"}
        with peers.knot(files, place, sections=rules, template="    acl: all\n"):
            under_test = Updated(tmp_path, wire, place)
            try:
                under_test.start()
                wait_for(under_test.answers_by_xdp, f"an answer by AF_XDP\n{under_test.all_output()}")
                yield under_test
            finally:
                under_test.close()


def test_requests_of_the_control_plane(daemon: Updated) -> None:
    """Each is served at each address of the server; no query is lost meanwhile or answered but by AF_XDP."""
    by_socket, handed = counted(daemon, "tx_packets", "udp"), counted(daemon, "handoff", "udp", "xdp")
    with Load(daemon.port, address=daemon.addresses[0], space=daemon.client).running() as load:
        for number, address in enumerate(daemon.addresses):
            for program in ("nsupdate", "knsupdate"):
                check_update(daemon, address, program, number)
            check_transfer(daemon, address)
            check_signed_query(daemon, address)
            check_notify(daemon, address, number + 1)
    assert (load.sent > 10, load.lost) == (True, 0)
    assert daemon.is_loaded()
    assert counted(daemon, "tx_packets", "udp") == by_socket
    assert counted(daemon, "handoff", "udp", "xdp") - handed >= 5 * len(daemon.addresses)


def counted(daemon: Updated, name: str, *kinds: str) -> int:
    """Return a counter of workers of some kinds."""
    with CounterRegion(daemon.rundir / "engine.shm") as region:
        return region.totals(kinds)[name]


def check_update(daemon: Updated, address: str, program: str, number: int) -> None:
    """An update is acknowledged, and the new record is answered then."""
    name, data = f"{program}{number}.example.com", f"192.0.2.{100 + number}"
    script = f"server {address} {daemon.port}\nzone example.com.\nadd {name}. 60 A {data}\nsend\n"
    done = daemon.client.run(program, "-y", KEY, input=script)
    assert (done.stdout + done.stderr).strip() == ""
    daemon.expect(f"DDNS, finished, serial {answered_serial(daemon) - 1} -> ")
    assert daemon.address_of(name) == data


def answered_serial(daemon: Updated) -> int:
    """Return the serial that is answered."""
    return int(str(daemon.ask("example.com", "SOA").answer[0][0]).split()[2])


def check_transfer(daemon: Updated, address: str) -> None:
    """A request for changes is answered with the SOA, so that the client comes over TCP."""
    serial = answered_serial(daemon)
    text = daemon.kdig(address, "example.com", f"IXFR={serial - 1}")
    assert f"From {address}@{daemon.port}(UDP)" in text, text
    assert f"hostmaster.example.com. {serial} " in text, text
    assert (text.count("SOA"), text.count("TSIG"), "WARNING" in text) == (1, 1, False), text


def check_signed_query(daemon: Updated, address: str) -> None:
    """A signed query is answered with a signature that kdig takes."""
    text = daemon.kdig(address, "www.example.com", "A")
    assert ("192.0.2.2" in text, "TSIG PSEUDOSECTION" in text) == (True, True), text
    assert ("WARNING" in text, "ERROR" in text.replace("NOERROR", "")) == (False, False), text


def check_notify(daemon: Updated, address: str, count: int) -> None:
    """A notification is acknowledged, and the primary asked."""
    text = daemon.kdig(address, "sec.example", "NOTIFY=7")
    assert f"From {address}@{daemon.port}(UDP)" in text, text
    assert ("NOERROR" in text, "WARNING" in text) == (True, False), text
    log = daemon.logged
    wait_for(lambda: log().count("[sec.example.] notify, incoming, remote ") == count, f"a notification\n{log()}")
    wait_for(lambda: log().count("zone is up-to-date") >= count, f"a refresh\n{log()}")
