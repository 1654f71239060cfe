# SPDX-License-Identifier: Apache-2.0
"""Network interfaces: index, driver, MTU, queue counts, by ioctl. Imports nothing heavy; the engine asks here, too.

All answers concern the calling thread's network namespace (/sys/class/net would show that of its mount).
"""

import array
import errno
import fcntl
import socket
import struct
from dataclasses import dataclass

from pyxdp_dns.errors import InterfaceError, ResourceError

SIOCGIFINDEX = 0x8933
SIOCGIFMTU = 0x8921
SIOCETHTOOL = 0x8946
ETHTOOL_GDRVINFO = 0x03
ETHTOOL_GCHANNELS = 0x3C

IFNAME_BYTES = 16
DRVINFO_BYTES = 196


@dataclass(frozen=True, slots=True)
class Nic:
    """An interface as found at one moment."""

    name: str
    index: int
    mtu: int
    driver: str
    rx_queues: int
    tx_queues: int

    @property
    def queue_pairs(self) -> int:
        """Queues that have both directions: the number of AF_XDP workers the interface can have."""
        return min(self.rx_queues, self.tx_queues)

    def check_queue(self, queue: int) -> None:
        """Raise InterfaceError unless the interface has a queue pair of this number."""
        if not 0 <= queue < self.queue_pairs:
            raise InterfaceError(
                f"{self.name}: no queue {queue}: it has {self.queue_pairs} (ethtool -l {self.name} shows them)"
            )


def query(name: str) -> Nic:
    """Return the interface called `name`; InterfaceError when there is none."""
    if not 0 < len(name.encode()) < IFNAME_BYTES or "/" in name or any(letter.isspace() for letter in name):
        raise InterfaceError(f"{name!r}: not an interface name; ip link lists the interfaces")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            index = struct.unpack_from("=i", _ioctl(probe, SIOCGIFINDEX, name), IFNAME_BYTES)[0]
            mtu = struct.unpack_from("=i", _ioctl(probe, SIOCGIFMTU, name), IFNAME_BYTES)[0]
        except OSError as exc:
            if exc.errno == errno.ENODEV:
                raise InterfaceError(f"{name}: no such interface; ip link lists those of this namespace") from exc
            raise ResourceError(f"{name}: {exc.strerror}", exc.errno) from exc
        rx_queues, tx_queues = _queues(probe, name)
        return Nic(name, index, mtu, _driver(probe, name), rx_queues, tx_queues)


def _ioctl(probe: socket.socket, request: int, name: str, tail: bytes = b"") -> bytes:
    return fcntl.ioctl(probe.fileno(), request, struct.pack("16s24s", name.encode(), tail))


def _ethtool(probe: socket.socket, name: str, command: int, size: int) -> bytes | None:
    """Return what the driver answers to an ethtool command, None when it does not know it."""
    record = array.array("B", struct.pack("=I", command).ljust(size, b"\0"))
    try:
        _ioctl(probe, SIOCETHTOOL, name, struct.pack("P", record.buffer_info()[0]))
    except OSError as exc:
        if exc.errno in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENODEV):
            return None
        raise ResourceError(f"{name}: ethtool: {exc.strerror}", exc.errno) from exc
    return record.tobytes()


def _driver(probe: socket.socket, name: str) -> str:
    record = _ethtool(probe, name, ETHTOOL_GDRVINFO, DRVINFO_BYTES)
    return record[4:36].rstrip(b"\0").decode(errors="replace") if record else ""


def _queues(probe: socket.socket, name: str) -> tuple[int, int]:
    """Return RX and TX queues in use: the driver's channels, or what the kernel made where it has no such setting."""
    record = _ethtool(probe, name, ETHTOOL_GCHANNELS, 36)
    if record is not None:
        rx, tx, _other, combined = struct.unpack_from("=4I", record, 20)
        if rx + combined and tx + combined:
            return rx + combined, tx + combined
    return _allocated_queues(name)


def _allocated_queues(name: str) -> tuple[int, int]:
    from pyroute2 import IPRoute, NetlinkError

    try:
        with IPRoute() as route:
            message = route.get_links(ifname=name)[0]
    except (NetlinkError, IndexError) as exc:
        raise InterfaceError(f"{name}: no such interface; ip link lists those of this namespace") from exc
    return message.get_attr("IFLA_NUM_RX_QUEUES") or 1, message.get_attr("IFLA_NUM_TX_QUEUES") or 1
