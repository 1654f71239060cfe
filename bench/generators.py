# SPDX-License-Identifier: Apache-2.0
"""The load generators: kxdpgun for AF_XDP, dnsperf for sockets, pinned to the client's core."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.contestants import CLIENT_CPU
from tests.support.netns import Namespace
from tests.support.peers import Peer

GRACE_S = 30
DNSPERF_OUTSTANDING = 200
DNSPERF_CLIENTS = 20


class NoMeasurement(Exception):
    """A generator failed or nothing was answered."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a generator saw."""

    sent: int
    replies: int
    rate: float
    """Replies per second."""
    latency_us: float = 0.0
    """Mean time to a reply, where it was measured."""


def number(pattern: str, text: str) -> float:
    """Return the number that the pattern's group finds; NoMeasurement with the text when there is none."""
    found = re.search(pattern, text)
    if found is None:
        raise NoMeasurement(f"no {pattern!r} in:\n{text[-2000:]}")
    return float(found[1])


def run(argv: list[str], space: Namespace | None, seconds: float) -> str:
    """Run a generator on the client's core and return all it printed."""
    words = ["taskset", "-c", str(CLIENT_CPU), *argv]
    words = words if space is None else space.wrap(*words)
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=seconds + GRACE_S)
    if done.returncode != 0:
        raise NoMeasurement(f"{argv[0]}: status {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}")
    return done.stdout + done.stderr


def kxdpgun(peer: Peer, space: Namespace, interface: str, questions: Path, rate: int, seconds: int) -> Load:
    """Send `rate` queries per second for some seconds through AF_XDP; what is not answered at once is lost."""
    argv = ["kxdpgun", "-t", str(seconds), "-Q", str(rate), "-b", "32", "-F", str(CLIENT_CPU), "-I", interface]
    text = run([*argv, "-p", str(peer.port), "-i", str(questions), peer.address], space, seconds)
    sent = int(number(r"total queries:\s+(\d+)", text))
    replies = int(number(r"total replies:\s+(\d+)", text))
    if not replies:
        raise NoMeasurement(f"{peer.name}: kxdpgun saw no reply\n{text}\n{peer.log[-1500:]}")
    return Load(sent, replies, replies / seconds)


def dnsperf_at(peer: Peer, questions: Path, rate: int, seconds: int) -> Load:
    """Send `rate` queries per second for some seconds over UDP sockets."""
    argv = [
        "dnsperf", "-s", peer.address, "-p", str(peer.port), "-d", str(questions), "-l", str(seconds),
        "-c", str(DNSPERF_CLIENTS), "-T", "1", "-q", str(rate), "-t", "1", "-Q", str(rate),
    ]  # fmt: skip
    text = run(argv, None, seconds)
    replies = int(number(r"Queries completed:\s+(\d+)", text))
    if not replies:
        raise NoMeasurement(f"{peer.name}: dnsperf saw no reply\n{text}\n{peer.log[-1500:]}")
    latency_us = number(r"Average Latency \(s\):\s+([\d.]+)", text) * 1e6
    return Load(int(number(r"Queries sent:\s+(\d+)", text)), replies, replies / seconds, latency_us)


def dnsperf(peer: Peer, questions: Path, seconds: int, *, mode: str = "udp", want_dnssec: bool = False) -> Load:
    """Keep a number of queries outstanding for some seconds over sockets (mode `udp` or `tcp`).

    Its first second is left out of the rate: with TCP, dnsperf often sends nothing for a second after connecting. Where
    it had so little of a processor that it told no other second, the rate is that of the whole time.
    """
    argv = [
        "dnsperf", "-s", peer.address, "-p", str(peer.port), "-d", str(questions), "-l", str(seconds + 1), "-m", mode,
        "-c", str(DNSPERF_CLIENTS), "-T", "1", "-q", str(DNSPERF_OUTSTANDING), "-t", "1", "-S", "1",
        *(["-D"] if want_dnssec else []),
    ]  # fmt: skip
    text = run(argv, None, seconds)
    replies = int(number(r"Queries completed:\s+(\d+)", text))
    rates = [float(rate) for rate in re.findall(r"^\d+\.\d+: ([\d.]+)$", text, re.MULTILINE)][1:]
    if not replies:
        raise NoMeasurement(f"{peer.name}: dnsperf saw no reply\n{text}\n{peer.log[-1500:]}")
    rate = sum(rates) / len(rates) if rates else replies / (seconds + 1)
    return Load(int(number(r"Queries sent:\s+(\d+)", text)), replies, rate)
