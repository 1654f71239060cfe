# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl load, unload and filters on veth interfaces: what operators see, also where something stands in the way."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pyxdp_dns import errors
from pyxdp_dns import filter as xdp
from pyxdp_dns.filter import attach, bpf, layout
from pyxdp_dns.nic import query
from tests.support import netns

pytestmark = [pytest.mark.root, pytest.mark.xdp]

ROOT = Path(__file__).resolve().parents[3]
AF_XDP = 44
DROP_EVERYTHING = bytes.fromhex("b700000001000000 9500000000000000")
"""r0 = XDP_DROP; exit"""


class Ctl:
    """xdpdnsctl inside the server's namespace, pinning in the tests' part of the bpffs."""

    def __init__(self, wire: netns.Wire, bpffs: Path) -> None:
        self.wire = wire
        self.interface = wire.server_if
        self._environment = {**os.environ, "XDPDNS_BPFFS": str(bpffs), "PYTHONPATH": str(ROOT)}

    def try_run(self, *argv: str, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        """Run a command and return it."""
        command = (*prefix, sys.executable, "-m", "control.tools.xdpdnsctl", *argv)
        return self.wire.server.run(*command, check=False, env=self._environment)

    def run(self, *argv: str) -> str:
        """Run a command that has to succeed; return its output."""
        done = self.try_run(*argv)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fail(self, *argv: str, prefix: tuple[str, ...] = ()) -> str:
        """Run a command that has to fail with one line; return it without `error: `."""
        done = self.try_run(*argv, prefix=prefix)
        assert done.returncode == 1, (done.stdout, done.stderr)
        assert done.stderr.startswith("error: "), done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        return done.stderr.removeprefix("error: ").rstrip("\n")

    def filters(self) -> list[dict[str, Any]]:
        """Return what `filters --json` prints of this test's interface."""
        listed: list[dict[str, Any]] = json.loads(self.run("filters", "--json"))
        return [one for one in listed if one["interface"] == self.interface]

    def attached(self) -> dict[str, Any]:
        """Return what `ip` says of XDP on the interface."""
        shown = json.loads(self.wire.server.run("ip", "-json", "link", "show", "dev", self.interface).stdout)
        found: dict[str, Any] = shown[0].get("xdp", {})
        return found


@pytest.fixture
def ctl(bpffs: Path) -> Iterator[Ctl]:
    """A veth with two queues, without a filter; what the test loads is unloaded."""
    with netns.link(netns.End(queues=2)) as wire:
        yield Ctl(wire, bpffs)
    for one in xdp.list_filters(bpffs):
        if one.interface == wire.server_if:
            xdp.unload(one.name, bpffs)


def test_load_shows_and_unloads(ctl: Ctl) -> None:
    """A loaded filter is attached in native mode, listed with its settings, and gone after unload."""
    told = ctl.run("load", ctl.interface, "--port", "53", "--port", "5353", "--address", "192.0.2.1")
    assert "native mode" in told
    (shown,) = ctl.filters()
    assert (shown["mode"], shown["queues"], shown["ports"]) == ("native", 2, [53, 5353])
    assert (shown["state"], shown["addresses"]) == ("attached", ["192.0.2.1"])
    assert ctl.attached()["prog"]["id"] == shown["program_id"]
    table = ctl.run("filters")
    assert f"{ctl.interface}" in table
    assert "53,5353" in table
    assert "addresses 192.0.2.1" in table
    ctl.run("unload", ctl.interface)
    assert ctl.attached() == {}
    assert ctl.filters() == []


def test_counters_see_traffic(ctl: Ctl) -> None:
    """A query that arrives on the wire is counted and, as no worker is there, still reaches a kernel socket."""
    ctl.run("load", ctl.interface, "--port", "5300")
    question = bytes.fromhex("1234 0000 0001 0000 0000 0000 00 0006 0001")
    with ctl.wire.server.entered():
        server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with ctl.wire.client.entered():
        client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with server, client:
        server.bind((ctl.wire.server_v6, 5300))
        server.settimeout(10)
        client.sendto(question, (ctl.wire.server_v6, 5300))
        assert server.recv(512) == question
    assert ctl.filters()[0]["counters"]["pass_no_worker"] == 1
    assert "pass_no_worker 1" in ctl.run("filters")


def test_generic_mode_on_request(ctl: Ctl) -> None:
    """Generic mode is used when it is asked for."""
    ctl.run("load", ctl.interface, "--mode", "generic")
    assert ctl.filters()[0]["mode"] == "generic"
    assert ctl.attached()["mode"] == 2


def test_second_load_is_refused(ctl: Ctl) -> None:
    """A second load says that the filter is loaded and changes nothing."""
    ctl.run("load", ctl.interface)
    before = ctl.filters()
    assert "loaded already: use --replace" in ctl.fail("load", ctl.interface, "--port", "54")
    assert ctl.filters()[0]["program_id"] == before[0]["program_id"]


def test_replace_keeps_link_sockets_and_counters(ctl: Ctl, bpffs: Path) -> None:
    """A replaced filter has the new ports; link, sockets in the XSKMAP and counters go on."""
    ctl.run("load", ctl.interface, "--port", "53")
    (before,) = ctl.filters()
    place = Path(before["path"])
    with socket.socket(AF_XDP, socket.SOCK_RAW) as worker:
        with bpf.obj_get(str(place / layout.PIN_XSKMAP)) as xskmap:
            bpf.map_update(xskmap, bytes(4), worker.fileno().to_bytes(4, "little"))
        with bpf.obj_get(str(place / layout.PIN_PROG)) as prog:
            bpf.prog_test_run(prog, query_frame(53))
        ctl.run("load", ctl.interface, "--port", "5353", "--replace")
        with bpf.obj_get(str(place / layout.PIN_PROG)) as prog:
            assert bpf.prog_test_run(prog, query_frame(5353)) == 4
    (after,) = ctl.filters()
    assert after["ports"] == [5353]
    assert after["link_id"] == before["link_id"]
    assert after["program_id"] != before["program_id"]
    assert ctl.attached()["prog"]["id"] == after["program_id"]
    assert after["counters"]["redirect_query"] == 2


def query_frame(port: int) -> bytes:
    """Return an IPv4 query for the root to `port`."""
    head = "020000000001 020000000002 0800 4500002d00014000401100 00 c0000202 c0000201 1234"
    return (
        bytes.fromhex(head) + port.to_bytes(2) + bytes.fromhex("0019 0000 1234 0000 0001 0000 0000 0000 00 0006 0001")
    )


def test_replace_changes_mode(ctl: Ctl) -> None:
    """A filter can be replaced by one in another mode."""
    ctl.run("load", ctl.interface)
    ctl.run("load", ctl.interface, "--mode", "generic", "--replace")
    assert ctl.filters()[0]["mode"] == "generic"
    assert ctl.attached()["mode"] == 2


def test_foreign_program_is_named_and_replaced_on_request(ctl: Ctl, bpffs: Path) -> None:
    """Another's program attached through netlink is refused by name and id, and taken off with --replace."""
    with ctl.wire.server.entered(), bpf.prog_load(DROP_EVERYTHING, b"GPL", "somebodys") as prog:
        foreign = bpf.ProgInfo.of(prog)
        attach_by_netlink(ctl, bpffs, prog)
        message = ctl.fail("load", ctl.interface)
        assert "'somebodys'" in message
        assert f"id {foreign.id}" in message
        assert "--replace" in message
        assert ctl.attached()["prog"]["id"] == foreign.id
        ctl.run("load", ctl.interface, "--replace")
    assert ctl.attached()["prog"]["id"] == ctl.filters()[0]["program_id"]


def attach_by_netlink(ctl: Ctl, bpffs: Path, prog: bpf.Fd) -> None:
    """Attach a program with `ip link`."""
    pin = bpffs / "foreign"
    bpf.obj_pin(prog, str(pin))
    try:
        ctl.wire.server.run("ip", "link", "set", "dev", ctl.interface, "xdpdrv", "pinned", str(pin))
    finally:
        pin.unlink()


def test_foreign_link_is_reported(ctl: Ctl) -> None:
    """Another's bpf_link is never replaced: the message says what removes it."""
    with ctl.wire.server.entered(), bpf.prog_load(DROP_EVERYTHING, b"GPL", "linked") as prog:
        foreign = bpf.ProgInfo.of(prog)
        with bpf.link_create(prog, query(ctl.interface).index, "native") as link:
            held = bpf.LinkInfo.of(link)
            assert held is not None
            message = ctl.fail("load", ctl.interface, "--replace")
            assert "'linked'" in message
            assert f"id {foreign.id}" in message
            assert f"bpftool link detach id {held.id}" in message
            assert attach.attached(query(ctl.interface))[0].link_id == held.id


def test_interface_that_does_not_exist(ctl: Ctl) -> None:
    """Loading on an unknown interface names it."""
    assert ctl.fail("load", "nonesuch0") == "nonesuch0: no such interface; ip link lists those of this namespace"


def test_interface_gone_leaves_removable_pins(ctl: Ctl) -> None:
    """When the interface goes, its filter is listed as left over; a load on a new one of that name clears it."""
    ctl.run("load", ctl.interface)
    ctl.wire.server.run("ip", "link", "delete", ctl.interface)
    assert ctl.filters()[0]["state"] == "interface gone"
    netns.add_veth(ctl.wire.server, ctl.interface, ctl.wire.client, ctl.wire.client_if)
    ctl.run("load", ctl.interface)
    assert ctl.filters()[0]["state"] == "attached"
    ctl.wire.server.run("ip", "link", "delete", ctl.interface)
    ctl.run("unload", ctl.interface)
    assert ctl.filters() == []


def test_renamed_interface_is_not_mixed_up(ctl: Ctl) -> None:
    """A filter on an interface that was renamed is not replaced on behalf of another that took the name."""
    ctl.run("load", ctl.interface)
    (before,) = ctl.filters()
    ctl.wire.server.run("ip", "link", "set", ctl.interface, "down")
    ctl.wire.server.run("ip", "link", "set", ctl.interface, "name", "renamed0")
    netns.add_veth(ctl.wire.server, ctl.interface, ctl.wire.client, "other0")
    assert "was renamed" in ctl.fail("load", ctl.interface, "--replace")
    (after,) = ctl.filters()
    assert {**after, "counters": None} == {**before, "counters": None}


def test_unload_of_nothing(ctl: Ctl) -> None:
    """Unloading where nothing is loaded fails and says so."""
    assert "no filter is loaded" in ctl.fail("unload", ctl.interface)


def test_equal_names_in_two_namespaces(ctl: Ctl, bpffs: Path) -> None:
    """Interfaces of one name in two namespaces have filters of their own, each listed and unloaded by itself."""
    ctl.run("load", ctl.interface, "--port", "53")
    with netns.link() as twin:
        twin.server.run("ip", "link", "set", twin.server_if, "down")
        twin.server.run("ip", "link", "set", twin.server_if, "name", ctl.interface)
        with twin.server.entered():
            second = xdp.load_in_child(ctl.interface, (5353,), root=bpffs)
            assert xdp.find_filter(ctl.interface, bpffs).ports == (5353,)
            assert second.name == f"{ctl.interface}@{second.netns_cookie}"
        assert [one["ports"] for one in ctl.filters()] == [[53], [5353]]
        assert second.name in ctl.run("filters")
        ctl.run("unload", second.name)
        assert [one["ports"] for one in ctl.filters()] == [[53]]


def test_interface_name_with_dot(ctl: Ctl) -> None:
    """A dot in the interface's name, which a bpffs does not take, is no obstacle."""
    ctl.wire.server.run("ip", "link", "set", ctl.interface, "down")
    ctl.wire.server.run("ip", "link", "set", ctl.interface, "name", "dot.7")
    ctl.interface = "dot.7"
    ctl.run("load", "dot.7")
    assert ctl.filters()[0]["name"] == "dot.7"
    ctl.run("unload", "dot.7")
    assert ctl.filters() == []


def test_unload_all(ctl: Ctl, bpffs: Path) -> None:
    """unload --all removes every filter of the bpffs it is pointed to."""
    folder = bpffs / "all"
    folder.mkdir()
    ctl.run("load", ctl.interface, "--bpffs", str(folder))
    assert ctl.run("unload", "--all", "--bpffs", str(folder)) == f"{ctl.interface}: filter unloaded\n"
    assert ctl.attached() == {}
    assert ctl.run("filters", "--bpffs", str(folder)) == "no filters are loaded\n"
    (folder / layout.PIN_DIR).rmdir()
    folder.rmdir()


def test_no_bpffs(ctl: Ctl, tmp_path: Path) -> None:
    """Without a bpffs, every command gives the mount command to run."""
    for argv in (("load", ctl.interface), ("unload", ctl.interface), ("filters",)):
        message = ctl.fail(*argv, "--bpffs", str(tmp_path))
        assert message == f"{tmp_path}: no bpffs is mounted there: mount -t bpf bpf {tmp_path}"


def test_bpffs_not_mounted_in_mount_namespace(ctl: Ctl) -> None:
    """A bpffs that is not mounted in the mount namespace of the command is reported like none at all."""
    script = 'umount -l /sys/fs/bpf && exec "$@"'
    done = ctl.try_run(
        "load", ctl.interface, "--bpffs", "/sys/fs/bpf", prefix=("unshare", "-m", "sh", "-c", script, "sh")
    )
    assert done.returncode == 1
    assert done.stderr == "error: /sys/fs/bpf: no bpffs is mounted there: mount -t bpf bpf /sys/fs/bpf\n"


def test_no_permission(ctl: Ctl) -> None:
    """An unprivileged user is told which privileges are needed."""
    drop = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all", "--inh-caps=-all")
    ctl.run("load", ctl.interface)
    for argv in (("load", ctl.interface, "--replace"), ("unload", ctl.interface), ("filters",)):
        assert "no permission" in ctl.fail(*argv, prefix=drop)


def test_more_queues_than_default_entries(bpffs: Path) -> None:
    """The XSKMAP has an entry for each RX queue, however many there are."""
    with ExitStack() as stack:
        wire = stack.enter_context(netns.link(netns.End(queues=70)))
        stack.enter_context(wire.server.entered())
        loaded = xdp.load_in_child(wire.server_if, root=bpffs)
        assert loaded.queues == 70
        with bpf.obj_get(str(loaded.xskmap)) as xskmap:
            assert bpf.MapInfo.of(xskmap).entries == 70
        xdp.unload(wire.server_if, bpffs)


def test_queue_of_interface_checked() -> None:
    """A queue the interface does not have is refused with the number it has."""
    with netns.link(netns.End(queues=2)) as wire, wire.server.entered():
        nic = query(wire.server_if)
        nic.check_queue(1)
        with pytest.raises(errors.InterfaceError, match="no queue 2: it has 2"):
            nic.check_queue(2)


def test_child_carries_errors(ctl: Ctl, bpffs: Path) -> None:
    """Loading in a child process raises what loading raises."""
    with pytest.raises(errors.InterfaceError, match="nonesuch0"):
        xdp.load_in_child("nonesuch0", root=bpffs)
    with ctl.wire.server.entered(), bpf.prog_load(DROP_EVERYTHING, b"GPL", "somebodys") as prog:
        attach_by_netlink(ctl, bpffs, prog)
        with pytest.raises(errors.ForeignProgram) as caught:
            xdp.load_in_child(ctl.interface, root=bpffs)
        assert (caught.value.name, caught.value.prog_id) == ("somebodys", bpf.ProgInfo.of(prog).id)
        assert xdp.list_filters(bpffs) == [] or all(one.interface != ctl.interface for one in xdp.list_filters(bpffs))


def test_native_mode_refused_by_driver(ctl: Ctl) -> None:
    """Where the driver has no native mode, asking for it fails with the way out, and auto falls back and says why."""
    ctl.wire.server.run("ip", "link", "add", "dm0", "type", "bridge")
    message = ctl.fail("load", "dm0", "--mode", "native")
    assert message.startswith("dm0: the driver bridge refuses native mode: ")
    assert "--mode generic" in message
    done = ctl.try_run("load", "dm0")
    assert done.returncode == 0
    assert "generic mode" in done.stdout
    assert done.stderr.startswith("note: dm0: the driver bridge refuses native mode")
    ctl.run("unload", "dm0")
