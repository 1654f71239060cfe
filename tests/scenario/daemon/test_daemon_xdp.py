# SPDX-License-Identifier: Apache-2.0
"""A daemon with xdp.listen on a veth pair: filter, AF_XDP answers, what stays and what goes."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pyxdp_dns.filter import load_in_child
from tests.support.daemon import Load, kill_process, wait_for
from tests.support.netns import Wire, add_veth, link
from tests.support.xdp_daemon import XdpDaemon

pytestmark = [pytest.mark.root, pytest.mark.xdp]


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A veth pair."""
    with link() as made:
        yield made


@pytest.fixture
def xdp_daemon(tmp_path: Path, wire: Wire) -> Iterator[XdpDaemon]:
    """A configured daemon on one end of a veth pair; the test's thread is on the other."""
    under_test = XdpDaemon(tmp_path, wire)
    with wire.client.entered():
        try:
            yield under_test
        finally:
            under_test.close()


def test_filter_is_loaded_and_unloaded(xdp_daemon: XdpDaemon) -> None:
    """The daemon loads the filter, AF_XDP workers answer, TCP goes past them, and the stop unloads the filter."""
    xdp_daemon.start()
    wait_for(xdp_daemon.answers_by_xdp, f"an answer by AF_XDP\n{xdp_daemon.all_output()}")
    assert xdp_daemon.address_of() == "192.0.2.2"
    assert xdp_daemon.address_of(tcp=True) == "192.0.2.2"
    assert xdp_daemon.is_loaded()
    assert xdp_daemon.stop() == 0
    assert not xdp_daemon.is_loaded()


def test_killed_control_plane_inherits_its_filter(xdp_daemon: XdpDaemon) -> None:
    """After kill -9 AF_XDP answers on; the next daemon adopts engine and filter and unloads it at its stop."""
    xdp_daemon.start()
    wait_for(xdp_daemon.answers_by_xdp, "an answer by AF_XDP")
    xdp_daemon.kill()
    assert xdp_daemon.answers_by_xdp()
    xdp_daemon.start()
    assert xdp_daemon.answers_by_xdp()
    assert xdp_daemon.stop() == 0
    assert not xdp_daemon.is_loaded()


def test_killed_control_plane_loses_no_answer(xdp_daemon: XdpDaemon) -> None:
    """Under a steady load over AF_XDP, kill -9 of the control plane and the next start lose no answer."""
    xdp_daemon.start()
    wait_for(xdp_daemon.answers_by_xdp, "an answer by AF_XDP")
    engine, before = xdp_daemon.engine_pid(), xdp_daemon.by_xdp()
    with Load(xdp_daemon.port, address=xdp_daemon.address, space=xdp_daemon.client).running() as load:
        wait_for(lambda: load.sent > 200, "load before the kill")
        xdp_daemon.kill()
        sent = load.sent
        wait_for(lambda: load.sent > sent + 200, "load without a control plane")
        xdp_daemon.start()
        sent = load.sent
        wait_for(lambda: load.sent > sent + 200, "load after the next start")
    print(f"{load.sent} queries, {load.lost} lost, longest gap {1000 * load.longest_gap_s:.0f} ms")
    assert load.lost == 0
    assert xdp_daemon.engine_pid() == engine
    assert xdp_daemon.by_xdp() - before >= load.sent


def test_killed_engine_answers_by_xdp_again(xdp_daemon: XdpDaemon) -> None:
    """A new engine takes the queues of the killed one."""
    xdp_daemon.start()
    wait_for(xdp_daemon.answers_by_xdp, "an answer by AF_XDP")
    kill_process(xdp_daemon.engine_pid())
    wait_for(xdp_daemon.answers, "an answer")
    wait_for(xdp_daemon.answers_by_xdp, "an answer by AF_XDP")


def test_pins_of_an_interface_that_has_gone_are_cleared(xdp_daemon: XdpDaemon, wire: Wire) -> None:
    """A new interface of the name gets filter and AF_XDP answers, whatever the filter of the old one left behind."""
    with wire.server.entered():
        load_in_child(wire.server_if, (xdp_daemon.port,))
    wire.server.run("ip", "link", "delete", wire.server_if)
    assert xdp_daemon.is_loaded()
    add_veth(wire.server, wire.server_if, wire.client, wire.client_if)
    wire.server.bring_up(wire.server_if, (f"{wire.server_v4}/24",))
    wire.client.bring_up(wire.client_if, (f"{wire.client_v4}/24",))
    wire.server.wait_for_carrier(wire.server_if)
    xdp_daemon.start()
    wait_for(xdp_daemon.answers_by_xdp, f"an answer by AF_XDP\n{xdp_daemon.all_output()}")
    assert xdp_daemon.stop() == 0
    assert not xdp_daemon.is_loaded()
