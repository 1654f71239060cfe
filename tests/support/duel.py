# SPDX-License-Identifier: Apache-2.0
"""The same commands to knotd and to xdpdnsd, line by line, and what each said.

    with Pair(directory) as pair:
        knot, ours = pair.play("zone-begin example.com")

Both serve copies of the same zone files with the same configuration, each in a directory of its own.
"""

import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support.daemon import ADDRESS, wait_for
from tests.support.ports import free_port

KNOTC = ("knotc",)
XDPDNSCTL = (sys.executable, "-m", "control.tools.xdpdnsctl")
COMMAND_TIMEOUT_S = 60
STOP_TIMEOUT_S = 60.0
SETTLE_S = 60.0
ROOT = Path(__file__).resolve().parents[2]

NORMALISED = (
    (re.compile(r"(?<=[ (])[+-](\d+[DhmsY])+(?=[ )]|$)", re.MULTILINE), "TIME"),
    (re.compile(r"^(?:Version: )?\d+\.\d+\.\d+[-+~.\w]*$", re.MULTILINE), "VERSION"),
    (re.compile(r"(?<=^;; Zone dump )\(.*\)$", re.MULTILINE), "(VERSION)"),
    (re.compile(r"(?<=^;; Time ).*$", re.MULTILINE), "TIME"),
    (re.compile(r"[ \t]+(\d+)\t"), r"\t\1\t"),
)
"""What two correct servers need not have in common: times, versions, the padding of owners in zone files."""


class Said(NamedTuple):
    """What a command left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str

    def __str__(self) -> str:
        parts = [f"[{self.status}]", *self.out.splitlines(), *(f"stderr: {line}" for line in self.err.splitlines())]
        return " / ".join(parts)


class Side:
    """One server: its directory, its socket, its process."""

    def __init__(self, base: Path, argv: Sequence[str], address: str, program: Sequence[str]) -> None:
        """`argv` starts the server, which listens on `address`; `program` is the control program that is used on it."""
        self.base, self.argv, self.address, self.program = base, argv, address, tuple(program)
        self.socket = base / "run" / "control.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the server and wait until it answers on its socket."""
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=(self.base / "out").open("ab"),
            stderr=subprocess.STDOUT, cwd=ROOT,
        )  # fmt: skip
        wait_for(self._answers, f"an answer of {self.argv[0]} on {self.socket}")

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        return self.control("status").status == 0

    def log(self) -> str:
        """Return what the server printed."""
        path = self.base / "out"
        return path.read_text(errors="replace") if path.exists() else ""

    def stop(self) -> None:
        """Stop the server."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def control(self, *words: str, stdin: str = "") -> Said:
        """Run a command of the control program on the server's socket."""
        return self.run(*self.program, "-s", str(self.socket), "-t", "50", *words, stdin=stdin)

    def run(self, *argv: str, stdin: str = "") -> Said:
        """Run a program; what it says is normalised."""
        done = subprocess.run(
            argv, input=stdin, capture_output=True, text=True, errors="replace", timeout=COMMAND_TIMEOUT_S, cwd=ROOT
        )
        return Said(done.returncode, self.plain(done.stdout), self.plain(done.stderr))

    def plain(self, text: str) -> str:
        text = text.replace(str(self.base), "BASE").replace(self.address, "ADDRESS")
        for pattern, word in NORMALISED:
            text = pattern.sub(word, text)
        return text

    def settled(self) -> bool:
        """Whether no event of a zone is running or due."""
        return not re.search(r"pending|running", self.control("zone-status").out)


class Pair:
    """knotd and xdpdnsd with the same configuration and zones, driven by the same lines.

    A line is a command of the control program, or one of these steps, where FILE is below the directory and
    \\n, \\r and \\t in TEXT are as in C: `write FILE TEXT`, `append FILE TEXT`, `remove FILE`, `show FILE` (its text
    is compared), `settle` (until no event is due), `restart`, `stdin LINE;LINE` (a session of the control program),
    and `local FILE COMMAND` (of the control program, with a configuration of its own).
    """

    def __init__(
        self,
        place: Path,
        config: str,
        files: Mapping[str, str],
        programs: tuple[Sequence[str], Sequence[str]],
        *,
        database: bool = False,
    ) -> None:
        """`config` has {base} and {address}; `files` are written below {base}; `programs` drive the sides.

        With `database` the configuration is imported into one, by each side's own program.
        """
        self.config, self.files, self.database = config, files, database
        knotd = shutil.which("knotd", path="/usr/sbin:/usr/bin:/sbin:/bin") or "knotd"
        ours = (sys.executable, "-m", "control.tools.xdpdnsd")
        self.knot = self._side(place / "knot", (knotd,), KNOTC, programs[0])
        self.ours = self._side(place / "ours", ours, XDPDNSCTL, programs[1])

    def _side(self, base: Path, server: Sequence[str], importer: Sequence[str], program: Sequence[str]) -> Side:
        for directory in (base, base / "run", base / "db", base / "zones"):
            directory.mkdir(parents=True)
        conf = base / "knot.conf"
        address = f"{ADDRESS}@{free_port()}"
        conf.write_text(self.config.format(base=base, address=address))
        for name, text in self.files.items():
            (base / name).write_text(text)
        if not self.database:
            return Side(base, (*server, "-c", str(conf)), address, program)
        confdb = ("-C", str(base / "confdb"))
        subprocess.run([*importer, *confdb, "conf-import", str(conf)], check=True, cwd=ROOT, timeout=COMMAND_TIMEOUT_S)
        return Side(base, (*server, *confdb), address, program)

    @property
    def sides(self) -> tuple[Side, Side]:
        """Knot's first."""
        return self.knot, self.ours

    def __enter__(self) -> "Pair":
        try:
            for side in self.sides:
                side.start()
            self._settle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for side in self.sides:
            side.stop()

    def play(self, line: str) -> tuple[Said, Said]:
        """Do what a line says on both sides."""
        word, _, rest = line.partition(" ")
        if word == "settle":
            self._settle()
            return Said(0, "", ""), Said(0, "", "")
        knot, ours = (self._step(side, word, rest, line) for side in self.sides)
        return knot, ours

    def _settle(self) -> None:
        deadline = time.monotonic() + SETTLE_S
        for side in self.sides:
            while not side.settled() and time.monotonic() < deadline:
                time.sleep(0.05)

    def _step(self, side: Side, word: str, rest: str, line: str) -> Said:
        name, _, text = rest.partition(" ")
        path = side.base / name
        text = text.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t").replace("{base}", str(side.base))
        match word:
            case "write":
                path.write_text(text, newline="")
            case "append":
                path.write_text(path.read_text() + text)
            case "remove":
                path.unlink(missing_ok=True)
            case "show":
                return Said(0, side.plain(path.read_text()) if path.exists() else "(no file)", "")
            case "restart":
                side.stop()
                side.start()
            case "stdin":
                return side.control(stdin=rest.replace(";", "\n").replace("{base}", str(side.base)) + "\n")
            case "local":
                return side.run(*side.program, "-c", str(path), *shlex.split(text))
            case _:
                return side.control(*shlex.split(line.replace("{base}", str(side.base))))
        return Said(0, "", "")


class Step(NamedTuple):
    """A line of a battery. `ruling` is the name of why the answers differ, `expected` what ours says then."""

    number: int
    line: str
    ruling: str | None
    expected: str | None


def read_battery(path: Path) -> Iterator[Step]:
    """Yield the steps of a file: `#` begins a comment line; `    ! NAME: TEXT` below a step is a ruling on it."""
    lines = [(number, line) for number, line in enumerate(path.read_text().splitlines(), 1)]
    lines = [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]
    for (number, line), (_, following) in zip(lines, [*lines[1:], (0, "")], strict=True):
        if line.startswith(" "):
            continue
        name, _, text = following.strip().removeprefix("! ").partition(": ")
        ruled = following.startswith(" ")
        yield Step(number, line, name if ruled else None, text if ruled else None)
