# SPDX-License-Identifier: Apache-2.0
"""README's first command: from a checkout to answers over AF_XDP, and away again."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = "scripts/quickstart"
RUNDIR = Path("/run/xdpdns-quickstart")
TIMEOUT_S = 600


def run(root: Path, *arguments: str) -> str:
    """Run the script and return what it printed; an exit status other than 0 fails the test."""
    done = subprocess.run(
        [SCRIPT, *arguments], cwd=root, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def clean(root_dir: Path) -> Iterator[Path]:
    """The checkout, without a quick start running in it before and after."""
    if RUNDIR.exists():
        pytest.skip(f"a quick start is running ({RUNDIR}): scripts/quickstart --stop ends it")
    yield root_dir
    run(root_dir, "--stop")


def workers(printed: str, kind: str) -> dict[str, int]:
    """Return the sums of the counters of the workers of one kind, as `xdpdnsctl worker-stats` printed them."""
    sums: dict[str, int] = {}
    for block in re.findall(rf"^{kind} .*\n((?:    .*\n)*)", printed, re.MULTILINE):
        for name, value in re.findall(r"^ +(\w+) +(\d+)$", block, re.MULTILINE):
            sums[name] = sums.get(name, 0) + int(value)
    return sums


@pytest.mark.root
@pytest.mark.xdp
@pytest.mark.peer("kdig")
def test_af_xdp_answers_the_example_zone(clean: Path) -> None:
    """As root the UDP questions are answered by the AF_XDP worker, after the filter redirected them."""
    printed = run(clean)
    assert "RRSIG\tA 13 2" in printed
    assert "status: NXDOMAIN" in printed
    answered = workers(printed, "xdp")
    assert (answered["rcode_noerror"], answered["rcode_nxdomain"]) == (2, 1)
    assert re.search(r"^xdpdns0 .*attached\n    redirect_query +3$", printed, re.MULTILINE)


@pytest.mark.root
@pytest.mark.peer("kdig")
def test_running_it_again_starts_afresh(clean: Path) -> None:
    """A second run replaces the first; without AF_XDP sockets answer, the reason is given, named commands work."""
    run(clean, "--sockets")
    printed = run(clean, "--sockets")
    assert "without AF_XDP: asked for sockets" in printed
    answered = workers(printed, "udp")
    assert answered["rcode_nxdomain"] == 1
    commands = re.findall(r"^(?:status|records|counters) +(.+)$", printed, re.MULTILINE)
    assert len(commands) == 3
    for command in commands:
        done = subprocess.run(command.split(), cwd=clean, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stdout, command


@pytest.mark.root
def test_stop_leaves_nothing(clean: Path) -> None:
    """--stop removes run directory, namespaces, and does not mind when there is nothing to stop."""
    run(clean, "--stop")
    assert not RUNDIR.exists()
    spaces = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    assert "xdpdns-server" not in spaces
    assert "xdpdns-client" not in spaces
