# SPDX-License-Identifier: Apache-2.0
"""Catalogs made here are followed by Knot and BIND; catalogs of Knot and BIND are followed here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.support import peers
from tests.support.catalogs import catalog_text, member_line
from tests.support.daemon import wait_for
from tests.support.driven import Driven
from tests.support.peers import Peer, Place

CATALOG = "made.test"
MEMBER = """\
@ 60 SOA ns hostmaster 1 3600 600 86400 60
@ 60 NS ns
ns 60 A 192.0.2.1
from 60 TXT member
"""
CONSUMERS = ("knot", "named")


class Ours(Driven):
    """The daemon in either role; `peer` is the port of the other server."""

    def produce(self, peer: int, *members: str) -> None:
        """Make a catalog of these zones, which the peer may transfer and is told of."""
        self.write_config()
        zones = "".join(
            f"  - domain: {zone}\n    catalog-role: member\n    catalog-zone: {CATALOG}\n" for zone in members
        )
        for zone in members:
            self.write_zone(zone, 1, text=MEMBER)
        self._append(peer, f"  - domain: {CATALOG}\n    catalog-role: generate\n{zones}")

    def consume(self, peer: int) -> None:
        """Serve the members of the peer's catalog."""
        self.write_config()
        zone = f"  - domain: {CATALOG}\n    catalog-role: interpret\n    catalog-template: member\n    master: peer\n"
        self._append(peer, zone, "    file: catalog.zone\n", "  - id: member\n    master: peer\n    acl: peer\n")

    def _append(self, peer: int, zones: str, of_catalog: str = "", templates: str = "") -> None:
        text = (
            f"remote:\n  - id: peer\n    address: {self.address}@{peer}\n"
            f"acl:\n  - id: peer\n    address: {self.address}\n    action: [transfer, notify]\n"
            f"template:\n  - id: default\n    storage: {self.base}\n    notify: peer\n    acl: peer\n{templates}"
            f"zone:\n  - domain: example.com\n{zones}{of_catalog}"
        )
        self.config.write_text(self.config.read_text() + text)


@pytest.fixture
def ours(tmp_path: Path) -> Iterator[Ours]:
    """A daemon that is not started yet."""
    under_test = Ours(tmp_path)
    try:
        yield under_test
    finally:
        under_test.close()


def knot_consumer(primary: int) -> Callable[[Path, Place], str]:
    """Return what writes the configuration of a knotd that serves the members of our catalog."""
    return lambda directory, place: knot_text(
        directory,
        place,
        primary,
        "    master: other\n    acl: other\n",
        f"  - domain: {CATALOG}\n    catalog-role: interpret\n    catalog-template: default\n",
    )


def knot_text(directory: Path, place: Place, other: int, template: str, zones: str) -> str:
    """Return a configuration of knotd."""
    (directory / "db").mkdir()
    return (
        f"server:\n  rundir: {directory}\n  listen: {place.address}@{place.port}\n"
        f"log:\n  - target: stderr\n    any: info\ndatabase:\n  storage: {directory}/db\n"
        f"remote:\n  - id: other\n    address: {place.address}@{other}\n"
        f"acl:\n  - id: other\n    address: {place.address}\n    action: [notify, transfer]\n"
        f"template:\n  - id: default\n    storage: {directory}\n{template}zone:\n{zones}"
    )


def named_text(directory: Path, place: Place, options: str, zones: str) -> str:
    """Return a configuration of named."""
    return (
        f'controls {{ }};\noptions {{ directory "{directory}"; listen-on port {place.port} {{ {place.address}; }};\n'
        "listen-on-v6 { none; }; pid-file none; session-keyfile none; lock-file none; recursion no;\n"
        "dnssec-validation no; empty-zones-enable no; notify-delay 0; "
        f"allow-transfer {{ any; }}; {options} }};\n{zones}"
    )


def named_consumer(primary: int) -> Callable[[Path, Place], str]:
    """Return what writes the configuration of a named that serves the members of our catalog."""

    def write(directory: Path, place: Place) -> str:
        source = f"{{ {place.address} port {primary}; }}"
        options = (
            f'catalog-zones {{ zone "{CATALOG}" default-primaries {source} in-memory yes min-update-interval 1; }};'
        )
        options += f" allow-notify {{ {place.address}; }};"
        zone = f'zone "{CATALOG}" {{ type secondary; primaries {source}; file "catalog.zone"; }};\n'
        return named_text(directory, place, options, zone)

    return write


def serves(port: int, zone: str) -> bool:
    """Tell whether a server answers for a zone with the contents of its file."""
    query = dns.message.make_query(f"from.{zone}", "TXT")
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=1.0)
    except (dns.exception.Timeout, OSError):
        return False
    return bool(reply.answer)


def knows(port: int, zone: str) -> bool:
    """Tell whether a server has anything to say about a zone."""
    query = dns.message.make_query(zone, "SOA")
    try:
        reply = dns.query.udp(query, "127.0.0.1", port=port, timeout=1.0)
    except (dns.exception.Timeout, OSError):
        return True
    return reply.rcode() not in (dns.rcode.REFUSED, dns.rcode.NOTAUTH)


@contextmanager
def consumer(name: str, primary: int, port: int) -> Iterator[Peer]:
    """Run a server that serves the members of our catalog."""
    write = {"knot": knot_consumer, "named": named_consumer}[name](primary)
    with peers.configured(name, write, Place(port=port)) as peer:
        yield peer


@pytest.mark.parametrize("name", CONSUMERS)
def test_others_follow_a_catalog_made_here(ours: Ours, name: str) -> None:
    """Members that are there when it starts, members that come later by NOTIFY, and members that go."""
    if reason := peers.missing(name):
        pytest.skip(reason)
    place = Place().settled()
    ours.produce(place.port, "a.test", "b.test")
    ours.start()
    with consumer(name, ours.port, place.port) as peer:
        try:
            for zone in ("a.test", "b.test"):
                wait_for(lambda zone=zone: serves(peer.port, zone), f"{name} serves {zone}")  # type: ignore[misc]
            ours.produce(place.port, "a.test", "c.test")
            ours.reload()
            wait_for(lambda: serves(peer.port, "c.test"), f"{name} serves c.test")
            wait_for(lambda: not knows(peer.port, "b.test"), f"{name} no longer serves b.test")
            assert serves(peer.port, "a.test")
        except AssertionError as error:
            raise peer.failed(f"{error}; ours said:\n{ours.all_output()}") from error


def knot_producer(secondary: int, *members: str) -> Callable[[Path, Place], str]:
    """Return what writes the configuration of a knotd that makes a catalog of these zones."""

    def write(directory: Path, place: Place) -> str:
        zones = f"  - domain: {CATALOG}\n    catalog-role: generate\n"
        for zone in members:
            (directory / f"{zone}.zone").write_text(MEMBER)
            zones += f"  - domain: {zone}\n    catalog-role: member\n    catalog-zone: {CATALOG}\n"
        return knot_text(directory, place, secondary, "    notify: other\n    acl: other\n", zones)

    return write


def named_producer(secondary: int, *members: str) -> Callable[[Path, Place], str]:
    """Return what writes the configuration of a named that has a catalog with these zones."""

    def write(directory: Path, place: Place) -> str:
        lines = [member_line(f"u{number}", zone) for number, zone in enumerate(members)]
        (directory / f"{CATALOG}.zone").write_text(catalog_text(*lines))
        zones = f'zone "{CATALOG}" {{ type primary; file "{CATALOG}.zone"; check-integrity no; }};\n'
        for zone in members:
            (directory / f"{zone}.zone").write_text(MEMBER)
            zones += f'zone "{zone}" {{ type primary; file "{zone}.zone"; check-integrity no; }};\n'
        also = f"notify explicit; also-notify {{ {place.address} port {secondary}; }};"
        return named_text(directory, place, also, zones)

    return write


@pytest.mark.parametrize("name", CONSUMERS)
def test_a_catalog_of_others_is_followed_here(ours: Ours, name: str) -> None:
    """Its members are transferred and served; they outlive a restart without the peer; others take their place."""
    if reason := peers.missing(name):
        pytest.skip(reason)
    place = Place().settled()
    make = {"knot": knot_producer, "named": named_producer}[name]
    ours.consume(place.port)
    with peers.configured(name, make(ours.port, "a.test", "b.test"), place) as peer:
        ours.start()
        try:
            for zone in ("a.test", "b.test"):
                wait_for(lambda zone=zone: serves(ours.port, zone), f"{zone} is served")  # type: ignore[misc]
        except AssertionError as error:
            raise peer.failed(f"{error}; ours said:\n{ours.all_output()}") from error
    ours.stop()
    ours.start()
    wait_for(lambda: serves(ours.port, "b.test"), "b.test is served without its primary")
