# SPDX-License-Identifier: Apache-2.0
"""Golden frames through the loaded filter (BPF_PROG_TEST_RUN): verdict, and the one counter that moves.

Frames are in tests/golden/filter. An AF_XDP socket in slot 0 of the XSKMAP makes a redirect visible as XDP_REDIRECT:
the verdict is taken before the packet is handed over, so the socket needs no rings.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from pyxdp_dns import filter as xdp
from pyxdp_dns.filter import bpf, layout, status
from tests.support import netns

pytestmark = [pytest.mark.root, pytest.mark.xdp]

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "filter"
AF_XDP = 44
XDP_PASS, XDP_REDIRECT = 2, 4
ETHERNET_BYTES = 14


@dataclass(frozen=True, slots=True)
class Case:
    """A golden frame and the reason it is counted under."""

    file: str
    title: str
    reason: str
    frame: bytes


def read_cases(path: Path) -> Iterator[Case]:
    """Yield the cases of a fixture file."""
    for block in path.read_text().split("\n= ")[1:]:
        title, reason, *lines = block.splitlines()
        octets = bytes.fromhex(" ".join(line.partition(";")[0] for line in lines))
        yield Case(path.stem, title, reason.removeprefix("> "), octets)


CASES = [case for path in sorted(GOLDEN.glob("*.txt")) for case in read_cases(path)]


TRIES = 5
"""How often the kernel's own frames may come between."""


class Loaded:
    """A loaded filter that frames can be run through."""

    def __init__(self, place: Path, prog: bpf.Fd) -> None:
        self._place = place
        self._prog = prog

    def judge(self, frame: bytes) -> tuple[int, str]:
        """Return the verdict on a frame and the reason; AssertionError unless exactly one counter moved by one.

        The interface is alive: when the kernel's own frames came in between, the frame is judged again.
        """
        moved: dict[str, int] = {}
        for _ in range(TRIES):
            before = status.read_counters(self._place)
            verdict = bpf.prog_test_run(self._prog, frame)
            after = status.read_counters(self._place)
            moved = {reason: after[reason] - before[reason] for reason in after if after[reason] != before[reason]}
            if list(moved.values()) == [1]:
                return verdict, next(iter(moved))
        raise AssertionError(moved)

    @contextmanager
    def worker(self) -> Iterator[None]:
        """Put an AF_XDP socket in queue 0."""
        with (
            socket.socket(AF_XDP, socket.SOCK_RAW) as worker,
            bpf.obj_get(str(self._place / layout.PIN_XSKMAP)) as xskmap,
        ):
            bpf.map_update(xskmap, bytes(4), worker.fileno().to_bytes(4, "little"))
            yield


@contextmanager
def loaded_filter(bpffs: Path, addresses: tuple[str, ...]) -> Iterator[Loaded]:
    """Load a filter for ports 53 and 5353 on a veth of its own."""
    with netns.link() as wire, wire.server.entered():
        loaded = xdp.load_in_child(wire.server_if, (53, 5353), addresses, root=bpffs)
        with bpf.obj_get(str(loaded.path / layout.PIN_PROG)) as prog:
            yield Loaded(loaded.path, prog)
        xdp.unload(wire.server_if, bpffs)


@pytest.fixture(scope="module")
def everywhere(bpffs: Path) -> Iterator[Loaded]:
    """A filter that takes queries to every address."""
    with loaded_filter(bpffs, ()) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def restricted(bpffs: Path) -> Iterator[Loaded]:
    """A filter that takes queries to two addresses only."""
    with loaded_filter(bpffs, ("192.0.2.1", "2001:db8::1")) as loaded:
        yield loaded


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.file}: {case.title}")
def test_golden_frame(case: Case, request: pytest.FixtureRequest) -> None:
    """Each golden frame gets the verdict of its reason and moves that counter alone."""
    loaded: Loaded = request.getfixturevalue("restricted" if case.file == "address" else "everywhere")
    expected = XDP_REDIRECT if case.reason.startswith("redirect_") else XDP_PASS
    with loaded.worker():
        assert loaded.judge(case.frame) == (expected, case.reason)


def test_every_reason_has_a_golden_frame() -> None:
    """No reason of the filter goes untested: each has a frame, but the one that needs a queue without a worker."""
    assert {case.reason for case in CASES} == set(layout.REASONS) - {"pass_no_worker"}


def test_queue_without_worker_passes(everywhere: Loaded) -> None:
    """A query on a queue without a worker goes to the kernel, so that sockets answer it."""
    assert everywhere.judge(golden("query", "IPv4 query")) == (XDP_PASS, "pass_no_worker")


def golden(file: str, title: str) -> bytes:
    """Return the frame of one case."""
    return next(case.frame for case in CASES if (case.file, case.title) == (file, title))


@pytest.mark.parametrize("title", ["IPv4 query", "IPv6 query"])
def test_frame_cut_short_passes(everywhere: Loaded, title: str) -> None:
    """A query whose frame ends at any octet before its last goes to the kernel: its lengths contradict the frame."""
    frame = golden("query", title)
    with everywhere.worker():
        for size in range(ETHERNET_BYTES, len(frame)):
            assert everywhere.judge(frame[:size]) == (XDP_PASS, "pass_length"), size
        assert everywhere.judge(frame) == (XDP_REDIRECT, "redirect_query")


@pytest.mark.parametrize(("title", "ip_bytes"), [("IPv4 query", 20), ("IPv6 query", 40)])
def test_message_cut_short(everywhere: Loaded, title: str, ip_bytes: int) -> None:
    """A datagram that ends within the DNS header passes; one that ends within the question goes to a worker."""
    frame = golden("query", title)
    message = ETHERNET_BYTES + ip_bytes + 8
    with everywhere.worker():
        for size in range(message, len(frame)):
            expected = (XDP_PASS, "pass_short_dns") if size < message + 12 else (XDP_REDIRECT, "redirect_odd")
            assert everywhere.judge(shortened(frame, size, ip_bytes)) == expected, size


def shortened(frame: bytes, size: int, ip_bytes: int) -> bytes:
    """Return the frame cut to `size` octets with the lengths in its headers adjusted."""
    cut = bytearray(frame[:size])
    udp = ETHERNET_BYTES + ip_bytes
    cut[udp + 4 : udp + 6] = (size - udp).to_bytes(2)
    if ip_bytes == 20:
        cut[ETHERNET_BYTES + 2 : ETHERNET_BYTES + 4] = (size - ETHERNET_BYTES).to_bytes(2)
    else:
        cut[ETHERNET_BYTES + 4 : ETHERNET_BYTES + 6] = (size - udp).to_bytes(2)
    return bytes(cut)
