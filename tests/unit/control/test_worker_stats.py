# SPDX-License-Identifier: Apache-2.0
"""xdpdnsctl worker-stats without a daemon: what is wrong, and what to do."""

from pathlib import Path

import pytest

from control.tools import xdpdnsctl
from control.tools.worker_stats import describe
from pyxdp_dns.counters import WorkerCounters


def config(directory: Path) -> Path:
    """Write a configuration whose run directory is empty."""
    path = directory / "knot.conf"
    path.write_text(f"server:\n    listen: 127.0.0.1@5300\n    rundir: {directory}\n")
    return path


def test_no_engine_is_said_with_the_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no engine runs, the error names the region's file and asks whether the daemon runs."""
    assert xdpdnsctl.main(["worker-stats", "-c", str(config(tmp_path))]) == 1
    assert f"{tmp_path}/engine.shm" in (told := capsys.readouterr().err)
    assert "is the daemon running" in told


def test_a_broken_configuration_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A configuration that cannot be read is reported with its name."""
    assert xdpdnsctl.main(["worker-stats", "-c", str(tmp_path / "none.conf")]) == 1
    assert "none.conf" in capsys.readouterr().err


def test_workers_are_told_apart() -> None:
    """A worker is described by kind, interface, queue and the CPU it is pinned to."""
    assert describe(WorkerCounters("udp", 1, 0, -1, {})) == "udp worker 1"
    assert describe(WorkerCounters("xdp", 3, 1, 5, {})) == "xdp lo queue 3, CPU 5"
