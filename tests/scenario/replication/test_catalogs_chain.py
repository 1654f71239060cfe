# SPDX-License-Identifier: Apache-2.0
"""Zones that are added and removed at one primary come and go at all that follow its catalogs along a chain."""

from collections.abc import Iterator
from pathlib import Path

import dns.query
import dns.rcode
import dns.update
import pytest

from tests.scenario.replication.test_catalogs_peers import MEMBER, knot_text, knows, serves
from tests.support import peers
from tests.support.catalogs import catalog_text
from tests.support.daemon import wait_for
from tests.support.driven import Driven
from tests.support.peers import Peer, Place

MADE, EDITED = "made.test", "edited.test"


class Member(Driven):
    """A server of the chain."""

    def configure(self, remotes: dict[str, int], templates: str, zones: str) -> None:
        """Write the configuration; `remotes` are ports on loopback."""
        self.write_config()
        text = "remote:\n" + "".join(f"  - id: {id_}\n    address: {self.address}@{p}\n" for id_, p in remotes.items())
        text += f"acl:\n  - id: all\n    address: {self.address}\n    action: [transfer, notify, update]\n"
        text += f"template:\n  - id: default\n    storage: {self.base}\n    acl: all\n{templates}"
        self.config.write_text(f"{self.config.read_text()}{text}zone:\n  - domain: example.com\n{zones}")

    def catalogs(self) -> dict[str, str]:
        """Return what zone-status shows of catalogs, by zone."""
        return {row.zone or "": row.data or "" for row in self.do("zone-status", filters="c") if row.data != "-"}

    def serial(self, zone: str) -> str | None:
        """Return the serial of a zone as zone-status has it."""
        return self.do("zone-status", zone=zone, filters="s")[0].data

    def update(self, zone: str, *changes: tuple[str, ...]) -> None:
        """Change a zone by a dynamic update."""
        message = dns.update.UpdateMessage(f"{zone}.")
        for verb, *words in changes:
            getattr(message, verb)(*words)
        reply = dns.query.udp(message, self.address, port=self.port, timeout=5)
        assert reply.rcode() == dns.rcode.NOERROR


class Chain:
    """A primary that makes a catalog and has another one, and a secondary that follows both."""

    def __init__(self, directory: Path, third: int) -> None:
        for name in ("primary", "secondary"):
            (directory / name).mkdir()
        self.primary, self.secondary = Member(directory / "primary"), Member(directory / "secondary")
        self.third = third
        self.produce("a.test", "b.test")
        (self.primary.base / f"{EDITED}.zone").write_text(catalog_text())
        self.secondary.configure(
            {"primary": self.primary.port, "third": third},
            "    notify: third\n  - id: member\n"
            f"    storage: {self.secondary.base}\n    master: primary\n    notify: third\n    acl: all\n",
            "".join(
                f"  - domain: {zone}\n    master: primary\n    catalog-role: interpret\n    catalog-template: member\n"
                for zone in (MADE, EDITED)
            ),
        )

    def produce(self, *members: str) -> None:
        """Configure the primary with these members; zones `x` and `y` are in no catalog of its own."""
        zones = f"  - domain: {MADE}\n    catalog-role: generate\n  - domain: {EDITED}\n"
        for zone in (*members, "x.test", "y.test"):
            self.primary.write_zone(zone, 1, text=MEMBER)
            zones += f"  - domain: {zone}\n"
            zones += f"    catalog-role: member\n    catalog-zone: {MADE}\n" if zone in members else ""
        self.primary.configure({"secondary": self.secondary.port}, "    notify: secondary\n", zones)

    def start(self) -> None:
        """Start both."""
        self.primary.up()
        self.secondary.up()

    def close(self) -> None:
        """Stop both."""
        self.secondary.close()
        self.primary.close()


@pytest.fixture
def place() -> Place:
    """The place of the third server."""
    return Place().settled()


@pytest.fixture
def chain(tmp_path: Path, place: Place) -> Iterator[Chain]:
    """Two servers that are not started yet."""
    made = Chain(tmp_path, place.port)
    try:
        yield made
    finally:
        made.close()


def third_text(directory: Path, place: Place, chain: Chain) -> str:
    """Return the configuration of a knotd that follows the secondary."""
    zones = f"  - domain: {MADE}\n    catalog-role: interpret\n    catalog-template: default\n"
    return knot_text(directory, place, chain.secondary.port, "    master: other\n    acl: other\n", zones)


def everywhere(chain: Chain, peer: Peer, *zones: str) -> None:
    """Wait until all servers answer for these zones."""
    for port in (chain.primary.port, chain.secondary.port, peer.port):
        for zone in zones:
            wait_for(lambda port=port, zone=zone: serves(port, zone), f"{zone} at port {port}")  # type: ignore[misc]


def nowhere(chain: Chain, peer: Peer, zone: str) -> None:
    """Wait until no server answers for a zone."""
    for port in (chain.primary.port, chain.secondary.port, peer.port):
        wait_for(lambda port=port: not knows(port, zone), f"{zone} gone at port {port}")  # type: ignore[misc]


@pytest.mark.peer("knotd")
def test_zones_come_and_go_along_a_chain(chain: Chain, place: Place) -> None:
    """A catalog made of configured zones is followed by a secondary, whose catalog and members Knot follows."""
    chain.start()
    with peers.configured("knot", lambda directory, place: third_text(directory, place, chain), place) as peer:
        try:
            everywhere(chain, peer, "a.test", "b.test")
            assert chain.primary.catalogs() == {f"{MADE}.": "generate"} | dict.fromkeys(
                ("a.test.", "b.test."), "@made.test."
            )
            followed = {f"{MADE}.": "interpret", f"{EDITED}.": "interpret"}
            assert chain.secondary.catalogs() == followed | dict.fromkeys(("a.test.", "b.test."), "made.test.")
            chain.produce("a.test", "c.test")
            chain.primary.reload()
            everywhere(chain, peer, "a.test", "c.test")
            nowhere(chain, peer, "b.test")
            assert chain.secondary.catalogs() == followed | dict.fromkeys(("a.test.", "c.test."), "made.test.")
            wait_for(lambda: not (chain.secondary.base / "b.test.zone").exists(), "the file of b.test is gone")
        except AssertionError as error:
            raise peer.failed(f"{error}; the secondary said:\n{chain.secondary.all_output()}") from error


def test_a_catalog_changed_by_updates(chain: Chain) -> None:
    """Members follow updates of the primary's catalog; contents that are no catalog change neither it nor them."""
    chain.start()
    primary, secondary = chain.primary, chain.secondary
    primary.update(EDITED, ("add", "u1.zones", 0, "PTR", "x.test."))
    wait_for(lambda: serves(secondary.port, "x.test"), "x.test is served")
    good = secondary.serial(EDITED)
    secondary.mark()
    primary.update(EDITED, ("delete", "version"), ("delete", "u1.zones"), ("add", "u2.zones", 0, "PTR", "y.test."))
    secondary.expect("refresh, failed (no usable master)")
    assert f"[{EDITED}.] IXFR, incoming" in secondary.logged()
    assert "failed (invalid zone file)" in secondary.logged()
    secondary.mark()
    secondary.do("zone-retransfer", zone=EDITED)
    secondary.expect("refresh, failed (no usable master)")
    assert f"[{EDITED}.] AXFR, incoming" in secondary.logged()
    assert secondary.serial(EDITED) == good
    assert secondary.catalogs()["x.test."] == f"{EDITED}."
    assert serves(secondary.port, "x.test")
    assert not serves(secondary.port, "y.test")
    primary.update(EDITED, ("add", "version", 0, "TXT", "2"))
    wait_for(lambda: serves(secondary.port, "y.test"), "y.test is served")
    wait_for(lambda: not knows(secondary.port, "x.test"), "x.test has gone")
    assert "x.test." not in secondary.catalogs()
    assert secondary.catalogs()["y.test."] == f"{EDITED}."
