# SPDX-License-Identifier: Apache-2.0
"""Runs the C test programs of this directory: built with the engine under sanitizers, passed by exit status 0."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PROGRAMS = sorted(path.stem for path in HERE.glob("test_*.c"))
THREADED = [name for name in PROGRAMS if name.endswith("_threads")]
TIMEOUT_S = 300


def build(root: Path, target: str) -> Path:
    """Build one program with make and return its path; a compiler message fails the test."""
    made = subprocess.run(["make", "-s", target], cwd=root, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    return root / target


def run(command: list[str], cwd: Path) -> None:
    """Run a test program in a directory of its own; anything but exit status 0 fails the test with its output."""
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("name", PROGRAMS)
def test_under_address_and_undefined_behaviour_sanitizer(name: str, root_dir: Path, tmp_path: Path) -> None:
    """The module's C tests pass without a finding of ASAN, LSAN or UBSAN."""
    run([str(build(root_dir, f"build/asan/{name}"))], tmp_path)


@pytest.mark.parametrize("name", THREADED)
def test_under_thread_sanitizer(name: str, root_dir: Path, tmp_path: Path) -> None:
    """C tests in which threads share memory pass without a data race."""
    if shutil.which("setarch") is None:
        pytest.skip("needs setarch (Debian: util-linux)")
    run(["setarch", "-R", str(build(root_dir, f"build/tsan/{name}"))], tmp_path)
