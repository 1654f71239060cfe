# SPDX-License-Identifier: Apache-2.0
"""Members that go from a catalog of one server to that of another (property coo, RFC 9432, section 4.4.1)."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.scenario.replication import primaries
from tests.support.catalogs import catalog_text, member_line
from tests.support.daemon import Load, wait_for
from tests.support.driven import Driven
from tests.support.peers import Peer

FIRST, SECOND, MEMBER = "first.test", "second.test", "example.com"
ZONE = "@ 60 SOA ns hostmaster {serial} 3600 600 86400 60\n@ 60 NS ns\nns 60 A 192.0.2.1\nwww 60 A 192.0.2.{serial}\n"
COO = f"coo.u1.zones 0 PTR {SECOND}."
PAIRS = [
    pytest.param(("knot", "named"), marks=pytest.mark.peer("knotd", "named")),
    pytest.param(("named", "nsd"), marks=pytest.mark.peer("named", "nsd")),
    pytest.param(("nsd", "knot"), marks=pytest.mark.peer("nsd", "knotd")),
]
SERVERS: dict[str, Callable[..., AbstractContextManager[Peer]]] = {
    "knot": primaries.knot,
    "named": primaries.named,
    "nsd": primaries.nsd,
}


@dataclass(slots=True)
class Producer:
    """A server that has a catalog and the member's zone; the catalog's serial counts its versions."""

    directory: Path
    catalog: str
    version: int = 0
    peer: Peer | None = None

    def write(self, *lines: str, serial: int = 1) -> None:
        """Write the catalog with these lines, and the member at a serial."""
        self.version += 1
        (self.directory / "catalog").write_text(catalog_text(*lines, serial=self.version))
        (self.directory / "member").write_text(ZONE.format(serial=serial))

    def files(self) -> dict[str, Path]:
        """Return the zone files by zone."""
        return {f"{self.catalog}.": self.directory / "catalog", f"{MEMBER}.": self.directory / "member"}


class Consumer(Driven):
    """A daemon that follows the catalogs of two servers and takes the members of each from its server."""

    def follow(self, first: Peer, second: Peer) -> None:
        """Write the configuration."""
        remotes = templates = zones = ""
        for name, catalog, peer in (("one", FIRST, first), ("two", SECOND, second)):
            (self.base / name).mkdir()
            remotes += f"  - id: {name}\n    address: {peer.address}@{peer.port}\n"
            templates += f"  - id: {name}\n    storage: {self.base / name}\n    master: {name}\n"
            zones += f"  - domain: {catalog}\n    master: {name}\n    file: {self.base / name}/catalog\n"
            zones += f"    catalog-role: interpret\n    catalog-template: {name}\n"
        self.write_config(extra=f"remote:\n{remotes}template:\n{templates}zone:\n{zones}")

    def take(self, producer: Producer) -> None:
        """Have the server read its files again and take its catalog from it."""
        assert producer.peer is not None
        producer.peer.process.send_signal(signal.SIGHUP)
        wanted = str(producer.version)

        def is_taken() -> bool:
            self.refusal_or_none("zone-refresh", zone=producer.catalog, flags="B")
            rows = self.do("zone-status", zone=producer.catalog, filters="s")
            return rows[0].data == wanted

        wait_for(is_taken, f"{producer.catalog} at serial {wanted}\n{producer.peer.log}")

    def owner(self) -> str | None:
        """Return the catalog that the member is of."""
        rows = self.do("zone-status", filters="c")
        return next((row.data for row in rows if row.zone == f"{MEMBER}."), None)

    def is_of(self, catalog: str) -> None:
        """Wait until the member is of a catalog."""
        wait_for(lambda: self.owner() == f"{catalog}.", f"{MEMBER} is of {catalog}\n{self.all_output()}")

    def serves(self, serial: int) -> None:
        """Wait until the member is answered from a version."""

        def is_served() -> bool:
            answer = self.ask().answer
            return bool(answer) and str(answer[0][0]) == f"192.0.2.{serial}"

        wait_for(is_served, f"serial {serial}\n{self.all_output()}")


@dataclass(slots=True)
class Stage:
    """Both servers and the daemon."""

    first: Producer
    second: Producer
    daemon: Consumer


@pytest.fixture
def stage(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """The member is of the first server's catalog and answered for; the parameter is the programs of both servers."""
    with ExitStack() as stack:
        made = []
        for kind, catalog, lines in zip(
            request.param, (FIRST, SECOND), ((member_line("u1", MEMBER),), ()), strict=True
        ):
            (tmp_path / catalog).mkdir()
            producer = Producer(tmp_path / catalog, catalog)
            producer.write(*lines)
            producer.peer = stack.enter_context(SERVERS[kind](producer.files()))
            made.append(producer)
        daemon = Consumer(tmp_path)
        stack.callback(daemon.close)
        daemon.follow(*(producer.peer for producer in made if producer.peer is not None))
        daemon.process = daemon.spawn()
        daemon.expect("server started answering")
        wait_for(daemon.socket.exists, "the control socket")
        wait_for(daemon.answers, "an answer")
        daemon.serves(1)
        yield Stage(made[0], made[1], daemon)


@pytest.mark.parametrize("stage", PAIRS, indirect=True)
def test_a_member_goes_to_the_catalog_of_another_server(stage: Stage) -> None:
    """With its data: it is answered all the time, not transferred again at the same serial, and follows the new server.

    The old catalog lets it go first, the new one takes it under the same label, and then the old one forgets it.
    """
    first, second, daemon = stage.first, stage.second, stage.daemon
    daemon.is_of(FIRST)
    daemon.mark()
    with Load(daemon.port).running() as load:
        first.write(member_line("u1", MEMBER), COO)
        daemon.take(first)
        daemon.is_of(FIRST)
        second.write(member_line("u1", MEMBER))
        daemon.take(second)
        daemon.is_of(SECOND)
        first.write()
        daemon.take(first)
    daemon.is_of(SECOND)
    assert load.lost == 0
    assert f"[{MEMBER}.] zone purged" not in daemon.logged()
    daemon.do("zone-refresh", zone=MEMBER, flags="B")
    assert f"[{MEMBER}.] AXFR, incoming" not in daemon.logged()
    follows_the_second(stage)


@pytest.mark.parametrize("stage", PAIRS, indirect=True)
def test_a_member_that_the_new_catalog_has_too_early(stage: Stage) -> None:
    """It stays where it is, and goes with its data as soon as its catalog names the new one."""
    first, second, daemon = stage.first, stage.second, stage.daemon
    daemon.mark()
    second.write(member_line("u1", MEMBER))
    daemon.take(second)
    daemon.expect(f"[{MEMBER}.] member zone already configured, ignoring")
    daemon.is_of(FIRST)
    with Load(daemon.port).running() as load:
        first.write(member_line("u1", MEMBER), COO)
        daemon.take(first)
        daemon.is_of(SECOND)
    assert load.lost == 0
    assert f"[{MEMBER}.] zone purged" not in daemon.logged()
    daemon.do("zone-refresh", zone=MEMBER, flags="B")
    assert f"[{MEMBER}.] AXFR, incoming" not in daemon.logged()
    daemon.stop()
    daemon.up()
    daemon.is_of(SECOND)
    follows_the_second(stage)


@pytest.mark.parametrize("stage", PAIRS[:1], indirect=True)
def test_a_member_under_another_label_is_reset(stage: Stage) -> None:
    """The new catalog has it under a label of its own, so it comes anew from the new server."""
    first, second, daemon = stage.first, stage.second, stage.daemon
    first.write(member_line("u1", MEMBER), COO)
    daemon.take(first)
    daemon.mark()
    second.write(member_line("u2", MEMBER), serial=7)
    daemon.take(second)
    daemon.is_of(SECOND)
    daemon.serves(7)
    assert f"[{MEMBER}.] zone purged" in daemon.logged()


@pytest.mark.parametrize("stage", PAIRS, indirect=True)
def test_a_member_that_the_new_catalog_never_has(stage: Stage) -> None:
    """It stays with the old catalog and its server, over a restart too, until that one lists it no longer."""
    first, second, daemon = stage.first, stage.second, stage.daemon
    first.write(member_line("u1", MEMBER), COO, serial=2)
    second.write(serial=9)
    daemon.take(first)
    daemon.take(second)
    daemon.do("zone-refresh", zone=MEMBER, flags="B")
    daemon.serves(2)
    daemon.stop()
    daemon.up()
    daemon.is_of(FIRST)
    daemon.serves(2)
    first.write(serial=2)
    daemon.mark()
    daemon.take(first)
    daemon.expect(f"[{MEMBER}.] zone purged")
    assert daemon.owner() is None


def follows_the_second(stage: Stage) -> None:
    """See that the member is refreshed from the second server alone."""
    first, second, daemon = stage.first, stage.second, stage.daemon
    first.write(serial=8)
    second.write(member_line("u1", MEMBER), serial=2)
    daemon.take(first)
    daemon.take(second)
    daemon.do("zone-refresh", zone=MEMBER, flags="B")
    daemon.serves(2)
