# SPDX-License-Identifier: Apache-2.0
"""A store and keystores of its own for xdpdns-keymgr, run in this process."""

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from control.tools import keymgr

ZONES = """\
  - domain: example.
    dnssec-signing: on
    dnssec-policy: p
  - domain: other.
    dnssec-policy: p
"""


class Told(NamedTuple):
    """What a program said."""

    status: int
    out: str
    err: str


def run_keymgr(argv: list[str]) -> Told:
    """Run the program."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = keymgr.main(argv)
    return Told(status, out.getvalue(), err.getvalue())


class KeymgrStage:
    """A directory with a configuration whose zones `example.` and `other.` have the policy `p`."""

    def __init__(self, directory: Path, policy: str = "", before: str = "", after: str = "") -> None:
        """`policy` has lines of the policy; `before` and `after` are sections, and zones or items of them."""
        self.directory, self.config = directory, directory / "conf"
        head = f"database:\n    storage: {directory}\n{before}policy:\n  - id: p\n"
        items = "".join(f"    {line}\n" for line in policy.splitlines())
        self.config.write_text(f"{head}{items}zone:\n{ZONES}{after}")

    def run(self, line: str) -> Told:
        """Run the program with the configuration."""
        return self.run_words(line.split())

    def run_words(self, words: list[str]) -> Told:
        """Run it with words that may have blanks in them."""
        return run_keymgr(["-c", str(self.config), *words])

    def ok(self, line: str) -> str:
        """Run it and return its output; it must not fail or warn."""
        status, out, err = self.run(line)
        assert (status, err) == (0, ""), f"{line}: {err}"
        return out

    def refused(self, line: str) -> list[str]:
        """Return the errors of a command that changes and prints nothing."""
        before = self.ok("-e example. list")
        status, out, err = self.run(line)
        assert (status, out) == (1, "")
        assert self.ok("-e example. list") == before
        lines = err.splitlines()
        assert all(one.startswith("error: ") for one in lines)
        return [one.removeprefix("error: ") for one in lines]

    def make(self, line: str = "", zone: str = "example.") -> str:
        """Make a key and return its id."""
        return self.ok(f"{zone} generate {line}").strip()

    def listed(self, key_id: str, zone: str = "example.") -> dict[str, str]:
        """Return what the full list has of a key."""
        for one in self.ok(f"-e {zone} list").splitlines():
            if one.startswith(key_id):
                return dict(word.split("=", 1) for word in one.split()[1:])
        raise AssertionError(f"{key_id} is not listed")

    def files(self, keystore: str = "keys/keys") -> set[str]:
        """Return the ids of the private keys in a keystore."""
        return {file.stem for file in (self.directory / keystore).glob("*")}
