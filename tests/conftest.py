# SPDX-License-Identifier: Apache-2.0
"""What the tests need of the machine: markers that skip by name, and where the shared test data is."""

import importlib.util
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

# A loaded machine is slow, and that is no finding.
hypothesis.settings.register_profile("patient", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("XDPDNS_TEST_DATA", ROOT.parent / "shared" / "data"))
BPFFS = Path("/sys/fs/bpf")
HEADERS = ("lib/modules/*/build", "usr/src/linux-headers-*", "usr/src/kernels/*", "sys/kernel/kheaders.tar.xz")
PEERS = ("knotd", "nsd", "named", "kdig", "kxdpgun", "dnsperf", "ldns-verify-zone")


def lacking_root() -> str | None:
    """Return why tests that need root cannot run here, or None."""
    if os.geteuid() != 0:
        return "needs root"
    if shutil.which("ip") is None:
        return "needs the ip program (Debian: iproute2)"
    return None


def lacking_xdp() -> str | None:
    """Return why tests that load the filter cannot run here, or None."""
    if reason := lacking_root():
        return reason
    if importlib.util.find_spec("bcc") is None:
        return "needs bcc (Debian: python3-bpfcc, and a .venv with --system-site-packages)"
    if not os.path.ismount(BPFFS):
        return "needs a bpffs: mount -t bpf bpf /sys/fs/bpf"
    if "BCC_KERNEL_SOURCE" not in os.environ and not any(any(Path("/").glob(place)) for place in HEADERS):
        return "needs kernel headers (Debian: linux-headers-amd64)"
    return None


def lacking_data() -> str | None:
    """Return why tests on the shared data cannot run here, or None."""
    if not DATA.is_dir():
        return f"needs the shared test data: no directory {DATA} (XDPDNS_TEST_DATA names another)"
    return None


def lacking_peer(programs: tuple[str, ...]) -> str | None:
    """Return which of the programs named by the marker (all peers when it names none) are not installed, or None."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    missing = [program for program in programs or PEERS if shutil.which(program, path=path) is None]
    return f"needs {', '.join(missing)} (scripts/setup --test installs them)" if missing else None


CHECKS: dict[str, Callable[[], str | None]] = {"root": lacking_root, "xdp": lacking_xdp, "data": lacking_data}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test by name when the machine lacks what its markers ask for."""
    for name, check in CHECKS.items():
        if item.get_closest_marker(name) and (reason := check()):
            pytest.skip(reason)
    for marker in item.iter_markers("peer"):
        if reason := lacking_peer(marker.args):
            pytest.skip(reason)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` has: one more than processors, since many tests wait."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out by files when several processes run them, unless another way is asked for."""
    if config.option.dist != "load":
        return None
    from tests.support.scheduling import FilesTogether

    return FilesTogether(config, log)


@pytest.fixture(scope="session")
def root_dir() -> Path:
    """The repository's root directory."""
    return ROOT


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The shared test data; a test that uses it carries the marker `data`."""
    return DATA
