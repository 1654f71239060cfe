# SPDX-License-Identifier: Apache-2.0
"""Network namespaces and veth pairs for tests: made with unique names, always removed. Needs root.

    with netns.link(netns.End(queues=2), netns.End()) as wire:
        wire.server.run("xdpdnsctl", "load", wire.server_if)
        wire.client.run("kdig", "@" + wire.server_v4, "example.", "SOA")

Commands enter with `nsenter --net`, which keeps the mounts: bpffs stays visible. It also keeps the caller's /sys, so
/sys/class/net shows the caller's interfaces; ask with `ip` and `ethtool`.
"""

import ctypes
import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

COMMAND_TIMEOUT_S = 60.0
"""Time after which a command in a namespace is killed: far above what any of them takes."""

CARRIER_TRIES = 200
CARRIER_PAUSE_S = 0.02

CLONE_NEWNET = 0x40000000

_serial = itertools.count()


class NoVlan(Exception):
    """The kernel makes no VLAN interfaces; tagged frames can still be sent through packet sockets."""


def missing() -> str | None:
    """Return why namespaces cannot be made here, None when they can; tests skip by this text."""
    if os.geteuid() != 0:
        return "needs root for network namespaces"
    for program in ("ip", "nsenter", "ethtool"):
        if shutil.which(program) is None:
            return f"needs the program {program}"
    return None


def unique(label: str) -> str:
    """Return a name no other test process uses, short enough for an interface (15 octets) with a label of up to 4."""
    return f"{label}{os.getpid() % 10_000_000:x}{next(_serial):x}"


@dataclass(slots=True)
class Namespace:
    """A network namespace under /run/netns; made by `namespace`."""

    name: str
    _children: list[subprocess.Popen[Any]] = field(default_factory=list)

    @property
    def path(self) -> str:
        """Path of the namespace's file."""
        return f"/run/netns/{self.name}"

    def wrap(self, *argv: str) -> list[str]:
        """Return the argument vector that runs `argv` inside."""
        return ["nsenter", f"--net={self.path}", "--", *argv]

    def run(self, *argv: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command inside and return it with its output as text.

        A failure raises AssertionError with the command's output; `check=False` returns it instead.
        """
        options.setdefault("timeout", COMMAND_TIMEOUT_S)
        done = subprocess.run(self.wrap(*argv), capture_output=True, text=True, check=False, **options)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def popen(self, *argv: str, **options: Any) -> subprocess.Popen[Any]:
        """Start a process inside; one still alive when the namespace goes is killed."""
        child = subprocess.Popen(self.wrap(*argv), **options)
        self._children.append(child)
        return child

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Put the calling thread into the namespace for the length of the block: sockets made there belong to it."""
        with open("/proc/thread-self/ns/net") as home, open(self.path) as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def add_vlan(self, parent: str, vid: int, addresses: Sequence[str] = (), protocol: str = "802.1q") -> str:
        """Make a VLAN interface on `parent` (protocol 802.1q or 802.1ad), up and addressed; return its name.

        Raises NoVlan where the kernel is built without VLAN interfaces.
        """
        name = f"{parent}.{vid}"
        argv = ("link", "add", "link", parent, "name", name, "type", "vlan", "protocol", protocol, "id", str(vid))
        made = self.run("ip", *argv, check=False)
        if "Unknown device type" in made.stderr:
            raise NoVlan("the kernel has no VLAN interfaces (8021q)")
        assert made.returncode == 0, made.stderr
        self.bring_up(name, addresses)
        return name

    def bring_up(self, interface: str, addresses: Sequence[str] = ()) -> None:
        """Address an interface (IPv6 without duplicate address detection) and set it up."""
        for address in addresses:
            self.run("ip", "address", "add", address, "dev", interface, *(["nodad"] if ":" in address else []))
        self.run("ip", "link", "set", interface, "up")

    def wait_for_carrier(self, interface: str) -> None:
        """Wait until the kernel has noticed that the other end is up; it drops what is sent before."""
        for _ in range(CARRIER_TRIES):
            if self.run("ip", "-json", "link", "show", "dev", interface, "up").stdout.find('"operstate":"UP"') >= 0:
                return
            time.sleep(CARRIER_PAUSE_S)
        raise AssertionError(f"{interface}: no carrier")

    def kill_children(self) -> None:
        """Kill and reap what `popen` started."""
        for child in self._children:
            with suppress(ProcessLookupError):
                child.kill()
            child.wait()
        self._children.clear()


def _setns(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(fd, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _ip(*argv: str) -> None:
    done = subprocess.run(["ip", *argv], capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT_S)
    if done.returncode != 0:
        raise AssertionError(f"ip {' '.join(argv)}: {done.stderr}")


@contextmanager
def namespace(label: str = "t") -> Iterator[Namespace]:
    """Make a namespace with `lo` up; at the end its processes are killed and it is removed with its interfaces."""
    space = Namespace(unique(f"xd-{label}-"))
    _ip("netns", "add", space.name)
    try:
        space.run("ip", "link", "set", "lo", "up")
        yield space
    finally:
        space.kill_children()
        _ip("netns", "delete", space.name)


def add_veth(left: Namespace, left_if: str, right: Namespace, right_if: str, queues: tuple[int, int] = (1, 1)) -> None:
    """Make a veth pair between two namespaces, both ends down, with `queues` RX and TX queues each.

    Transmit checksum offload is switched off at both ends: with it a veth hands over unfinished checksums, which a
    receiver in front of the kernel's stack has to take for wrong ones.
    """
    left_queues, right_queues = (["numrxqueues", str(count), "numtxqueues", str(count)] for count in queues)
    _ip("link", "add", "name", left_if, "netns", left.name, *left_queues, "type", "veth",
        "peer", "name", right_if, "netns", right.name, *right_queues)  # fmt: skip
    for space, interface in ((left, left_if), (right, right_if)):
        space.run("ethtool", "-K", interface, "tx", "off")


@dataclass(frozen=True, slots=True)
class End:
    """One end of a `link`: queue count, and addresses beside the two that every end has."""

    queues: int = 1
    addresses: tuple[str, ...] = ()
    mtu: int = 1500


@dataclass(frozen=True, slots=True)
class Wire:
    """Two namespaces joined by a veth pair."""

    server: Namespace
    client: Namespace
    server_if: str
    client_if: str
    server_v4: str = "192.0.2.1"
    client_v4: str = "192.0.2.2"
    server_v6: str = "2001:db8::1"
    client_v6: str = "2001:db8::2"

    def add_vlan(self, vid: int, net4: str = "198.51.100", net6: str = "2001:db8:1") -> tuple[str, str]:
        """Make the VLAN `vid` on both ends (server .1 and ::1, client .2 and ::2); return both interface names."""
        server = self.server.add_vlan(self.server_if, vid, (f"{net4}.1/24", f"{net6}::1/64"))
        client = self.client.add_vlan(self.client_if, vid, (f"{net4}.2/24", f"{net6}::2/64"))
        return server, client


@contextmanager
def link(server: End = End(), client: End = End()) -> Iterator[Wire]:
    """Make a server and a client namespace joined by a veth pair, both ends up with IPv4 and IPv6 addresses."""
    with namespace("s") as left, namespace("c") as right:
        wire = Wire(left, right, unique("vs"), unique("vc"))
        add_veth(left, wire.server_if, right, wire.client_if, (server.queues, client.queues))
        ends = (
            (left, wire.server_if, server, wire.server_v4, wire.server_v6),
            (right, wire.client_if, client, wire.client_v4, wire.client_v6),
        )
        for space, interface, end, v4, v6 in ends:
            space.run("ip", "link", "set", interface, "mtu", str(end.mtu))
            space.bring_up(interface, (f"{v4}/24", f"{v6}/64", *end.addresses))
        left.wait_for_carrier(wire.server_if)
        right.wait_for_carrier(wire.client_if)
        yield wire
