# SPDX-License-Identifier: Apache-2.0
"""xdpdns-keymgr and Knot's keymgr, each with a configuration and a place of its own, that get the same commands."""

import re
import subprocess
from pathlib import Path

from tests.support.keymgr_stage import Told, run_keymgr

CONFIG = """\
server:
    rundir: {place}
database:
    storage: {place}
policy:
  - id: p
    nsec3-salt-length: 8
zone:
  - domain: example.com
    dnssec-signing: on
    dnssec-policy: p
"""
NEWER = re.compile(r" (created|adt|for-later|missing|trash|keystore)=(yes|no |\S+)")
"""Columns that keymgr 3.2 lacks."""
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def told_by_knot(argv: list[str]) -> Told:
    """Run Knot's."""
    done = subprocess.run(
        ["keymgr", *argv], capture_output=True, text=True, timeout=60, check=False, env={"PATH": PATH}
    )
    return Told(done.returncode, done.stdout, done.stderr)


class Pair:
    """Both programs, each with a configuration and a place of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.configs = {}
        for name in ("ours", "knot"):
            place = directory / name
            place.mkdir()
            self.configs[name] = place / "conf"
            self.configs[name].write_text(CONFIG.format(place=place))

    def run(self, name: str, *words: str) -> Told:
        """Run one program."""
        argv = ["-c", str(self.configs[name]), *words]
        return run_keymgr(argv) if name == "ours" else told_by_knot(argv)

    def same(self, line: str) -> Told:
        """Run both with the same words, which have to say the same."""
        ours, knot = (self.run(name, *line.split()) for name in ("ours", "knot"))
        assert ours == knot, line
        return ours

    def pem(self, name: str) -> str:
        """Return the path of a PEM file."""
        return str(self.directory / f"{name}.pem")
