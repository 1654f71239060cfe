# SPDX-License-Identifier: Apache-2.0
"""What travels between engine and control plane: csrc/handoff.h, packed and unpacked."""

import struct
from dataclasses import dataclass

MAGIC = 0x48446458
HEADER = struct.Struct("=IBBHHHI16s16s")
ADDRESS_BYTES = {4: 4, 6: 16}

FROM_XDP = 1
"""Value of `transport`: received by an AF_XDP worker."""
FROM_UDP = 2
"""Value of `transport`: received from a UDP socket."""


@dataclass(frozen=True, slots=True)
class HandoffMessage:
    """A DNS message with its ends: `remote` asked or is answered, `local` was asked. Addresses are packed octets."""

    remote: bytes
    remote_port: int
    local: bytes
    local_port: int
    message: bytes
    ifindex: int = 0
    transport: int = FROM_UDP

    def __post_init__(self) -> None:
        """Refuse addresses that are not both of one family."""
        if len(self.remote) not in ADDRESS_BYTES.values() or len(self.local) != len(self.remote):
            raise ValueError("remote and local must be packed addresses of the same family")

    @property
    def family(self) -> int:
        """4 or 6."""
        return 4 if len(self.remote) == 4 else 6

    def pack(self) -> bytes:
        """Return the datagram."""
        header = HEADER.pack(
            MAGIC,
            self.family,
            self.transport,
            self.remote_port,
            self.local_port,
            len(self.message),
            self.ifindex,
            self.remote,
            self.local,
        )
        return header + self.message

    def reply(self, message: bytes) -> "HandoffMessage":
        """Return the reply `message` on its way back, between the same ends."""
        return HandoffMessage(
            self.remote, self.remote_port, self.local, self.local_port, message, self.ifindex, self.transport
        )

    @classmethod
    def unpack(cls, datagram: bytes) -> "HandoffMessage":
        """Return the message of a datagram; ValueError when it is none."""
        if len(datagram) < HEADER.size:
            raise ValueError("hand-off datagram shorter than its header")
        magic, family, transport, remote_port, local_port, length, ifindex, remote, local = HEADER.unpack_from(datagram)
        if magic != MAGIC or family not in ADDRESS_BYTES or length != len(datagram) - HEADER.size:
            raise ValueError("not a hand-off datagram of this engine version")
        octets = ADDRESS_BYTES[family]
        message = datagram[HEADER.size :]
        return cls(remote[:octets], remote_port, local[:octets], local_port, message, ifindex, transport)
