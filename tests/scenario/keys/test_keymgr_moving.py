# SPDX-License-Identifier: Apache-2.0
"""Keys come from Knot DNS as docs/keys.md says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.keymgr_pair import NEWER, Pair


@pytest.mark.peer("keymgr", "jq")
def test_keys_are_moved_as_the_manual_says(tmp_path: Path, root_dir: Path) -> None:
    """Its lines bring every key of a zone over, in its role and with its times."""
    pair = Pair(tmp_path)
    for line in ("ksk=yes publish=6 ready=8 active=7", "publish=6 active=7 retire=8 remove=9", "algorithm=8 size=1024"):
        assert pair.run("knot", "moved.test", "generate", *line.split()).status == 0
    place = pair.directory / "ours/keys/keys"
    place.mkdir(parents=True, exist_ok=True)
    for file in (pair.directory / "knot/keys/keys").iterdir():
        shutil.copy(file, place)
    manual = (root_dir / "docs/keys.md").read_text().partition("## Keys of Knot DNS")[2]
    lines = "".join(line[4:] for line in manual.splitlines(keepends=True) if line[:4] == "    ")
    script = (
        f'keymgr() {{ command keymgr -c {pair.configs["knot"]} "$@"; }}\n'
        f'xdpdns-keymgr() {{ {sys.executable} -m control.tools.keymgr -c {pair.configs["ours"]} "$@"; }}\n'
        + lines.replace("example.com", "moved.test").replace("/var/lib/xdpdns", str(pair.directory / "ours"))
    )
    env = dict(os.environ, PATH=f"{os.environ['PATH']}:/usr/sbin")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False, env=env)
    assert (done.returncode, done.stderr, done.stdout.count("OK\n")) == (0, "", 3)
    ours, knot = (pair.run(name, "moved.test", "list").out for name in ("ours", "knot"))
    assert sorted(NEWER.sub("", ours).splitlines()) == sorted(knot.splitlines())
