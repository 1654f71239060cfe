# SPDX-License-Identifier: Apache-2.0
"""A real xdpdnsd and the operator's control program beside it: Knot's or ours."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.daemon import DaemonUnderTest, wait_for

SOA = "ns.{zone} hostmaster.{zone} {serial} 3600 600 86400 60"


ERROR = re.compile(r"(\[.*?\]) (\(.*?\))(.*)", re.DOTALL)
PROGRAMS = {"knotc": ("knotc",), "xdpdnsctl": (sys.executable, "-m", "control.tools.xdpdnsctl")}


class Operated(DaemonUnderTest):
    """A daemon that a control program drives: Knot's unmodified `knotc`, or `xdpdnsctl`."""

    def __init__(
        self, base: Path, program: str = "knotc", wrap: Callable[..., list[str]] = lambda *words: list(words)
    ) -> None:
        """`program` is one of PROGRAMS."""
        super().__init__(base, wrap)
        self.program = program

    def control(self, *words: str, said_otherwise: bool = False) -> tuple[int, str]:
        """Run a command; return its status and standard output, and standard error where it may say something."""
        argv = [*PROGRAMS[self.program], "-s", str(self.rundir / "knot.sock"), *words]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
        assert said_otherwise or not done.stderr, done.stderr
        return done.returncode, (done.stdout + done.stderr).rstrip()

    def run(self, *words: str) -> str:
        """Run a command that succeeds; return its output."""
        status, text = self.control(*words)
        assert status == 0, f"{self.program} {' '.join(words)}: {text}"
        return text

    def ok(self, line: str) -> None:
        """Run a command, given as one line of words without blanks, that answers OK."""
        assert self.run(*line.split()) == "OK", line

    def fails(self, line: str) -> str:
        """Run a command that fails; return what it printed."""
        status, text = self.control(*line.split())
        assert status == 1, f"{self.program} {line}: {text}"
        return text

    def shown(self, text: str) -> str:
        """Return what the program prints for a record, an error of a zone, or an item ` = ` its value of knotc 3.2."""
        if self.program == "knotc":
            return text
        if text.startswith("error: "):
            return "error: " + ERROR.sub(r"\2 \1\3", text.removeprefix("error: "))
        return re.sub(r"^\[.*?\] ", "", text).replace(" = ", " ", 1)

    def counter(self, name: str, value: int, zone: str = "") -> str:
        """Return how the program prints a counter, of a zone in an answer for this zone alone."""
        if self.program == "knotc":
            return f"[{zone}] {name} = {value}" if zone else f"{name} = {value}"
        return f"{name}: {value}"

    def serial(self, zone: str = "example.com") -> str:
        """Return the serial of zone-status."""
        return self.run("zone-status", zone, "+serial").rpartition(": ")[2]

    def file_text(self, zone: str = "example.com") -> str:
        """Return the zone file."""
        return (self.base / f"{zone}.zone").read_text()

    def wait_flushed(self, word: str, zone: str = "example.com") -> None:
        """Wait until the zone file has a word."""
        wait_for(lambda: word in self.file_text(zone), f"{word} in the zone file of {zone}")

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()
