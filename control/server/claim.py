# SPDX-License-Identifier: Apache-2.0
"""One daemon per directory: run directory and storage are locked for the life of the process, and the PID file."""

import contextlib
import fcntl
import os


class Claimed(Exception):
    """Another daemon has the directory, or it cannot be used; the text says what to do."""


def claim_directory(path: str, item: str, pidfile: str) -> int:
    """Make `path` and lock it; return the descriptor that holds the lock. `item` names where it is configured."""
    try:
        os.makedirs(path, mode=0o755, exist_ok=True)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise Claimed(f"{item} '{path}' cannot be used ({error.strerror}), create it or set {item}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        owner = read_pid(pidfile)
        who = f"xdpdnsd with PID {owner}" if owner else "xdpdnsd"
        text = f"{item} '{path}' is in use by another {who}, stop it or set another {item}"
        raise Claimed(text) from error
    return fd


def read_pid(pidfile: str) -> int | None:
    """Return the PID in a PID file, or None."""
    try:
        with open(pidfile) as stream:
            return int(stream.read(20))
    except (OSError, ValueError):
        return None


def _open_new(path: str) -> int:
    """Open a new file in place of the old: root must not write through a link that another user put there."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    except PermissionError:  # a file that was made for us, in a directory that is not ours
        return os.open(path, flags | os.O_TRUNC, 0o644)
    return os.open(path, flags | os.O_EXCL, 0o644)


def write_pid(pidfile: str) -> None:
    """Put the PID of this process into the file; raise `Claimed`."""
    try:
        fd = _open_new(pidfile)
        try:
            os.write(fd, f"{os.getpid()}\n".encode())
        finally:
            os.close(fd)
    except OSError as error:
        raise Claimed(f"PID file '{pidfile}' cannot be written ({error.strerror}), set server.pidfile") from error


def remove_pid(pidfile: str) -> None:
    """Remove the PID file when it is this process's; empty it where the directory does not permit that."""
    if read_pid(pidfile) != os.getpid():
        return
    try:
        os.unlink(pidfile)
    except OSError:
        with contextlib.suppress(OSError):
            os.truncate(pidfile, 0)
