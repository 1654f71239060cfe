# SPDX-License-Identifier: Apache-2.0
"""What `status configure` and the doubled option -V print: what this installation is made of."""

import platform
from importlib import metadata

from control.conf.model import DEFAULT_RUNDIR, DEFAULT_STORAGE
from control.conf.version import DEFAULT_CONFIG, PROGRAM, VERSION

LIBRARIES = ("cffi", "cryptography", "dnspython", "jeepney", "lmdb", "numpy", "pyroute2")


def library_version(name: str) -> str:
    """Return the version of an installed distribution."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def build_summary() -> str:
    """Return the text, without a final line feed."""
    lines = [
        f"{PROGRAM} {VERSION}",
        "",
        f"Target:      {platform.system().lower()} {platform.machine()}",
        f"Python:      {platform.python_implementation()} {platform.python_version()}",
        f"Config:      {DEFAULT_CONFIG}",
        f"Run dir:     {DEFAULT_RUNDIR}",
        f"Storage dir: {DEFAULT_STORAGE}",
        "",
        *(f"{name + ':':<12} {library_version(name)}" for name in LIBRARIES),
    ]
    return "\n".join(lines)
