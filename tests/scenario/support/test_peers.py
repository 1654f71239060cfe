# SPDX-License-Identifier: Apache-2.0
"""Peers come up with their zones, answer, and leave nothing behind."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support import netns, peers

Start = Callable[..., AbstractContextManager[peers.Peer]]

STARTS: dict[str, Start] = {"knot": peers.knot, "nsd": peers.nsd, "named": peers.named}

ZONE = """\
@ 60 SOA ns hostmaster 1 2 3 4 5
@ 60 NS ns
ns 60 A 192.0.2.1
www 60 A 192.0.2.7
"""


def _need(*names: str) -> None:
    reason = peers.missing(*names)
    if reason is not None:
        pytest.skip(reason)


@pytest.mark.peer("knotd", "nsd", "named")
@pytest.mark.parametrize("name", STARTS)
def test_answers_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    """A peer yields once it answers for its zone; afterwards its directory and processes are gone."""
    _need(name)
    file = tmp_path / "zone"
    file.write_text(ZONE)
    with STARTS[name]({"example.": file}) as peer:
        pids = peer.pids()
        assert peer.log != ""
        assert sum(peer.cpu_seconds()) >= 0
    assert not peer.directory.exists()
    assert not [pid for pid in pids if peers.alive(pid)]


@pytest.mark.peer("knotd", "nsd", "named")
@pytest.mark.parametrize("name", STARTS)
def test_broken_zone_is_named_with_the_log(name: str, tmp_path: Path) -> None:
    """A peer that cannot load its zone fails with the zone's name and the tail of the log."""
    _need(name)
    file = tmp_path / "broken.zone"
    file.write_text("@ 60 A 192.0.2.400\n")
    broken = r"zone example\.: answers with RCODE 2[^\x00]*broken\.zone"
    with pytest.raises(peers.PeerFailed, match=broken), STARTS[name]({"example.": file}, start_timeout_s=1):
        pass


@pytest.mark.peer("knotd", "nsd", "named")
@pytest.mark.root
@pytest.mark.xdp
def test_knot_answers_over_af_xdp(tmp_path: Path) -> None:
    """knotd in XDP mode answers a client at the other end of a veth pair and its program is taken off at the end."""
    _need("knot")
    if (reason := netns.missing()) is not None:
        pytest.skip(reason)
    file = tmp_path / "zone"
    file.write_text(ZONE)
    with netns.link() as wire:
        place = peers.Place(wire.server_v4, 53, wire.server)
        with peers.knot_xdp({"example.": file}, place, wire.server_if, wire.client):
            shown = wire.server.run("ip", "link", "show", "dev", wire.server_if).stdout
            assert "prog/xdp" in shown
        shown = wire.server.run("ip", "link", "show", "dev", wire.server_if).stdout
        assert "prog/xdp" not in shown
