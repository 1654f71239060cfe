# SPDX-License-Identifier: Apache-2.0
"""Ethernet frames with DNS queries, made octet by octet, and a packet socket to exchange them through."""

import socket
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

ETH_P_ALL = 3
SOL_PACKET = 263
PACKET_AUXDATA = 8
PACKET_OUTGOING = 4
TP_STATUS_VLAN_VALID = 1 << 4
TP_STATUS_VLAN_TPID_VALID = 1 << 6


def question(name: str, rtype: int = 1, ident: int = 1, payload: int | None = None) -> bytes:
    """Return a query message; with `payload` it has an OPT record."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split("."))
    header = struct.pack("!6H", ident, 0, 1, 0, 0, int(payload is not None))
    opt = b"" if payload is None else b"\0" + struct.pack("!HHIH", 41, payload, 0, 0)
    return header + labels + b"\0" + struct.pack("!HH", rtype, 1) + opt


def inet_sum(data: bytes) -> int:
    """Return the ones' complement sum of RFC 1071."""
    padded = data + b"\0" * (len(data) & 1)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@dataclass(frozen=True, slots=True)
class Frame:
    """A UDP datagram in an Ethernet frame; `tags` are (TPID, VID)."""

    destination_mac: bytes
    source_mac: bytes
    source: str
    destination: str
    source_port: int
    destination_port: int
    message: bytes
    tags: tuple[tuple[int, int], ...] = ()

    @property
    def family(self) -> int:
        """AF_INET or AF_INET6."""
        return socket.AF_INET6 if ":" in self.source else socket.AF_INET

    def build(self, spoil_ip: bool = False, spoil_udp: bool = False) -> bytes:
        """Return the octets, with a wrong checksum on demand."""
        length = 8 + len(self.message)
        ends = socket.inet_pton(self.family, self.source) + socket.inet_pton(self.family, self.destination)
        ports = struct.pack("!3H", self.source_port, self.destination_port, length)
        total = inet_sum(ends + struct.pack("!HH", length, 17) + ports + self.message)
        checksum = (~total & 0xFFFF or 0xFFFF) ^ (0x0101 if spoil_udp else 0)
        ethernet = self.destination_mac + self.source_mac + b"".join(struct.pack("!HH", *tag) for tag in self.tags)
        return ethernet + self._ip_header(ends, length, spoil_ip) + ports + struct.pack("!H", checksum) + self.message

    def _ip_header(self, ends: bytes, length: int, spoil: bool) -> bytes:
        if self.family == socket.AF_INET6:
            return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, length, 17, 64) + ends
        header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 1, 0, 64, 17, 0)
        checksum = (~inet_sum(header + ends) & 0xFFFF) ^ (0x0101 if spoil else 0)
        return b"\x08\x00" + header[:10] + struct.pack("!H", checksum) + ends

    @classmethod
    def parse(cls, octets: bytes) -> "Frame | None":
        """Return the frame of these octets when it carries UDP and all its checksums are right."""
        at, tags = 12, []
        while octets[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
            tags.append(struct.unpack_from("!HH", octets, at))
            at += 4
        kind, at = octets[at : at + 2], at + 2
        is_v6 = kind == b"\x86\xdd"
        if kind not in (b"\x08\x00", b"\x86\xdd") or octets[at + (6 if is_v6 else 9)] != 17:
            return None
        size, family = (16, socket.AF_INET6) if is_v6 else (4, socket.AF_INET)
        ends = octets[at + (8 if is_v6 else 12) :][: 2 * size]
        udp = octets[at + (40 if is_v6 else 20) :]
        source_port, destination_port, length, checksum = struct.unpack_from("!4H", udp)
        if not is_v6 and inet_sum(octets[at : at + 20]) != 0xFFFF:
            return None
        if checksum and inet_sum(ends + struct.pack("!HH", length, 17) + udp[:length]) != 0xFFFF:
            return None
        names = [socket.inet_ntop(family, end) for end in (ends[:size], ends[size:])]
        ports = (source_port, destination_port)
        return cls(octets[:6], octets[6:12], names[0], names[1], *ports, udp[8:length], tuple(tags))

    def with_message(self, message: bytes, source_port: int | None = None) -> "Frame":
        """Return the same frame with another message, and another source port if given."""
        return replace(self, message=message, source_port=self.source_port if source_port is None else source_port)


class PacketSocket:
    """Sends frames out of an interface and collects what comes in; made inside the namespace of the interface."""

    def __init__(self, interface: str) -> None:
        """Open it; needs root."""
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.bind((interface, ETH_P_ALL))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def exchange(self, frames: Sequence[bytes], replies: int, seconds: float = 5.0) -> list[Frame]:
        """Send frames; return up to `replies` UDP frames from port 53 that come back, fewer when time is up."""
        for frame in frames:
            self._socket.send(frame)
        found: list[Frame] = []
        end = time.monotonic() + seconds
        while len(found) < replies and (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                octets, auxiliary, _flags, address = self._socket.recvmsg(65536, 256)
            except TimeoutError:
                break
            if address[2] == PACKET_OUTGOING:
                continue
            frame = Frame.parse(_with_tag(octets, auxiliary))
            if frame is not None and frame.source_port == 53:
                found.append(frame)
        return found


def _with_tag(octets: bytes, auxiliary: list[tuple[int, int, bytes]]) -> bytes:
    """Put the outer VLAN tag back that the kernel took off the frame."""
    for level, kind, data in auxiliary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            status, _len, _snaplen, _mac, _net, tci, tpid = struct.unpack_from("=IIIHHHH", data)
            if status & TP_STATUS_VLAN_VALID:
                tpid = tpid if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                return octets[:12] + struct.pack("!HH", tpid, tci) + octets[12:]
    return octets
