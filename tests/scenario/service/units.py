# SPDX-License-Identifier: Apache-2.0
"""The part of a service manager that the units need: processes with a user and capabilities, and a notify socket."""

import ctypes
import os
import pwd
import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.scenario.service.conftest import USER

ROOT = Path(__file__).resolve().parents[3]
LIBC = ctypes.CDLL(None)
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
UNITS = ROOT / "scripts" / "systemd"


def read_unit(name: str) -> dict[str, str]:
    """Return the settings of a unit's [Service] section."""
    lines = (UNITS / name).read_text().partition("[Service]")[2].splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))


def deny_write_execute() -> None:
    """Do what MemoryDenyWriteExecute does, where the kernel can (6.3): no memory is writable and executable."""
    LIBC.prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0)


class Unit:
    """One unit, started by hand as its file says, as the test's user."""

    def __init__(self, name: str, base: Path, config: Path, wrap: Callable[..., list[str]]) -> None:
        self.settings, self.config, self.wrap = read_unit(name), config, wrap
        self.path = base / f"{name}.notify"
        self.output = base / f"{name}.output"
        self.told: list[str] = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.setblocking(False)
        self.path.chmod(0o777)
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, setting: str) -> list[str]:
        """The words of one of the unit's commands."""
        text = self.settings[setting].lstrip("-+").replace("@CONFIG@", str(self.config))
        words = re.sub(r"@PROGRAMS@/xdpdnsd", f"{sys.executable} -m control.tools.xdpdnsd", text).split()
        return self.wrap(*words)

    def start(self) -> None:
        """Run ExecStart with the unit's user and capabilities."""
        capabilities = self.settings["AmbientCapabilities"].lower().replace("cap_", "+").split()
        user = pwd.getpwnam(USER)
        drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--no-new-privs"]
        for kind in ("inh-caps", "ambient-caps"):
            drop.append(f"--{kind}=-all,{','.join(capabilities)}")
        environment = {**os.environ, "NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": "1000000"}
        with self.output.open("ab") as output:
            command = self.command("ExecStart")
            at = command.index(sys.executable)
            self.process = subprocess.Popen(
                [*command[:at], *drop, *command[at:]],
                env=environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=deny_write_execute if "MemoryDenyWriteExecute" in self.settings else None,
            )

    def receive(self) -> list[str]:
        """Everything it told so far."""
        while True:
            try:
                self.told.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return self.told

    def has_told(self, text: str) -> bool:
        """Whether it told this."""
        return any(text in message.splitlines() for message in self.receive())

    def stop(self) -> int:
        """End it as `systemctl stop` does; return the exit status."""
        assert self.process is not None
        self.process.terminate()
        status = self.process.wait(60)
        self.process = None
        return status

    def close(self) -> None:
        """End whatever is left of it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
