# SPDX-License-Identifier: Apache-2.0
"""Loading the filter in a process of its own (`__main__.py`), so that LLVM never is in the caller's."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyxdp_dns import errors
from pyxdp_dns.filter import pins, status
from pyxdp_dns.filter.status import FilterStatus

TIMEOUT_S = 120
"""Far above the time LLVM takes on a busy machine."""


def load_in_child(
    interface: str,
    ports: Sequence[int] = (53,),
    addresses: Sequence[str] = (),
    mode: str = "auto",
    replace: bool = False,
    root: Path | str | None = None,
) -> FilterStatus:
    """Do what `load` does, with the same arguments, result and errors, in a short-lived process. Blocks."""
    place = pins.find_root(root)
    request = {
        "interface": interface,
        "ports": list(ports),
        "addresses": list(addresses),
        "mode": mode,
        "replace": replace,
        "root": str(place),
    }
    # Without the working directory in the path: it may be another user's.
    command = [sys.executable, "-P", "-m", "pyxdp_dns.filter"]
    paths = (str(Path(__file__).resolve().parents[2]), os.environ.get("PYTHONPATH", ""))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    try:
        done = subprocess.run(
            command,
            input=json.dumps(request),
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise errors.FilterError(f"{interface}: the loader did not end within {TIMEOUT_S} s: try again") from exc
    if done.returncode != 0:
        reason = done.stderr.strip().rpartition("\n")[2] or f"status {done.returncode}"
        raise errors.FilterError(f"{interface}: the loader failed: {reason}: try xdpdnsctl load {interface}")
    return _read_answer(json.loads(done.stdout))


def _read_answer(answer: dict[str, Any]) -> FilterStatus:
    if "error" not in answer:
        return status.read_status(Path(answer["path"]), answer["note"])
    if answer["error"] == "ForeignProgram":
        raise errors.ForeignProgram(answer["message"], answer["name"], answer["prog_id"])
    raise getattr(errors, answer["error"])(answer["message"])
