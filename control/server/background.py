# SPDX-License-Identifier: Apache-2.0
"""Going to the background: the process that was started waits until the daemon has its addresses, or has failed."""

import fcntl
import os

from control.log import Log


class Background:
    """The daemon's side. Until `release` the process that was started waits and the log reaches its outputs."""

    def __init__(self, fd: int, log: Log) -> None:
        self._fd = fd
        self._outputs = {number: fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3) for number in (1, 2)}
        self._targets = [target for target in (*log.targets, *log.extra) if target.fd in self._outputs]
        for target in self._targets:
            target.fd = self._outputs[target.fd]
        # What is started from here must not hold the outputs, whose reader waits for their end.
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        for number in range(3):
            os.dup2(null, number)
        os.close(null)

    def release(self) -> None:
        """Let the process that was started end with status 0, and the outputs lead nowhere."""
        for target in self._targets:
            target.fd = 1 if target.name == "stdout" else 2
        for fd in self._outputs.values():
            os.close(fd)
        os.write(self._fd, b"\0")
        os.close(self._fd)


def go(directory: str, log: Log) -> Background | None:
    """Fork; return the daemon's side, in a session of its own and in `directory`; None once the daemon is ready.

    Raises OSError when the directory cannot be entered, SystemExit with status 1 when the daemon ended before.
    """
    os.chdir(directory)
    readable, writable = os.pipe2(os.O_CLOEXEC)
    if os.fork() == 0:
        os.close(readable)
        os.setsid()
        return Background(writable, log)
    os.close(writable)
    if not os.read(readable, 1):
        raise SystemExit(1)
    return None
