# SPDX-License-Identifier: Apache-2.0
"""What an installation carries."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def wheel(root_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from this checkout's files."""
    out, tree = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("tree")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root_dir, capture_output=True, check=False)
    if listed.returncode != 0:
        pytest.skip("needs a git checkout")
    copy = ["cp", "--parents", "-t", str(tree)]
    subprocess.run([*copy, *listed.stdout.decode().rstrip("\0").split("\0")], cwd=root_dir, check=True)
    argv = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(out), str(tree)]
    built = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (path,) = out.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.fixture(scope="module")
def contents(wheel: zipfile.ZipFile) -> list[str]:
    """The names of the files in it."""
    return wheel.namelist()


@pytest.fixture(scope="module")
def entry_points(wheel: zipfile.ZipFile, contents: list[str]) -> str:
    """The programs it makes."""
    (name,) = (name for name in contents if name.endswith(".dist-info/entry_points.txt"))
    return wheel.read(name).decode()


def test_the_filter_source_is_installed(contents: list[str]) -> None:
    """The filter's source and the header it shares with the engine go to share/pyxdp_dns/bpf."""
    installed = {
        name.rpartition("/data/share/pyxdp_dns/bpf/")[2] for name in contents if "/share/pyxdp_dns/bpf/" in name
    }
    assert installed >= {"xdp_filter.bpf.c", "xdpdns_shared.h"}


def test_the_engine_is_installed(contents: list[str]) -> None:
    """The compiled engine, the signer and both packages are in the wheel, the tests and benchmarks are not."""
    for extension in ("_native", "_signing"):
        assert any(name.startswith(f"pyxdp_dns/{extension}.") and name.endswith(".so") for name in contents)
    assert {"pyxdp_dns/native.py", "control/__init__.py"} <= set(contents)
    assert not [name for name in contents if name.startswith(("tests/", "bench/", "csrc/"))]


def test_the_licences_are_installed(contents: list[str]) -> None:
    """Both licence texts go with the installation."""
    assert any(name.endswith("/LICENSE") for name in contents)
    assert any(name.endswith("GPL-2.0-only.txt") for name in contents)


def test_programs_and_completion_are_installed(contents: list[str], entry_points: str) -> None:
    """The programs of the project are entry points of the wheel, and bash finds the completion."""
    for program in ("xdpdnsd", "xdpdnsctl", "xdpdns-journalprint", "xdpdns-catalogprint", "xdpdns-keymgr"):
        assert f"{program} = control.tools." in entry_points
    assert [name for name in contents if name.endswith("/data/share/bash-completion/completions/xdpdnsctl")]


def test_every_module_is_installed(contents: list[str], root_dir: Path) -> None:
    """No module or marker of the two packages is left out."""
    listed = subprocess.run(
        ["git", "ls-files", "pyxdp_dns/*.py", "control/*.py", "*.typed"], cwd=root_dir, capture_output=True, check=True
    )
    assert set(listed.stdout.decode().split()) <= set(contents)
