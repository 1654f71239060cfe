# SPDX-License-Identifier: Apache-2.0
"""Runs every fuzz target for a few seconds from its corpus; `make fuzz-long` runs them for real."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
TARGETS = sorted(path.stem for path in HERE.glob("fuzz_*.c"))
SECONDS = 3


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_is_a_finding(name: str, root_dir: Path) -> None:
    """The decoder survives its corpus and mutations of it under ASAN and UBSAN."""
    if shutil.which("clang") is None:
        pytest.skip("needs clang with libFuzzer (Debian: clang, libclang-rt-14-dev)")
    made = subprocess.run(
        ["make", "-s", f"build/fuzz/{name}"], cwd=root_dir, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    command = ["scripts/run-fuzzers", "--seconds", str(SECONDS), name]
    done = subprocess.run(
        command, cwd=root_dir, capture_output=True, text=True, errors="replace", timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_target_has_a_corpus() -> None:
    """Each fuzz target starts from committed inputs."""
    without = [name for name in TARGETS if not any((HERE / "corpus" / name).glob("*"))]
    assert without == []
