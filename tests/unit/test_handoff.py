# SPDX-License-Identifier: Apache-2.0
"""The hand-off datagram and the engine's specification."""

import struct
from dataclasses import replace

import pytest

from pyxdp_dns.counters import COUNTERS, counter_help, fates
from pyxdp_dns.engine_client import EngineSpec, XdpInterface
from pyxdp_dns.handoff import HEADER, HandoffMessage

IPV4 = HandoffMessage(bytes([192, 0, 2, 2]), 54321, bytes([192, 0, 2, 1]), 53, b"message", 3, 1)
IPV6 = HandoffMessage(b"\x20\x01" + bytes(14), 54321, b"\x20\x02" + bytes(14), 53, b"")


@pytest.mark.parametrize("message", [IPV4, IPV6], ids=["ipv4", "ipv6"])
def test_datagram_round_trip(message: HandoffMessage) -> None:
    """What is packed is unpacked as it was, and a reply goes between the same ends."""
    assert HandoffMessage.unpack(message.pack()) == message
    assert message.reply(b"reply") == replace(message, message=b"reply")


def test_layout_is_that_of_the_engine() -> None:
    """The header has the octets that csrc/handoff.h asserts."""
    assert HEADER.size == 48
    packed = IPV4.pack()
    assert struct.unpack_from("=I", packed, 12) == (3,)
    assert packed[16:20] == IPV4.remote
    assert packed[32:36] == IPV4.local


@pytest.mark.parametrize(
    "datagram",
    [b"", IPV4.pack()[:47], b"x" + IPV4.pack()[1:], IPV4.pack() + b"x", IPV4.pack()[:4] + b"\5" + IPV4.pack()[5:]],
    ids=["empty", "short", "magic", "length", "family"],
)
def test_foreign_datagrams_are_refused(datagram: bytes) -> None:
    """What is no hand-off datagram raises ValueError."""
    with pytest.raises(ValueError, match="hand-off datagram"):
        HandoffMessage.unpack(datagram)


def test_ends_of_two_families_are_refused() -> None:
    """Both addresses are of one family."""
    with pytest.raises(ValueError, match="same family"):
        replace(IPV4, remote=bytes(16))


@pytest.mark.parametrize(
    "options", [{"ring_size": 1000}, {"ring_size": 32}, {"udp_workers": 0}, {"listen": (("::", 0),)}]
)
def test_impossible_specifications_are_refused(options: dict[str, object]) -> None:
    """A specification that no engine could run with cannot be made."""
    with pytest.raises(ValueError, match=r"ring_size|udp_workers|port"):
        EngineSpec(**({"rundir": "/run", "table": None, "listen": (("::", 53),)} | options))  # type: ignore[arg-type]


def test_digest_follows_the_contents() -> None:
    """Equal specifications have equal digests, any difference another one."""
    spec = EngineSpec("/run", "/table", interfaces=(XdpInterface("eth0", "/pin"),))
    assert spec.digest() == spec._replace().digest()
    assert spec.digest() != spec._replace(interfaces=(XdpInterface("eth0", "/other"),)).digest()


def test_every_packet_has_one_fate() -> None:
    """Each counter but those of traffic, system calls and details of replies says what became of a packet."""
    details = {
        "rx_packets",
        "rx_bytes",
        "tx_packets",
        "tx_bytes",
        "truncated",
        "partial_checksum",
        "wakeups",
        "batches",
    }
    assert fates(dict.fromkeys(COUNTERS, 1)) == len(COUNTERS) - len(details & set(COUNTERS))
    assert details <= set(COUNTERS)
    assert all(counter_help(name) for name in COUNTERS)
