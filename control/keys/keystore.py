# SPDX-License-Identifier: Apache-2.0
"""A keystore: a directory with one file for each private key, `ID.pem` (PKCS #8), as Knot DNS has it.

Files are written whole or not at all and are readable by nobody else: whoever can read the directory can sign.
Everything blocks on I/O.
"""

import errno
import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from control.conf.policy import KeystoreConf
from control.errors import KeyMissing, KeyRefused
from control.keys.private import PrivateKey, from_pem, key_id, to_pem
from control.keys.undumpable import leave_no_core

SUFFIX = ".pem"
ID = re.compile("[0-9a-f]{40}")
FILE_BYTES_MAX = 64 << 10
"""Of the file of a private key; an RSA key of 4096 bits has some 3 kB."""
DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
"""Opening a FIFO does not wait."""
WRITE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class KeyStore:
    """The private keys in one directory; it need not be there until a key is stored."""

    def __init__(self, conf: KeystoreConf) -> None:
        self.conf, self.directory = conf, Path(conf.directory)

    def path(self, key: str) -> Path:
        """Return the file of a key, named by its id. Raises KeyRefused for what is no id."""
        if not ID.fullmatch(key):
            raise KeyRefused(f"'{key[:80]}' is no key id; give 40 lower-case hexadecimal digits")
        return self.directory / f"{key}{SUFFIX}"

    def has(self, key: str) -> bool:
        """Whether there is a file of the key."""
        try:
            return self.path(key).is_file()
        except OSError:
            return False

    def load(self, key: str) -> PrivateKey:
        """Return a private key. Raises KeyMissing, or KeyRefused for a file that cannot be read or has another key."""
        path = self.path(key)
        leave_no_core()
        private = read_private(path)
        if key_id(private) != key:
            raise KeyRefused(f"private key '{path}' is that of key {key_id(private)}; put the right file in its place")
        return private

    def store(self, private: PrivateKey) -> str:
        """Keep a private key and return its id; once this returns it is on the disk. Raises KeyRefused."""
        name = key_id(private)
        path = self.path(name)
        leave_no_core()
        try:
            self.directory.mkdir(DIRECTORY_MODE, parents=True, exist_ok=True)
            write_private(path, to_pem(private))
        except OSError as exc:
            raise KeyRefused(f"private key '{path}' cannot be written ({exc.strerror}); {_write_remedy(exc)}") from exc
        return name

    def remove(self, key: str) -> bool:
        """Remove a private key for good; false when it was not there. Raises KeyRefused."""
        path = self.path(key)
        try:
            path.unlink()
            _sync(self.directory)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as exc:
            raise KeyRefused(f"private key '{path}' cannot be removed ({exc.strerror}); {_write_remedy(exc)}") from exc
        return True

    def exposed(self) -> tuple[Path, ...]:
        """Return directory and files that others than owner and group may read: not meant, but used."""
        paths = (self.directory, *(self.path(key) for key in self.list()))
        return tuple(path for path in paths if _mode(path) & stat.S_IROTH)

    def list(self) -> list[str]:
        """Return the ids of all keys, sorted; none when there is no such directory. Raises KeyRefused."""
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return []
        except OSError as exc:
            text = f"keystore '{self.directory}' cannot be read ({exc.strerror}); let the daemon's user read it"
            raise KeyRefused(text) from exc
        ids = (name.removesuffix(SUFFIX) for name in names if name.endswith(SUFFIX))
        return sorted(name for name in ids if ID.fullmatch(name))


def read_private(path: Path) -> PrivateKey:
    """Return the private key in a file in PEM form. Raises KeyMissing or KeyRefused."""
    try:
        text = read_file(path)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise KeyMissing(f"private key '{path}' is not there; put the file back, or delete the key") from exc
    except OSError as exc:
        message = f"private key '{path}' cannot be read ({exc.strerror}); let the daemon's user read it"
        raise KeyRefused(message) from exc
    try:
        return from_pem(text)
    except ValueError as exc:
        raise KeyRefused(f"private key '{path}' cannot be used: {exc}; put a good copy in its place") from exc


def read_file(path: Path) -> bytes:
    """Return what a regular file of moderate size has. Raises OSError."""
    descriptor = os.open(path, READ_FLAGS)
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        text = file.read(FILE_BYTES_MAX + 1)
    if len(text) > FILE_BYTES_MAX:
        raise OSError(errno.EFBIG, "too large for a private key")
    return text


def write_private(path: Path, text: bytes) -> None:
    """Write a file that nobody else reads, whole or not at all, to the disk. Raises OSError."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    with suppress(FileNotFoundError):
        new.unlink()
    descriptor = os.open(new, WRITE_FLAGS, FILE_MODE)
    try:
        with open(descriptor, "wb") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.rename(new, path)
    except BaseException:
        with suppress(OSError):
            new.unlink()
        raise
    _sync(path.parent)


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0


def _write_remedy(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space on its disk"
    return "let the daemon's user write to the keystore"
