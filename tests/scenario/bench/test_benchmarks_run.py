# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run to their end on small zones; how fast anything is, they say, not this test."""

import subprocess
import sys
from pathlib import Path

import pytest

TIMEOUT_S = 300


def run(name: str, root: Path) -> str:
    """Run one benchmark quickly and return what it printed."""
    argv = [sys.executable, "-m", f"bench.{name}", "--quick"]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.peer("valgrind", "ldns-signzone", "ldns-keygen")
def test_instructions_are_counted(root_dir: Path) -> None:
    """bench.instructions prints a count for each kind of answer."""
    printed = run("instructions", root_dir)
    assert printed.count("| NXDOMAIN") == 3


@pytest.mark.root
@pytest.mark.xdp
@pytest.mark.peer("knotd", "kxdpgun", "ldns-signzone", "ldns-keygen")
def test_af_xdp_is_compared(root_dir: Path) -> None:
    """bench.xdp prints ratios to Knot's XDP mode, plain and DO."""
    assert run("xdp", root_dir).count("pyxdp_dns / knot xdp") == 2


@pytest.mark.peer("knotd", "nsd", "named", "dnsperf", "ldns-signzone", "ldns-keygen")
@pytest.mark.parametrize("name", ["udp", "tcp"])
def test_sockets_are_compared(name: str, root_dir: Path) -> None:
    """bench.udp and bench.tcp print ratios to each peer, plain and DO."""
    printed = run(name, root_dir)
    assert [printed.count(f"pyxdp_dns / {peer}") for peer in ("knot", "nsd", "named")] == [2, 2, 2]


@pytest.mark.peer("knotd", "nsd", "named")
@pytest.mark.parametrize("name", ["load", "update", "transfer"])
def test_whole_zones_are_compared(name: str, root_dir: Path) -> None:
    """bench.load, bench.update and bench.transfer print ratios to each peer."""
    printed = run(name, root_dir)
    assert [printed.count(f"pyxdp_dns / {peer}") for peer in ("knot", "nsd", "named")] == [1, 1, 1]


@pytest.mark.peer("knotd", "nsd", "named")
def test_many_zones_are_compared(root_dir: Path) -> None:
    """bench.many prints ratios to each peer."""
    assert run("many", root_dir).count("pyxdp_dns / ") == 3


@pytest.mark.peer("knotd")
def test_control_is_compared(root_dir: Path) -> None:
    """bench.control prints ratios to Knot for changes, reading and commits."""
    assert run("control", root_dir).count("pyxdp_dns / knot") == 2


@pytest.mark.peer("knotd", "named", "dnsperf")
def test_updates_are_compared(root_dir: Path) -> None:
    """bench.updates prints ratios to knotd and named."""
    printed = run("updates", root_dir)
    assert [printed.count(f"pyxdp_dns / {peer}") for peer in ("knot", "named")] == [1, 1]


@pytest.mark.peer("knotd", "named")
def test_catalogs_are_compared(root_dir: Path) -> None:
    """bench.catalog prints a ratio to Knot for each primary."""
    assert run("catalog", root_dir).count("pyxdp_dns / knot") == 3


@pytest.mark.peer("knotd", "named", "ldns-signzone", "ldns-keygen", "dnssec-signzone", "dnssec-keygen")
def test_signing_is_compared(root_dir: Path) -> None:
    """bench.signing prints ratios to each peer for each way to sign, and to Knot for changes and signing anew."""
    printed = run("signing", root_dir)
    peers = ("knot", "named", "ldns-signzone", "dnssec-signzone")
    assert [printed.count(f"pyxdp_dns / {peer}") for peer in peers] == [6, 1, 2, 4]
