# SPDX-License-Identifier: Apache-2.0
"""bpf/xdpdns_shared.h as Python sees it: reasons, configuration record, pin names. A test compares the two."""

import ipaddress
import socket
import struct
import sys
from dataclasses import dataclass

LAYOUT = 1

PIN_DIR = "xdpdns"
PIN_LINK = "link"
PIN_PROG = "prog"
PIN_XSKMAP = "xskmap"
PIN_COUNTERS = "counters"
PIN_CONFIG = "config"
PIN_ADDRESSES = "addresses"
MAPS = (PIN_XSKMAP, PIN_COUNTERS, PIN_CONFIG, PIN_ADDRESSES)
PINS = (PIN_LINK, PIN_PROG, *MAPS)

PORTS_MAX = 16
ADDRESSES_MAX = 1024
QUEUES_MIN = 64

REASONS = (
    "redirect_query",
    "redirect_odd",
    "pass_no_worker",
    "pass_multicast",
    "pass_not_ip",
    "pass_vlan",
    "pass_ipv4_options",
    "pass_fragment",
    "pass_ipv6_extension",
    "pass_not_udp",
    "pass_length",
    "pass_port",
    "pass_address",
    "pass_short_dns",
    "pass_response",
    "pass_opcode",
    "pass_transfer",
)
"""Names of `enum xd_filter_reason`, in its order: the index is the key in the counter map."""

MODES = {1: "native", 2: "generic"}
"""Names of `enum xd_filter_mode`."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_CONFIG = struct.Struct("=IIQIIII32s16s")
CONFIG_BYTES = _CONFIG.size


@dataclass(frozen=True, slots=True)
class Config:
    """`struct xd_filter_config`: for what the filter was loaded."""

    ifindex: int
    netns_cookie: int
    mode: str
    queues: int
    ports: tuple[int, ...]
    address_count: int
    interface: str
    layout: int = LAYOUT

    def pack(self) -> bytes:
        """Return the record as the filter reads it."""
        mode = next(number for number, name in MODES.items() if name == self.mode)
        ports = struct.pack(f"!{len(self.ports)}H", *self.ports)
        counts = (self.queues, len(self.ports), self.address_count)
        return _CONFIG.pack(self.layout, self.ifindex, self.netns_cookie, mode, *counts, ports, self.interface.encode())

    @classmethod
    def unpack(cls, record: bytes) -> "Config":
        """Return what `record` says; ValueError when it is of another layout."""
        if len(record) != CONFIG_BYTES:
            raise ValueError(f"a configuration of {len(record)} octets instead of {CONFIG_BYTES}")
        layout, ifindex, cookie, mode, queues, ports, addresses, port_octets, name = _CONFIG.unpack(record)
        if layout != LAYOUT or mode not in MODES or not 0 < ports <= PORTS_MAX:
            raise ValueError(f"layout {layout} instead of {LAYOUT}")
        return cls(
            ifindex=ifindex,
            netns_cookie=cookie,
            mode=MODES[mode],
            queues=queues,
            ports=struct.unpack(f"!{ports}H", port_octets[: 2 * ports]),
            address_count=addresses,
            interface=name.rstrip(b"\0").decode(errors="replace"),
        )


def pack_address(address: Address) -> bytes:
    """Return `struct xd_filter_address`: IPv4 as ::ffff:a.b.c.d."""
    if isinstance(address, ipaddress.IPv4Address):
        return bytes(10) + b"\xff\xff" + address.packed
    return address.packed


def unpack_address(octets: bytes) -> Address:
    """Return the address of a `struct xd_filter_address`."""
    address = ipaddress.IPv6Address(octets)
    return address.ipv4_mapped or address


def netns_cookie() -> int:
    """Return the kernel's number for the calling thread's network namespace, unique until reboot."""
    so_netns_cookie = 71
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return int.from_bytes(probe.getsockopt(socket.SOL_SOCKET, so_netns_cookie, 8), sys.byteorder)
